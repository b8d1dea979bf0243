/**
 * Runs argon2id with bounded parallelism and a bounded queue. Hashing needs memory and a thread of the pool that also
 * signs RS256. A flood of wrong secrets, or many new processes, must not take all of them. Turns rotate by client, and
 * within a client by network. So no caller waits behind the flood of another network, even at the same client.
 */
import { availableParallelism } from 'node:os'
import { Unavailable } from './errors.ts'

/** Two leave half of libuv's four threads to signatures. Each keeps 19 MiB, which glibc does not give back. */
const MOST_AT_ONCE = 2
const MOST_WAITING = 64
const MOST_WAITING_FOR_CLIENT = 16
const MOST_WAITING_IN_LANE = 8

/** Whose turn it is. */
export interface Lane {
  client: string
  network: string
}

interface Job {
  start(): Promise<void>
  giveUp(reason: Error): void
}

/** Jobs by network, in the order of their turns. */
type Lanes = Map<string, Job[]>

export class PasswordQueue {
  /** In the order of turns: Maps keep insertion order, so taking the first and putting it back last goes round. */
  readonly #clients = new Map<string, Lanes>()
  readonly #atOnce: number
  #running = 0
  #waiting = 0

  /** @param cores of this machine; one is left to the requests that hash nothing */
  constructor(cores = availableParallelism()) {
    this.#atOnce = Math.max(1, Math.min(MOST_AT_ONCE, cores - 1))
  }

  /**
   * Runs `work` when it is the lane's turn.
   * @throws Unavailable when too many wait already, now or while it waits: 503 with `Retry-After`.
   */
  run<T>(lane: Lane, work: () => Promise<T>): Promise<T> {
    if (!this.#makeRoom(lane)) return Promise.reject(tooMany())
    return new Promise<T>((resolve, reject) => {
      this.#enqueue(lane, { start: () => work().then(resolve, reject), giveUp: reject })
      this.#next()
    })
  }

  /** If all places are taken, the client or network with the most places loses its newest to one with fewer. */
  #makeRoom({ client, network }: Lane): boolean {
    const lanes = this.#clients.get(client)
    const inLane = lanes?.get(network)?.length ?? 0
    if (inLane >= MOST_WAITING_IN_LANE) return false
    const ofClient = lanes ? waitingIn(lanes) : 0
    if (lanes && ofClient >= MOST_WAITING_FOR_CLIENT) return this.#displace(lanes, inLane)
    if (this.#waiting < MOST_WAITING) return true
    const [busiest] = [...this.#clients.values()].toSorted((a, b) => waitingIn(b) - waitingIn(a))
    if (busiest === undefined || busiest === lanes) return busiest !== undefined && this.#displace(busiest, inLane)
    return waitingIn(busiest) > ofClient && this.#displace(busiest, 0)
  }

  #displace(lanes: Lanes, fewer: number): boolean {
    const [longest] = [...lanes.values()].toReversed().toSorted((a, b) => b.length - a.length)
    if (!longest || longest.length <= fewer) return false
    longest.pop()?.giveUp(tooMany())
    this.#waiting -= 1
    return true
  }

  #enqueue({ client, network }: Lane, job: Job): void {
    const lanes = this.#clients.get(client) ?? new Map<string, Job[]>()
    this.#clients.set(client, lanes)
    const jobs = lanes.get(network)
    if (jobs) jobs.push(job)
    else lanes.set(network, [job])
    this.#waiting += 1
  }

  #next(): void {
    if (this.#running >= this.#atOnce) return
    const job = this.#take()
    if (!job) return
    this.#waiting -= 1
    this.#running += 1
    void job.start().finally(() => {
      this.#running -= 1
      this.#next()
    })
  }

  /** The first job of the first network of the first client that has one; both go to the end of their rounds. */
  #take(): Job | undefined {
    for (const [client, lanes] of this.#clients) {
      this.#clients.delete(client)
      for (const [network, jobs] of lanes) {
        const job = jobs.shift()
        lanes.delete(network)
        if (jobs.length > 0) lanes.set(network, jobs)
        if (!job) continue
        if (lanes.size > 0) this.#clients.set(client, lanes)
        return job
      }
    }
  }
}

const waitingIn = (lanes: Lanes): number => [...lanes.values()].reduce((sum, jobs) => sum + jobs.length, 0)

const tooMany = (): Unavailable =>
  new Unavailable('too many secrets are being checked at once', { retryAfterSeconds: 2 })
