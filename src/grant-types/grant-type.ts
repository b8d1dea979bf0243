/** The input and the result of every grant type. Handlers see parsed values, never a request or response. */
import type { AuditTrail } from '../audit.ts'
import type { Blacklist } from '../blacklist/match.ts'
import type { Caller } from '../clients/authentication.ts'
import type { ClientDirectory } from '../clients/directory.ts'
import type { Lifetimes } from '../grants/grant.ts'
import type { ResourceDirectory } from '../resources/directory.ts'
import type { SigningAlgorithm } from '../store/records/key.ts'
import type { Store } from '../store/store.ts'
import type { AccessTokens } from '../tokens/access-token.ts'
import type { DpopProof } from '../tokens/dpop-proof.ts'
import type { IdTokens } from '../tokens/id-token.ts'
import type { RefreshTokens } from '../tokens/refresh-token.ts'

/** The needs of a grant type that begins a grant. */
export interface BeginningNeeds {
  store: Store
  clients: ClientDirectory
  resources: ResourceDirectory
  blacklist: Blacklist
  accessTokens: AccessTokens
  refreshTokens: RefreshTokens
  idTokens: IdTokens
  audit: AuditTrail
  lifetimes: Lifetimes
  /** Live grants of one client and subject; one more ends the oldest. */
  limitGrants: number
}

/** The parameters of `/token`, parsed once; empty ones are absent. */
export interface TokenParameters {
  scope: string[] | undefined
  /** `resource` and its alias `audience`, in order. */
  resources: string[]
  refreshToken: string | undefined
  subject: string | undefined
  /** JSON text. */
  subjectClaims: string | undefined
  code: string | undefined
  redirectUri: string | undefined
  codeVerifier: string | undefined
}

export interface TokenRequest {
  caller: Caller
  parameters: TokenParameters
  requestId: string
  /** A key that the client proved to hold; its tokens are bound to it (RFC 9449). */
  proof: DpopProof | undefined
}

/** The answer of `/token` (RFC 6749 §5.1). */
export interface TokenSet {
  accessToken: string
  /** The key that signed it. */
  alg: SigningAlgorithm
  /** Bound to a key: of use only together with a proof. */
  isBound: boolean
  expiresInSeconds: number
  scope: string[]
  /** A person signed in for it: scopes of the request may have been dropped at /authorize. */
  isOfPerson: boolean
  refreshToken?: string
  /** Present if a person signed in and scope `openid` was granted. */
  idToken?: string
}

export interface GrantType<Needs> {
  /** As it stands in `grant_type`. */
  grantType: string
  run(request: TokenRequest, needs: Needs): Promise<TokenSet>
}
