/** /admin/api/audit: newest first; `?target=` and `?request_id=` narrow it. */
import { auditEventView, type AuditTrail } from '../audit.ts'
import { Unavailable } from '../ground/errors.ts'
import { orNull, shapeOf, text, time } from '../ground/shape.ts'
import { scope } from '../http/access.ts'
import { answerPage, narrowing, pageOf, paging, readPageOfIds } from '../http/page.ts'
import { route } from '../http/route.ts'
import { ADMIN_SCOPE } from '../resources/resource.ts'
import type { Store } from '../store/store.ts'

interface Needs {
  store: Store
  audit: AuditTrail
}

export const auditApi = ({ store, audit }: Needs) =>
  route(
    {
      get: '/admin/api/audit',
      access: scope(ADMIN_SCOPE),
      id: 'listAudit',
      tag: 'Audit',
      says: 'Who did what, newest first',
      query: {
        target: narrowing('What was done to this alone.'),
        request_id: narrowing('What this request did alone.'),
        ...paging('id'),
      },
      answers: { 200: pageOf('A page of events.', EVENT) },
      refuses: ['invalid_request'],
    },
    async (call) => {
      // Operators ask most for events of a moment ago. After a write in vain, a reading would only make them wait as long again.
      if (!(await audit.flush())) throw new Unavailable('the newest audit events could not be written')
      const page = readPageOfIds(call)
      const filter = { target: call.query.target, requestId: call.query.request_id }
      return answerPage(call, page, await store.listAudit({ ...page, ...filter }), ({ id }) => id, auditEventView)
    },
  )

const scalar = { anyOf: ['string', 'number', 'boolean', 'null'].map((type) => ({ type })) }

const EVENT = shapeOf<ReturnType<typeof auditEventView>>(
  'AuditEvent',
  {
    id: text('Id of the event; later ones sort after it.'),
    at: time('When it happened.'),
    actor: text('`cli`, `system`, `config`, the `client_id` behind the token, or the id of the person who acted.'),
    action: text('What was done: noun.verb, such as `client.created`.'),
    target: text('Id of what it was done to.'),
    request_id: orNull(text('`X-Request-Id` of the request that did it.')),
    details: { type: 'object', additionalProperties: scalar, description: 'Names and numbers, never a secret.' },
  },
  {
    id: '019a6e3c-7d1f-7c3a-9b52-0c1f6f1f2a77',
    at: '2026-01-31T12:00:00.000Z',
    actor: 'operator',
    action: 'client.updated',
    target: 'billing',
    request_id: '6e0b7c1e-6b35-4f0e-9d52-8f1f2a770c1f',
    details: { changed: 'scope' },
  },
)
