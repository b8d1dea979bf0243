/**
 * Time, of two kinds. What a token or an entry says about itself is compared with the wall clock; how long ago
 * something happened here is measured evenly, because a wall clock can be set forward and back.
 */

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Milliseconds since some fixed point; runs on evenly whatever is done to `now`. */
  elapsed(): number
}

/** A moment, by both clocks. */
export interface Moment {
  wallMs: number
  evenMs: number
}

/** @param given the option of that name; without `elapsed` the system's own measure is taken */
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
 * Milliseconds from one moment to another, by the clock that says more: knowledge may be older than one of them
 * thinks. The wall clock may have been set back, and the even one stands still while a machine sleeps.
 */
export const ageMs = (since: Moment, at: Moment): number =>
  Math.max(0, at.wallMs - since.wallMs, at.evenMs - since.evenMs)
