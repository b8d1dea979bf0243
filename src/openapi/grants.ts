/** `/admin/api/grants` and `/admin/api/users` */
import * as z from 'zod'
import type { grantView, subjectView } from '../grants/wire.ts'
import { ADMIN_SCOPE } from '../resources/resource.ts'
import { done, id, json, query, ref, withScope, type Paths } from './operation.ts'
import { page, paging } from './paging.ts'
import { BEARER_REFUSALS, NOT_FOUND, refused } from './refusals.ts'

const grant = z.object({
  sid: z.string(),
  client_id: z.string(),
  sub: z.string(),
  resources: z.array(z.string()).meta({ description: 'What its tokens may be for.' }),
  scope: z.string().meta({ description: 'What was granted; a refresh may lower it, never raise it.' }),
  claims: z.record(z.string(), z.unknown()).meta({ description: 'What the client said of the person.' }),
  status: z.enum(['active', 'expired', 'ended']).meta({ description: 'Whether its refresh token is good.' }),
  refreshes: z.int().min(0).meta({ description: 'How often it was refreshed.' }),
  created_at: z.iso.datetime(),
  last_refresh_at: z.iso.datetime().nullable().meta({ description: 'When it was refreshed last.' }),
  expires_at: z.iso.datetime().meta({ description: 'Its end at the latest; no refresh moves it.' }),
  idle_expires_at: z.iso.datetime().nullable().meta({ description: 'Its end unless it is refreshed before.' }),
  ended_at: z.iso.datetime().nullable().meta({ description: 'When it was ended before its time.' }),
  ended_reason: z.string().nullable().meta({ description: 'Why it was ended.' }),
}) satisfies z.ZodType<ReturnType<typeof grantView>>

const user = z.object({
  sub: z.string(),
  status: z.enum(['enabled', 'disabled']),
  blacklist_entry: z.string().nullable(),
  grants: z.int().min(0).meta({ description: 'How many grants are remembered.' }),
  live_grants: z.int().min(0).meta({ description: 'How many of them are live.' }),
  last_grant_at: z.iso.datetime().nullable().meta({ description: 'When the last of them was made.' }),
}) satisfies z.ZodType<ReturnType<typeof subjectView>>

export const grantSchemas = { Grant: grant, User: user }

const GRANT = {
  sid: '019a6e3c-7d1f-7c3a-9b52-0c1f6f1f2a77',
  client_id: 'billing',
  sub: 'ada',
  resources: ['https://orders.example.com'],
  scope: 'orders:read offline_access',
  claims: { email: 'ada@example.com' },
  status: 'active',
  refreshes: 1,
  created_at: '2026-01-31T12:00:00.000Z',
  last_refresh_at: '2026-01-31T12:14:00.000Z',
  expires_at: '2026-03-02T12:00:00.000Z',
  idle_expires_at: null,
  ended_at: null,
  ended_reason: null,
} satisfies z.output<typeof grant>

const USER = {
  sub: 'ada',
  status: 'enabled',
  blacklist_entry: null,
  grants: 3,
  live_grants: 1,
  last_grant_at: '2026-01-31T12:00:00.000Z',
} satisfies z.output<typeof user>

const DISABLED = {
  ...USER,
  status: 'disabled',
  blacklist_entry: '019a6e3d-11aa-7b0e-8c1d-2f3a4b5c6d7e',
} satisfies z.output<typeof user>

const security = withScope(ADMIN_SCOPE)
const GRANTS = { tags: ['Grants'] as [string], security }
const USERS = { tags: ['Users'] as [string], security }
const SID = id('A `sid`', GRANT.sid)
const SUB = id('A `sub`; one that is `.` or `..` has no place in a path: use POST /blacklist', 'ada')

export const grantPaths: Paths = {
  '/admin/api/grants': {
    get: {
      ...GRANTS,
      operationId: 'listGrants',
      summary: 'List grants, oldest first',
      parameters: [
        query('client_id', 'Of this client alone.'),
        query('sub', 'Of this subject alone.'),
        ...paging('`sid`'),
      ],
      responses: { 200: page('A page of grants.', 'Grant', GRANT), ...refused('invalid_request'), ...BEARER_REFUSALS },
    },
  },
  '/admin/api/grants/{id}': {
    get: {
      ...GRANTS,
      operationId: 'readGrant',
      summary: 'Read a grant',
      parameters: [SID],
      responses: { 200: json('The grant.', ref('Grant'), GRANT), ...NOT_FOUND, ...BEARER_REFUSALS },
    },
    delete: {
      ...GRANTS,
      operationId: 'endGrant',
      summary: 'End a grant',
      description: 'Its refresh tokens are over for good, its live access tokens are denied, here and downstream.',
      parameters: [SID],
      responses: { 204: done('Ended, now or before.'), ...NOT_FOUND, ...BEARER_REFUSALS },
    },
  },
}

export const userPaths: Paths = {
  '/admin/api/users': {
    get: {
      ...USERS,
      operationId: 'listUsers',
      summary: 'List the persons for whom grants were asked',
      parameters: paging('`sub`'),
      responses: { 200: page('A page of persons.', 'User', USER), ...refused('invalid_request'), ...BEARER_REFUSALS },
    },
  },
  '/admin/api/users/{id}': {
    get: {
      ...USERS,
      operationId: 'readUser',
      summary: 'Read a person',
      parameters: [SUB],
      responses: { 200: json('The person.', ref('User'), USER), ...NOT_FOUND, ...BEARER_REFUSALS },
    },
  },
  '/admin/api/users/{id}/disable': {
    post: {
      ...USERS,
      operationId: 'disableUser',
      summary: 'Disable a person',
      description:
        'By a blacklist entry: what was issued is denied, nothing new is issued, until it is lifted. It needs no grant. A client is no person: 404.',
      parameters: [SUB],
      responses: { 200: json('The person as it is now.', ref('User'), DISABLED), ...NOT_FOUND, ...BEARER_REFUSALS },
    },
  },
  '/admin/api/users/{id}/enable': {
    post: {
      ...USERS,
      operationId: 'enableUser',
      summary: 'Enable a person',
      description: 'Lifts every blacklist entry that refuses the person new tokens. Grants that were ended stay ended.',
      parameters: [SUB],
      responses: { 200: json('The person as it is now.', ref('User'), USER), ...NOT_FOUND, ...BEARER_REFUSALS },
    },
  },
}
