/**
 * Client metadata as it stands on the wire (RFC 7591 §2, with Signet's own members), in both directions.
 * One schema for the admin API and the declarative file, so that both accept and refuse the same.
 */
import * as z from 'zod'
import { toIso } from '../ground/clock.ts'
import { DURATION_FORM, parseDuration } from '../ground/duration.ts'
import type { ClientRecord } from '../store/store.ts'
import { AUTH_METHODS, GRANT_TYPES, SCOPE_TOKEN, SUBJECT_GRANT } from './client.ts'
import type { ClientChange } from './registration.ts'

/** A duration in any spelling, as seconds. */
export const durationSchema = z.union([z.string(), z.number().int()]).transform((value, context) => {
  const seconds = parseDuration(value)
  if (seconds !== undefined) return seconds
  context.addIssue({ code: 'custom', message: `expected ${DURATION_FORM}` })
  return z.NEVER
})

/** The life of a token: none lives less than a second. */
export const ttlSchema = durationSchema.refine((seconds) => seconds > 0, { message: 'expected 1s or more' })

/** A scope as one string or as a list. */
export const scopeSchema = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => [
    ...new Set(
      [value]
        .flat()
        .flatMap((each) => each.split(/\s+/))
        .filter((each) => each !== ''),
    ),
  ])
  .refine((values) => values.length <= 100 && values.every((value) => SCOPE_TOKEN.test(value)), {
    message: 'expected at most 100 scope values of printable ASCII without " and \\',
  })

export const claimsSchema = z.record(z.string(), z.unknown())

/** `subject` is short for the grant's full name. */
const grantTypeSchema = z.preprocess((value) => (value === 'subject' ? SUBJECT_GRANT : value), z.enum(GRANT_TYPES))

const redirectUriSchema = z.string().max(2000).refine(isRedirectUri, {
  message:
    'expected an https URI without fragment (http for loopback addresses only), or a private scheme such as com.example.app:/cb',
})

/** RFC 6749 §3.1.2, RFC 8252 §7. */
function isRedirectUri(text: string): boolean {
  if (!URL.canParse(text) || text.includes('#') || text.includes('*')) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (username || password) return false
  if (protocol === 'https:') return true
  if (protocol === 'http:') return ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  return /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$/.test(protocol)
}

const fields = {
  client_name: z.string().min(1).max(200).nullable(),
  grant_types: z.array(grantTypeSchema).max(10),
  scope: scopeSchema,
  resources: z.array(z.string().min(1).max(512)).max(100),
  redirect_uris: z.array(redirectUriSchema).max(50),
  token_endpoint_auth_method: z.enum(AUTH_METHODS),
  jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())).max(10) }).nullable(),
  access_token_ttl: ttlSchema.nullable(),
  refresh_token_ttl: ttlSchema.nullable(),
  refresh_token_idle_ttl: ttlSchema.nullable(),
  refresh_grace: durationSchema.nullable(),
  claims: claimsSchema,
  allowed_claims: z.array(z.string().min(1).max(128)).max(100),
}

/** A change of metadata: absent members stay as they are. Unknown ones are refused. */
export const clientChangeSchema = z.strictObject(fields).partial()

/** A registration; `client_id` is made up where absent. */
export const clientRegistrationSchema = clientChangeSchema.extend({ client_id: z.string().optional() })

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

/** A client as administrators see it. `secret` only where one was made just now: it is shown this once. */
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
