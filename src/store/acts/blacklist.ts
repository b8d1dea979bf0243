/**
 * The blacklist. Each entry is composed inside the write that adds it. The time, the latest expiry and the grant are read
 * in the same write, so no token can be renewed past its denial. An entry has the revision of the change that announces
 * it, so the order of the feed is the order of commits. A removed entry stays as a tombstone until every follower has
 * heard of the removal.
 */
import type { Instant } from '../../ground/clock.ts'
import {
  atEnd,
  countOwned,
  find,
  insert,
  latestMark,
  newestGrantAt,
  removeQuietly,
  select,
  time,
  update,
  type Act,
  type Engine,
  type Selection,
  type Where,
} from '../engine.ts'
import type { Recording } from '../records/audit.ts'
import type {
  AdditionOptions,
  BlacklistCause,
  BlacklistEntry,
  BlacklistKind,
  Moment,
  NamedRights,
  NewBlacklistEntry,
  OwnDenials,
} from '../records/blacklist.ts'
import { OWN_CAUSES, causeOf, isStanding } from '../records/blacklist.ts'
import type { Page } from '../records/facts.ts'
import type { GrantRecord } from '../records/grant.ts'
import type { Store } from '../store.ts'
import { blacklistEntries } from '../tables/blacklist.ts'
import { clients } from '../tables/clients.ts'
import { grants } from '../tables/grants.ts'
import { record } from './audit.ts'
import { findGrant } from './grant-rows.ts'
import { groupsOf } from './people-rows.ts'

type Verbs = Pick<
  Store,
  'addBlacklistEntry' | 'removeBlacklistEntry' | 'findBlacklistEntry' | 'listBlacklist' | 'listBlacklistSince'
>

export const blacklistVerbs = (engine: Engine): Verbs => ({
  addBlacklistEntry: (named, compose, options) => engine.act(() => add(named, compose, options), 'exclusive'),
  removeBlacklistEntry: (id, mayLift, event) => engine.act(() => lift(id, mayLift, event), 'exclusive'),
  findBlacklistEntry: (id) => engine.read(() => findStanding(id)),
  listBlacklist: (page) => engine.read(() => listStanding(page)),
  // All of a long list takes longer than a request may.
  listBlacklistSince: (revision, endedBy = 0) =>
    engine.read(() => listSince(revision, endedBy), revision === 0 ? 'operator' : 'request'),
})

/** Rows in one step: a server answers each in time. */
const STEP = 10_000

function* listSince(revision: number, endedBy: Instant): Act<BlacklistEntry[]> {
  const unended = { column: 'expiresAt', at: endedBy } as const
  const found: BlacklistEntry[] = []
  for (let after = revision; ;) {
    const rows = yield* select(blacklistEntries, { unended, orderBy: 'revision', after, limit: STEP })
    found.push(...rows)
    const last = rows.at(-1)
    if (!last || rows.length < STEP) return found
    after = last.revision
  }
}

/** Reads the facts that an entry's times depend on, inside this write. */
export function* moment(): Act<Moment> {
  const now = yield* time()
  // This is the only place that makes a moment. The type has a mark, so that no other code can make one.
  return { now, latestExpiry: Math.max(now, yield* latestMark()) } as Moment
}

/**
 * Adds entries. One that denies the tokens up to now is dated at the end of the act: until the act commits, other processes
 * issue tokens by the state before.
 * @returns the entries as of now
 */
export function* addDenials(compose: (moment: Moment) => NewBlacklistEntry[]): Act<NewBlacklistEntry[]> {
  const entries = compose(yield* moment())
  for (const entry of entries) if (!isUpToNow(entry)) yield* append(entry)
  if (entries.some(isUpToNow))
    yield* atEnd(function* () {
      for (const entry of compose(yield* moment()).filter(isUpToNow)) yield* append(entry)
    })
  return entries
}

const isUpToNow = ({ kind, refusesNew }: NewBlacklistEntry): boolean =>
  (kind === 'sub' || kind === 'client_id') && !refusesNew

/** Adds an entry. It ends no grant. */
export function* append(entry: NewBlacklistEntry): Act<BlacklistEntry> {
  const stored = { ...entry, revision: 0, removedAt: null }
  return { ...stored, revision: yield* insert(blacklistEntries, stored) }
}

/** The same for an entry that a client causes. Above the client's quota, one entry that denies all its tokens replaces them. */
export function* appendOwn(entry: NewBlacklistEntry, own: OwnDenials | undefined, now: Moment): Act<BlacklistEntry> {
  if (!own || entry.owner === null) return yield* append(entry)
  let standing = 0
  for (const cause of OWN_CAUSES) standing += yield* countOwned(entry.owner, cause, now.now)
  if (standing < own.limit) return yield* append(entry)
  let line = now.now
  const unended = { column: 'expiresAt', at: now.now } as const
  // The entry that follows denies the same tokens, so no process has to hear of these removals.
  for (const cause of [...OWN_CAUSES, 'quota'] as const) {
    const where = { owner: entry.owner, cause, removedAt: null }
    for (const each of yield* select(blacklistEntries, { where, unended })) line = Math.max(line, drawnBy(each))
    yield* removeQuietly(blacklistEntries, where, unended)
  }
  return yield* append(own.everything(now, line))
}

/** The latest date of the tokens that an entry denies. It can be after now, if a clock has gone back since. */
const drawnBy = ({ cause, createdAt, issuedBefore }: BlacklistEntry): Instant =>
  cause === 'quota' ? issuedBefore : createdAt

function* add(
  { kind, value }: { kind: BlacklistKind; value: string },
  compose: (moment: Moment, grant: GrantRecord | undefined) => NewBlacklistEntry,
  { event, own, most, mayDeny }: AdditionOptions,
): Act<BlacklistEntry> {
  mayDeny?.(yield* rightsOf(kind, value))
  const now = yield* moment()
  const entry = compose(now, kind === 'sid' ? yield* findGrant(value) : undefined)
  if (most && entry.owner !== null) {
    const standing = yield* countOwned(entry.owner, entry.cause, now.now)
    if (standing >= most.limit) throw most.refuse()
  }
  const stored = yield* appendOwn(entry, own, now)
  yield* endNamedGrants(entry, now.now)
  yield* record(event(entry))
  return stored
}

/** Newest grants of a subject that tell its rights. */
const MOST_ASKED = 1000

function* rightsOf(kind: BlacklistKind, value: string): Act<NamedRights> {
  const client = kind === 'sub' || kind === 'client_id' ? yield* find(clients, { clientId: value }) : undefined
  const granted = kind === 'sid' || kind === 'sub' ? yield* select(grants, grantsNamed(kind, value)) : []
  const groups = kind === 'sub' ? yield* groupsOf(value) : []
  return {
    scopes: [...(client?.scope ?? []), ...granted.flatMap(({ scope }) => scope)],
    permissions: groups.flatMap(({ permissions }) => permissions),
  }
}

const grantsNamed = (kind: 'sid' | 'sub', value: string): Selection<typeof grants> => ({
  where: { [kind]: value },
  orderBy: 'sid',
  descending: true,
  limit: MOST_ASKED,
})

/** Ends grants that an entry names. */
export function* endNamedGrants({ kind, value }: Pick<NewBlacklistEntry, 'kind' | 'value'>, now: Instant): Act<number> {
  const ending = { endedAt: now, endedReason: 'blacklist' }
  if (kind === 'sid') return yield* update(grants, { sid: value, endedAt: null }, ending)
  if (kind === 'sub') return yield* update(grants, { sub: value, endedAt: null }, ending)
  if (kind === 'client_id') yield* endGrantsOfClient(value, now)
  return 0
}

/**
 * Ends all grants of a client by one value in the client's row, however many grants there are. If a clock has gone back,
 * a grant can be dated later than now: then the date of the newest grant is used.
 */
function* endGrantsOfClient(clientId: string, now: Instant): Act<void> {
  const client = yield* find(clients, { clientId })
  if (!client) return
  const line = Math.max(client.grantsEndedUntil ?? 0, yield* newestGrantAt(client.key), now)
  yield* update(clients, { clientId }, { grantsEndedUntil: line })
}

/** An entry that was lifted or has ended is no entry any more, whether it is swept yet or not. */
function* findStanding(id: string): Act<BlacklistEntry | undefined> {
  const entry = yield* find(blacklistEntries, { id })
  return entry && isStanding(entry, yield* time()) ? entry : undefined
}

function* lift(id: string, mayLift: (entry: BlacklistEntry) => void, event: Recording): Act<'removed' | 'unknown'> {
  const entry = yield* findStanding(id)
  if (!entry) return 'unknown'
  mayLift(entry)
  yield* update(blacklistEntries, { id }, { removedAt: yield* time() })
  yield* record(event)
  return 'removed'
}

/** Lifts the entries that an act made, when the act is undone. */
export const liftCause = (kind: BlacklistKind, value: string, cause: BlacklistCause): Act<void> =>
  liftWhere(kind, value, (entry) => causeOf(entry) === cause)

/** The same for those that refuse new tokens alone: what they deny up to their line stays denied. */
export const liftRefusals = (kind: BlacklistKind, value: string, cause: BlacklistCause): Act<void> =>
  liftWhere(kind, value, (entry) => causeOf(entry) === cause && entry.refusesNew)

function* liftWhere(kind: BlacklistKind, value: string, isMeant: (entry: BlacklistEntry) => boolean): Act<void> {
  const now = yield* time()
  for (const entry of yield* select(blacklistEntries, { where: { value, kind, removedAt: null } }))
    if (isMeant(entry)) yield* update(blacklistEntries, { id: entry.id }, { removedAt: now })
}

export function* standingFor(kind: BlacklistKind, value: string): Act<BlacklistEntry[]> {
  return yield* select(blacklistEntries, yield* whereStanding({ value, kind }))
}

function* listStanding({ after = '', limit }: Page): Act<BlacklistEntry[]> {
  return yield* select(blacklistEntries, { ...(yield* whereStanding({})), orderBy: 'id', after, limit })
}

/** The rule of `isStanding`, for the database: many more entries may have ended than stand. */
function* whereStanding(where: Where<typeof blacklistEntries>): Act<Selection<typeof blacklistEntries>> {
  return { where: { ...where, removedAt: null }, unended: { column: 'expiresAt', at: yield* time() } }
}
