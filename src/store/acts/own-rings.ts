/**
 * The rings that resources have to themselves. A ring is used while its resource says so. If the resource says so later than
 * at its creation, verifiers have cached its key set: the shared ring goes on signing until the first own key is known.
 * A ring that no resource uses comes to rest: its keys stay published until their last tokens have ended.
 */
import type { Instant } from '../../ground/clock.ts'
import { find, select, time, update, type Act } from '../engine.ts'
import { SHARED_RING, type RingId, type RingName, type SigningKeyRecord } from '../records/key.ts'
import { signingKeys } from '../tables/keys.ts'
import { resources } from '../tables/resources.ts'

/** How a ring is used: `later` means that the shared ring has signed the resource's tokens until now. */
export type RingUse = 'now' | 'later' | 'never'

export function* useOf({ ring, alg }: RingId): Act<RingUse> {
  if (ring === SHARED_RING) return 'now'
  const resource = yield* find(resources, { id: ring })
  if (!resource?.ownKeys || resource.alg !== alg) return 'never'
  return typeof resource.signIn.sharedKeysUntil === 'number' ? 'later' : 'now'
}

/** No token that the shared keys have signed up to now is valid after this. */
export function* sharedMark(): Act<Instant> {
  const keys = (yield* select(signingKeys, { where: { ring: SHARED_RING } })).map(({ signedUntil }) => signedUntil)
  return Math.max(yield* time(), ...keys)
}

/** Notes that the own ring of a resource signs from now on, and the shared ring no more. */
export function* noteFirstOwnKey(ring: RingName): Act<void> {
  const resource = yield* find(resources, { id: ring })
  if (typeof resource?.signIn.sharedKeysUntil !== 'number') return
  const sharedKeysUntil = yield* sharedMark()
  yield* update(resources, { id: ring }, { signIn: { ...resource.signIn, sharedKeysUntil } })
}

/** Brings the own rings of a resource to rest that it does not use. @returns the keys that are out of use */
export function* restUnusedRings(ring: RingName): Act<SigningKeyRecord[]> {
  const now = yield* time()
  const rested: SigningKeyRecord[] = []
  for (const key of yield* select(signingKeys, { where: { ring } })) {
    const isInUse = key.status === 'active' || key.status === 'next'
    if (!isInUse || (yield* useOf(key)) !== 'never') continue
    // A next key has signed nothing. A process that has not heard of it may sign with the active key for a moment.
    if (key.status === 'next') yield* discard(key, 'retired', now)
    else yield* update(signingKeys, { kid: key.kid }, { status: 'retiring', deactivatedAt: now })
    rested.push(key)
  }
  return rested
}

/** Ends a resource's own ring, inside the write that deletes the resource: its tokens end with it. */
export function* endRing(ring: RingName): Act<void> {
  const now = yield* time()
  for (const key of yield* select(signingKeys, { where: { ring } })) {
    if (key.status !== 'revoked' && key.status !== 'retired')
      yield* discard({ ...key, deactivatedAt: now }, 'retired', now)
  }
}

/** Takes a key out of use for good, and deletes its private half. */
export function* discard(
  { kid, deactivatedAt }: SigningKeyRecord,
  status: 'retired' | 'revoked',
  now: Instant,
): Act<void> {
  yield* update(signingKeys, { kid }, { status, sealedPrivateKey: '', deactivatedAt: deactivatedAt ?? now })
}
