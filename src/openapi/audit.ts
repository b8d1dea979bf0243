/** `/admin/api/audit` */
import * as z from 'zod'
import type { auditEventView } from '../admin/audit.ts'
import { ADMIN_SCOPE } from '../resources/resource.ts'
import { query, withScope, type Paths } from './operation.ts'
import { page, paging } from './paging.ts'
import { BEARER_REFUSALS, refused } from './refusals.ts'

const event = z.object({
  id: z.string().meta({ description: 'Id of the event; later ones sort after it.' }),
  at: z.iso.datetime().meta({ description: 'When it happened.' }),
  actor: z.string().meta({ description: '`cli`, `system`, `config`, or the `client_id` behind the token.' }),
  action: z.string().meta({ description: 'What was done: noun.verb, such as `client.created`.' }),
  target: z.string().meta({ description: 'Id of what it was done to.' }),
  request_id: z.string().nullable().meta({ description: '`X-Request-Id` of the request that did it.' }),
  details: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
    .meta({ description: 'Names and numbers, never a secret.' }),
}) satisfies z.ZodType<ReturnType<typeof auditEventView>>

export const auditSchemas = { AuditEvent: event }

const EXAMPLE = {
  id: '019a6e3c-7d1f-7c3a-9b52-0c1f6f1f2a77',
  at: '2026-01-31T12:00:00.000Z',
  actor: 'operator',
  action: 'client.updated',
  target: 'billing',
  request_id: '6e0b7c1e-6b35-4f0e-9d52-8f1f2a770c1f',
  details: { changed: 'scope' },
} satisfies z.output<typeof event>

export const auditPaths: Paths = {
  '/admin/api/audit': {
    get: {
      tags: ['Audit'],
      security: withScope(ADMIN_SCOPE),
      operationId: 'listAudit',
      summary: 'Who did what, newest first',
      parameters: [
        query('target', 'What was done to this alone.'),
        query('request_id', 'What this request did alone.'),
        ...paging('`id`'),
      ],
      responses: {
        200: page('A page of events.', 'AuditEvent', EXAMPLE),
        ...refused('invalid_request'),
        ...BEARER_REFUSALS,
      },
    },
  },
}
