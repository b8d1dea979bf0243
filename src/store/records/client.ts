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

/** RFC 7591 metadata in camel case, and Signet's own fields. Durations are seconds; `null` follows the configuration. */
export interface ClientRecord {
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
  createdAt: Instant
  updatedAt: Instant
}

/** `ended`: an operator deleted it, and only an operator registers it again. */
export type CreationOutcome =
  | { outcome: 'created'; key: number; endedGrants: number }
  | { outcome: 'exists' }
  | { outcome: 'ended' }

/** Names a public key by its material, whatever else its JWK says. */
export const digestOfKey = ({ kty, crv, x, y, n, e }: ClientJwk): string =>
  `jwk:${hash('sha256', JSON.stringify([kty, crv, x, y, n, e]), 'base64url')}`
