/**
 * Clients: who may ask for tokens, and how. Metadata has the meaning of RFC 7591. This file owns what a
 * client record may say; who a caller is, is authentication.ts; how secrets are kept, secret.ts.
 */
import { invalidClientMetadata } from '../ground/errors.ts'
import type { ClientRecord } from '../store/store.ts'
import { findKeyFault } from './assertion-key.ts'
import { requireFreeClaims } from './claims.ts'

/** The contract's grant for a person whom a trusted backend signed in. */
export const SUBJECT_GRANT = 'urn:signet:params:oauth:grant-type:subject'

/** Every `grant_type` that `/token` serves. */
export const GRANT_TYPES = ['client_credentials', 'refresh_token', SUBJECT_GRANT] as const

export const AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'] as const

/** Asks for a refresh token (OIDC Core §11); no resource needs to know it. */
export const OFFLINE_ACCESS = 'offline_access'

/** Tokens that an operator minted without naming a client carry this `client_id`; nobody can register it. */
export const OPERATOR_CLIENT_ID = 'signet:operator'

/** RFC 6749 §3.3: printable ASCII but space, quote and backslash. */
export const SCOPE_TOKEN = /^[\x21\x23-\x5B\x5D-\x7E]{1,256}$/

const CLIENT_ID = /^[A-Za-z0-9][A-Za-z0-9._~:/@+-]{0,127}$/

/** Private or symmetric members; none belongs into a registration (RFC 7518 §6). */
export const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const

export const usesSecret = (client: Pick<ClientRecord, 'tokenEndpointAuthMethod'>): boolean =>
  client.tokenEndpointAuthMethod.startsWith('client_secret_')

export const isPublicClient = (client: Pick<ClientRecord, 'tokenEndpointAuthMethod'>): boolean =>
  client.tokenEndpointAuthMethod === 'none'

/**
 * Whether a client may have refresh tokens of grants for this subject; without one: of any. The subject grant brings
 * those of its persons along: who may ask for anybody at any time gains nothing by them.
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
    accessTokenTtl: null,
    refreshTokenTtl: null,
    refreshTokenIdleTtl: null,
    refreshGrace: null,
    claims: {},
    allowedClaims: [],
    secrets: [],
    disabledAt: null,
    grantsEndedUntil: null,
    createdAt: now,
    updatedAt: now,
  }
}

/**
 * What no single field can tell alone.
 * @throws OAuthError `invalid_client_metadata` (RFC 7591 §3.2.2) naming the field and what is accepted.
 */
export function requireSoundClient(client: ClientRecord): void {
  const { clientId, tokenEndpointAuthMethod: method, grantTypes } = client
  if (!CLIENT_ID.test(clientId) || clientId.startsWith('signet:')) {
    throw invalidClientMetadata(
      'client_id: 1 to 128 of the characters A-Z a-z 0-9 . _ ~ : / @ + -, beginning with a letter or digit, not with "signet:"',
    )
  }
  if (isPublicClient(client) && grantTypes.some((grant) => grant !== 'refresh_token')) {
    throw invalidClientMetadata(
      'token_endpoint_auth_method "none" proves nothing, so the client may use the grant refresh_token only',
    )
  }
  if (method === 'private_key_jwt') requireSoundJwks(client)
  else if (client.jwks) throw invalidClientMetadata('jwks is for token_endpoint_auth_method "private_key_jwt"')
  requireFreeClaims(client.claims)
}

function requireSoundJwks({ jwks }: ClientRecord): void {
  const keys = jwks?.keys ?? []
  if (keys.length === 0 || keys.length > 10) {
    throw invalidClientMetadata('jwks: private_key_jwt needs a key set with 1 to 10 public keys')
  }
  for (const key of keys) {
    if (!['EC', 'RSA', 'OKP'].includes(key.kty ?? '')) {
      throw invalidClientMetadata('jwks: kty is EC, RSA or OKP; a symmetric key is no public key')
    }
    if (PRIVATE_MEMBERS.some((member) => member in key)) {
      throw invalidClientMetadata(
        'jwks: a key has private members; register its public part only, and replace that key',
      )
    }
    const fault = findKeyFault(key)
    if (fault !== undefined) throw invalidClientMetadata(`jwks: ${fault}`)
  }
  if (keys.length > 1 && new Set(keys.map(({ kid }) => kid)).size < keys.length) {
    throw invalidClientMetadata('jwks: several keys need a kid each, all different')
  }
}
