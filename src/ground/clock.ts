/**
 * Time. Inside Signet an instant has one type: milliseconds since the epoch. Only tokens and OAuth
 * responses use seconds. The clock is passed in everywhere, so that tests can move it.
 */

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number

export interface Clock {
  now(): Instant
  /** Milliseconds since some fixed point. It runs evenly, also when `now` jumps. */
  elapsed(): number
  /** The time for which a database's own time stands: the same time, unless a test moves time. */
  ofDatabase?(time: Instant): Instant
}

export const systemClock: Clock = { now: () => Date.now(), elapsed: () => performance.now() }

/** A smaller difference is a normal correction of the clock; a larger one is a jump. Milliseconds. */
export const JUMP_MS = 5000

/** A clock is believed when it has run evenly for this long. Milliseconds. */
const BELIEVED_AFTER_MS = 10 * 60_000

/** A jump of the clock in milliseconds. A positive jump is forward. */
export interface Jump {
  byMs: number
  /** How far the clock is behind the time that Signet uses; 0 if both agree. */
  behindMs: number
}

/**
 * The time that Signet uses. It goes on evenly from the start of the process.
 *
 * A clock that is set forward is followed at once: the machine may have slept. Acts that cannot be undone wait until the new
 * time is believed, such as retiring a key or deleting a blacklist entry. So a jump that is corrected costs nothing.
 *
 * A clock that is set back is not followed, because an expired token must not look unexpired. Time goes on evenly until the
 * clock has caught up, or until a restart, which takes the clock's time. While the clock is far behind, nothing is done that
 * cannot be undone.
 *
 * A start takes the clock's time, and the machine may have started with a wrong one. So unless the time goes on from the
 * record, a process is on trial until the clock has run evenly for ten minutes. Until then it does nothing that cannot be
 * undone, and follows a clock that is set back, as a restart would.
 */
export class SteadyClock implements Clock {
  readonly #clock: Clock
  /** The time that goes on evenly, minus the time passed. */
  #even: number
  /** The clock's time at the last look, minus the time passed. */
  #shown: number
  #believedFrom: number
  /** Until then, by the time passed, no clock was believed in this process. */
  #onTrialUntil: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#even = clock.now() - clock.elapsed()
    this.#shown = this.#even
    this.#believedFrom = clock.elapsed() + BELIEVED_AFTER_MS
    this.#onTrialUntil = this.#believedFrom
  }

  now(): Instant {
    return Math.max(this.#clock.now(), this.evenAt(this.#clock.elapsed()))
  }

  elapsed(): number {
    return this.#clock.elapsed()
  }

  /** The time after `elapsed`, had the clock run evenly since it was last believed. */
  evenAt(elapsed: number): Instant {
    return Math.floor(elapsed + this.#even)
  }

  /** The earliest time to which this process can still come; 0 on trial. An entry that ended before then stays ended. */
  earliest(): Instant {
    const elapsed = this.#clock.elapsed()
    return elapsed < this.#onTrialUntil ? 0 : this.evenAt(elapsed)
  }

  /** Believes the clock at once where it goes on from a time that a process before this one has believed. */
  goOnFrom(noted: Instant): void {
    const sinceMs = this.now() - noted
    if (sinceMs > -JUMP_MS && sinceMs < BELIEVED_AFTER_MS) this.believe()
  }

  /** Believes the clock at once: nothing is on record that a wrong one could end. */
  believe(): void {
    this.#believedFrom = this.#clock.elapsed()
    this.#onTrialUntil = this.#believedFrom
  }

  /** Looks at the clock. @returns the jump since the last look, if there was one */
  look(): Jump | undefined {
    const byMs = this.#jumpedBy()
    this.#shown += byMs
    if (Math.abs(byMs) >= JUMP_MS) return this.#heedJump(byMs)
    // A forward jump is followed when it is believed. A step back is followed only if it is a normal correction.
    if (this.isBelieved() && this.#shown > this.#even - JUMP_MS) this.#even = this.#shown
    return undefined
  }

  #heedJump(byMs: number): Jump {
    const elapsed = this.#clock.elapsed()
    this.#believedFrom = elapsed + BELIEVED_AFTER_MS
    if (elapsed < this.#onTrialUntil) {
      this.#onTrialUntil = this.#believedFrom
      this.#even = Math.min(this.#even, this.#shown)
    }
    return { byMs, behindMs: this.#behindMs }
  }

  /** Whether an act that cannot be undone may rely on the present time. */
  isBelieved(): boolean {
    return (
      this.#clock.elapsed() >= this.#believedFrom &&
      Math.abs(this.#jumpedBy()) < JUMP_MS &&
      this.#behindMs < BELIEVED_AFTER_MS
    )
  }

  get #behindMs(): number {
    return Math.max(0, this.#even - this.#shown)
  }

  #jumpedBy(): number {
    return this.#clock.now() - this.#clock.elapsed() - this.#shown
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
 * How far two correct clocks may differ, in seconds. Verifiers commonly allow this difference. So a token's key
 * and its blacklist entry stay until `exp` plus this time.
 */
export const CLOCK_SKEW_SECONDS = 60

/** Whether a date was made by a clock that was ahead: it is later than two correct clocks can differ. */
export const isAhead = (date: Instant, now: Instant): boolean => date > now + fromSeconds(CLOCK_SKEW_SECONDS)
