/**
 * THE key rotation rule, as a pure decision about the ring of one algorithm. The store asks it under the ring's lock and
 * in database time, so only one of many processes promotes a key.
 */
import { CLOCK_SKEW_SECONDS, fromSeconds, type Instant } from '../ground/clock.ts'
import { isPublished, type PromotionVerdict, type SigningKeyRecord } from '../store/records/key.ts'

export interface PromotionPolicy {
  prepublishSeconds: number
  /** Promotes at once, even if the next key has not been published long enough. */
  emergency: boolean
  /** For the schedule: how long the active key has to sign before it is replaced. `null` for no such wait. */
  afterSeconds: number | null
}

/**
 * Keys of one algorithm that the JWKS may hold. Two rings of sixteen stay near 11 KB; from 16 KB on some
 * servers fetch the set anew at every request.
 */
const MOST_PUBLISHED = 16

/**
 * Whether every cached JWKS that may still be used holds a key. It does if the key has been published for the prepublish
 * time, or for as long as its predecessor: then a verifier that has fetched one has fetched both.
 */
export const isKnownToCaches = (
  key: SigningKeyRecord,
  predecessor: SigningKeyRecord,
  now: Instant,
  prepublishSeconds: number,
): boolean => key.createdAt <= predecessor.createdAt || now >= key.createdAt + fromSeconds(prepublishSeconds)

/** When the schedule lets the next key take over from the active key. */
export const dueAt = ({ activatedAt, createdAt }: SigningKeyRecord, rotationSeconds: number): Instant =>
  (activatedAt ?? createdAt) + fromSeconds(rotationSeconds)

/** Decides whether `next` may become `active` now: when caches know it, or at once in an emergency. */
export function decidePromotion(ring: SigningKeyRecord[], now: Instant, policy: PromotionPolicy): PromotionVerdict {
  const active = ring.find((key) => key.status === 'active')
  const next = ring.find((key) => key.status === 'next')
  if (!active || !next) return { act: 'wait', safeFrom: null, reason: 'the ring has no active or no next key' }

  if (policy.afterSeconds !== null) {
    const due = dueAt(active, policy.afterSeconds)
    if (now < due) return { act: 'wait', safeFrom: due, reason: 'the active key is not due for rotation' }
  }

  const published = ring.filter(isPublished)
  if (published.length >= MOST_PUBLISHED) {
    const firstGone = Math.min(...published.filter((key) => key.status === 'retiring').map((key) => key.signedUntil))
    return {
      act: 'wait',
      safeFrom: firstGone + fromSeconds(CLOCK_SKEW_SECONDS),
      reason: `${published.length} keys are published; one more would make the key set too large for some verifiers to cache`,
    }
  }

  if (policy.emergency || isKnownToCaches(next, active, now, policy.prepublishSeconds)) return { act: 'promote' }
  const safeFrom = next.createdAt + fromSeconds(policy.prepublishSeconds)
  return { act: 'wait', safeFrom, reason: 'the next key has not been published for long enough' }
}
