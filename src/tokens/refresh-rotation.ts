/**
 * THE rotation rule of refresh tokens, as a pure decision (RFC 9700 §4.14.2). Invariant: at every instant a family has at
 * most one generation that can bring new tokens. The use of an older generation ends the family. There is one exception:
 * the direct predecessor may be repeated for a short time while its successor is unused. Then a response was lost, or two
 * requests raced, and both get the same successor.
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
  // If the successor had been used, the family would have a later generation. So the successor of a predecessor is unused.
  const isPredecessor = presented === grant.generation - 1
  if (isPredecessor && now < grant.rotatedAt + fromSeconds(graceSeconds)) return 'repeat'
  // A generation that was not issued yet means that the database is older than the token: it was replaced by a copy.
  return 'reuse'
}
