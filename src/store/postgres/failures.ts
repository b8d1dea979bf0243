/** Sorts the failures of PostgreSQL by what helps. The codes are those of its Appendix A. */
import { Unavailable, invalidRequest } from '../../ground/errors.ts'

/**
 * `conflict`: another transaction was faster, and the act runs again.
 * `taken`: a row of this key was there, perhaps by a transaction that has just ended.
 * `lost`: the connection ended, or could not be made.
 * `standby`: the connection leads to a server that takes no writes, and nothing was written.
 * `outage`: the database cannot do it now.
 * `unprepared`: a pooler does not keep prepared statements.
 * `excess`: a value is beyond a limit of the database.
 * `defect`: the statement itself is at fault.
 */
export type FailureKind = 'conflict' | 'taken' | 'lost' | 'standby' | 'outage' | 'unprepared' | 'excess' | 'defect'

/** A failure of the database. Errors that an act throws are never of this kind. */
export class Failure extends Error {
  readonly kind: FailureKind
  /** The code of the server or of the system; empty where there is none. */
  readonly code: string

  constructor(kind: FailureKind, code: string, cause: unknown) {
    super((cause instanceof Error ? cause.message : String(cause)) || code, { cause })
    this.name = 'Failure'
    this.kind = kind
    this.code = code
  }
}

const KINDS: [pattern: RegExp, kind: FailureKind][] = [
  [/^40(001|P01)$/, 'conflict'],
  [/^23505$/, 'taken'],
  [/^(26000|42P05)$/, 'unprepared'],
  // The server goes or has gone, or has no connection left, which another process may give back at once.
  [/^(08\w{3}|57P0[1235]|25P03|53300)$/, 'lost'],
  [/^25006$/, 'standby'],
  [/^(28|3D|53|55|57|58|42501)/, 'outage'],
  [/^54/, 'excess'],
  [/^[0-9A-Z]{5}$/, 'defect'],
]

/** Sorts what the driver throws: errors of the server have a code of five characters, all others are about the connection. */
export function sortFailure(error: unknown): Failure {
  if (error instanceof Failure) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const isOfServer = error instanceof Error && 'severity' in error
  const kind = isOfServer ? (KINDS.find(([pattern]) => pattern.test(code))?.[1] ?? 'defect') : 'lost'
  return new Failure(kind, code, error)
}

/**
 * Whether an act waits for rows of another act, which perhaps waits for it: lock_not_available and deadlock_detected. Alone
 * it waits for none.
 */
export const isInTheWay = ({ code }: Failure): boolean => code === '55P03' || code === '40P01'

/** in_failed_sql_transaction: the statement says only that an earlier one of its transaction has failed. */
export const isOfEarlier = (error: unknown): boolean => error instanceof Failure && error.code === '25P02'

/** All results, or the failure that came first. Not before all have ended, so that none of them sends anything later. */
export async function allOf<Result>(running: Promise<Result>[]): Promise<Result[]> {
  const settled = await Promise.allSettled(running)
  const failures = settled.flatMap((each): unknown[] => (each.status === 'rejected' ? [each.reason] : []))
  if (failures.length > 0) throw failures.find((failure) => !isOfEarlier(failure)) ?? failures[0]
  return Promise.all(running)
}

/** A server that was asked whether it takes writes, and does not. */
export const readOnly = (): Failure => new Failure('standby', '25006', 'transaction_read_only is on')

/** Whether the connection is of no use any more: another one may lead to a server that is. */
export const isMisled = ({ kind }: Failure): boolean => kind === 'lost' || kind === 'standby'

/** Whether the statement or its values are at fault, and not the state of the database. */
export const isOfStatement = ({ kind }: Failure): boolean => kind === 'defect' || kind === 'excess'

/** The error for callers. They get 503, and a refusal where trying again is in vain. A defect stays a defect. */
export function unavailable(error: unknown): unknown {
  if (!(error instanceof Failure)) return error
  if (error.kind === 'defect' || error.kind === 'taken') return error
  // The server's message names an index or a limit, and no value.
  if (error.kind === 'excess') return invalidRequest(TOO_LARGE, { reason: error.message })
  return new Unavailable(`${DESCRIPTIONS[error.kind]} (${error.message.replaceAll(/\s+/g, ' ')})`, { cause: error })
}

const TOO_LARGE = 'a value of this request is too large for the database; send a shorter one'

const DESCRIPTIONS = {
  conflict: 'other writes to the database were faster again and again',
  lost: 'the database does not answer',
  standby: 'the database takes no writes now: it is a standby, or read-only',
  outage: 'the database cannot be used now',
  unprepared: 'the connection pooler of the database has lost a statement',
} as const satisfies Partial<Record<FailureKind, string>>
