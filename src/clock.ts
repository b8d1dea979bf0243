/**
 * Time. Inside Signet an instant is one type, milliseconds since the epoch; only tokens and OAuth
 * responses speak of seconds. The clock is passed in everywhere, so that tests can move it.
 */

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number

export interface Clock {
  now(): Instant
}

export const systemClock: Clock = { now: () => Date.now() }

/** Seconds since the epoch, rounded down: the unit of `iat` and `exp` (RFC 7519 §2, NumericDate). */
export const toSeconds = (instant: Instant): number => Math.floor(instant / 1000)

export const fromSeconds = (seconds: number): Instant => seconds * 1000

/** ISO 8601 in UTC, the form of the command line and of the admin API; `null` stays `null`. */
export function toIso(instant: Instant): string
export function toIso(instant: Instant | null): string | null
export function toIso(instant: Instant | null): string | null {
  return instant === null ? null : new Date(instant).toISOString()
}

/**
 * How far two honest clocks may differ, in seconds. Verifiers commonly allow this much, so nothing
 * that a token needs (its key, its blacklist entry) may go earlier than `exp` plus this.
 */
export const CLOCK_SKEW_SECONDS = 60
