/** Resources as they stand on the wire, in both directions. */
import * as z from 'zod'
import { onlyGiven, claimsSchema, ttlSchema, scopeSchema } from '../clients/wire.ts'
import { toIso } from '../ground/clock.ts'
import { anything, flag, integer, oneOf, orNull, shapeOf, text, time } from '../ground/shape.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import type { ResourceChange } from './registration.ts'
import { MOST_RESOURCE_ID_CHARACTERS } from './resource.ts'

/** A change: absent members stay as they are. Unknown ones are refused. */
export const resourceChangeSchema = z
  .strictObject({
    alg: z.enum(['ES256', 'RS256']),
    ttl: ttlSchema.nullable(),
    scope: scopeSchema.nullable(),
    typ: z.enum(['at+jwt', 'JWT']),
    claims: claimsSchema,
    own_keys: z.boolean(),
  })
  .partial()
  .meta({ id: 'ResourceChange' })

export const resourceRegistrationSchema = resourceChangeSchema
  .extend({ id: z.string().max(MOST_RESOURCE_ID_CHARACTERS, { abort: true }) })
  .meta({ id: 'ResourceRegistration' })

export function toResourceChange({
  alg,
  ttl,
  scope,
  typ,
  claims,
  own_keys: ownKeys,
}: z.output<typeof resourceChangeSchema>): ResourceChange {
  const change = { alg, ttl, scope, typ, claims, ownKeys }
  return onlyGiven(change)
}

/** A resource as administrators see it. */
export const resourceMetadata = (resource: ResourceRecord) => ({
  id: resource.id,
  alg: resource.alg,
  ttl: resource.ttl,
  scope: resource.scope === null ? null : resource.scope.join(' '),
  typ: resource.typ,
  claims: resource.claims,
  own_keys: resource.ownKeys,
  created_at: toIso(resource.createdAt),
  updated_at: toIso(resource.updatedAt),
})

export const RESOURCE = shapeOf<ReturnType<typeof resourceMetadata>>(
  'Resource',
  {
    id: text('Becomes `aud`: an absolute URI, or a plain name.'),
    alg: oneOf(['ES256', 'RS256']),
    ttl: orNull(integer()),
    scope: orNull(text('Scope values that it knows; `null` for whatever its clients are registered for.')),
    typ: oneOf(['at+jwt', 'JWT']),
    claims: anything(),
    own_keys: flag(),
    created_at: time(),
    updated_at: time(),
  },
  {
    id: 'https://orders.example.com',
    alg: 'ES256',
    ttl: 600,
    scope: 'orders:read orders:write',
    typ: 'at+jwt',
    claims: {},
    own_keys: false,
    created_at: '2026-01-31T12:00:00.000Z',
    updated_at: '2026-01-31T12:00:00.000Z',
  },
)
