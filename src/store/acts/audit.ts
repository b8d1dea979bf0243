/** Audit events: recorded by every act in the transaction of its change, read newest first. */
import { insufficientScope } from '../../ground/errors.ts'
import { find, heedMemory, insert, select, time, together, type Act, type Engine } from '../engine.ts'
import type { ActingSession, AuditEvent, Recording } from '../records/audit.ts'
import type { Page } from '../records/facts.ts'
import type { Store } from '../store.ts'
import { isLiveSession } from '../records/session.ts'
import { auditEvents } from '../tables/service.ts'
import { sessions } from '../tables/people.ts'
import { findPerson } from './people-rows.ts'

/** Above every id: ids are lower-case UUIDs. */
const NEWEST = '~'

/** Asks whether the actor may still act, and records the event. Both are part of the act's own transaction. */
export function* record(event: Recording | undefined): Act<void> {
  if (!event) return
  event.judge?.()
  if (event.judge) yield* heedMemory()
  if (event.session) yield* requireActingSession(event.session)
  const { judge: _, session: __, file: ___, ...row } = event
  yield* insert(auditEvents, row)
}

/** @throws OAuthError 403 where the session has ended, or the person has lost the permission */
function* requireActingSession({ sessionId, userId, permission }: ActingSession): Act<void> {
  const [session, person] = yield* together(find(sessions, { id: sessionId, userId }), findPerson({ id: userId }))
  const permissions = (person?.groups ?? []).flatMap((group) => group.permissions)
  const isLive = session !== undefined && isLiveSession(session, yield* time()) && person?.user.disabledAt === null
  if (!isLive || !permissions.includes(permission))
    throw insufficientScope('the session has ended meanwhile, or the person is no operator any more')
}

/** Whether the declarative file acts, which may not bring back what an operator ended. */
export const isByFile = (event: Recording): boolean => event.file !== undefined

/** The name of the declarative file that acts; `null` where another actor does. */
export const fileOf = (event: Recording): string | null => event.file ?? null

/** The file that has a record after a change. A file takes over what another file made, and nothing that a command made. */
export const fileAfter = ({ declaredBy }: { declaredBy: string | null }, event: Recording): string | null =>
  declaredBy === null ? null : (event.file ?? declaredBy)

export const auditVerbs = (engine: Engine): Pick<Store, 'recordAudit' | 'listAudit'> => ({
  recordAudit: (events) =>
    engine.act(function* () {
      for (const event of events) yield* record(event)
    }, 'free'),
  listAudit: (query) => engine.read(() => list(query)),
})

function* list({
  after = NEWEST,
  limit,
  target,
  requestId,
}: Page & { target?: string | undefined; requestId?: string | undefined }): Act<AuditEvent[]> {
  const where = { ...(target !== undefined && { target }), ...(requestId !== undefined && { requestId }) }
  return yield* select(auditEvents, { where, orderBy: 'id', descending: true, after, limit })
}
