/**
 * One key ring at replicas that share a database, in every order of events: rotations and revocations that cross,
 * replicas that have not heard yet, are cut off or die, keys that are retired while others sign, and a verifier that
 * caches the key set of whichever replica it asks.
 *
 * The rules are those of `KeyRotation`, taken out of it as it hands them to the store, and the acts are those of the
 * store. Time moves in ticks, and every time is told from now. Within a tick every replica that is not cut off hears of
 * all changes, so a tick is the bound of the news. Times that are too long ago to matter are the same, so the search has
 * no horizon: it is bounded by the number of acts alone. When a key signs, who is ready and how long a key is published
 * before are decided by the functions of production, with ticks for their bounds.
 */
import { BY_SYSTEM } from '../../src/audit.ts'
import { denyKey } from '../../src/blacklist/entry.ts'
import { fetchedWithin, isReadyAfter, publishedWithin } from '../../src/ground/silence.ts'
import { committedBy, publishedFrom, whyNotSign } from '../../src/keys/may-sign.ts'
import type { SigningKeyRecord } from '../../src/store/records/key.ts'
import { SHARED_ES256, eventOf, keyOf } from '../support/store-records.ts'
import { commit, transact, type Database, type Write } from './database.ts'
import {
  LONG_AGO,
  TICK,
  TTL,
  databaseOf,
  holder,
  memoryOf,
  older,
  remembered,
  ringOf,
  since,
  type Known,
} from './known-keys.ts'
import { takeRules, type Mode, type PromotionRule } from './promotion-rule.ts'
import type { Model, Step } from './search.ts'

const SKEW_SECONDS = 1

/** What keeps the invariants, and the bounds of a search. A control switches a rule off. */
export interface Rules {
  replicas: number
  acts: readonly (Mode | 'revoke')[]
  mostActs: number
  /** How long a replica counts as live that hears nothing. */
  liveFor: number
  prepublish: number
  /** How long the verifier keeps a key set. `null`: no verifier. */
  jwksMaxAge: number | null
  /** How late another replica that is ready may hear of a key. */
  othersHearWithin: number
  /** Whether the promotion rule is asked. */
  judges: boolean
  /** Whether a signature needs a mark in the database that no earlier one has reserved. */
  reserves: boolean
  /** Keys that sign at once, because every replica has them. */
  trusts: 'the first' | 'every key'
  /** When the first keys were made: long ago, or just now. */
  begins: number
  /** Whether a reservation waits while a retirement is between its reading and its commit. */
  waits: boolean
}

/** How long a replica that hears nothing stays ready. */
const READY = TICK
/** The key set is cached for so long; and an act is committed in the tick in which it begins. */
export const prepublishFor = (jwksMaxAge: number): number => jwksMaxAge + fetchedWithin(READY, 0)

const RULES: Rules = {
  replicas: 2,
  acts: ['requested', 'emergency', 'revoke'],
  mostActs: 2,
  liveFor: READY,
  prepublish: prepublishFor(TICK),
  jwksMaxAge: null,
  othersHearWithin: publishedWithin(READY),
  judges: true,
  reserves: true,
  waits: true,
  trusts: 'the first',
  begins: LONG_AGO,
}

/** The rules of a search, with the promotion rule of each key. */
interface Bounds extends Rules {
  judge(mode: Mode, leaving: string): PromotionRule
}

interface Replica {
  keys: readonly Known[]
  heardAt: number
  isCut: boolean
  /** It has read the ring and made a key, and has not begun its write yet. */
  drafted: { act: Mode | 'revoke'; kid: string; spare: string; at: number } | null
}

/** Times are told from now, which is 0. */
interface State {
  database: Database
  /** A retirement that has read and has not committed yet, and the replica that runs it. */
  writing: { by: number; writes: readonly Write[] } | null
  replicas: readonly Replica[]
  /** By `kid`: when the last token that was signed with it ends. */
  tokens: Readonly<Record<string, number>>
  /** The key set that the verifier keeps. */
  cache: { at: number; kids: readonly string[] } | null
  made: number
  acts: number
}

const EVENT = eventOf('key.rotated')

// ------------------------------------------------------------------ events

const isCurrent = ({ keys }: Replica, database: Database): boolean => {
  const statuses = (known: readonly Known[]) => known.map(({ kid, status }) => `${kid} ${status}`).join()
  return statuses(keys) === statuses(memoryOf(database))
}

/** Replicas are alike, so states that differ only by their order are the same. */
function settled(state: State, replicas: readonly Replica[], database = state.database): State {
  const order = [...replicas.keys()].toSorted((a, b) =>
    JSON.stringify(replicas[a]) < JSON.stringify(replicas[b]) ? -1 : 1,
  )
  const { writing } = state
  const tokens = Object.entries(state.tokens).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return {
    ...state,
    tokens: Object.fromEntries(tokens),
    database: databaseOf(ringOf(database)),
    replicas: order.flatMap((at) => replicas[at] ?? []),
    writing: writing && { ...writing, by: order.indexOf(writing.by) },
  }
}

const change = (state: State, at: number, by: Partial<Replica>, database = state.database): State =>
  settled(
    state,
    state.replicas.map((each, place) => (place === at ? { ...each, ...by } : each)),
    database,
  )

function* hearing(state: State, at: number, replica: Replica): Generator<Step<State>> {
  const heard = { keys: memoryOf(state.database), heardAt: 0 }
  if (replica.isCut) yield { says: `replica ${at} is reached again`, to: change(state, at, { ...heard, isCut: false }) }
  else {
    if (!isCurrent(replica, state.database)) yield { says: `replica ${at} hears`, to: change(state, at, heard) }
    // Its write is rolled back and its act is given up. A replica that dies does the same, and is reached again later.
    const without = state.writing?.by === at ? { ...state, writing: null } : state
    yield { says: `replica ${at} is cut off`, to: change(without, at, { isCut: true, drafted: null }) }
  }
}

/** A replica reads the ring and makes a key. What it has read may be outdated when its write begins. */
function* drafting(state: State, at: number, replica: Replica, bounds: Bounds): Generator<Step<State>> {
  if (replica.isCut || replica.drafted || state.acts === bounds.mostActs) return
  const { database } = state
  const begun = { ...state, acts: state.acts + 1, made: state.made + 1 }
  for (const act of bounds.acts) {
    const status = act === 'revoke' ? (['active', 'next'] as const) : (['active'] as const)
    for (const each of status) {
      const key = holder(ringOf(database), each)
      if (!key) continue
      if (act !== 'revoke' && bounds.judge(act, key.kid)(ringOf(database), 0).act === 'wait') continue
      const drafted = { act, kid: key.kid, spare: `k${state.made}`, at: 0 }
      yield { says: `replica ${at} makes a key, to ${act} ${key.kid}`, to: change(begun, at, { drafted }) }
    }
  }
}

/**
 * The write of a rotation or revocation is one event: it reads nothing that a reservation changes. A retirement does, so
 * its reading and its commit are two events.
 */
function* acting(state: State, at: number, replica: Replica, bounds: Bounds): Generator<Step<State>> {
  if (replica.isCut || state.writing) return
  const { drafted } = replica
  const { database } = state
  if (drafted) {
    const { act, kid } = drafted
    const spare = keyOf(drafted.spare, { createdAt: drafted.at, signedUntil: 0 })
    const { writes } = transact<unknown>(database, 0, (store) =>
      act === 'revoke'
        ? store.revokeKey(kid, spare, denyRevoked, EVENT)
        : store.promoteNextKey(SHARED_ES256, spare, bounds.judge(act, kid), EVENT),
    )
    yield { says: `replica ${at} tries to ${act} ${kid}`, to: committed(state, at, writes) }
  }
  const retiring = transact(database, 0, (store) =>
    store.retireKeys(
      SKEW_SECONDS,
      () => true,
      () => EVENT,
    ),
  )
  if (retiring.writes.length > 0)
    yield { says: `replica ${at} begins to retire`, to: { ...state, writing: { by: at, writes: retiring.writes } } }
}

/** The replica that acts answers after its own memory has taken the change over. */
function committed(state: State, by: number, writes: readonly Write[]): State {
  const database = commit(state.database, writes) ?? state.database
  const heard = { keys: memoryOf(database), heardAt: 0, drafted: null }
  return change({ ...state, writing: null }, by, heard, database)
}

const denyRevoked = (key: SigningKeyRecord, moment: Parameters<typeof denyKey>[3]) =>
  denyKey(key.kid, key.signedUntil, { cause: 'key_revoked', by: BY_SYSTEM }, moment)

/** A process that sees the key for the first time takes it for the oldest, so it signs the soonest. */
const signingOf = ({ signedUntil, createdAt, isFirst }: Known, { reserves, othersHearWithin, trusts }: Rules) => ({
  signedUntil: reserves ? signedUntil : Infinity,
  publishedFrom: publishedFrom(
    trusts === 'every key' || (trusts === 'the first' && isFirst) ? undefined : committedBy(0, -createdAt, 0, 0),
    othersHearWithin,
  ),
})

function* signing(state: State, at: number, replica: Replica, bounds: Bounds): Generator<Step<State>> {
  const { database } = state
  const key = holder(replica.keys, 'active')
  const end = TTL
  if (!key || (state.tokens[key.kid] ?? 0) >= end) return
  const lacks = whyNotSign(signingOf(key, bounds), end, 0)
  if (lacks === 'unpublished') return
  const signed = { ...state, tokens: { ...state.tokens, [key.kid]: end } }
  const says = `replica ${at} signs with ${key.kid}`
  if (lacks === undefined) yield { says, to: settled(signed, state.replicas) }
  else if (!replica.isCut && !(bounds.waits && state.writing)) {
    const mark = end + TTL
    const { result, writes } = transact(database, 0, (store) => store.reserveSigning(key.kid, mark))
    const after = commit(database, writes) ?? database
    const keys = replica.keys.map((each) => (each === key ? { ...each, signedUntil: mark } : each))
    if (result === 'reserved') yield { says: `${says}, and reserves`, to: change(signed, at, { keys }, after) }
  }
}

function* verifying(state: State, bounds: Bounds): Generator<Step<State>> {
  if (bounds.jwksMaxAge === null) return
  for (const [at, replica] of state.replicas.entries()) {
    if (!isLive(replica, bounds)) continue
    const cache = { at: 0, kids: replica.keys.map(({ kid }) => kid) }
    yield { says: `the verifier fetches from replica ${at}`, to: { ...state, cache } }
  }
}

/**
 * Time passes when every replica that is not cut off has heard, and no act is in the middle. An act is given up in time,
 * so a key that was made waits for one tick at most.
 */
function* ticking(state: State, bounds: Bounds): Generator<Step<State>> {
  const { replicas, database, writing, cache } = state
  if (writing || replicas.some(({ drafted }) => drafted && drafted.at < 0)) return
  if (!replicas.every((each) => each.isCut || isCurrent(each, database))) return
  const tokens = Object.fromEntries(
    Object.entries(state.tokens).flatMap(([kid, end]) => (end > TICK ? [[kid, end - TICK]] : [])),
  )
  const isStale = !cache || cache.at - TICK < -(bounds.jwksMaxAge ?? 0)
  const kept = isStale ? null : { ...cache, at: cache.at - TICK }
  const keys = ringOf(database).map(older)
  yield {
    says: 'a tick passes',
    to: settled(
      { ...state, tokens, cache: kept },
      replicas.map((each) => olderReplica(each, bounds)),
      databaseOf(keys),
    ),
  }
}

/** Of a replica that does not count as live any more, nobody asks for keys. It may still sign, while its mark lasts. */
const usedBy = ({ isCut, heardAt }: Replica, { liveFor, reserves }: Rules, keys: Known[]): Known[] =>
  isCut && !isReadyAfter(TICK - heardAt, liveFor) && reserves
    ? keys.filter(({ signedUntil }) => signedUntil >= TTL)
    : keys

const olderReplica = (replica: Replica, bounds: Bounds): Replica => ({
  ...replica,
  keys: usedBy(replica, bounds, replica.keys.map(older).map(remembered)),
  heardAt: replica.isCut ? since(replica.heardAt - TICK, -bounds.liveFor - TICK) : 0,
  drafted: replica.drafted && { ...replica.drafted, at: replica.drafted.at - TICK },
})

function* stepsOf(state: State, bounds: Bounds): Generator<Step<State>> {
  for (const [at, replica] of state.replicas.entries()) {
    yield* hearing(state, at, replica)
    yield* drafting(state, at, replica, bounds)
    yield* acting(state, at, replica, bounds)
    yield* signing(state, at, replica, bounds)
  }
  yield* verifying(state, bounds)
  yield* ticking(state, bounds)
  if (!state.writing) return
  const { by, writes } = state.writing
  yield { says: `replica ${by} commits the retirement`, to: committed(state, by, writes) }
}

// ------------------------------------------------------------------ invariants

const isLive = ({ heardAt }: Replica, { liveFor }: Rules): boolean => isReadyAfter(-heardAt, liveFor)

const isRevoked = ({ database }: State, kid: string): boolean =>
  ringOf(database).some((key) => key.kid === kid && key.status === 'revoked')

/** Tokens of a revoked key are denied, so nobody has to find their key. */
const tokensOf = (state: State): string[] => Object.keys(state.tokens).filter((kid) => !isRevoked(state, kid))

function findUnpublished(state: State, bounds: Bounds): string | undefined {
  for (const [at, replica] of state.replicas.entries()) {
    if (!isLive(replica, bounds)) continue
    const missing = tokensOf(state).find((kid) => !replica.keys.some((key) => key.kid === kid))
    if (missing) return `a token of ${missing} is alive, and replica ${at} does not publish it`
  }
  return undefined
}

/** A cache that is too old was dropped. */
function findUnknown(state: State): string | undefined {
  const { cache } = state
  if (!cache) return undefined
  const missing = tokensOf(state).find((kid) => !cache.kids.includes(kid))
  return missing && `a token of ${missing} meets a key set that is still fresh and lacks it`
}

function findBrokenRing({ database }: State): string | undefined {
  const count = (status: Known['status']) => ringOf(database).filter((key) => key.status === status).length
  return count('active') === 1 && count('next') === 1
    ? undefined
    : `the ring has ${count('active')} active and ${count('next')} next keys`
}

const PROMOTE: PromotionRule = () => ({ act: 'promote' })

/** @param changed another bound, or a rule that is switched off */
export async function keyRing(changed: Partial<Rules> = {}): Promise<Model<State>> {
  const rules = { ...RULES, ...changed }
  const taken = await takeRules(rules.prepublish)
  const bounds: Bounds = { ...rules, judge: rules.judges ? taken : () => PROMOTE }
  const key = (kid: string, status: Known['status']): Known => ({
    kid,
    status,
    createdAt: rules.begins,
    signedUntil: LONG_AGO,
  })
  const database = databaseOf([key('k0', 'active'), key('k1', 'next')])
  const replica: Replica = { keys: memoryOf(database), heardAt: 0, isCut: false, drafted: null }
  return {
    initial: {
      database,
      writing: null,
      replicas: Array.from({ length: bounds.replicas }, () => replica),
      tokens: {},
      cache: null,
      made: 2,
      acts: 0,
    },
    steps: (state) => [...stepsOf(state, bounds)],
    invariants: {
      'no live token has a kid that the JWKS of a live replica lacks': (state) => findUnpublished(state, bounds),
      'no live token has a kid that a fresh cache of the JWKS lacks': findUnknown,
      'a ring has one active and one next key': findBrokenRing,
    },
  }
}
