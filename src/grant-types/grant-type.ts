/** What every grant type is given and returns. Handlers see parsed values, never a request or response. */
import type { AuditTrail } from '../audit.ts'
import type { Blacklist } from '../blacklist/match.ts'
import type { ClientDirectory } from '../clients/directory.ts'
import type { Lifetimes } from '../grants/grant.ts'
import type { ResourceDirectory } from '../resources/directory.ts'
import type { ClientRecord, SigningAlgorithm, Store } from '../store/store.ts'
import type { AccessTokens } from '../tokens/access-token.ts'
import type { RefreshTokens } from '../tokens/refresh-token.ts'
import type { Traffic } from '../ground/traffic.ts'

/** The rooms that grants are served from. */
export interface GrantRooms {
  store: Store
  clients: ClientDirectory
  resources: ResourceDirectory
  blacklist: Blacklist
  accessTokens: AccessTokens
  refreshTokens: RefreshTokens
  audit: AuditTrail
  lifetimes: Lifetimes
  traffic: Traffic
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
}

export interface TokenRequest {
  /** The authenticated client. */
  client: ClientRecord
  parameters: TokenParameters
  requestId: string
  /** Thumbprint of the key that the client proved to hold; its tokens are bound to it (RFC 9449). */
  proofKey: string | undefined
}

/** What `/token` answers (RFC 6749 §5.1). */
export interface TokenSet {
  accessToken: string
  /** What signed it. */
  alg: SigningAlgorithm
  /** Bound to a key: of use only together with a proof. */
  isBound: boolean
  expiresInSeconds: number
  scope: string[]
  refreshToken?: string
}

export type GrantTypeHandler = (request: TokenRequest, rooms: GrantRooms) => Promise<TokenSet>
