/** Guesses at passwords and codes, as they are counted. */
import type { Instant } from '../../ground/clock.ts'

/** A browser is known for as long as browsers keep a cookie (RFC 6265bis §5.5). */
export const BROWSER_KNOWN_SECONDS = 400 * 86_400

/** The failures of one bucket: of one person from one source. */
export interface GuessRecord {
  /** A digest. */
  bucket: string
  failures: number
  /** Before this no guess is judged. */
  blockedUntil: Instant
  expiresAt: Instant
}

/** A guess that is about to be judged. */
export interface GuessAttempt {
  /** `null`: no person has the name that was typed. */
  userId: string | null
  /** The hash of the `device` cookie; `null` for none. */
  browserHash: string | null
  /** @param isKnown whether the person has signed in before in this browser */
  bucketOf: (isKnown: boolean) => string
}

/** The verdict of a bucket on one more guess. `wait`: the guess is not judged. */
export type GuessRule = (
  before: GuessRecord | undefined,
  now: Instant,
) => { outcome: 'counted'; counted: Omit<GuessRecord, 'bucket'> } | { outcome: 'wait'; until: Instant }

/** `failures`: with this guess, which counts as wrong until it is forgiven. */
export type GuessOutcome =
  | { outcome: 'counted'; bucket: string; failures: number }
  | { outcome: 'wait'; seconds: number }
