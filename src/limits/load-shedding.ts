/**
 * Refuses new work while there is too much of it, before memory runs out or callers give up. Work that has begun is
 * finished.
 */
import type { Config } from '../config/setting.ts'

export type ShedReason = 'in_flight' | 'event_loop' | 'pipelining' | 'followers'

const SAMPLE_MS = 250
/** The event loop is overloaded after three late timers in a row, and recovered after four timers in time. */
const LATE_MS = 1000
const LATE_SAMPLES = 3
const GOOD_SAMPLES = 4

export class LoadShedding {
  inFlight = 0
  readonly shed: Record<ShedReason, number> = { in_flight: 0, event_loop: 0, pipelining: 0, followers: 0 }
  readonly #maxInFlight: number
  #isLoopLate = false

  constructor({ maxInFlight }: Pick<Config, 'maxInFlight'>) {
    this.#maxInFlight = maxInFlight
  }

  /** Why no new work can begin now; `undefined` where it can. */
  check(): ShedReason | undefined {
    if (this.inFlight >= this.#maxInFlight) return 'in_flight'
    return this.#isLoopLate ? 'event_loop' : undefined
  }

  /** Watches how late the event loop is. Returns a function that ends the watch. */
  watch(): () => void {
    let late = 0
    let good = 0
    let due = performance.now() + SAMPLE_MS
    const timer = setInterval(() => {
      const now = performance.now()
      const isLate = now - due > LATE_MS
      due = now + SAMPLE_MS
      late = isLate ? late + 1 : 0
      good = isLate ? 0 : good + 1
      if (late >= LATE_SAMPLES) this.#isLoopLate = true
      if (good >= GOOD_SAMPLES) this.#isLoopLate = false
    }, SAMPLE_MS).unref()
    return () => clearInterval(timer)
  }
}
