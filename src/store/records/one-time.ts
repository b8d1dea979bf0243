/** One-time values. */
import type { Instant } from '../../ground/clock.ts'

/**
 * The kinds of one-time values. A value is looked up by its kind and its hash, so a value of one kind is none of another.
 */
export type OneTimeKind = 'code' | 'invitation' | 'sign_in_link' | 'passkey_creation' | 'totp_enrolment' | 'logout'

/** A one-time value: an authorization code, a link, a challenge. Only its hash is stored. */
export interface OneTimeRecord {
  kind: OneTimeKind
  /** SHA-256 of the value, base64url. The time of a code stands before it. */
  hash: string
  /** An id of its own, for lists and for revoking. */
  id: string
  /** The user, client, session or sign-in that it is for; empty for none. */
  owner: string
  facts: Record<string, unknown>
  usesLeft: number
  createdAt: Instant
  expiresAt: Instant
  /** The row is remembered so long, that a later use can be told from an unknown value. */
  keptUntil: Instant
  consumedAt: Instant | null
  /** The grant that a code gave; `null` for none. */
  outcome: string | null
}
