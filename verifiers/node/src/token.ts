/** The types of a verified token, and the rights that its claims give. */

/** The claims of a verified token. Only these have a guaranteed type; other claims may be absent or have any value. */
export interface TokenClaims {
  /** Seconds since the epoch. */
  exp: number
  iat?: number
  nbf?: number
  iss?: string
  sub?: string
  aud?: string | string[]
  jti?: string
  client_id?: string
  sid?: string
  [claim: string]: unknown
}

export interface TokenHeader {
  alg: string
  kid?: string
  typ?: string
  [parameter: string]: unknown
}

export interface VerifiedToken {
  claims: TokenClaims
  header: TokenHeader
}

/** The verified token of a request: `req.auth`, or `c.get('auth')`. */
export interface Auth extends VerifiedToken {
  token: string
}

/** The holder of a token and their rights. A claim that is absent or has another type gives no right. */
export interface Profile {
  sub: string | null
  client_id: string | null
  scope: string[]
  roles: string[]
  permissions: string[]
  org_slug: string | null
  service_slug: string | null
  is_platform_owner: boolean
}

/** Reads the rights of a token that was verified before. */
export const profileOf = (claims: TokenClaims): Profile => ({
  sub: text(claims.sub),
  client_id: text(claims.client_id),
  scope: scopesOf(claims),
  roles: rolesOf(claims),
  permissions: permissionsOf(claims),
  org_slug: text(claims.org_slug),
  service_slug: text(claims.service_slug),
  is_platform_owner: claims.is_platform_owner === true,
})

/** `scope` (RFC 8693 §4.2), or `scp` at some other issuers. */
export const scopesOf = (claims: TokenClaims): string[] => words(claims.scope ?? claims.scp)

/** `roles` and `role` together. A role may contain a space. */
export const rolesOf = (claims: TokenClaims): string[] => [...new Set([...names(claims.roles), ...names(claims.role)])]

export const permissionsOf = (claims: TokenClaims): string[] => words(claims.permissions)

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

const names = (value: unknown): string[] =>
  (Array.isArray(value) ? (value as unknown[]) : [value]).filter(
    (each): each is string => typeof each === 'string' && each !== '',
  )

const words = (value: unknown): string[] =>
  typeof value === 'string' ? value.split(' ').filter((word) => word !== '') : names(Array.isArray(value) ? value : [])
