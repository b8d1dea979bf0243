/**
 * Clients: who may ask for tokens, and how. Metadata has the meaning of RFC 7591. This file owns what a client record
 * may say. A caller is authenticated in authentication.ts, and secrets are kept in secret.ts.
 */
import { invalidClientMetadata } from '../ground/errors.ts'
import { SIGN_IN_DEFAULTS, type ClientRecord } from '../store/records/client.ts'
import { isSecretName } from '../ground/looks-secret.ts'
import { findKeyFault, findSetFault } from './assertion-key.ts'
import { requireFreeClaims } from './claims.ts'
import { findRedirectFault } from './redirect-uri.ts'

/** The contract's grant for a person whom a trusted backend signed in. */
export const SUBJECT_GRANT = 'urn:signet:params:oauth:grant-type:subject'

/** The grant of a person who signs in here (RFC 6749 §4.1). */
export const AUTHORIZATION_CODE = 'authorization_code'

/** Every `grant_type` that `/token` serves. */
export const GRANT_TYPES = ['client_credentials', 'refresh_token', AUTHORIZATION_CODE, SUBJECT_GRANT] as const

/** Those that a public client may use: each of them needs a secret that only the client holds. */
const PUBLIC_GRANT_TYPES: readonly string[] = [AUTHORIZATION_CODE, 'refresh_token']

export const AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'] as const

/** Asks for a refresh token (OIDC Core §11); no resource needs to know it. */
export const OFFLINE_ACCESS = 'offline_access'

/** Asks for an ID token (OIDC Core §3.1.2.1). */
export const OPENID = 'openid'

/** Ask for an ID token and for claims of the person (OIDC Core §5.4). No resource needs to know them. */
export const PERSON_SCOPES = [OPENID, 'profile', 'email', 'phone', 'address', 'groups'] as const

/** Tokens that an operator minted without naming a client carry this `client_id`; nobody can register it. */
export const OPERATOR_CLIENT_ID = 'signet:operator'

/** RFC 6749 §3.3: printable ASCII but space, quote and backslash. */
export const SCOPE_TOKEN = /^[\x21\x23-\x5B\x5D-\x7E]{1,256}$/

export const MOST_CLIENT_ID_CHARACTERS = 128

/** The shortest secret that an operator may bring. */
export const LEAST_BROUGHT_CHARACTERS = 32
/** Hashing time grows with the length, and no secret needs more characters. */
export const MOST_BROUGHT_CHARACTERS = 512

/**
 * RFC 6749 appendix A.1 allows any printable ASCII, so that clients can move here with the ids that they have. A space
 * is left out: a name with one looks like two names in a log and at a terminal.
 */
const CLIENT_ID = /^[\x21-\x7E]{1,128}$/

/** Paths that hold one of these are other paths, even percent-encoded (RFC 3986 §5.2.4). */
const DOT_SEGMENTS = ['.', '..']

/** The actors of the audit trail that are no clients. A client of such a name would be taken for one of them. */
const RESERVED_IDS = new Set(['cli', 'config', 'system', 'unknown'])

export const isActorName = (name: string): boolean => RESERVED_IDS.has(name.toLowerCase())

/** Signet's own clients, scopes and parameters begin with this. */
export const hasOwnPrefix = (name: string): boolean => name.toLowerCase().startsWith('signet:')

/**
 * Why a client cannot have this id, if it cannot. The message does not repeat the id, which may be a secret. Names that
 * are refused since a later version stay usable for the clients that have them.
 */
function findIdFault({ clientId, key }: ClientRecord): string | undefined {
  if (clientId.length > MOST_CLIENT_ID_CHARACTERS || !CLIENT_ID.test(clientId) || DOT_SEGMENTS.includes(clientId))
    return `1 to ${MOST_CLIENT_ID_CHARACTERS} printable characters of ASCII without spaces (RFC 6749 A.1), and not . or ..`
  if (key !== 0) return undefined
  if (isSecretName(clientId))
    return 'an id that does not begin like a token or a secret, because it stands in logs and lists'
  return isActorName(clientId) || hasOwnPrefix(clientId) ? 'a name that Signet does not use itself' : undefined
}

/** The fields that registration may set. Absent fields keep their default or current value. */
export type ClientChange = Partial<
  Omit<
    ClientRecord,
    'key' | 'clientId' | 'secrets' | 'disabledAt' | 'grantsEndedUntil' | 'declaredBy' | 'createdAt' | 'updatedAt'
  >
>

export const usesSecret = (client: Pick<ClientRecord, 'tokenEndpointAuthMethod'>): boolean =>
  client.tokenEndpointAuthMethod.startsWith('client_secret_')

export const isPublicClient = (client: Pick<ClientRecord, 'tokenEndpointAuthMethod'>): boolean =>
  client.tokenEndpointAuthMethod === 'none'

/**
 * Whether a client may have refresh tokens for this subject; without a subject: for any. A client with the subject grant
 * may refresh for its persons, because it can ask for a new grant for each of them at any time.
 */
export const mayRefresh = ({ clientId, grantTypes }: ClientRecord, sub?: string): boolean =>
  grantTypes.includes('refresh_token') || (grantTypes.includes(SUBJECT_GRANT) && sub !== clientId)

/** A record with the defaults of a service: client credentials, authenticated by Basic. */
export function blankClient(clientId: string, now: number): ClientRecord {
  return {
    key: 0,
    clientId,
    name: null,
    grantTypes: ['client_credentials'],
    scope: [],
    resources: [],
    redirectUris: [],
    tokenEndpointAuthMethod: 'client_secret_basic',
    jwks: null,
    jwksUri: null,
    accessTokenTtl: null,
    refreshTokenTtl: null,
    refreshTokenIdleTtl: null,
    refreshGrace: null,
    claims: {},
    allowedClaims: [],
    ...SIGN_IN_DEFAULTS,
    secrets: [],
    disabledAt: null,
    grantsEndedUntil: null,
    declaredBy: null,
    createdAt: now,
    updatedAt: now,
  }
}

/**
 * The record of a new registration. A client with a redirect URI that names no grant type signs people in (RFC 7591 §2:
 * `authorization_code`). A client of people that names no scope may ask for what tells who a person is.
 */
export function newClient(clientId: string, now: number, change: Partial<ClientRecord>): ClientRecord {
  const isOfPeople = change.grantTypes?.includes(AUTHORIZATION_CODE) ?? isOfPeopleByRedirect(change)
  const ofPeople = isOfPeople && { grantTypes: [AUTHORIZATION_CODE], scope: [...PERSON_SCOPES] }
  return { ...blankClient(clientId, now), ...ofPeople, ...change }
}

/** Whether a new client signs people in for the only reason that it has a redirect URI. */
export const isOfPeopleByRedirect = ({ grantTypes, redirectUris = [] }: Partial<ClientRecord>): boolean =>
  grantTypes === undefined && redirectUris.length > 0

/**
 * Checks the rules that combine several fields.
 * @throws OAuthError `invalid_client_metadata` (RFC 7591 §3.2.2) naming the field and what is accepted.
 */
export function requireSoundClient(client: ClientRecord): void {
  const { grantTypes } = client
  const idFault = findIdFault(client)
  if (idFault !== undefined) throw invalidClientMetadata(`client_id: ${idFault}`)
  if (isPublicClient(client) && !grantTypes.every((grant) => PUBLIC_GRANT_TYPES.includes(grant))) {
    throw invalidClientMetadata(
      `token_endpoint_auth_method "none" proves nothing, so the client may use the grants ${PUBLIC_GRANT_TYPES.join(' and ')} only`,
    )
  }
  requireSoundSignIn(client)
  requireSoundKeys(client)
  requireFreeClaims(client.claims)
  requireFixedClaims(client)
}

/**
 * The rules for sign-ins of people. An app that was made by a preset may show its redirect URI only after the values of
 * its client were saved there.
 */
function requireSoundSignIn(client: ClientRecord): void {
  const { grantTypes, redirectUris, preset } = client
  if (grantTypes.includes(AUTHORIZATION_CODE) && redirectUris.length === 0 && preset === null)
    throw invalidClientMetadata(
      'redirect_uris: the grant authorization_code needs the URI to which people are sent back (--redirect-uri)',
    )
  const redirectFault = findRedirectFault(client)
  if (redirectFault !== undefined) throw invalidClientMetadata(`redirect_uris: ${redirectFault}`)
  if (!client.requirePkce && isPublicClient(client))
    throw invalidClientMetadata(
      'require_pkce: a public client always needs PKCE, because it has no other proof that a code is its own (RFC 9700 §2.1.1)',
    )
  if (client.refresh === 'always' && !grantTypes.includes('refresh_token'))
    throw invalidClientMetadata('refresh: "always" needs the grant refresh_token as well (--grant refresh_token)')
}

/** A claim is either set for the client or asserted of a person. If it could be both, it would be unclear which value wins. */
function requireFixedClaims({ claims, allowedClaims }: ClientRecord): void {
  const both = allowedClaims.find((name) => Object.hasOwn(claims, name))
  if (both === undefined) return
  throw invalidClientMetadata(
    `allowed_claims: "${both}" is one of the client's own claims as well; a claim stands in claims or in allowed_claims`,
  )
}

/** A client has its keys registered or publishes them (RFC 7591 §2: `jwks` and `jwks_uri` exclude each other). */
function requireSoundKeys({ tokenEndpointAuthMethod: method, jwks, jwksUri }: ClientRecord): void {
  if (jwks && jwksUri !== null)
    throw invalidClientMetadata(
      'jwks and jwks_uri exclude each other: a change that gives the one sets the other to null (--set jwks=null or --set jwks_uri=null)',
    )
  if (method !== 'private_key_jwt' && (jwks || jwksUri !== null))
    throw invalidClientMetadata(`${jwks ? 'jwks' : 'jwks_uri'} is for token_endpoint_auth_method "private_key_jwt"`)
  if (method === 'private_key_jwt' && jwksUri === null) requireSoundJwks(jwks)
}

/** New registrations were checked when they were read. Records of an older version were not. */
function requireSoundJwks(jwks: ClientRecord['jwks']): void {
  const keys = jwks?.keys ?? []
  const fault = findSetFault(keys) ?? keys.map(findKeyFault).find((each) => each !== undefined)
  if (fault !== undefined) throw invalidClientMetadata(`jwks: ${fault}`)
}
