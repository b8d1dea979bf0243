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

/**
 * Notices when the clock jumps. What cannot be undone, such as retiring a key or deleting an entry that denies a
 * token, waits until the new time has proved itself: a jump that is taken back must have cost nothing.
 */
export class ClockWatch {
  readonly #clock: Clock
  #offset: number
  #believedFrom = -Infinity

  constructor(clock: Clock) {
    this.#clock = clock
    this.#offset = clock.now() - clock.elapsed()
  }

  /** Looks at the clock. @returns by how many milliseconds it has jumped since the last look, 0 for none */
  look(): number {
    const elapsed = this.#clock.elapsed()
    const offset = this.#clock.now() - elapsed
    const jump = offset - this.#offset
    this.#offset = offset
    if (Math.abs(jump) < JUMP_MS) return 0
    this.#believedFrom = elapsed + BELIEVED_AFTER_MS
    return jump
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
