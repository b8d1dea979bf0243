/** Lets a bounded number of acts in at once. In each line, the act that has waited longest goes first. */
import { Failure } from './failures.ts'

/** Exclusive acts have a line of their own, so that none of them waits until all others of a busy process are done. */
export type Line = 'exclusive' | 'common'

export class Gate {
  #free: number
  readonly #lines: Record<Line, Set<() => void>> = { exclusive: new Set(), common: new Set() }
  #last: Line = 'common'

  constructor(places: number) {
    this.#free = places
  }

  /**
   * Waits for a place until the deadline.
   * @returns gives the place back
   */
  async enter(deadline: number, line: Line = 'common'): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1
    else await this.#wait(deadline, this.#lines[line])
    let isIn = true
    return () => {
      if (isIn) this.#leave()
      isIn = false
    }
  }

  #wait(deadline: number, line: Set<() => void>): Promise<void> {
    const entered = Promise.withResolvers<void>()
    line.add(entered.resolve)
    const timer = setTimeout(() => {
      if (line.delete(entered.resolve)) entered.reject(new Failure('outage', '', 'earlier writes still wait'))
    }, deadline - performance.now())
    return entered.promise.finally(() => clearTimeout(timer))
  }

  /** The lines take turns where both wait. */
  #leave(): void {
    const turn: Line = this.#last === 'common' ? 'exclusive' : 'common'
    for (const line of [turn, this.#last]) {
      const [next] = this.#lines[line]
      if (!next) continue
      this.#last = line
      this.#lines[line].delete(next)
      return next()
    }
    this.#free += 1
  }
}
