/**
 * The time of the database, which all replicas share. Between readings it goes on by this process's even clock, so asking
 * costs nothing. It never goes back in a process.
 */
import type { Clock, Instant } from '../../ground/clock.ts'

export class DatabaseTime {
  readonly #clock: Clock
  /** The database's time minus the time that has passed here. */
  #offset: number | undefined
  #last: Instant = -Infinity
  #offBy = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): Instant {
    const shown = this.#offset === undefined ? this.#clock.now() : Math.floor(this.#clock.elapsed() + this.#offset)
    this.#last = Math.max(this.#last, shown)
    return this.#last
  }

  /** Milliseconds since some fixed point. It runs evenly. */
  elapsed(): number {
    return this.#clock.elapsed()
  }

  /** Begins a reading of the database's time. The result takes the time that was read, and gives the time that decides. */
  reading(): (read: number) => Instant {
    const sent = this.#clock.elapsed()
    return (read) => {
      const time = Math.floor(this.#clock.ofDatabase?.(read) ?? read)
      // The database's clock was read after the question was sent, and before the answer came.
      const [earliest, latest] = [time - this.#clock.elapsed(), time - sent]
      this.#offset = Math.min(latest, Math.max(earliest, this.#offset ?? earliest))
      this.#offBy = Date.now() - read
      return time
    }
  }

  /** How far this machine's clock is ahead of the database's, in milliseconds. It decides nothing. */
  get machineAheadMs(): number {
    return this.#offBy
  }
}

/** The time in milliseconds, in SQL. */
export const CLOCK_MS = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint'
