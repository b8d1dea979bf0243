/**
 * Verifies access tokens of Signet and other OIDC issuers. The core needs no framework: it takes strings and
 * Web-standard requests. Guards and sign-in for frameworks are in `/express`, `/hono` and `/fastify`.
 */
export type { RevocationStatus, StalenessPolicy } from './blacklist-follower.ts'
export type { Credentials } from './credentials.ts'
export type { IncomingRequest } from './incoming-request.ts'
export type { DpopProof } from './dpop.ts'
export { guardFromEnv as authFromEnv, type EnvOptions } from './env.ts'
export { TOKEN_ERROR_CODES, TokenError, type TokenErrorCode } from './errors.ts'
export type { AuthMiddleware, AuthMiddlewareOptions, Guard, Me, RouteOverrides } from './guard.ts'
export type { Expectations, TokenVerifierOptions, VerifyOverrides } from './options.ts'
export type { ProtectedResourceOptions } from './published-resource.ts'
export {
  protectedResourceMetadata,
  type ProtectedResource,
  type ProtectedResourceMetadata,
} from './resource-metadata.ts'
export { SignInFault, type SignInFaultCode } from './sign-in-fault.ts'
export type { SignInOptions } from './sign-in-settings.ts'
export type { SignedIn } from './sign-in.ts'
export { createTokenVerifier, type TokenVerifier } from './token-verifier.ts'
export { permissionsOf, profileOf, rolesOf, scopesOf } from './token.ts'
export type { Auth, Profile, TokenClaims, TokenHeader, VerifiedToken } from './token.ts'
