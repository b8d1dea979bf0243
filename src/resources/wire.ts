/** Resources as they stand on the wire, in both directions. All doors read the fields from one table. */
import { claimMapSchema, claimsSchema, scopeSchema, textOf, ttlSchema } from '../clients/field-schemas.ts'
import { SCOPE_TOKEN } from '../clients/client.ts'
import { toIso } from '../ground/clock.ts'
import { changeBy, fieldsOf, schemasOf, shapesOf, shownBy } from '../ground/metadata.ts'
import { schemaOf, type ValueOf } from '../ground/schema.ts'
import { anything, flag, oneOf, orNull, shapeOf, text, time } from '../ground/shape.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import { MOST_RESOURCE_ID_CHARACTERS, type ResourceChange } from './resource.ts'

const { field, duration } = fieldsOf<ResourceRecord>()

const ALGORITHMS = ['ES256', 'RS256'] as const
const TYPES = ['at+jwt', 'JWT'] as const
const OPENINGS = ['registered', 'any_client'] as const

/** Every field of a resource, once: the admin API, the declarative file, the command line and OpenAPI read this table. */
export const RESOURCE_FIELDS = {
  alg: field('alg', {
    schema: schemaOf((z) => z.enum(ALGORITHMS)),
    shape: oneOf(ALGORITHMS),
    says: 'The algorithm that signs its tokens (RFC 7518).',
    flag: '--alg <alg>',
    help: 'signature of its tokens: ES256 (unless said otherwise) or RS256',
    read: 'text',
  }),
  ttl: duration('ttl', ttlSchema, {
    says: 'Life of its access tokens; `null` follows client and configuration.',
    flag: '--ttl <duration>',
    help: 'longest life of its access tokens; "default" follows client and configuration',
  }),
  scope: field('scope', {
    schema: schemaOf(() => scopeSchema.zod.nullable()),
    show: ({ scope }) => (scope === null ? null : scope.join(' ')),
    shape: orNull(text()),
    says: 'Scope values that it knows; `null` for whatever its clients are registered for.',
    isSet: true,
    flag: '--scope <scopes>',
    help: 'the scopes that it knows; "default" leaves them to the clients',
    read: 'textOrDefault',
  }),
  typ: field('typ', {
    schema: schemaOf((z) => z.enum(TYPES)),
    shape: oneOf(TYPES),
    says: 'Header `typ` of its access tokens; `JWT` for servers that refuse `at+jwt`.',
    flag: '--typ <typ>',
    help: 'header typ: at+jwt, or JWT for servers that refuse at+jwt',
    read: 'text',
  }),
  claims: field('claims', {
    schema: claimsSchema,
    shape: anything(),
    says: 'Claims that its tokens carry, beside those of the protocol.',
    flag: '--claim <name=value>',
    help: 'a claim of every token for it; value is JSON, else text (repeatable)',
    read: 'claims',
  }),
  own_keys: field('ownKeys', {
    schema: schemaOf((z) => z.boolean()),
    shape: flag(),
    says: 'Its tokens are signed by keys of its own, published at `/jwks/{resource}` alone. Given later, they sign once they have been published for the prepublish time.',
    flag: '--own-keys',
    help: 'sign its tokens with keys of its own, published at /jwks/ID',
    read: { switch: { helpOfNegation: 'sign its tokens with the keys of the issuer' } },
  }),
  claim_map: field('claimMap', {
    schema: claimMapSchema,
    shape: anything(),
    says: 'Claims of the person in its access tokens, each with a path: `id username email name groups roles permissions claims.X`, `[0]` for a member of a list.',
    flag: '--claim-map <name=path>',
    help: 'a claim of people, such as role=roles[0] or org=claims.org (repeatable)',
    read: 'pairs',
  }),
  open_to: field('openTo', {
    schema: schemaOf((z) => z.enum(OPENINGS)),
    shape: oneOf(OPENINGS),
    says: '`any_client`: third-party clients may reach it too, always with consent.',
    flag: '--open',
    help: 'let third-party clients reach it, always with consent',
    read: {
      switch: { helpOfNegation: 'let only clients reach it that name it', values: ['any_client', 'registered'] },
    },
  }),
  scope_permissions: field('scopePermissions', {
    schema: schemaOf((z) =>
      z.record(z.string().regex(SCOPE_TOKEN), z.string().min(1).max(128), {
        error:
          'expected an object of scope values and permissions, such as orders:write with the permission orders.write',
      }),
    ),
    shape: anything(),
    says: 'Scope values, each with the permission that a person needs for it.',
  }),
}

/** A change: absent members stay as they are. Unknown ones are refused. */
export const resourceChangeSchema = schemaOf((z) =>
  z.strictObject(schemasOf(RESOURCE_FIELDS)).partial().meta({ id: 'ResourceChange' }),
)

export const resourceRegistrationSchema = schemaOf(() =>
  resourceChangeSchema.zod.extend({ id: textOf(MOST_RESOURCE_ID_CHARACTERS).zod }).meta({ id: 'ResourceRegistration' }),
)

/** From the names on the wire to ours. */
export const toResourceChange = (metadata: ValueOf<typeof resourceChangeSchema>): ResourceChange =>
  changeBy(RESOURCE_FIELDS, metadata)

/** A resource as administrators see it. */
export const resourceMetadata = (resource: ResourceRecord) => ({
  id: resource.id,
  ...shownBy(RESOURCE_FIELDS, resource),
  created_at: toIso(resource.createdAt),
  updated_at: toIso(resource.updatedAt),
})

export const RESOURCE = shapeOf<ReturnType<typeof resourceMetadata>>(
  'Resource',
  {
    id: text('Becomes `aud`: an absolute URI, or a plain name.'),
    ...shapesOf(RESOURCE_FIELDS),
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
    claim_map: {},
    open_to: 'registered',
    scope_permissions: {},
    created_at: '2026-01-31T12:00:00.000Z',
    updated_at: '2026-01-31T12:00:00.000Z',
  },
)
