/** Resources: the APIs that accept tokens. */
import type { Instant } from '../../ground/clock.ts'
import type { SigningAlgorithm } from './key.ts'

/** The members of a resource that concern people who sign in. */
export interface ResourceSignIn {
  /** As the `claim_map` of a client, for its access tokens. */
  claimMap: Record<string, string>
  /** Whether third-party clients may reach it, always with consent. */
  openTo: 'registered' | 'any_client'
  /** Scope value to the permission that a person needs for it. */
  scopePermissions: Record<string, string>
}

const RESOURCE_SIGN_IN_DEFAULTS: ResourceSignIn = { claimMap: {}, openTo: 'registered', scopePermissions: {} }

/** The member of a resource that the store keeps about its keys. No door sets it. */
interface ResourceKeys {
  /**
   * The end of the last token that the issuer's shared keys have signed for it, before it had keys of its own. It is raised
   * once more when the first own key signs. `null` where none can be left.
   */
  sharedKeysUntil: Instant | null
}

export type ResourceMembers = ResourceSignIn & ResourceKeys

/** The members that share a column. */
export const RESOURCE_MEMBER_DEFAULTS: ResourceMembers = { ...RESOURCE_SIGN_IN_DEFAULTS, sharedKeysUntil: null }

/** `in_use`: clients have it on their lists, and nothing was deleted. `holders` are the ids of these clients. */
export type ResourceDeletion = { outcome: 'deleted' | 'in_use'; holders: string[] } | { outcome: 'unknown' }

export interface ResourceRecord extends ResourceSignIn, ResourceKeys {
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
  /** The name of the declarative file that made it. The store takes it from the actor of the creation. */
  declaredBy: string | null
  createdAt: Instant
  updatedAt: Instant
}
