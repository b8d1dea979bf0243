/**
 * The end of a session, by whatever act: the row, the grants that were made in it, the codes and sign-ins that rest on it,
 * and the logout tokens that are owed to its clients. All of it is one write.
 */
import type { Instant } from '../../ground/clock.ts'
import { timeOrderedId } from '../../ground/ids.ts'
import { alone, find, insert, remove, select, time, update, type Act } from '../engine.ts'
import { logoutDeliveries, oneTimeValues, sessionClients, sessions, signIns } from '../tables/people.ts'
import type { PersonEnding, SessionEnding, SessionRecord } from '../records/session.ts'
import { clients } from '../tables/clients.ts'
import { record } from './audit.ts'
import { addDenials, endNamedGrants } from './blacklist.ts'
import { findClient } from './client-rows.ts'
import { grantOf } from './grant-rows.ts'
import { endWhole, endable } from './grants.ts'

/** How long a client that does not answer is asked again. Milliseconds. */
const OWED_FOR_MS = 3_600_000

const OFFLINE_ACCESS = 'offline_access'

export function* endSession(id: string, ending: SessionEnding): Act<'ended' | 'already' | 'unknown'> {
  const session = yield* find(sessions, { id })
  if (!session || (ending.ofUser !== undefined && session.userId !== ending.ofUser)) return 'unknown'
  if (session.endedAt !== null) {
    // It may have ended more mildly: grants with offline_access are left of a session that was signed out.
    yield* endGrantsOf(session, ending)
    return 'already'
  }
  yield* endGrantsOf(session, ending)
  yield* closeSession(session, ending.reason)
  yield* record(ending.event(session))
  return 'ended'
}

/** Ends a live session itself; its grants are ended by the caller. */
export function* closeSession(session: SessionRecord, reason: string): Act<void> {
  const { id } = session
  const now = yield* time()
  yield* update(sessions, { id }, { endedAt: now, endedReason: reason })
  // A code that was not redeemed yet gives nothing any more, and no sign-in goes on in the session.
  yield* update(oneTimeValues, { owner: id, kind: 'code' }, { usesLeft: 0 })
  yield* remove(signIns, { sessionId: id })
  yield* owe(session, now)
}

function* endGrantsOf({ id }: SessionRecord, { reason, deny, isKeepingOffline }: SessionEnding): Act<void> {
  for (const row of yield* endable({ sessionId: id })) {
    const grant = grantOf(row, yield* find(clients, { key: row.clientKey }))
    if (!grant || (isKeepingOffline && grant.scope.includes(OFFLINE_ACCESS))) continue
    yield* endWhole(grant, reason, deny, undefined)
  }
}

/** Notes the logout tokens that the clients of a session are owed (OIDC Back-Channel Logout 1.0 §2.5). */
function* owe({ id: sessionId, userId: sub }: SessionRecord, now: Instant): Act<void> {
  for (const { clientId } of yield* select(sessionClients, { where: { sessionId } })) {
    const uri = (yield* findClient(clientId))?.backchannelLogoutUri
    if (uri === undefined || uri === null) continue
    const times = { nextAt: now, createdAt: now, expiresAt: now + OWED_FOR_MS }
    yield* insert(logoutDeliveries, { id: timeOrderedId(now), clientId, sub, sessionId, uri, attempts: 0, ...times })
  }
}

/**
 * Ends the sessions of a person, what is left of earlier ones, and the sign-ins under way. If `deny` is given,
 * everything else that the person has ends too. It is done alone: a sign-in that passes by a former password at the same
 * moment is ended here, or does not pass.
 * @param going the sign-in in which it is done
 * @returns the ids of the sessions that ended
 */
export function* endSessionsOf(userId: string, { deny, session, except }: PersonEnding, going?: string): Act<string[]> {
  yield* alone()
  const ended: string[] = []
  for (const { id } of yield* select(sessions, { where: { userId, endedAt: null } })) {
    if (id === except) continue
    if ((yield* endSession(id, session)) === 'ended') ended.push(id)
  }
  for (const { id } of yield* select(signIns, { where: { userId } })) if (id !== going) yield* remove(signIns, { id })
  if (!deny) {
    yield* endGrantsOfEarlier(userId, session, except)
    return ended
  }
  for (const entry of yield* addDenials((moment) => [deny(moment)])) yield* endNamedGrants(entry, yield* time())
  return ended
}

/** Ends the grants that outlived the session in which they were made. */
function* endGrantsOfEarlier(userId: string, { reason, deny }: SessionEnding, except: string | undefined): Act<void> {
  for (const row of yield* endable({ sub: userId })) {
    if (row.sessionId === null || row.sessionId === except) continue
    const grant = grantOf(row, yield* find(clients, { key: row.clientKey }))
    if (grant) yield* endWhole(grant, reason, deny, undefined)
  }
}
