/** Resources: the APIs that accept tokens. */
import type { Instant } from '../../ground/clock.ts'
import type { SigningAlgorithm } from './key.ts'

export interface ResourceRecord {
  id: string
  alg: SigningAlgorithm
  /** Life of its access tokens in seconds; `null` follows client or configuration. */
  ttl: number | null
  /** `null`: whatever scopes the client is registered for. */
  scope: string[] | null
  typ: 'at+jwt' | 'JWT'
  claims: Record<string, unknown>
  /** Its tokens are signed by a ring of its own, published at a path of its own. */
  ownKeys: boolean
  disabledAt: Instant | null
  /** When an earlier resource with this id was deleted. Tokens issued until then were issued for the earlier resource. */
  predecessorEndedAt: Instant | null
  createdAt: Instant
  updatedAt: Instant
}
