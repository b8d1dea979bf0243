/** Clients with their secrets. */
import { hash } from 'node:crypto'
import type { Instant } from '../../ground/clock.ts'

/** A client's public key of any kind, as it registered it (RFC 7591 §2, `jwks`). */
export type ClientJwk = Record<string, unknown> & { kty?: string; kid?: string }

export interface ClientSecret {
  id: string
  /** `generated`: keyed SHA-256, base64url. `brought`: an argon2id encoded string. */
  kind: 'generated' | 'brought'
  digest: string
  /** The master key of a generated secret's digest; `null` for the first key, and for a brought secret. */
  masterKeyId: string | null
  createdAt: Instant
  /** When this secret ends by itself; `null` for never. */
  expiresAt: Instant | null
  lastUsedAt: Instant | null
}

/** The digest of a secret that was ended on purpose, or of a public key. */
export type EndedSecret = Pick<ClientSecret, 'digest' | 'masterKeyId'>

/** A use of a secret. `renewed`: the same secret digested under the current master key, in place of the digest `from`. */
export interface SecretUse {
  secretId: string
  at: Instant
  renewed?: { from: string; digest: string; masterKeyId: string } | undefined
}

/**
 * The members of a client that concern people who sign in (RFC 7591, OIDC Registration 1.0, and Signet's own). Durations
 * are seconds.
 */
export interface ClientSignIn {
  applicationType: 'web' | 'native' | null
  postLogoutRedirectUris: string[]
  backchannelLogoutUri: string | null
  backchannelLogoutSessionRequired: boolean
  idTokenSignedResponseAlg: 'RS256' | 'ES256'
  /** `null`: userinfo is plain JSON. */
  userinfoSignedResponseAlg: 'RS256' | 'ES256' | null
  idTokenTtl: number | null
  /** Whether the claims of scopes stand in the ID token as well as at userinfo. */
  idTokenClaims: boolean
  /** Claim name to a path: `id username email name groups roles permissions claims.X`, with `[0]` for a member of a list. */
  claimMap: Record<string, string>
  requirePkce: boolean
  dpopBoundAccessTokens: boolean
  defaultMaxAge: number | null
  requireAuthTime: boolean
  defaultAcrValues: string[]
  /** `1`: one factor. `2`: two, or a passkey with user verification. `phr`: such a passkey. */
  requireAcr: '1' | '2' | 'phr' | null
  sessionMaxAge: number | null
  consent: 'skip' | 'once' | 'always'
  /** Only members of these groups may sign in; empty for everybody. */
  allowedGroups: string[]
  /** Whether a refresh token needs scope `offline_access`. */
  refresh: 'offline_access' | 'always'
  initiateLoginUri: string | null
  clientUri: string | null
  logoUri: string | null
  policyUri: string | null
  tosUri: string | null
  contacts: string[]
  /** The preset of `client create --for`; `null` for none. */
  preset: string | null
}

/** A first-party client that says nothing of people. */
export const SIGN_IN_DEFAULTS: ClientSignIn = {
  applicationType: null,
  postLogoutRedirectUris: [],
  backchannelLogoutUri: null,
  backchannelLogoutSessionRequired: false,
  idTokenSignedResponseAlg: 'RS256',
  userinfoSignedResponseAlg: null,
  idTokenTtl: null,
  idTokenClaims: true,
  claimMap: {},
  requirePkce: true,
  dpopBoundAccessTokens: false,
  defaultMaxAge: null,
  requireAuthTime: false,
  defaultAcrValues: [],
  requireAcr: null,
  sessionMaxAge: null,
  consent: 'skip',
  allowedGroups: [],
  refresh: 'offline_access',
  initiateLoginUri: null,
  clientUri: null,
  logoUri: null,
  policyUri: null,
  tosUri: null,
  contacts: [],
  preset: null,
}

/** RFC 7591 metadata in camel case, and Signet's own fields. Durations are seconds; `null` follows the configuration. */
export interface ClientRecord extends ClientSignIn {
  /** Of this registration and no other: an id that is registered again has another. 0 before it is stored. */
  key: number
  clientId: string
  name: string | null
  grantTypes: string[]
  scope: string[]
  resources: string[]
  redirectUris: string[]
  tokenEndpointAuthMethod: string
  jwks: { keys: ClientJwk[] } | null
  /** The address at which it publishes its keys, in place of `jwks`. */
  jwksUri: string | null
  accessTokenTtl: number | null
  refreshTokenTtl: number | null
  refreshTokenIdleTtl: number | null
  refreshGrace: number | null
  /** Claims that every token of this client carries. */
  claims: Record<string, unknown>
  /** Names of the claims that it may assert of a person. */
  allowedClaims: string[]
  secrets: ClientSecret[]
  disabledAt: Instant | null
  /** Grants made at or before this instant are over (a blacklist entry named the client). */
  grantsEndedUntil: Instant | null
  /** The name of the declarative file that made it. The store takes it from the actor of the creation. */
  declaredBy: string | null
  createdAt: Instant
  updatedAt: Instant
}

/** `ended`: an operator deleted or disabled it before, and only an operator registers it again. */
export type CreationOutcome =
  | { outcome: 'created'; key: number; endedGrants: number; isUserDisabled: boolean }
  | { outcome: 'exists' }
  | { outcome: 'ended' }

/** Names a public key by its material, whatever else its JWK says. */
export const digestOfKey = ({ kty, crv, x, y, n, e }: ClientJwk): string =>
  `jwk:${hash('sha256', JSON.stringify([kty, crv, x, y, n, e]), 'base64url')}`
