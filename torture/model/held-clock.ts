/** A clock that stands still but for what a sequence lets pass. Elapsed time goes with it, so nothing is a jump. */
import type { Clock } from '../../src/index.ts'

/** A whole second, so that no rounding comes in. Milliseconds. */
const BEGINS_MS = Date.UTC(2030, 0, 1)

/** Seconds since 1970 at the beginning of every sequence. */
export const BEGINS = BEGINS_MS / 1000

export class HeldClock implements Clock {
  /** Seconds since the sequence began. */
  passed = 0

  now(): number {
    return BEGINS_MS + this.elapsed()
  }

  elapsed(): number {
    return this.passed * 1000
  }
}
