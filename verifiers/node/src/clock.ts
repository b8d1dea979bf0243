/**
 * Two clocks. Times inside a token or an entry are compared with the wall clock. Ages and intervals in this process are
 * measured with an even clock, because a wall clock can be set forward and back.
 */

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Milliseconds since some fixed point; runs evenly, even if the wall clock is set. */
  elapsed(): number
}

/** The same moment, as both clocks show it. */
export interface Moment {
  wallMs: number
  evenMs: number
}

/** @param given the option `clock`; without `elapsed`, the system's monotonic clock is used */
export const readClock = (given: Partial<Clock> = {}): Clock => ({
  now: () => given.now?.() ?? Date.now(),
  elapsed: () => given.elapsed?.() ?? performance.now(),
})

export const momentOf = (clock: Clock): Moment => ({ wallMs: clock.now(), evenMs: clock.elapsed() })

export const earlier = ({ wallMs, evenMs }: Moment, seconds: number): Moment => ({
  wallMs: wallMs - seconds * 1000,
  evenMs: evenMs - seconds * 1000,
})

/**
 * Milliseconds from one moment to another. The clock that shows more counts: the wall clock may have been set back, and
 * the even clock stands still while a machine sleeps.
 */
export const ageMs = (since: Moment, at: Moment): number =>
  Math.max(0, at.wallMs - since.wallMs, at.evenMs - since.evenMs)
