/** The activity of a person: events of the account and of its sessions, newest first. */
import { select, type Act, type Engine } from '../engine.ts'
import type { ActivityStore } from '../people-store.ts'
import { sessions } from '../tables/people.ts'
import type { AuditEvent } from '../records/audit.ts'
import type { Page } from '../records/facts.ts'
import { auditEvents } from '../tables/service.ts'

/** Events of earlier sessions are left out. */
const MOST_SESSIONS = 50

/** Above every id: ids are lower-case UUIDs. */
const NEWEST = '~'

export const activityVerbs = (engine: Engine): ActivityStore => ({
  listActivity: (userId, page) => engine.read(() => list(userId, page)),
})

function* list(userId: string, { after = NEWEST, limit }: Page): Act<AuditEvent[]> {
  const own = { where: { userId }, orderBy: 'id', descending: true, after: NEWEST, limit: MOST_SESSIONS } as const
  const targets = [userId, ...(yield* select(sessions, own)).map(({ id }) => id)]
  const found: AuditEvent[] = []
  // Ids are in the order of time, and each target has at most as many events on the page as the page holds.
  for (const target of targets)
    found.push(...(yield* select(auditEvents, { where: { target }, orderBy: 'id', descending: true, after, limit })))
  return found.toSorted((a, b) => (a.id < b.id ? 1 : -1)).slice(0, limit)
}
