/** A movable clock that decides on every database: where the database is a server, its clock jumps with this one. */
import type { MovableClock } from '../../harness/clock.ts'

/** Stands still at a time, in milliseconds, until it is moved. */
export function decidingClock(from: number): MovableClock {
  let passed = 0
  let jumped = 0
  const now = () => from + passed + jumped
  return {
    now,
    elapsed: () => passed,
    ofDatabase: now,
    advance: (seconds) => void (passed += seconds * 1000),
    jump: (seconds) => void (jumped += seconds * 1000),
  }
}
