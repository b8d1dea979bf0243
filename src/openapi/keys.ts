/** `/admin/api/keys` */
import * as z from 'zod'
import { keyRotationSchema } from '../admin/keys.ts'
import { ADMIN_SCOPE } from '../resources/resource.ts'
import type { listKeyViews } from '../keys/wire.ts'
import { id, json, jsonBody, listOf, ref, withScope, type Paths } from './operation.ts'
import { BEARER_BODY_REFUSALS, BEARER_REFUSALS, CONFLICT, NOT_FOUND, refused } from './refusals.ts'

const reader = z.object({
  name: z.string().meta({ description: 'As it introduces itself in `User-Agent`.' }),
  last_seen_at: z.iso.datetime().meta({ description: 'When it was here last.' }),
})

const key = z.object({
  kid: z.string(),
  alg: z.enum(['ES256', 'RS256']),
  status: z.enum(['next', 'active', 'retiring', 'retired', 'revoked']).meta({
    description:
      '`next`: published, does not sign yet. `active`: signs. `retiring`: verifies only. `retired`: gone from the key set. `revoked`: compromised, gone at once.',
  }),
  resource: z.string().exactOptional().meta({ description: 'The resource whose own key this is.' }),
  created_at: z.iso.datetime(),
  activated_at: z.iso.datetime().nullable().meta({ description: 'When it began to sign.' }),
  retires_at: z.iso
    .datetime()
    .nullable()
    .meta({ description: 'When it leaves or left the key set; `null` for one that is next or active.' }),
  seen_by: z.array(reader).exactOptional().meta({ description: 'Of a shared `next` key: the verifiers that have it.' }),
  not_seen_by: z
    .array(reader)
    .exactOptional()
    .meta({ description: 'Those that were here lately and do not have it yet.' }),
}) satisfies z.ZodType<Awaited<ReturnType<typeof listKeyViews>>[number]>

export const keySchemas = { Key: key, KeyRotation: keyRotationSchema }

const EXAMPLE = [
  {
    kid: 'es256-3q2-7wEjRWeJq83vASNFZw',
    alg: 'ES256',
    status: 'active',
    created_at: '2026-01-31T12:00:00.000Z',
    activated_at: '2026-01-31T12:00:00.000Z',
    retires_at: null,
  },
  {
    kid: 'es256-mZ8vYc0Wk1mJtq3bL0aX2Q',
    alg: 'ES256',
    status: 'next',
    created_at: '2026-01-31T12:00:00.000Z',
    activated_at: null,
    retires_at: null,
    seen_by: [{ name: 'orders-api', last_seen_at: '2026-02-01T08:00:00.000Z' }],
    not_seen_by: [],
  },
] satisfies z.output<typeof key>[]

const shared = { tags: ['Keys'] as [string], security: withScope(ADMIN_SCOPE) }

export const keyPaths: Paths = {
  '/admin/api/keys': {
    get: {
      ...shared,
      operationId: 'listKeys',
      summary: 'List all signing keys',
      responses: { 200: json('Every key.', listOf('Key'), EXAMPLE), ...BEARER_REFUSALS },
    },
  },
  '/admin/api/keys/rotate': {
    post: {
      ...shared,
      operationId: 'rotateKeys',
      summary: 'Rotate signing keys now',
      description:
        '`next` becomes `active`, `active` becomes `retiring`, a new `next` stands. Of all rings, unless `alg` or `resource` narrow it. Refused, with the time from which it is safe, while a `next` key is too young; `emergency` goes ahead.',
      requestBody: jsonBody(ref('KeyRotation'), { alg: 'ES256', emergency: true }, false),
      responses: {
        200: json('Every key as it is now.', listOf('Key'), EXAMPLE),
        ...refused('invalid_request'),
        ...NOT_FOUND,
        ...CONFLICT,
        ...BEARER_BODY_REFUSALS,
      },
    },
  },
  '/admin/api/keys/{id}/revoke': {
    post: {
      ...shared,
      operationId: 'revokeKey',
      summary: 'Revoke a compromised signing key',
      description:
        'Out of the key set at once, a fresh `active` key in its place; its tokens are refused here and by whoever follows the feed. Who only caches the key set accepts tokens of the revoked key, forged ones too, until `max-age` is over, and refuses those of the fresh one for as long where it has been published for less.',
      parameters: [id('A `kid`', 'es256-3q2-7wEjRWeJq83vASNFZw')],
      responses: {
        200: json('Every key as it is now.', listOf('Key'), EXAMPLE),
        ...NOT_FOUND,
        ...CONFLICT,
        ...BEARER_REFUSALS,
      },
    },
  },
}
