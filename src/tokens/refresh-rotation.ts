/**
 * THE rotation rule of refresh tokens, as a pure decision (RFC 9700 §4.14.2). Invariant: at every instant a
 * family has at most one generation that can bring new tokens, and whoever uses an older one ends the
 * family, except that the direct predecessor may be repeated for a short while as long as its successor is
 * unused: then the response was lost, or two requests raced, and both get the same successor.
 */
import { fromSeconds, type Instant } from '../ground/clock.ts'
import { isExpired, type GrantRecord } from '../store/records/grant.ts'

export type RotationDecision = 'rotate' | 'repeat' | 'reuse' | 'ended' | 'expired'

/** @param graceSeconds counted from the rotation, so a repetition never restarts it; 0 for none. */
export function decideRotation(
  grant: GrantRecord,
  presented: number,
  now: Instant,
  graceSeconds: number,
): RotationDecision {
  if (grant.endedAt !== null) return 'ended'
  if (isExpired(grant, now)) return 'expired'
  if (presented === grant.generation) return 'rotate'
  // The successor's use would have moved the family on, so a predecessor's successor is unused by nature.
  const isPredecessor = presented === grant.generation - 1
  if (isPredecessor && now < grant.rotatedAt + fromSeconds(graceSeconds)) return 'repeat'
  // A generation not issued yet means that the database is older than the token: a copy was put in its place.
  return 'reuse'
}
