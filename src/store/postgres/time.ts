/**
 * The time of the database, which all replicas share. Between readings it goes on by this process's even clock, so asking
 * costs nothing. Where the database's clock is set back, time goes on evenly from where it was.
 */
import { JUMP_MS, SteadyClock, type Clock, type Instant } from '../../ground/clock.ts'

export class DatabaseTime {
  readonly #clock: Clock
  /** The database's time minus the time that has passed here. */
  #offset = 0
  #last: Instant = -Infinity
  #steady: SteadyClock | undefined
  #offBy = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): Instant {
    return this.steady.now()
  }

  /** The time that decides. It is known from the first reading on, which belongs to the opening. */
  get steady(): SteadyClock {
    if (!this.#steady) throw new Error("the database's time was not read yet")
    return this.#steady
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
      this.#offset = this.#steady ? Math.min(latest, Math.max(earliest, this.#offset)) : earliest
      this.#offBy = Date.now() - read
      this.#steady ??= new SteadyClock({ now: () => this.#shown(), elapsed: () => this.#clock.elapsed() })
      return Math.max(time, this.#steady.evenAt(sent))
    }
  }

  /** The time that the database's clock shows. For a normal correction it stands still, and does not go back. */
  #shown(): Instant {
    const shown = Math.floor(this.#clock.elapsed() + this.#offset)
    this.#last = shown > this.#last - JUMP_MS ? Math.max(shown, this.#last) : shown
    return this.#last
  }

  /** How far this machine's clock is ahead of the database's, in milliseconds. It decides nothing. */
  get machineAheadMs(): number {
    return this.#offBy
  }
}

/** The time in milliseconds, in SQL. */
export const CLOCK_MS = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint'
