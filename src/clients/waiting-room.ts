/** Places of requests that wait for another host. They are few, so that requests that need no other host have theirs. */
import { Shed } from '../ground/errors.ts'

/** A tenth of what is answered at the same time (SIGNET_MAX_IN_FLIGHT), unless that was changed. */
const MOST_WAITING = 500
const MOST_WAITING_OF_NETWORK = 100

export class WaitingRoom {
  #waiting = 0
  readonly #byNetwork = new Map<string, number>()

  /**
   * Waits for work of others.
   * @throws Unavailable when all places are taken, or all places of this network: 503 with `Retry-After`
   */
  async run(network: string, work: Promise<void>): Promise<void> {
    const ofNetwork = this.#byNetwork.get(network) ?? 0
    if (this.#waiting >= MOST_WAITING || ofNetwork >= MOST_WAITING_OF_NETWORK)
      throw new Shed('too many requests wait for keys of clients: try again')
    this.#take(network, 1)
    try {
      await work
    } finally {
      this.#take(network, -1)
    }
  }

  #take(network: string, places: 1 | -1): void {
    this.#waiting += places
    const left = (this.#byNetwork.get(network) ?? 0) + places
    if (left > 0) this.#byNetwork.set(network, left)
    else this.#byNetwork.delete(network)
  }
}
