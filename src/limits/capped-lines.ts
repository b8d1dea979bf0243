/** A flood of requests must not fill the disk with log lines: beyond a number in one second they are only counted. */
import type { Log } from '../ground/log.ts'

/** Lines of one kind in a second: far more than anybody reads. */
const MOST_LINES = 500

export class CappedLines {
  readonly #log: Log
  readonly #what: string
  readonly #onEnd: () => void
  #written = 0
  #leftOut = 0
  #second: NodeJS.Timeout | undefined

  /**
   * @param what is left out, for the line that counts it
   * @param onEnd called at the end of a second that left lines out
   */
  constructor(what: string, log: Log, onEnd: () => void = () => {}) {
    this.#what = what
    this.#log = log
    this.#onEnd = onEnd
  }

  /** Takes the place of one line, if there is one. */
  hasRoom(): boolean {
    this.#second ??= setTimeout(() => this.close(), 1000).unref()
    if (this.#written >= MOST_LINES) this.#leftOut += 1
    else this.#written += 1
    return this.#leftOut === 0
  }

  /** Ends the second, and logs how many lines were left out in it. */
  close(): void {
    clearTimeout(this.#second)
    this.#second = undefined
    if (this.#leftOut > 0) {
      this.#log.warn(`${this.#what} in a second than are logged one by one`, { count: this.#leftOut })
      this.#onEnd()
    }
    this.#written = 0
    this.#leftOut = 0
  }
}
