/**
 * Remembers values for a while, each until its own end: those that may be used once, such as the `jti` of a token. An end
 * has come when both clocks say so: a wall clock that is ahead for a moment forgets nothing, and after one was set back
 * nothing counts a second time.
 */
import type { Moment } from './clock.ts'

/** A bound against running out of memory. */
const MOST_VALUES = 100_000

export class ExpiringSet {
  readonly #ends = new Map<string, Moment>()

  /** @returns whether the value is new. A known value keeps its end. */
  add(value: string, livesMs: number, now: Moment): boolean {
    if (this.has(value, now)) return false
    this.#ends.delete(value)
    for (const [oldest, end] of this.#ends) {
      // Under a flood the oldest values are forgotten early.
      if (!isPast(end, now) && this.#ends.size < MOST_VALUES) break
      this.#ends.delete(oldest)
    }
    this.#ends.set(value, { wallMs: now.wallMs + livesMs, evenMs: now.evenMs + livesMs })
    return true
  }

  has(value: string, now: Moment): boolean {
    const end = this.#ends.get(value)
    return end !== undefined && !isPast(end, now)
  }
}

const isPast = (end: Moment, now: Moment): boolean => end.wallMs < now.wallMs && end.evenMs < now.evenMs
