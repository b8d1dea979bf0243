/** /admin/api/audit: newest first; `?target=` and `?request_id=` narrow it. */
import { toIso } from '../ground/clock.ts'
import { answerPage, readPage } from '../http/page.ts'
import type { Handler, Rooms } from '../http/rooms.ts'
import type { AuditEvent } from '../store/store.ts'

export const auditEventView = ({ id, at, actor, action, target, requestId, details }: AuditEvent) => ({
  id,
  at: toIso(at),
  actor,
  action,
  target,
  request_id: requestId,
  details,
})

export const listAudit =
  ({ store, audit }: Rooms): Handler =>
  async (c) => {
    // What was noted a moment ago is asked for most.
    await audit.flush()
    const page = readPage(c)
    const filter = { target: c.req.query('target') || undefined, requestId: c.req.query('request_id') || undefined }
    return answerPage(c, page, await store.listAudit({ ...page, ...filter }), ({ id }) => id, auditEventView)
  }
