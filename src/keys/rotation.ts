/**
 * Key rotation: THE rule, and the acts that follow it. The rule is a pure decision about one ring. The store asks it under
 * the ring's lock and in database time, so only one of many processes promotes a key.
 */
import { CLOCK_SKEW_SECONDS, fromSeconds, type Instant } from '../ground/clock.ts'
import { BY_SYSTEM, type Actor, type AuditTrail } from '../audit.ts'
import type { Config } from '../config/setting.ts'
import type { Moment, NewBlacklistEntry } from '../store/records/blacklist.ts'
import {
  isDatedAhead,
  isPublished,
  isSameRing,
  type PromotionOutcome,
  type PromotionVerdict,
  type RevocationOutcome,
  type RingId,
  type SigningKeyRecord,
} from '../store/records/key.ts'
import type { Store } from '../store/store.ts'
import type { KeyRing } from './key-ring.ts'

interface PromotionPolicy {
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

/** When the first key of an own ring takes over from the shared ring. */
function dueOfFirst(keys: SigningKeyRecord[], prepublishSeconds: number): Instant | undefined {
  const next = keys.find((key) => key.status === 'next')
  return next && next.createdAt + fromSeconds(prepublishSeconds)
}

/** Decides whether `next` may become `active` now: when caches know it, or at once in an emergency. */
function decidePromotion(ring: SigningKeyRecord[], now: Instant, policy: PromotionPolicy): PromotionVerdict {
  const active = ring.find((key) => key.status === 'active')
  const next = ring.find((key) => key.status === 'next')
  if (!next) return { act: 'wait', safeFrom: null, reason: 'the ring has no next key' }
  if (!active) return decideFirst(next, now, policy)

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

/** The first key of a ring takes over from the shared ring, which has signed the resource's tokens until now. */
function decideFirst(next: SigningKeyRecord, now: Instant, policy: PromotionPolicy): PromotionVerdict {
  const safeFrom = next.createdAt + fromSeconds(policy.prepublishSeconds)
  if (policy.emergency || now >= safeFrom) return { act: 'promote' }
  return {
    act: 'wait',
    safeFrom,
    reason: 'the first own key has not been published for long enough; until then the shared keys sign',
  }
}

/** `scheduled` waits until the active key is due; `emergency` waits for nothing. */
type RotationMode = 'scheduled' | 'requested' | 'emergency'

type RefusedPromotion = Extract<PromotionOutcome, { outcome: 'refused' }>

interface Needs {
  store: Store
  ring: KeyRing
  audit: AuditTrail
  policy: Pick<Config, 'keyPrepublishSeconds' | 'keyRotationSeconds'>
}

/**
 * The acts that change the status of keys. They write to the store alone: the ring in memory learns of each change from
 * the store, as it does where another process rotates.
 */
export class KeyRotation {
  readonly #needs: Needs

  constructor(needs: Needs) {
    this.#needs = needs
  }

  /** Why a rotation would be refused now, if it would. The lock is not held, so the answer can become outdated. */
  async forecast(id: RingId, mode: RotationMode): Promise<RefusedPromotion | undefined> {
    return this.#judge(await this.#keysOf(id), mode)
  }

  #judge(ring: SigningKeyRecord[], mode: RotationMode): RefusedPromotion | undefined {
    const verdict = decidePromotion(ring, this.#needs.store.now(), this.#promotionPolicy(mode))
    return verdict.act === 'wait'
      ? { outcome: 'refused', safeFrom: verdict.safeFrom, reason: verdict.reason }
      : undefined
  }

  /** Promotes `next`, if the rule allows it in this mode. */
  async rotate(id: RingId, mode: RotationMode, by: Actor): Promise<PromotionOutcome> {
    // The timetable has just done it.
    if (mode !== 'scheduled') await this.redate()
    // Expired keys are removed first, because the number of keys in a set is limited.
    if (mode === 'emergency') await this.retire(CLOCK_SKEW_SECONDS, () => true)
    // Decided once without the lock, so that no key is made for a rotation that will be refused.
    const keys = await this.#keysOf(id)
    const refused = this.#judge(keys, mode)
    if (refused) return refused

    const { store, ring, audit } = this.#needs
    const policy = this.#promotionPolicy(mode)
    const spare = await ring.draft(id)
    const leaving = keys.find((key) => key.status === 'active')?.kid
    const decide = (current: SigningKeyRecord[], now: Instant): PromotionVerdict => {
      if (current.find((key) => key.status === 'active')?.kid !== leaving)
        return { act: 'wait', safeFrom: null, reason: 'another process has just rotated this ring' }
      // Asked again: the clock may have jumped since the schedule began this.
      if (mode === 'scheduled' && !store.time.isBelieved())
        return {
          act: 'wait',
          safeFrom: null,
          reason: 'the clock has jumped, or it was not watched for ten minutes yet',
        }
      return decidePromotion(current, now, policy)
    }
    const event = audit.event('key.rotated', leaving ?? id.alg, { ...by, details: { mode } })
    return store.promoteNextKey(id, spare, decide, event)
  }

  /**
   * Revokes a compromised key: out of the JWKS, its spare takes over, its tokens are denied by `deny`.
   * @returns the key as it was before.
   */
  async revoke(
    kid: string,
    deny: (key: SigningKeyRecord, moment: Moment) => NewBlacklistEntry,
    by: Actor,
  ): Promise<RevocationOutcome> {
    const { store, ring, audit } = this.#needs
    const key = await store.findKey(kid)
    if (!key) return { outcome: 'unknown' }
    return store.revokeKey(kid, await ring.draft(key), deny, audit.event('key.revoked', kid, by))
  }

  /**
   * Dates the keys that a clock has dated ahead, once the clock is believed: they would not rotate before those dates. Caches
   * are judged by the time since then. @returns the `kid` of each
   */
  async redate(): Promise<string[]> {
    const { store, ring, audit } = this.#needs
    const mayDate = () => store.time.isBelieved()
    // Asked of memory first: the timetable comes every few seconds.
    if (!mayDate() || !ring.published().some((key) => isDatedAhead(key, store.now()))) return []
    return store.redateKeys(mayDate, (kid) => audit.event('key.redated', kid, BY_SYSTEM))
  }

  /**
   * Drops retiring keys from the rings once no token of theirs can be alive. The schedule drops none while the time is not
   * believed. @returns the `kid` of each
   */
  retire(skewSeconds: number, mayRetire = () => this.#needs.store.time.isBelieved()): Promise<string[]> {
    const { store, audit } = this.#needs
    return store.retireKeys(skewSeconds, mayRetire, (kid) => audit.event('key.retired', kid, BY_SYSTEM))
  }

  /** Brings own rings to rest that no resource uses any more. @returns the `kid` of each key */
  async rest(isUsed: (id: RingId) => boolean): Promise<string[]> {
    const { store, ring, audit } = this.#needs
    // Asked of memory first: the timetable comes every few seconds.
    if (ring.rings().every(isUsed)) return []
    return store.restUnusedKeys((kid) => audit.event('key.unused', kid, BY_SYSTEM))
  }

  /** When the schedule will promote a ring's next key, as far as is known now. It is answered from memory. */
  due(id: RingId): Instant | undefined {
    const { ring, policy } = this.#needs
    const keys = ring.published().filter((key) => isSameRing(key, id))
    const active = keys.find((key) => key.status === 'active')
    if (!active) return dueOfFirst(keys, policy.keyPrepublishSeconds)
    const due = dueAt(active, policy.keyRotationSeconds)
    // The next key may have to be published for longer than that.
    const verdict = decidePromotion(keys, due, this.#promotionPolicy('scheduled'))
    return verdict.act === 'wait' ? (verdict.safeFrom ?? due) : due
  }

  /** The keys of a ring as the database has them now. */
  async #keysOf(id: RingId): Promise<SigningKeyRecord[]> {
    return (await this.#needs.store.listKeys()).filter((key) => isSameRing(key, id))
  }

  #promotionPolicy(mode: RotationMode): PromotionPolicy {
    const { keyPrepublishSeconds, keyRotationSeconds } = this.#needs.policy
    return {
      prepublishSeconds: keyPrepublishSeconds,
      emergency: mode === 'emergency',
      afterSeconds: mode === 'scheduled' ? keyRotationSeconds : null,
    }
  }
}
