/**
 * Client metadata as it stands on the wire (RFC 7591 §2, with Signet's own members), in both directions. One table says
 * everything of a field, so that all doors accept, refuse and show the same.
 */
import { toIso } from '../ground/clock.ts'
import { nearest } from '../ground/nearest.ts'
import { changeBy, fieldsOf, schemasOf, shapesOf, shownBy } from '../ground/metadata.ts'
import { schemaOf, type ValueOf } from '../ground/schema.ts'
import {
  anything,
  flag,
  integer,
  manyOf,
  object,
  oneOf,
  optional,
  orNull,
  shapeOf,
  text,
  texts,
  time,
} from '../ground/shape.ts'
import type { ClientRecord, ClientSecret } from '../store/records/client.ts'
import { MOST_SENT_KEYS, readKeySet } from './assertion-key.ts'
import { AUTH_METHODS, GRANT_TYPES, MOST_CLIENT_ID_CHARACTERS, SUBJECT_GRANT, type ClientChange } from './client.ts'
import { claimsSchema, nullableDurationSchema, scopeSchema, textOf, textOrNone, ttlSchema } from './field-schemas.ts'
import { MOST_REDIRECT_URIS, MOST_URI_CHARACTERS, isRedirectUri } from './redirect-uri.ts'
import { SIGN_IN_EXAMPLE, SIGN_IN_FIELDS, link } from './sign-in-fields.ts'

/** As people write them: `subject` is short for its full name. */
const GRANT_NAMES = GRANT_TYPES.map((each) => (each === SUBJECT_GRANT ? 'subject' : each))

const grantTypeSchema = schemaOf((z) =>
  z.preprocess(
    (value) => (value === 'subject' ? SUBJECT_GRANT : value),
    z.enum(GRANT_TYPES, {
      error: ({ input }) =>
        `expected one of ${GRANT_NAMES.join(', ')}${typeof input === 'string' ? nearest(input, GRANT_NAMES) : ''}`,
    }),
  ),
)

const redirectUriSchema = schemaOf(() =>
  textOf(MOST_URI_CHARACTERS).zod.refine(isRedirectUri, {
    message:
      'expected an https URI without fragment (http for loopback addresses only), or a private scheme such as com.example.app:/cb or cursor://callback',
  }),
)

/** A key set without the keys and members that serve nothing here; `null` for none. */
const keySetSchema = schemaOf((z) =>
  z
    .object({ keys: z.array(z.record(z.string(), z.unknown())).max(MOST_SENT_KEYS, { abort: true }) })
    .transform(({ keys }, context) => {
      const read = readKeySet(keys)
      if ('keys' in read) return { keys: read.keys }
      context.addIssue({ code: 'custom', message: read.fault })
      return z.NEVER
    })
    .nullable(),
)

const { field, duration } = fieldsOf<ClientRecord>()

/** Every field of a client, once: the admin API, the declarative file, the command line and OpenAPI read this table. */
export const CLIENT_FIELDS = {
  client_name: field('name', {
    schema: textOrNone(200),
    shape: orNull(text()),
    says: 'A name for people.',
    flag: '--name <name>',
    help: 'for people to recognise it',
    read: 'text',
  }),
  grant_types: field('grantTypes', {
    // Two spellings of one grant type are one.
    schema: schemaOf((z) =>
      z
        .array(grantTypeSchema.zod)
        .max(10, { abort: true })
        .transform((types) => [...new Set(types)]),
    ),
    shape: manyOf(oneOf(GRANT_TYPES)),
    isSet: true,
    says: 'The grant types that it may ask for tokens by. Unless said: `authorization_code` with a redirect URI, else `client_credentials`.',
    flag: '--grant <type>',
    help: 'grant type: authorization_code (usual with --redirect-uri), client_credentials (usual without), refresh_token, subject (repeatable)',
    read: 'list',
  }),
  scope: field('scope', {
    schema: scopeSchema,
    show: ({ scope }) => scope.join(' '),
    shape: text(),
    isSet: true,
    says: 'Scope values, separated by spaces. A request may give a list instead.',
    flag: '--scope <scopes>',
    help: 'all scopes it may ask for, separated by spaces',
    read: 'text',
  }),
  resources: field('resources', {
    schema: schemaOf((z) => z.array(textOf(512).zod.min(1)).max(100, { abort: true })),
    shape: texts(),
    says: 'Ids of resources, in order of preference.',
    flag: '--resource <id>',
    help: 'a resource it may name; the first is its default (repeatable)',
    read: 'list',
  }),
  redirect_uris: field('redirectUris', {
    schema: schemaOf((z) => z.array(redirectUriSchema.zod).max(MOST_REDIRECT_URIS, { abort: true })),
    shape: texts(),
    isSet: true,
    says: 'https URIs, http on loopback addresses, or private schemes.',
    flag: '--redirect-uri <uri>',
    help: 'where people are sent back to (repeatable)',
    read: 'list',
  }),
  token_endpoint_auth_method: field('tokenEndpointAuthMethod', {
    schema: schemaOf((z) => z.enum(AUTH_METHODS)),
    shape: oneOf(AUTH_METHODS),
    says: 'The one way in which it authenticates.',
    flag: '--auth-method <method>',
    help: 'client_secret_basic, client_secret_post, private_key_jwt or none',
    read: 'text',
  }),
  jwks: field('jwks', {
    schema: keySetSchema,
    shape: orNull(object({ keys: manyOf(anything()) })),
    says: 'Its public keys, for `private_key_jwt`.',
    flag: '--jwks <file>',
    help: 'its public keys as a JWK Set, for private_key_jwt',
    read: 'jsonFile',
  }),
  jwks_uri: field('jwksUri', {
    ...link('Where it publishes its public keys, for `private_key_jwt`; in place of `jwks`.'),
    flag: '--jwks-uri <uri>',
    help: 'where it publishes its public keys, in place of --jwks',
    read: 'text',
  }),
  access_token_ttl: duration('accessTokenTtl', ttlSchema, {
    says: 'Life of its access tokens; `null` follows resource and configuration.',
    flag: '--access-token-ttl <duration>',
    help: 'life of its access tokens; "default" follows the configuration',
  }),
  refresh_token_ttl: duration('refreshTokenTtl', ttlSchema, {
    says: 'Life of a refresh token family from its first token.',
    flag: '--refresh-token-ttl <duration>',
    help: 'life of a refresh token family from its first token',
  }),
  refresh_token_idle_ttl: duration('refreshTokenIdleTtl', ttlSchema, {
    says: 'How long a refresh token may lie unused; `null` for as long as its family lives.',
    flag: '--refresh-token-idle-ttl <duration>',
    help: 'how long a family may stay unused',
  }),
  refresh_grace: duration('refreshGrace', nullableDurationSchema, {
    says: 'How long a used refresh token may be repeated while its successor is unused.',
    flag: '--refresh-grace <duration>',
    help: 'how long a used refresh token may be repeated',
  }),
  claims: field('claims', {
    schema: claimsSchema,
    shape: anything(),
    says: 'Claims that the tokens carry, beside those of the protocol.',
    flag: '--claim <name=value>',
    help: 'a claim of every token of it; value is JSON, else text (repeatable)',
    read: 'claims',
  }),
  allowed_claims: field('allowedClaims', {
    schema: schemaOf((z) => z.array(textOf(128).zod.min(1)).max(100, { abort: true })),
    shape: texts(),
    isSet: true,
    says: 'Names of the claims that it may assert of a person by `subject_claims`.',
    flag: '--allow-claim <name>',
    help: 'a claim that it may assert of a person (repeatable)',
    read: 'list',
  }),
  ...SIGN_IN_FIELDS,
}

/** A change of metadata: absent members stay as they are. Unknown ones are refused. */
export const clientChangeSchema = schemaOf((z) =>
  z.strictObject(schemasOf(CLIENT_FIELDS)).partial().meta({ id: 'ClientChange' }),
)

/** A `client_id`. `requireSoundClient` judges its form. */
export const clientIdSchema = textOf(MOST_CLIENT_ID_CHARACTERS)

/** A registration; `client_id` is made up where absent. */
export const clientRegistrationSchema = schemaOf(() =>
  clientChangeSchema.zod.extend({ client_id: clientIdSchema.zod.optional() }).meta({ id: 'ClientRegistration' }),
)

/** From the names on the wire to ours. */
export const toClientChange = (metadata: ValueOf<typeof clientChangeSchema>): ClientChange =>
  changeBy(CLIENT_FIELDS, metadata)

/** A client as administrators see it. `secret` only where one was made just now: it is shown this once. */
export function clientMetadata(client: ClientRecord, secret?: string) {
  return {
    client_id: client.clientId,
    ...(secret !== undefined && { client_secret: secret, client_secret_expires_at: 0 }),
    ...shownBy(CLIENT_FIELDS, client),
    status: client.disabledAt === null ? 'enabled' : 'disabled',
    secrets: client.secrets.map(secretView),
    created_at: toIso(client.createdAt),
    updated_at: toIso(client.updatedAt),
    disabled_at: toIso(client.disabledAt),
  }
}

const secretView = ({ id, kind, createdAt, expiresAt, lastUsedAt }: ClientSecret) => ({
  id,
  kind,
  created_at: toIso(createdAt),
  expires_at: toIso(expiresAt),
  last_used_at: toIso(lastUsedAt),
})

/** A client with its new secret. @param ended the secrets that ended at once */
export const rotatedMetadata = (client: ClientRecord, secret: string | undefined, ended: ClientSecret[]) => ({
  ...clientMetadata(client, secret),
  ended_secrets: ended.map(secretView),
})

const secretShape = object({
  id: text('Id of the secret, which is not the secret.'),
  kind: oneOf(['generated', 'brought'], '`generated` here, or `brought` by an operator in the declarative file.'),
  created_at: time(),
  expires_at: orNull(time('When this secret ends; `null` for never.')),
  last_used_at: orNull(time('When it authenticated last, within a minute or so.')),
})

export const CLIENT = shapeOf<
  ReturnType<typeof clientMetadata> & {
    ended_grants?: number
    disabled_user?: boolean
    ended_secrets?: ReturnType<typeof secretView>[]
  }
>(
  'Client',
  {
    client_id: text(),
    client_secret: optional(text()),
    client_secret_expires_at: optional(integer()),
    ended_grants: optional(integer('Of a new client: live grants of the person who had its id as `sub`, which end.')),
    disabled_user: optional(flag('Of a new client: a user had its id as `sub`, and is disabled now.')),
    ended_secrets: optional(
      manyOf(secretShape, 'Of a rotation: earlier secrets that ended at once, without an overlap.'),
    ),
    ...shapesOf(CLIENT_FIELDS),
    status: oneOf(['enabled', 'disabled']),
    secrets: manyOf(secretShape, 'The secrets that are good now, or were until lately.'),
    created_at: time(),
    updated_at: time(),
    disabled_at: orNull(time()),
  },
  {
    client_id: 'billing',
    client_name: 'Billing',
    grant_types: ['client_credentials', 'refresh_token'],
    scope: 'orders:read',
    resources: ['https://orders.example.com'],
    redirect_uris: [],
    token_endpoint_auth_method: 'client_secret_basic',
    jwks: null,
    jwks_uri: null,
    access_token_ttl: null,
    refresh_token_ttl: null,
    refresh_token_idle_ttl: null,
    refresh_grace: null,
    claims: {},
    allowed_claims: [],
    ...SIGN_IN_EXAMPLE,
    status: 'enabled',
    secrets: [
      {
        id: '019a6e3c-7d1f-7c3a-9b52-0c1f6f1f2a77',
        kind: 'generated',
        created_at: '2026-01-31T12:00:00.000Z',
        expires_at: null,
        last_used_at: null,
      },
    ],
    created_at: '2026-01-31T12:00:00.000Z',
    updated_at: '2026-01-31T12:00:00.000Z',
    disabled_at: null,
  },
)
