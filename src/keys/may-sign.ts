/**
 * THE rule of when a key may sign, as pure decisions. It is asked of memory, and memory may lag behind. So it rests on two
 * facts that every replica can rely on: how late the others hear of the key, and the mark that stands in the database.
 */
import type { Instant } from '../ground/clock.ts'
import { COMMITTED_WITHIN_MS } from '../ground/silence.ts'

/** The facts about a key that signs. */
export interface Signing {
  /** The mark in the database: the key is published until it has passed. */
  signedUntil: Instant
  /** Before this, another replica may not publish the key yet. */
  publishedFrom: number
}

/**
 * Whether the keys of a shared ring are the first ones: every replica reads them, or makes them, before it is ready. They
 * are made together, and a row is kept of every key that follows or goes.
 *
 * @param rows every row of one algorithm, those of retired and revoked keys too
 */
export function areFirst(rows: readonly { createdAt: Instant }[]): boolean {
  const [first, second, ...others] = rows
  return others.length === 0 && second !== undefined && first?.createdAt === second.createdAt
}

/**
 * The latest time at which a key was committed: a key is committed when it is seen, and no long time after its date. So a
 * command that sees the key for the first time does not take it for a new one.
 *
 * @param ageMs the time since its date
 * @returns a time on the clock of `seenAt`
 */
export const committedBy = (
  seenAt: number,
  ageMs: number,
  now: number,
  committedWithinMs = COMMITTED_WITHIN_MS,
): number => Math.min(seenAt, now - (ageMs - committedWithinMs))

/**
 * From when on every other replica that is ready publishes a key.
 *
 * @param committedAt the latest time of its commit; `undefined` for a key that is old, or one of the first
 * @param othersHearWithinMs 0 where no other replica lives
 * @returns a time on the clock of `committedAt`; 0 for any time
 */
export const publishedFrom = (committedAt: number | undefined, othersHearWithinMs: number): number =>
  committedAt === undefined || othersHearWithinMs === 0 ? 0 : committedAt + othersHearWithinMs

/** Why a key may not sign a token that ends then. @param now on the clock of `publishedFrom` */
export function whyNotSign(key: Signing, until: Instant, now: number): 'unpublished' | 'unreserved' | undefined {
  if (now < key.publishedFrom) return 'unpublished'
  return key.signedUntil < until ? 'unreserved' : undefined
}
