/** The shape of a verified token, and what its claims say about rights. */

/** Claims of a verified token. Beside these types nothing is promised: other claims may be absent or anything. */
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

/** A verified token as a request brought it: `req.auth`, or `c.get('auth')`. */
export interface Auth extends VerifiedToken {
  token: string
}

/** What a token says about its holder; absent claims and claims of another type give the least. */
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

/** Reads a claim's rights only after the token was verified. */
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

/** `scope` (RFC 8693 §4.2); `scp` is what some other issuers call it. */
export const scopesOf = (claims: TokenClaims): string[] => words(claims.scope ?? claims.scp)

/** `roles` and `role` together. A role may hold a space. */
export const rolesOf = (claims: TokenClaims): string[] => [...new Set([...names(claims.roles), ...names(claims.role)])]

export const permissionsOf = (claims: TokenClaims): string[] => words(claims.permissions)

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

const names = (value: unknown): string[] =>
  (Array.isArray(value) ? (value as unknown[]) : [value]).filter(
    (each) => typeof each === 'string' && each !== '',
  ) as string[]

const words = (value: unknown): string[] =>
  typeof value === 'string' ? value.split(' ').filter((word) => word !== '') : names(Array.isArray(value) ? value : [])
