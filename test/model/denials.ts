/**
 * Denials at replicas that share a database, in every order of events: entries that are added and lifted, replicas that
 * have not heard yet or are cut off, tokens that are issued meanwhile, and a follower of the feed that moves from replica
 * to replica.
 *
 * Entries are composed by entry.ts inside the acts of the store. The memory of a replica is a `Blacklist`, its feed is
 * `FeedPages`, and the follower asks a `RevocationList` of the verifier. Every time is told from now. Within a tick every
 * replica that is not cut off hears of all changes, and so does a follower of it. A replica that is silent for a tick is
 * silent for longer than the bound of `couldMissDenial`, which says what it still answers. There is no horizon: the search
 * is bounded by the number of acts alone.
 */
import type { FeedDocument, FeedEntry } from '../../verifiers/node/src/revocation-list.ts'
import { BY_SYSTEM } from '../../src/audit.ts'
import { denyAndRefuse, denyDeleted, denyUntil, type Origin } from '../../src/blacklist/entry.ts'
import { toSeconds } from '../../src/ground/clock.ts'
import { couldMissDenial } from '../../src/ground/silence.ts'
import {
  isStanding,
  type BlacklistEntry,
  type Moment,
  type NewBlacklistEntry,
} from '../../src/store/records/blacklist.ts'
import { blacklistEntries } from '../../src/store/tables/blacklist.ts'
import { clients } from '../../src/store/tables/clients.ts'
import { grants } from '../../src/store/tables/grants.ts'
import { signingKeys } from '../../src/store/tables/keys.ts'
import { eventOf } from '../support/store-records.ts'
import { hear, isDeniedDownstream, memoryOf, pageOf } from './blacklist-memory.ts'
import { commit, rowsOf, transact, type Database, type Row, type Write } from './database.ts'
import type { Model, Step } from './search.ts'

/** Milliseconds. A tick is longer than the skew that an entry allows. */
const TICK = 90_000
const TTL = 2 * TICK
/** How far ahead of now a key's mark is reserved. A replica that is silent for a tick can still issue. */
const AHEAD = TTL + TICK

/** What keeps the invariant, and the bounds of a search. A control switches a rule off. */
export interface Rules {
  mostActs: number
  compose: (name: Named, moment: Moment) => NewBlacklistEntry
  /** Whether acts on the blacklist run one after the other, so that revisions are in the order of commits. */
  serialises: boolean
  /** Whether a reservation of a key's mark waits while an entry is between its first reading and its commit. */
  waits: boolean
  /** Whether a reservation holds only for a memory that has heard of everything. The issue is judged again after it. */
  comparesRevision: boolean
  /** Whether a notification that was lost is found by polling. */
  polls: boolean
  /** Whether a replica that hears nothing stops to answer introspection. */
  silentRefuses: boolean
  /** Whether the feed of a replica that hears nothing tells how old it is. */
  silentTellsAge: boolean
  /** Whether a replica that hears nothing refuses a follower that has heard more elsewhere. */
  silentGoesNotBack: boolean
}

type Named = { kind: 'sub' | 'client_id'; value: string } | { kind: 'jti'; value: string; exp: number }

const ORIGIN: Origin = { cause: 'blacklist', by: BY_SYSTEM }

/** As the acts of revocation.ts and of the deletion of a client. */
export function compose(named: Named, moment: Moment): NewBlacklistEntry {
  if (named.kind === 'jti') return denyUntil('jti', named.value, named.exp, ORIGIN, moment)
  if (named.kind === 'sub') return denyAndRefuse('sub', named.value, null, ORIGIN, moment)
  return denyDeleted(named.value, ORIGIN, moment)
}

const RULES: Rules = {
  mostActs: 2,
  compose,
  serialises: true,
  waits: true,
  comparesRevision: true,
  polls: true,
  silentRefuses: true,
  silentTellsAge: true,
  silentGoesNotBack: true,
}

const JTI = 'token'

interface Token {
  iat: number
  exp: number
}

interface Replica {
  known: readonly BlacklistEntry[]
  /** The revision that its memory has taken over. */
  revision: number
  /** Whether it has heard that the client was deleted. */
  isDeleted: boolean
  /** Up to when its key may sign without a new reservation. */
  mark: number
  heardAt: number
  isCut: boolean
}

interface Follower {
  at: number
  cursor: string
  entries: readonly FeedEntry[]
  heardAt: number
}

/** An act on the blacklist that has read and has not committed yet. */
interface Writing {
  writes: readonly Write[]
  /** Its place in a sequence that is not part of the transaction; for a control. */
  place: number
}

/** A denial that was committed and not lifted, by the record of this model and not by what the database still has. */
interface Denial {
  id: string
  kind: BlacklistEntry['kind']
  /** Whether the tick of its commit is over. */
  counts: boolean
}

interface State {
  database: Database
  writing: readonly Writing[]
  denials: readonly Denial[]
  replicas: readonly Replica[]
  /** The one token whose fate is followed: not issued yet, alive, or expired. */
  token: Token | 'not yet' | 'expired'
  follower: Follower
  acts: number
}

const claimsOf = ({ iat }: Token) => ({ jti: JTI, iat: toSeconds(iat), sub: 'app', client_id: 'app' })

const entriesOf = (database: Database): BlacklistEntry[] => rowsOf(database, blacklistEntries)

// ------------------------------------------------------------------ events

const put = (state: State, at: number, change: Partial<Replica>): State => ({
  ...state,
  replicas: state.replicas.map((each, place) => (place === at ? { ...each, ...change } : each)),
})

const isCurrent = ({ revision }: Replica, database: Database): boolean => revision === database.revision

async function* hearing(state: State, at: number, replica: Replica): AsyncGenerator<Step<State>> {
  const { database } = state
  if (!replica.isCut) {
    yield { says: `replica ${at} is cut off`, to: put(state, at, { isCut: true }) }
    if (isCurrent(replica, database)) return
  }
  const known = await hear(replica.known, entriesOf(database))
  const { revision } = database
  const isDeleted = state.denials.some(({ kind }) => kind === 'client_id')
  const heard = put(state, at, { known, revision, isDeleted, heardAt: 0, isCut: false })
  yield { says: `replica ${at} ${replica.isCut ? 'is reached again' : 'hears'}`, to: heard }
}

/** A replica issues a token for the client that it does not know to be denied or deleted. */
async function* issuing(state: State, at: number, replica: Replica, rules: Rules): AsyncGenerator<Step<State>> {
  if (state.token !== 'not yet') return
  const token = { iat: 0, exp: TTL }
  const memory = await memoryOf(replica.known)
  if (replica.isDeleted || memory.findRefusing('sub', 'app') || memory.findDenying(claimsOf(token))) return
  if (replica.mark >= TTL) yield { says: `replica ${at} issues the token`, to: { ...state, token } }
  else if (mayReserve(state, replica, rules)) {
    const { writes } = transact(state.database, 0, (store) => store.reserveSigning('k', AHEAD))
    const database = commit(state.database, writes) ?? state.database
    const reserved = put({ ...state, database, token }, at, { mark: AHEAD })
    yield { says: `replica ${at} reserves, and issues the token`, to: reserved }
  }
}

const mayReserve = ({ database, writing }: State, replica: Replica, { waits, comparesRevision }: Rules): boolean =>
  !replica.isCut && !(waits && writing.length > 0) && (isCurrent(replica, database) || !comparesRevision)

function namesOf({ token }: State): Named[] {
  const names: Named[] = [
    { kind: 'sub', value: 'app' },
    { kind: 'client_id', value: 'app' },
  ]
  return typeof token === 'string' ? names : [...names, { kind: 'jti', value: JTI, exp: token.exp }]
}

const EVENT = eventOf('blacklist.removed')

function* beginning(state: State, rules: Rules): Generator<Step<State>> {
  if (state.acts === rules.mostActs || (rules.serialises && state.writing.length > 0)) return
  const { database } = state
  const begin = (says: string, writes: readonly Write[]): Step<State> => {
    const place = state.acts + 1
    return { says, to: { ...state, acts: place, writing: [...state.writing, { writes, place }] } }
  }
  for (const named of namesOf(state)) {
    if (state.denials.some(({ kind }) => kind === named.kind)) continue
    const { writes } = transact(database, 0, (store) =>
      store.addBlacklistEntry(named, (moment) => rules.compose(named, moment), { event: () => undefined }),
    )
    yield begin(`${named.kind} ${named.value} is about to be denied`, writes)
  }
  for (const { id, kind, removedAt } of entriesOf(database)) {
    // A deletion stays.
    if (removedAt !== null || kind === 'client_id') continue
    const { writes } = transact(database, 0, (store) => store.removeBlacklistEntry(id, () => {}, EVENT))
    yield begin(`entry ${id} is about to be lifted`, writes)
  }
}

const withEntries = (database: Database, entries: BlacklistEntry[]): Database => ({
  ...database,
  rows: { ...database.rows, [blacklistEntries.name]: entries.map((entry): Row => ({ ...entry })) },
})

/** A commit, and in a control the revision out of the sequence. */
function committed(database: Database, { writes, place }: Writing, { serialises }: Rules): Database {
  const after = commit(database, writes) ?? database
  if (serialises) return after
  const rows = entriesOf(after).map((each) =>
    each.revision > database.revision ? { ...each, id: `e${place}`, revision: place } : each,
  )
  return withEntries({ ...after, revision: Math.max(database.revision, place) }, rows)
}

function* committing(state: State, rules: Rules): Generator<Step<State>> {
  for (const [at, each] of state.writing.entries()) {
    const writing = state.writing.toSpliced(at, 1)
    const database = committed(state.database, each, rules)
    const denials = denialsAfter(state, database)
    yield { says: `act ${each.place} is committed`, to: { ...state, writing, database, denials } }
    // An act that is rolled back leaves nothing: that is the state before it began, but for the number of acts.
    yield { says: `act ${each.place} is rolled back`, to: { ...state, writing } }
  }
}

function denialsAfter({ denials, database: before }: State, database: Database): Denial[] {
  const lifted = new Set(entriesOf(database).flatMap(({ id, removedAt }) => (removedAt === null ? [] : [id])))
  const known = new Set(entriesOf(before).map(({ id }) => id))
  const added = entriesOf(database).filter(({ id }) => !known.has(id))
  const standing = denials.filter(({ id }) => !lifted.has(id))
  return [...standing, ...added.map(({ id, kind }) => ({ id, kind, counts: false }))]
}

const couldMiss = ({ heardAt }: Replica): boolean => couldMissDenial(-heardAt)

/** Whether a replica answers a follower at this cursor. @param page its answer */
const serves = (replica: Replica, { cursor }: Follower, page: FeedDocument, { silentGoesNotBack }: Rules): boolean =>
  !couldMiss(replica) || !silentGoesNotBack || Number(page.cursor) >= Number(cursor)

/** When the feed of a replica was true, as a follower is told. */
const toldBy = ({ heardAt }: Replica, { silentTellsAge }: Rules): number => (silentTellsAge ? heardAt : 0)

/** A cursor that is before the one that was asked for means that the list starts over. */
function taken(follower: Follower, page: FeedDocument, heardAt: number): Follower {
  const isAnew = Number(page.cursor) < Number(follower.cursor)
  const gone = new Set([...page.removed, ...page.entries.map(({ id }) => id)])
  const kept = isAnew ? [] : follower.entries.filter(({ id }) => !gone.has(id))
  const entries = [...kept, ...page.entries]
  return { ...follower, cursor: page.cursor, entries, heardAt: Math.max(follower.heardAt, heardAt) }
}

async function* following(state: State, rules: Rules): AsyncGenerator<Step<State>> {
  const { follower } = state
  for (const [at, replica] of state.replicas.entries()) {
    const page = await pageOf(replica.known, follower.cursor)
    if (!serves(replica, follower, page, rules)) continue
    const read = taken(follower, page, toldBy(replica, rules))
    const says = at === follower.at ? `the follower hears replica ${at}` : `the follower moves to replica ${at}`
    if (at !== follower.at || read.cursor !== follower.cursor)
      yield { says, to: { ...state, follower: { ...read, at } } }
  }
}

async function* stepsOf(state: State, rules: Rules): AsyncGenerator<Step<State>> {
  for (const [at, replica] of state.replicas.entries()) {
    yield* hearing(state, at, replica)
    yield* issuing(state, at, replica, rules)
  }
  yield* beginning(state, rules)
  yield* committing(state, rules)
  yield* following(state, rules)
  yield* ticking(state, rules)
}

// ------------------------------------------------------------------ time

const LONG_AGO = -TICK
const since = (time: number): number => Math.max(LONG_AGO, time - TICK)

const older = (entry: BlacklistEntry): BlacklistEntry => ({
  ...entry,
  createdAt: since(entry.createdAt),
  issuedBefore: since(entry.issuedBefore),
  deniesUntil: since(entry.deniesUntil),
  expiresAt: entry.expiresAt === null ? null : since(entry.expiresAt),
  removedAt: entry.removedAt === null ? null : LONG_AGO,
})

/** Entries that have ended by themselves are forgotten, as the sweep deletes them and memory prunes them. */
const remaining = (entries: readonly BlacklistEntry[]): BlacklistEntry[] =>
  entries.map(older).filter((each) => (each.removedAt === null ? isStanding(each, 0) : each.deniesUntil >= 0))

function olderDatabase(database: Database): Database {
  const keys = rowsOf(database, signingKeys).map((key): Row => ({ ...key, signedUntil: left(key.signedUntil) }))
  const after = withEntries(database, remaining(entriesOf(database)))
  return { ...after, rows: { ...after.rows, [signingKeys.name]: keys } }
}

/** How long a mark lasts that is of use for no token any more does not matter. */
const left = (mark: number): number => (mark - TICK < TTL ? Math.max(0, mark - TICK) : mark - TICK)

function olderReplica(replica: Replica): Replica {
  const mark = left(replica.mark) < TTL ? 0 : left(replica.mark)
  if (!replica.isCut) return { ...replica, known: remaining(replica.known), mark, heardAt: 0 }
  return { ...replica, known: remaining(replica.known), mark, heardAt: since(replica.heardAt) }
}

/** @param told when the answers that it got in this tick were true */
function olderFollower(follower: Follower, told: number): Follower {
  const seconds = TICK / 1000
  const entries = follower.entries.map((each) => ({
    ...each,
    issued_before: Math.max(LONG_AGO / 1000, each.issued_before - seconds),
    expires_at: each.expires_at - seconds,
  }))
  const heardAt = Math.max(told, since(follower.heardAt))
  return { ...follower, entries: entries.filter(({ expires_at: end }) => end > 0), heardAt }
}

/** Time passes when every replica that is not cut off has heard, and the follower of such a replica too. */
async function* ticking(state: State, rules: Rules): AsyncGenerator<Step<State>> {
  const { replicas, database, follower } = state
  if (state.writing.length > 0) return
  if (rules.polls && !replicas.every((each) => each.isCut || isCurrent(each, database))) return
  const own = replicas[follower.at] as Replica // a follower is at one of them
  const page = await pageOf(own.known, follower.cursor)
  const isServed = serves(own, follower, page, rules)
  if (isServed && page.cursor !== follower.cursor) return
  const after = replicas.map(olderReplica)
  const told = isServed ? toldBy(after[follower.at] as Replica, rules) : LONG_AGO // as above
  yield {
    says: 'a tick passes',
    to: {
      ...state,
      token: olderToken(state.token),
      denials: state.denials.map((each) => ({ ...each, counts: true })),
      database: olderDatabase(database),
      replicas: after,
      follower: olderFollower(follower, told),
    },
  }
}

function olderToken(token: State['token']): State['token'] {
  if (typeof token === 'string') return token
  return token.exp > TICK ? { ...token, iat: since(token.iat), exp: token.exp - TICK } : 'expired'
}

// ------------------------------------------------------------------ the invariant

async function findAccepted(state: State, rules: Rules): Promise<string | undefined> {
  const { token, follower } = state
  if (typeof token === 'string') return undefined
  const denial = state.denials.find(({ counts }) => counts)
  if (!denial) return undefined
  const says = `the token is denied by ${denial.id} (${denial.kind}), and`
  for (const [at, replica] of state.replicas.entries()) {
    const answers = !couldMiss(replica) || !rules.silentRefuses
    const memory = await memoryOf(replica.known)
    if (answers && !memory.findDenying(claimsOf(token))) return `${says} replica ${at} accepts it`
  }
  const isTold = follower.heardAt < 0 || isDeniedDownstream(follower.entries, claimsOf(token))
  return isTold ? undefined : `${says} a follower that has just heard accepts it`
}

/** Replicas are alike, so states that differ only by their order are the same. */
function alike(state: State): State {
  const { replicas, follower } = state
  const names = replicas.map((each) => JSON.stringify(each))
  const order = [...replicas.keys()].toSorted((a, b) => ((names[a] ?? '') < (names[b] ?? '') ? -1 : 1))
  return {
    ...state,
    replicas: order.flatMap((at) => replicas[at] ?? []),
    follower: { ...follower, at: order.indexOf(follower.at) },
  }
}

async function all<T>(events: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const event of events) found.push(event)
  return found
}

/** @param change a rule that is switched off */
export function deniedTokens(change: Partial<Rules> = {}): Model<State> {
  const rules = { ...RULES, ...change }
  const key = { kid: 'k', ring: '', alg: 'ES256', status: 'active', signedUntil: AHEAD }
  const rows = { [blacklistEntries.name]: [], [signingKeys.name]: [key], [clients.name]: [], [grants.name]: [] }
  const replica: Replica = { known: [], revision: 0, isDeleted: false, mark: AHEAD, heardAt: 0, isCut: false }
  return {
    initial: {
      database: { revision: 0, rows },
      writing: [],
      replicas: [replica, replica],
      token: 'not yet',
      denials: [],
      follower: { at: 0, cursor: '0', entries: [], heardAt: 0 },
      acts: 0,
    },
    steps: async (state) => (await all(stepsOf(state, rules))).map(({ says, to }) => ({ says, to: alike(to) })),
    invariants: { 'what is denied stays denied': (state) => findAccepted(state, rules) },
  }
}
