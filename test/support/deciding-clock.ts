/** A movable clock that decides on every database: where the database is a server, its clock jumps with this one. */
import type { MovableClock } from '../../harness/clock.ts'

/** Begins at a time, in milliseconds, and stands still until it is moved, unless it runs. */
export function decidingClock(from: number, { runs = false } = {}): MovableClock {
  const began = performance.now()
  let passed = 0
  let jumped = 0
  const elapsed = () => passed + (runs ? Math.floor(performance.now() - began) : 0)
  const now = () => from + elapsed() + jumped
  return {
    now,
    elapsed,
    ofDatabase: now,
    advance: (seconds) => void (passed += seconds * 1000),
    jump: (seconds) => void (jumped += seconds * 1000),
  }
}
