/** Lets so many acts in at once, in the order in which they came. */
import { Failure } from './failures.ts'

export class Gate {
  #free: number
  readonly #waiting = new Set<() => void>()

  constructor(places: number) {
    this.#free = places
  }

  /**
   * Waits for a place until the deadline.
   * @returns gives the place back
   */
  async enter(deadline: number): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1
    else await this.#wait(deadline)
    let isIn = true
    return () => {
      if (isIn) this.#leave()
      isIn = false
    }
  }

  #wait(deadline: number): Promise<void> {
    const entered = Promise.withResolvers<void>()
    this.#waiting.add(entered.resolve)
    const timer = setTimeout(() => {
      if (this.#waiting.delete(entered.resolve)) entered.reject(new Failure('outage', '', 'earlier writes still wait'))
    }, deadline - performance.now())
    return entered.promise.finally(() => clearTimeout(timer))
  }

  /** The place goes to the act that has waited longest. */
  #leave(): void {
    const [next] = this.#waiting
    if (!next) return void (this.#free += 1)
    this.#waiting.delete(next)
    next()
  }
}
