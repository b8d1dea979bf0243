/**
 * Everything that a database has to do. An act is a generator that yields steps: plain reads and writes of single tables,
 * by equality. The engine runs the steps inside one transaction and gives each result back. SQLite runs them
 * synchronously inside its batch. A database across the network awaits each step. So each act is written once, for all
 * databases. An act may read and decide in any order, and its only result is what it returns.
 *
 * Why generators, and not one list of rows to read before one pure decision: half of the acts read a second table by
 * values of the first (a client, then its secrets, then its grants). A list would need joins, or reads that most calls
 * do not use. A test can run the same generators over plain maps.
 *
 * Guarantees to an act:
 * - its steps see one state, and its writes take effect together or not at all;
 * - between its reads and its writes nobody writes a row that it writes too, or the engine runs it again from its start;
 *   for an exclusive act nobody writes at all, and for a guarded one nobody writes a kept table (see `ActKind`). So an act
 *   that rests on another row, and is not exclusive, writes that row as well;
 * - the engine may run an act several times, so an act has no effect but its steps;
 * - a write to a table that processes keep in memory raises the revision, and all processes are told;
 * - when the transaction began, the memory of this process was as new as the database.
 */
import type { Instant, SteadyClock } from '../ground/clock.ts'
import type { RowOf, Table } from './table.ts'
import type { BlacklistCause } from './records/blacklist.ts'
import type { ChangeSource } from './records/change.ts'
import type { OperatedDatabase, Page } from './records/facts.ts'
import type { GrantRecord, SubjectSummary } from './records/grant.ts'
import type { Renewed, RotationRule, RotationVerdict } from './records/rotation.ts'
import type { Person } from './records/user.ts'

/** Equality of columns; `null` stands for a column that is not set. */
export type Where<T extends Table> = Partial<RowOf<T>>

/** Rows whose end is not set, or is after a time. */
export interface Unended<Column extends string = string> {
  column: Column
  at: Instant
}

export interface Selection<T extends Table> {
  where?: Where<T>
  unended?: Unended<keyof T['columns'] & string> | undefined
  orderBy?: keyof T['columns'] & string
  descending?: boolean
  /** Rows after this value of the ordering column. */
  after?: string | number | undefined
  limit?: number | undefined
  /** Called for each row that cannot be read; the row is left out. Without this the whole selection fails. */
  onUnreadable?: Unreadable | undefined
}

/** @param row table and key */
export type Unreadable = (row: string) => void

/** A step of a transaction. Made by the functions below, and run by an engine. */
export type Step =
  | { step: 'time' }
  | { step: 'alone' }
  | { step: 'heed' }
  | { step: 'atEnd'; begin: () => Act<void> }
  | { step: 'select'; table: Table; selection: Selection<Table> }
  | { step: 'insert'; table: Table; row: Record<string, unknown>; ifAbsent: boolean }
  | { step: 'update'; table: Table; where: Record<string, unknown>; change: Record<string, unknown> }
  | { step: 'delete'; table: Table; where: Record<string, unknown>; unended?: Unended | undefined; isQuiet: boolean }
  | { step: 'tell'; noun: 'blacklist'; skipping: number }
  // Written by hand for each database, because they are hot or need more than equality.
  | { step: 'rotate'; sid: string; decide: RotationRule }
  | { step: 'reserve'; kid: string; until: Instant }
  | { step: 'welcome'; clientId: string; sub: string }
  | { step: 'beyond'; clientKey: number; sub: string; limit: number }
  | { step: 'person'; id: string }
  | { step: 'together'; acts: readonly Act<unknown>[] }
  | { step: 'countOwned'; owner: string; cause: BlacklistCause; now: Instant }
  | { step: 'newestGrantAt'; clientKey: number }
  | { step: 'latestMark' }

/** The result of a `rotate` step. `ending`: the family has to be ended, and nothing is written yet. */
export type Rotated =
  | Renewed
  | { outcome: 'ending'; grant: GrantRecord; verdict: Extract<RotationVerdict, { act: 'end' }> }
  | { outcome: 'refused'; verdict: Extract<RotationVerdict, { act: 'refuse' }> }
  | { outcome: 'unknown' }

/** Whether an act that may not write may take a step. */
export const isRead = (step: Step): step is Extract<Step, { step: 'time' | 'select' | 'person' | 'together' }> =>
  step.step === 'time' || step.step === 'select' || step.step === 'person' || step.step === 'together'

export type Act<Result> = Generator<Step, Result, unknown>

/**
 * The other acts that may run at the same time.
 * `exclusive`: none that is exclusive or guarded. An act that writes a kept table, or asks to be alone, is exclusive, and is
 * begun again as such if it was not.
 * `guarded`: none that is exclusive. So the facts of kept tables that it reads hold until it ends. Where it waits long for
 * rows of another act, it is begun again as exclusive.
 * `free`: any. It depends on nothing that another act may change.
 */
export type ActKind = 'exclusive' | 'guarded' | 'free'

/**
 * How long the caller waits. A request gets its 503 in time. An operator's command may read and write thousands of rows,
 * which takes seconds across a network; other writes may have to wait for it.
 */
export type Patience = 'request' | 'operator'

/** Runs one transaction, or some reads. */
export interface Engine extends ChangeSource, OperatedDatabase {
  /** The time that decides, here and in memory: the database's where it is a server, else this machine's. */
  readonly time: SteadyClock
  now(): Instant
  /**
   * Runs a write transaction, `guarded` unless another kind is named. An act that only rotates takes no lock: its one write
   * holds only if nothing that it was decided by has changed. Rejects with what the act throws; then nothing was written.
   */
  act<Result>(act: () => Act<Result>, kind?: ActKind, patience?: Patience): Promise<Result>
  /** Runs reads that see one state; the act may not write. */
  read<Result>(act: () => Act<Result>, patience?: Patience): Promise<Result>
  /** A grant with its client's id and end; one round trip. */
  findGrant(sid: string): Promise<GrantRecord | undefined>
  /** The persons that grants were made for. */
  listSubjects(page: Page, now: Instant): Promise<SubjectSummary[]>
  findSubject(sub: string, now: Instant): Promise<SubjectSummary | undefined>
  /** Deletes at most `limit` rows by each rule of `expires` in tables.ts; returns how many. `maySweep` is asked inside each write. */
  sweep(limit: number, forgetBefore: Instant, maySweep: () => boolean): Promise<number>
  countSessions(): Promise<number>
}

// The casts below are sound: an engine gives back the rows of the table that was asked, as tables.ts describes them.

/** The time that decides in this transaction. */
export function* time(): Act<Instant> {
  return (yield { step: 'time' }) as Instant
}

/**
 * Runs acts that need nothing of each other. Across a network their steps are under way at the same time, which saves round
 * trips. Where several fail, the first of them in this order tells why.
 */
export function* together<Results extends unknown[]>(
  ...acts: { [At in keyof Results]: Act<Results[At]> }
): Act<Results> {
  return (yield { step: 'together', acts }) as Results
}

/**
 * Leaves an act for the end of the one under way. Its time is the time of then: an act may take seconds across a network, and
 * until it commits, other processes go by the state before.
 */
export function* atEnd(begin: () => Act<void>): Act<void> {
  yield { step: 'atEnd', begin }
}

/**
 * Goes on as an exclusive act. For an act that ends whatever there is of a kind: nobody adds to it at the same time, from
 * facts that this act changes.
 */
export function* alone(): Act<void> {
  yield { step: 'alone' }
}

/**
 * Fails in a free act. For an act that asks memory, such as whether its actor may still act: memory has to be as new as the
 * database, and to stay so until the end.
 */
export function* heedMemory(): Act<void> {
  yield { step: 'heed' }
}

export function* select<T extends Table>(table: T, selection: Selection<T> = {}): Act<RowOf<T>[]> {
  return (yield { step: 'select', table, selection }) as RowOf<T>[]
}

export function* find<T extends Table>(table: T, where: Where<T>): Act<RowOf<T> | undefined> {
  const rows = yield* select(table, { where, limit: 1 })
  return rows[0]
}

/** @returns the generated key, where the table has one. */
export function* insert<T extends Table>(table: T, row: RowOf<T>): Act<number> {
  return (yield { step: 'insert', table, row, ifAbsent: false }) as number
}

/** @returns whether there was none of this key before. */
export function* insertIfAbsent<T extends Table>(table: T, row: RowOf<T>): Act<boolean> {
  return ((yield { step: 'insert', table, row, ifAbsent: true }) as number) > 0
}

/** @returns how many rows were changed. */
export function* update<T extends Table>(table: T, where: Where<T>, change: Partial<RowOf<T>>): Act<number> {
  return (yield { step: 'update', table, where, change }) as number
}

/** @returns how many rows were deleted. */
export function* remove<T extends Table>(table: T, where: Where<T>): Act<number> {
  return (yield { step: 'delete', table, where, isQuiet: false }) as number
}

/** The same, without a change being told: for rows of a kept table whose removal changes no decision. */
export function* removeQuietly<T extends Table>(
  table: T,
  where: Where<T>,
  unended?: Unended<keyof T['columns'] & string>,
): Act<number> {
  return (yield { step: 'delete', table, where, unended, isQuiet: true }) as number
}

/** Tells all processes to read the whole blacklist again, and raises the revision by `skipping`. */
export function* tellBlacklistAnew(skipping: number): Act<void> {
  yield { step: 'tell', noun: 'blacklist', skipping }
}

export function* rotate(sid: string, decide: RotationRule): Act<Rotated> {
  return (yield { step: 'rotate', sid, decide }) as Rotated
}

/** Raises a key's mark of the latest `exp`. @returns false if the key may not sign any more */
export function* reserve(kid: string, until: Instant): Act<boolean> {
  return (yield { step: 'reserve', kid, until }) as boolean
}

/** The facts that decide whether a client may begin a grant for a subject. */
export interface Welcome {
  /** `null` where there is no such client. */
  clientKey: number | null
  /** Whether a standing entry of the blacklist refuses the client or the subject. */
  isRefused: boolean
  /** Whether the subject is the id of another client. */
  isTaken: boolean
}

export function* welcome(clientId: string, sub: string): Act<Welcome> {
  return (yield { step: 'welcome', clientId, sub }) as Welcome
}

/** A user with groups and factors, in one read: every step of a sign-in and every token of a person asks for it. */
export function* person(id: string): Act<Person | undefined> {
  return (yield { step: 'person', id }) as Person | undefined
}

/** How many standing entries of one cause a client has. */
export function* countOwned(owner: string, cause: BlacklistCause, now: Instant): Act<number> {
  return (yield { step: 'countOwned', owner, cause, now }) as number
}

/** The live grants of a client and subject that leave no room for one more, oldest first; at most a hundred. */
export function* beyond(clientKey: number, sub: string, limit: number): Act<string[]> {
  return (yield { step: 'beyond', clientKey, sub, limit }) as string[]
}

/** When the last token that was signed so far expires: the highest mark of all trusted keys. 0 without keys. */
export function* latestMark(): Act<Instant> {
  return (yield { step: 'latestMark' }) as Instant
}

/** When the newest grant of a client was made; 0 where it has none. */
export function* newestGrantAt(clientKey: number): Act<Instant> {
  return (yield { step: 'newestGrantAt', clientKey }) as Instant
}
