/** Sessions, consents, and the logout tokens that are owed. How a session ends stands in session-ends.ts. */
import { find, remove, select, time, update, type Act, type Engine } from '../engine.ts'
import type { SessionStore } from '../people-store.ts'
import { consents, logoutDeliveries, oneTimeValues, sessionClients, sessions, signIns } from '../tables/people.ts'
import type { Recording } from '../records/audit.ts'
import type { Page } from '../records/facts.ts'
import type { GrantDenial } from '../records/grant.ts'
import { isOfKind } from '../records/one-time.ts'
import {
  consentCursor,
  isLiveSession,
  type ConsentRecord,
  type LogoutClaim,
  type LogoutDelivery,
  type SessionRecord,
} from '../records/session.ts'
import type { Person } from '../records/user.ts'
import { clients } from '../tables/clients.ts'
import { record } from './audit.ts'
import { grantOf } from './grant-rows.ts'
import { endWhole, endable } from './grants.ts'
import { findPerson, findPersonNamed } from './people-rows.ts'
import { endSessionsOf, endSession } from './session-ends.ts'

/** Rows that a page of consents looks at in one step. */
const STEP = 500

export const sessionVerbs = (engine: Engine): SessionStore => ({
  findSession: (secretHash) => engine.read(() => findWithPerson({ secretHash })),
  findSessionById: (id) => engine.read(() => findWithPerson({ id })),
  countSessions: () => engine.countSessions(),
  touchSession: (id, seen) => engine.act(() => update(sessions, { id, endedAt: null }, seen), 'free').then(() => {}),
  listSessions: (filter, page) => engine.read(() => list(filter, page)),
  listSessionClients: (sessionId) => engine.read(() => listClients(sessionId)),
  findPersonNamed: (name) => engine.read(() => findPersonNamed(name)),
  endSession: (id, ending) => engine.act(() => endSession(id, ending), 'exclusive'),
  endSessionsOf: (userId, ending) => engine.act(() => endSessionsOf(userId, ending), 'exclusive'),
  listConsents: (userId) => engine.read(() => consentsOf(userId)),
  pageConsents: (filter, page) => engine.read(() => pageConsents(filter, page)),
  withdrawConsent: (userId, clientId, reason, deny, event) =>
    engine.act(() => withdraw({ userId, clientId }, reason, deny, event), 'exclusive'),
  hasDueLogouts: () => engine.read(hasDueLogouts),
  claimLogouts: (claim) => engine.act(() => claimLogouts(claim), 'free'),
  listOwedLogouts: ({ after, limit }) => engine.read(() => select(logoutDeliveries, { orderBy: 'id', after, limit })),
  delayLogout: (id, until) =>
    engine.act(() => update(logoutDeliveries, { id }, { nextAt: until }), 'free').then(() => {}),
  returnLogout: ({ id, attempts, createdAt }) =>
    engine
      .act(() => update(logoutDeliveries, { id, attempts }, { attempts: attempts - 1, nextAt: createdAt }), 'free')
      .then(() => {}),
  finishLogout: (id) => engine.act(() => remove(logoutDeliveries, { id }), 'free').then(() => {}),
})

function* findWithPerson(
  name: { secretHash: string } | { id: string },
): Act<{ session: SessionRecord; person: Person } | undefined> {
  const session = yield* find(sessions, name)
  const person = session && (yield* findPerson({ id: session.userId }))
  return session && person && { session, person }
}

/** Live sessions, in the order of their ids, with the clients that each signed in to. */
function* list(
  { userId }: { userId?: string | undefined },
  { after = '', limit }: Page,
): Act<(SessionRecord & { clients: string[] })[]> {
  const now = yield* time()
  const where = { endedAt: null, ...(userId !== undefined && { userId }) }
  const found: (SessionRecord & { clients: string[] })[] = []
  let from = after
  while (found.length < limit) {
    const rows = yield* select(sessions, { where, orderBy: 'id', after: from, limit })
    for (const session of rows.filter((each) => isLiveSession(each, now))) {
      found.push({ ...session, clients: yield* listClients(session.id) })
    }
    const last = rows.at(-1)
    if (!last || rows.length < limit) break
    from = last.id
  }
  return found.slice(0, limit)
}

function* listClients(sessionId: string): Act<string[]> {
  const rows = yield* select(sessionClients, { where: { sessionId }, orderBy: 'clientId' })
  return rows.map(({ clientId }) => clientId)
}

/** By client id. A consent to a deleted client is none: a client that gets its id later asks anew. */
function* consentsOf(userId: string): Act<ConsentRecord[]> {
  const found: ConsentRecord[] = []
  for (const row of yield* select(consents, { where: { userId } }))
    if (yield* find(clients, { key: row.clientKey })) found.push(row)
  return byClient(found)
}

const byClient = (rows: ConsentRecord[]): ConsentRecord[] => rows.toSorted((a, b) => (a.clientId < b.clientId ? -1 : 1))

function* pageConsents({ userId }: { userId?: string | undefined }, { after = '', limit }: Page): Act<ConsentRecord[]> {
  const isLater = (consent: ConsentRecord) => consentCursor(consent) > after
  if (userId !== undefined) return (yield* consentsOf(userId)).filter(isLater).slice(0, limit)
  // The person of the last page may have more consents, so the page begins with them again.
  let [from = ''] = after.split(' ')
  const found = (yield* consentsOf(from)).filter(isLater)
  const isThere = new Map<number, boolean>()
  while (found.length < limit) {
    const rows = yield* select(consents, { orderBy: 'userId', after: from, limit: STEP })
    const last = rows.at(-1)?.userId
    if (last === undefined) break
    // The last person of a full step may have more rows than it holds.
    const whole = rows.length < STEP ? rows : rows.filter((row) => row.userId !== last)
    const standing = yield* ofStandingClients(whole, isThere)
    for (const ofPerson of Map.groupBy(standing, (row) => row.userId).values()) found.push(...byClient(ofPerson))
    if (whole.length < rows.length) found.push(...(yield* consentsOf(last)))
    from = last
  }
  return found.slice(0, limit)
}

/** Consents of a client that was deleted stay until the sweep has taken them. There may be many, and each client is asked for once. */
function* ofStandingClients(rows: ConsentRecord[], isThere: Map<number, boolean>): Act<ConsentRecord[]> {
  for (const { clientKey: key } of rows)
    if (!isThere.has(key)) isThere.set(key, (yield* find(clients, { key })) !== undefined)
  return rows.filter(({ clientKey }) => isThere.get(clientKey))
}

/** Takes a consent back: the client's grants for the person end, whichever session they were made in. */
function* withdraw(
  { userId, clientId }: { userId: string; clientId: string },
  reason: string,
  deny: GrantDenial,
  event: Recording,
): Act<'withdrawn' | 'unknown'> {
  const client = yield* find(clients, { clientId })
  if (!client) return 'unknown'
  const forgotten = yield* remove(consents, { userId, clientKey: client.key })
  let ended = yield* endCodes(userId, client.key)
  for (const row of yield* endable({ sub: userId, clientKey: client.key })) {
    const grant = grantOf(row, client)
    if (grant && (yield* endWhole(grant, reason, deny, undefined)) !== 'already') ended += 1
  }
  if (forgotten + ended === 0) return 'unknown'
  yield* record(event)
  return 'withdrawn'
}

/** Ends the codes that a client has not redeemed yet, and sign-ins that have passed the consent and would give it one. */
function* endCodes(userId: string, clientKey: number): Act<number> {
  let ended = 0
  for (const { id: owner } of yield* select(sessions, { where: { userId, endedAt: null } })) {
    const codes = (yield* select(oneTimeValues, { where: { owner, kind: 'code' } })).filter(isOfKind('code'))
    for (const { kind, hash, facts, usesLeft } of codes) {
      if (facts.clientKey !== clientKey || usesLeft === 0) continue
      ended += yield* update(oneTimeValues, { kind, hash }, { usesLeft: 0 })
    }
    yield* remove(signIns, { sessionId: owner, state: 'consent' })
  }
  return ended
}

function* hasDueLogouts(): Act<boolean> {
  const [first] = yield* select(logoutDeliveries, { orderBy: 'nextAt', limit: 1 })
  return first !== undefined && first.nextAt <= (yield* time())
}

/** As many as are looked through for clients that have a place left. */
const MOST_LOOKED_AT = 500

/** The next attempt is noted before this one is made, so that two replicas do not make it twice. */
function* claimLogouts({ limit, placesOf, without, againAt }: LogoutClaim): Act<LogoutDelivery[]> {
  const now = yield* time()
  const owed = yield* select(logoutDeliveries, { orderBy: 'nextAt', limit: MOST_LOOKED_AT })
  const claimed: LogoutDelivery[] = []
  for (const delivery of owed) {
    const { id, clientId, attempts, nextAt } = delivery
    if (claimed.length === limit || nextAt > now) break
    if (without.has(id)) continue
    if (claimed.filter((each) => each.clientId === clientId).length >= placesOf(clientId)) continue
    const change = { attempts: attempts + 1, nextAt: againAt }
    if ((yield* update(logoutDeliveries, { id, attempts }, change)) === 1) claimed.push({ ...delivery, ...change })
  }
  return claimed
}
