/** How a person was authenticated, and the claims that were asked for. */
import type { Instant } from '../../ground/clock.ts'

/** How a person was authenticated, as tokens tell it (OIDC Core §2, RFC 8176). */
export interface Authentication {
  /** When, to the second: `auth_time`. */
  authTime: Instant
  amr: string[]
  acr: string
}

/** Names of claims that were asked for one by one (OIDC Core §5.5). */
export interface ClaimsRequest {
  idToken: string[]
  userinfo: string[]
}

/** The facts of a sign-in that a grant keeps, for later ID tokens and for userinfo. */
export interface GrantSignIn extends Authentication {
  claims: ClaimsRequest
  /** Thumbprint of the key that the refresh tokens of a public client are bound to (RFC 9449 §5); `null` for none. */
  proofKey: string | null
}
