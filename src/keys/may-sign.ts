/**
 * THE rule of when a key may sign, as pure decisions. It is asked of memory, and memory may lag behind. So it rests on two
 * facts that every replica can rely on: how late the others hear of the key, and the mark that stands in the database.
 */
import type { Instant } from '../ground/clock.ts'

/** The facts about a key that signs. */
export interface Signing {
  /** The mark in the database: the key is published until it has passed. */
  signedUntil: Instant
  /** Before this, another replica may not publish the key yet. */
  publishedFrom: number
}

/**
 * From when on every other replica that is ready publishes a key.
 *
 * @param seenAt when this process first saw it, and so the latest time of its commit; `undefined` for a key that is old
 * @param othersHearWithinMs 0 where no other replica lives
 * @returns a time on the clock of `seenAt`; 0 for any time
 */
export const publishedFrom = (seenAt: number | undefined, othersHearWithinMs: number): number =>
  seenAt === undefined || othersHearWithinMs === 0 ? 0 : seenAt + othersHearWithinMs

/** Why a key may not sign a token that ends then. @param now on the clock of `publishedFrom` */
export function whyNotSign(key: Signing, until: Instant, now: number): 'unpublished' | 'unreserved' | undefined {
  if (now < key.publishedFrom) return 'unpublished'
  return key.signedUntil < until ? 'unreserved' : undefined
}
