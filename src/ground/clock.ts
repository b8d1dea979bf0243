/**
 * Time. Inside Signet an instant is one type, milliseconds since the epoch; only tokens and OAuth
 * responses speak of seconds. The clock is passed in everywhere, so that tests can move it.
 */

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number

export interface Clock {
  now(): Instant
  /** Milliseconds since some fixed point; runs on evenly whatever is done to `now`. */
  elapsed(): number
}

export const systemClock: Clock = { now: () => Date.now(), elapsed: () => performance.now() }

/** A difference that no correction by small steps makes. Milliseconds. */
const JUMP_MS = 5000

/** How long a clock has to run evenly after a jump before it is believed again. Milliseconds. */
const BELIEVED_AFTER_MS = 10 * 60_000

/** A jump of the clock, in milliseconds: forward where positive. */
export interface Jump {
  byMs: number
  /** How far the clock is behind the time that Signet goes on with; 0 where both agree. */
  behindMs: number
}

/**
 * The time that Signet goes by: never earlier than the time at which it began plus what has passed since. A clock that
 * is set back must not make an expired token look unexpired, so it is not followed: time goes on evenly until the clock
 * has caught up, or until a restart, which takes the clock's word. A clock that is set forward is followed at
 * once, as after a machine has slept; what cannot be undone, such as retiring a key or deleting an entry that
 * denies a token, waits until the new time has proved itself. A jump that is taken back has then cost nothing.
 */
export class SteadyClock implements Clock {
  readonly #clock: Clock
  /** What to add to the time passed, for the time that is believed. */
  #believed: number
  /** The same, for what the clock showed at the last look. */
  #shown: number
  #believedFrom = -Infinity

  constructor(clock: Clock) {
    this.#clock = clock
    this.#believed = clock.now() - clock.elapsed()
    this.#shown = this.#believed
  }

  now(): Instant {
    return Math.max(this.#clock.now(), Math.floor(this.#clock.elapsed() + this.#believed))
  }

  elapsed(): number {
    return this.#clock.elapsed()
  }

  /** Looks at the clock. @returns how it has jumped since the last look, if it has */
  look(): Jump | undefined {
    const elapsed = this.#clock.elapsed()
    const shown = this.#clock.now() - elapsed
    const byMs = shown - this.#shown
    this.#shown = shown
    if (Math.abs(byMs) >= JUMP_MS) {
      this.#believedFrom = elapsed + BELIEVED_AFTER_MS
      return { byMs, behindMs: Math.max(0, this.#believed - shown) }
    }
    // Forward once it has proved itself; back by no more than clocks are corrected by.
    if (this.isBelieved() && shown > this.#believed - JUMP_MS) this.#believed = shown
    return undefined
  }

  /** Whether the present time may be acted on for good. */
  isBelieved(): boolean {
    return this.#clock.elapsed() >= this.#believedFrom
  }
}

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
