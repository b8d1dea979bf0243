/**
 * Refresh tokens of one family at replicas that share a database, in every order of events: two requests at a time, at
 * whichever replica; a reading and a writing statement each, with anything between them; answers that are lost; a replica
 * that dies between the two statements; an operator who ends the grant or denies the client; time that passes.
 *
 * The rule is `judgeRotation`, with its verdicts, and the acts are those of the store. The model is of the engine below them: what the writing
 * statement is conditional on, and for whom it waits.
 */
import { BY_SYSTEM } from '../../src/audit.ts'
import { denyAndRefuse } from '../../src/blacklist/entry.ts'
import { denyReused } from '../../src/grant-types/reuse.ts'
import { invalidGrant } from '../../src/ground/errors.ts'
import type { GrantRecord } from '../../src/store/records/grant.ts'
import type { RotationVerdict } from '../../src/store/records/rotation.ts'
import { blacklistEntries } from '../../src/store/tables/blacklist.ts'
import { clients } from '../../src/store/tables/clients.ts'
import { grants } from '../../src/store/tables/grants.ts'
import { judgeRotation } from '../../src/tokens/refresh-rotation.ts'
import { commit, rowsOf, transact, type Database, type Write } from './database.ts'
import type { Model, Step } from './search.ts'

/** Milliseconds. A tick is longer than the skew that an entry allows, and a grace ends between two ticks. */
const TICK = 90_000
const GRACE_SECONDS = 135
const ACCESS_TTL = 2 * TICK
const HORIZON = 3 * TICK
const MOST_REQUESTS = 4
const MOST_AT_ONCE = 2

/** What keeps the invariants. A control switches one of them off. */
export interface Rules {
  judge: typeof judgeRotation
  /** The writing statement holds only for the generation that was read. */
  comparesGeneration: boolean
  /** The writing statement holds only at the revision that was read. */
  comparesRevision: boolean
  /** The writing statement raises the end of the access tokens, and never lowers it. */
  raisesTheEnd: boolean
  /** The writing statement waits while an act that has read the grant, to end it, has not committed yet. */
  waits: boolean
}

const RULES: Rules = {
  judge: judgeRotation,
  comparesGeneration: true,
  comparesRevision: true,
  raisesTheEnd: true,
  waits: true,
}

interface Request {
  presented: number
  /** What the reading statement returned. */
  read: { database: Database; at: number } | null
}

interface State {
  now: number
  database: Database
  /** An act that ends the family has read, and has not committed yet. */
  ending: { writes: readonly Write[]; hasReadGrant: boolean } | null
  requests: readonly Request[]
  sent: number
  operatorMayAct: boolean
  /** The generations that somebody holds a token of. */
  held: readonly number[]
  /** By generation: the generations of the tokens that were given for it. */
  successors: readonly (readonly number[])[]
  /** The newest generation that was used. */
  spent: number
  /** When the last access token that was given out ends. */
  accessEnds: number
  fault: string | null
}

const SID = 'family'
const grant = { sid: SID, clientKey: 1, generation: 0, createdAt: 0, rotatedAt: 0, expiresAt: Infinity }
const INITIAL: State = {
  now: 0,
  database: {
    revision: 0,
    rows: {
      [grants.name]: [{ ...grant, idleExpiresAt: null, accessExpiresAt: ACCESS_TTL, endedAt: null }],
      [clients.name]: [{ key: 1, clientId: 'app', grantsEndedUntil: null }],
      [blacklistEntries.name]: [],
    },
  },
  ending: null,
  requests: [],
  sent: 0,
  operatorMayAct: true,
  held: [0],
  successors: [],
  spent: -1,
  accessEnds: ACCESS_TTL,
  fault: null,
}

const denySid = denyReused('app', 'refresh token reuse')

/** What a request presents. No event of this model changes what the grant type judges before the rule. */
const verdictOn =
  (rules: Rules, generation: number) =>
  (family: GrantRecord, now: number): RotationVerdict =>
    rules.judge(family, now, () => ({
      generation,
      graceSeconds: GRACE_SECONDS,
      endReused: () => ({
        act: 'end',
        reason: 'reuse',
        deny: denySid,
        event: undefined,
        error: invalidGrant('used before'),
      }),
      renew: () => ({ accessExpiresAt: now + ACCESS_TTL, idleExpiresAt: null }),
    }))

const rotate = (rules: Rules, presented: number, database: Database, at: number) =>
  transact(database, at, (store) => store.rotateGrant(SID, verdictOn(rules, presented)))

const replace = <T>(list: readonly T[], at: number, by: T[]): T[] => list.toSpliced(at, 1, ...by)

const isOver = ({ database, now }: State): boolean => {
  const family = transact(database, now, (store) => store.rotateGrant(SID, verdictOn(RULES, 0)))
  return family.result.outcome === 'refused'
}

/** A token that is held is presented. The thief is anybody: who holds a token does not matter. */
function* sending(state: State): Generator<Step<State>> {
  if (state.sent === MOST_REQUESTS || state.requests.length === MOST_AT_ONCE) return
  for (const presented of state.held) {
    const requests = [...state.requests, { presented, read: null }]
    yield { says: `generation ${presented} is presented`, to: { ...state, sent: state.sent + 1, requests } }
  }
}

function* serving(state: State, rules: Rules): Generator<Step<State>> {
  for (const [at, request] of state.requests.entries()) {
    const { presented, read } = request
    const says = (event: string) => `the request with generation ${presented} ${event}`
    yield { says: says('is lost with its replica'), to: { ...state, requests: replace(state.requests, at, []) } }
    if (!read) {
      const reading = { database: state.database, at: state.now }
      yield {
        says: says('reads'),
        to: { ...state, requests: replace(state.requests, at, [{ presented, read: reading }]) },
      }
    } else yield* writing(state, at, read, rules)
  }
}

/** The second statement of a request, on what the first one returned. */
function* writing(
  state: State,
  place: number,
  read: NonNullable<Request['read']>,
  rules: Rules,
): Generator<Step<State>> {
  if (state.ending?.hasReadGrant && rules.waits) return
  const { presented } = state.requests[place] as Request // the caller's own
  const says = (event: string) => `the request with generation ${presented} ${event}`
  const again = { ...state, requests: replace(state.requests, place, [{ presented, read: null }]) }
  const done = { ...state, requests: replace(state.requests, place, []) }
  const { result, writes } = rotate(rules, presented, read.database, read.at)
  if (result.outcome === 'refused') yield { says: says('is refused'), to: done }
  if (result.outcome === 'ended' && state.ending === null) {
    // It begins anew as an act that ends grants, which reads the rows as they are now.
    const anew = rotate(rules, presented, state.database, state.now)
    if (anew.result.outcome === 'ended')
      yield { says: says('finds a reuse'), to: { ...done, ending: { writes: anew.writes, hasReadGrant: true } } }
    else yield { says: says('is judged anew'), to: again }
  }
  if (result.outcome !== 'rotated' && result.outcome !== 'repeated') return
  const isStale = rules.comparesRevision && read.database.revision !== state.database.revision
  const database = isStale
    ? undefined
    : commit(
        state.database,
        writes.map((each) => conditionOf(each, rules, read.database)),
      )
  if (database === undefined) yield { says: says('meets a newer state, and reads anew'), to: again }
  else yield* answering({ ...done, database }, state, presented, { at: result.at, generation: result.grant.generation })
}

/** The writing statement, or what is left of it in a control. */
function conditionOf(write: Write, { comparesGeneration, raisesTheEnd }: Rules, read: Database): Write {
  if (!('where' in write)) return write
  const where = comparesGeneration ? write.where : { sid: SID }
  if (raisesTheEnd || !write.raise) return { ...write, where }
  const [family] = rowsOf(read, grants)
  const accessExpiresAt = Math.max(family?.accessExpiresAt ?? 0, write.raise.accessExpiresAt ?? 0)
  return { ...write, where, raise: {}, change: { ...write.change, accessExpiresAt } }
}

function* answering(
  after: State,
  before: State,
  presented: number,
  { generation, at }: { generation: number; at: number },
): Generator<Step<State>> {
  const given = [...new Set([...(after.successors[presented] ?? []), generation])]
  const successors = Array.from({ length: Math.max(after.successors.length, presented + 1) }, (_, each) =>
    each === presented ? given : (after.successors[each] ?? []),
  )
  const fault = faultOf(before, presented)
  const accessEnds = Math.max(after.accessEnds, at + ACCESS_TTL)
  const answered = { ...after, successors, spent: Math.max(after.spent, presented), fault: after.fault ?? fault }
  const says = `generation ${presented} was used, and brings ${generation}; its answer`
  yield { says: `${says} is lost`, to: answered }
  const held = [...new Set([...after.held, generation])].toSorted()
  yield { says: `${says} arrives`, to: { ...answered, accessEnds, held } }
}

function faultOf(before: State, presented: number): string | null {
  if (isOver(before)) return `generation ${presented} was accepted after the family had ended`
  if (presented < before.spent) return `generation ${presented} was accepted after its successor was used`
  return null
}

function* operator(state: State): Generator<Step<State>> {
  if (!state.operatorMayAct || state.ending !== null) return
  const { now, database } = state
  const ended = transact(database, now, (store) => store.endGrant(SID, 'revoked', denySid, { event: undefined }))
  const origin = { cause: 'blacklist' as const, by: BY_SYSTEM }
  const denied = transact(database, now, (store) =>
    store.addBlacklistEntry(
      { kind: 'client_id', value: 'app' },
      (moment) => denyAndRefuse('client_id', 'app', null, origin, moment),
      { event: () => undefined },
    ),
  )
  const acted = { ...state, operatorMayAct: false }
  yield { says: 'an operator ends the grant', to: { ...acted, ending: { writes: ended.writes, hasReadGrant: true } } }
  yield {
    says: 'an operator denies the client',
    to: { ...acted, ending: { writes: denied.writes, hasReadGrant: false } },
  }
}

/** Two requests are told apart by what they present and have read alone, so their order does not matter. */
function sorted(state: State): State {
  const [one, other] = state.requests.map((each) => JSON.stringify(each))
  return one !== undefined && other !== undefined && other < one
    ? { ...state, requests: state.requests.toReversed() }
    : state
}

function* stepsOf(state: State, rules: Rules): Generator<Step<State>> {
  yield* sending(state)
  yield* serving(state, rules)
  yield* operator(state)
  if (state.ending !== null) {
    const database = commit(state.database, state.ending.writes) ?? state.database
    yield { says: 'the ending is committed', to: { ...state, ending: null, database } }
  }
  // An act is given up after two seconds, so none lasts for a tick.
  if (state.now < HORIZON && state.ending === null)
    yield { says: 'time passes', to: { ...state, now: state.now + TICK } }
}

/** The entries that name the grant itself must outlive every access token of it. */
function findOutlived({ database, ending, accessEnds }: State): string | undefined {
  const entries = rowsOf(database, blacklistEntries).filter(({ kind }) => kind === 'sid')
  const until = Math.max(...entries.map(({ deniesUntil }) => deniesUntil))
  if (entries.length === 0 || ending !== null || until >= accessEnds) return undefined
  return `an access token ends ${accessEnds - until} ms after the last entry that denies it`
}

/** @param change a rule that is switched off */
export const refreshFamily = (change: Partial<Rules> = {}): Model<State> => ({
  initial: INITIAL,
  steps: (state) => [...stepsOf(state, { ...RULES, ...change })].map(({ says, to }) => ({ says, to: sorted(to) })),
  invariants: {
    'a refresh token never has two successors': ({ successors }) => {
      const generation = successors.findIndex((given) => given.length > 1)
      return generation < 0 ? undefined : `generation ${generation} brought ${successors[generation]?.join(' and ')}`
    },
    'nothing of a family is accepted after its end, and no token after its successor was used': ({ fault }) =>
      fault ?? undefined,
    'the denial of an ended family outlives its access tokens': findOutlived,
  },
})
