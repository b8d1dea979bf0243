/**
 * Client metadata as it stands on the wire (RFC 7591 §2, with Signet's own members), in both directions. The admin API,
 * the command line and the declarative file share one schema, so that they accept and refuse the same.
 */
import * as z from 'zod'
import { toIso } from '../ground/clock.ts'
import { DURATION_FORM, parseDuration } from '../ground/duration.ts'
import {
  anything,
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
import type { ClientRecord } from '../store/store.ts'
import { readKeySet } from './assertion-key.ts'
import { AUTH_METHODS, GRANT_TYPES, MOST_CLIENT_ID_CHARACTERS, SCOPE_TOKEN, SUBJECT_GRANT } from './client.ts'
import type { ClientChange } from './registration.ts'

/**
 * A string of at most so many characters. The length is checked first and alone: a longer text is not searched, split
 * or matched.
 */
const textOf = (most: number) => z.string().max(most, { abort: true })

/** A duration in any spelling, as seconds. */
export const durationSchema = z
  .union([textOf(32), z.number().int()], { error: `expected ${DURATION_FORM}` })
  .transform((value, context) => {
    const seconds = parseDuration(value)
    if (seconds !== undefined) return seconds
    context.addIssue({ code: 'custom', message: `expected ${DURATION_FORM}` })
    return z.NEVER
  })

/** The life of a token, one second at least. */
export const ttlSchema = durationSchema.refine((seconds) => seconds > 0, { message: 'expected 1s or more' })

const MOST_SCOPES = 100
const MOST_SCOPE_CHARACTERS = MOST_SCOPES * 257
const SCOPE_FORM = `expected at most ${MOST_SCOPES} scope values of printable ASCII without " and \\`

/** A scope as one string or as a list. */
export const scopeSchema = z
  .union([textOf(MOST_SCOPE_CHARACTERS), z.array(textOf(MOST_SCOPE_CHARACTERS)).max(MOST_SCOPES, { abort: true })], {
    error: SCOPE_FORM,
  })
  .transform((value) => [
    ...new Set(
      [value]
        .flat()
        .flatMap((each) => each.split(/\s+/))
        .filter((each) => each !== ''),
    ),
  ])
  .refine((values) => values.length <= MOST_SCOPES && values.every((value) => SCOPE_TOKEN.test(value)), {
    message: SCOPE_FORM,
  })

export const claimsSchema = z.record(z.string(), z.unknown())

/** `subject` is short for the grant's full name. */
const grantTypeSchema = z.preprocess((value) => (value === 'subject' ? SUBJECT_GRANT : value), z.enum(GRANT_TYPES))

const redirectUriSchema = textOf(2000).refine(isRedirectUri, {
  message:
    'expected an https URI without fragment (http for loopback addresses only), or a private scheme such as com.example.app:/cb',
})

/** Keys of a set as it is sent; how many of them may serve is for `readKeySet` to say. */
const MOST_SENT_KEYS = 50

/** A key set without the keys and members that serve nothing here. */
const keySetSchema = z
  .object({ keys: z.array(z.record(z.string(), z.unknown())).max(MOST_SENT_KEYS, { abort: true }) })
  .transform(({ keys }, context) => {
    const read = readKeySet(keys)
    if ('keys' in read) return { keys: read.keys }
    context.addIssue({ code: 'custom', message: read.fault })
    return z.NEVER
  })

/** RFC 6749 §3.1.2, RFC 8252 §7. */
function isRedirectUri(uri: string): boolean {
  if (!URL.canParse(uri) || uri.includes('#') || uri.includes('*')) return false
  const { protocol, hostname, username, password } = new URL(uri)
  if (username || password) return false
  if (protocol === 'https:') return true
  if (protocol === 'http:') return ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  return /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$/.test(protocol)
}

const fields = {
  client_name: textOf(200).min(1).nullable(),
  grant_types: z.array(grantTypeSchema).max(10, { abort: true }),
  scope: scopeSchema,
  resources: z.array(textOf(512).min(1)).max(100, { abort: true }),
  redirect_uris: z.array(redirectUriSchema).max(50, { abort: true }),
  token_endpoint_auth_method: z.enum(AUTH_METHODS),
  jwks: keySetSchema.nullable(),
  access_token_ttl: ttlSchema.nullable(),
  refresh_token_ttl: ttlSchema.nullable(),
  refresh_token_idle_ttl: ttlSchema.nullable(),
  refresh_grace: durationSchema.nullable(),
  claims: claimsSchema,
  allowed_claims: z.array(textOf(128).min(1)).max(100, { abort: true }),
}

/** A change of metadata: absent members stay as they are. Unknown ones are refused. */
export const clientChangeSchema = z.strictObject(fields).partial().meta({ id: 'ClientChange' })

/** A `client_id`. What it may be is for `requireSoundClient` to say. */
export const clientIdSchema = textOf(MOST_CLIENT_ID_CHARACTERS)

/** A registration; `client_id` is made up where absent. */
export const clientRegistrationSchema = clientChangeSchema
  .extend({ client_id: clientIdSchema.optional() })
  .meta({ id: 'ClientRegistration' })

/** A change without its absent members, which leave a field as it is; `null` is a value. */
export const onlyGiven = <Change extends object>(
  change: Change,
): { [Field in keyof Change]?: Exclude<Change[Field], undefined> } =>
  // Sound: what is left of each member is what it was, and was not undefined.
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as never

/** From the wire's words to ours. */
export function toClientChange(metadata: z.output<typeof clientChangeSchema>): ClientChange {
  const change = {
    name: metadata.client_name,
    grantTypes: metadata.grant_types,
    scope: metadata.scope,
    resources: metadata.resources,
    redirectUris: metadata.redirect_uris,
    tokenEndpointAuthMethod: metadata.token_endpoint_auth_method,
    jwks: metadata.jwks,
    accessTokenTtl: metadata.access_token_ttl,
    refreshTokenTtl: metadata.refresh_token_ttl,
    refreshTokenIdleTtl: metadata.refresh_token_idle_ttl,
    refreshGrace: metadata.refresh_grace,
    claims: metadata.claims,
    allowedClaims: metadata.allowed_claims,
  }
  return onlyGiven(change)
}

/** A client as administrators see it. `secret` is a secret that was made just now; it is shown this once. */
export function clientMetadata(client: ClientRecord, secret?: string) {
  return {
    client_id: client.clientId,
    ...(secret !== undefined && { client_secret: secret, client_secret_expires_at: 0 }),
    client_name: client.name,
    grant_types: client.grantTypes,
    scope: client.scope.join(' '),
    resources: client.resources,
    redirect_uris: client.redirectUris,
    token_endpoint_auth_method: client.tokenEndpointAuthMethod,
    jwks: client.jwks,
    access_token_ttl: client.accessTokenTtl,
    refresh_token_ttl: client.refreshTokenTtl,
    refresh_token_idle_ttl: client.refreshTokenIdleTtl,
    refresh_grace: client.refreshGrace,
    claims: client.claims,
    allowed_claims: client.allowedClaims,
    status: client.disabledAt === null ? 'enabled' : 'disabled',
    secrets: client.secrets.map(({ id, kind, createdAt, expiresAt, lastUsedAt }) => ({
      id,
      kind,
      created_at: toIso(createdAt),
      expires_at: toIso(expiresAt),
      last_used_at: toIso(lastUsedAt),
    })),
    created_at: toIso(client.createdAt),
    updated_at: toIso(client.updatedAt),
    disabled_at: toIso(client.disabledAt),
  }
}

const secretShape = object({
  id: text('Id of the secret, which is not the secret.'),
  kind: oneOf(['generated', 'brought'], '`generated` here, or `brought` by an operator in the declarative file.'),
  created_at: time(),
  expires_at: orNull(time('When this secret ends; `null` for never.')),
  last_used_at: orNull(time('When it authenticated last, within a minute or so.')),
})

export const CLIENT = shapeOf<ReturnType<typeof clientMetadata>>(
  'Client',
  {
    client_id: text(),
    client_secret: optional(text()),
    client_secret_expires_at: optional(integer()),
    client_name: orNull(text()),
    grant_types: manyOf(oneOf(GRANT_TYPES)),
    scope: text(),
    resources: texts(),
    redirect_uris: texts(),
    token_endpoint_auth_method: oneOf(AUTH_METHODS),
    jwks: orNull(object({ keys: manyOf(anything()) })),
    access_token_ttl: orNull(integer()),
    refresh_token_ttl: orNull(integer()),
    refresh_token_idle_ttl: orNull(integer()),
    refresh_grace: orNull(integer()),
    claims: anything(),
    allowed_claims: texts(),
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
    access_token_ttl: null,
    refresh_token_ttl: null,
    refresh_token_idle_ttl: null,
    refresh_grace: null,
    claims: {},
    allowed_claims: [],
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
