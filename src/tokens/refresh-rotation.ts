/**
 * THE rotation rule of refresh tokens, as a pure decision (RFC 9700 §4.14.2). Invariant: at every instant a family has at
 * most one generation that can bring new tokens. The use of an older generation ends the family. There is one exception:
 * the direct predecessor may be repeated for a short time while its successor is unused. Then a response was lost, or two
 * requests raced, and both get the same successor.
 */
import { fromSeconds, isAhead, type Instant } from '../ground/clock.ts'
import { OAuthError } from '../ground/errors.ts'
import { requireLive } from '../grants/may-issue.ts'
import { isExpired, type GrantRecord } from '../store/records/grant.ts'
import type { RotationVerdict } from '../store/records/rotation.ts'

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
  // A rotation that is dated ahead gives no grace: it would last for as long as the clock was ahead.
  const isInGrace = now < grant.rotatedAt + fromSeconds(graceSeconds) && !isAhead(grant.rotatedAt, now)
  if (isPredecessor && isInGrace) return 'repeat'
  // A generation that was not issued yet means that the database is older than the token: it was replaced by a copy.
  return 'reuse'
}

/** A refresh token that is presented, and what may follow from it. */
export interface Presented {
  generation: number
  /** Counted from the rotation; 0 for none. */
  graceSeconds: number
  /** The end of the family. */
  endReused(): Extract<RotationVerdict, { act: 'end' }>
  /** The terms of a renewal. @throws OAuthError where no token may be issued now */
  renew(): Omit<Extract<RotationVerdict, { act: 'rotate' }>, 'act'>
}

/**
 * The verdict on a presented token, under the family's lock.
 *
 * @param present judges the request by the facts of this moment; what it throws as an OAuthError is the refusal
 */
export function judgeRotation(grant: GrantRecord, now: Instant, present: () => Presented): RotationVerdict {
  try {
    const { generation, graceSeconds, endReused, renew } = present()
    const decision = decideRotation(grant, generation, now, graceSeconds)
    if (decision === 'reuse') return endReused()
    if (decision === 'ended' || decision === 'expired') requireLive(grant, now)
    const renewal = renew()
    return decision === 'repeat'
      ? { act: 'repeat', accessExpiresAt: renewal.accessExpiresAt }
      : { act: 'rotate', ...renewal }
  } catch (error) {
    if (error instanceof OAuthError) return { act: 'refuse', error }
    throw error
  }
}
