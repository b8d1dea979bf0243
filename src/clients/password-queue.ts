/**
 * argon2id in bounded parallel with a bounded queue. Hashing takes memory and a thread of the pool that also
 * signs RS256, so neither a flood of wrong secrets nor a fleet of new processes may take them all. Turns go
 * round by lane, one lane a client, so that nobody waits behind somebody else's flood.
 */
import { Unavailable } from '../errors.ts'

/** Two at once leave half of libuv's four threads to signatures. */
const AT_ONCE = 2
const MOST_WAITING = 64
const MOST_WAITING_IN_LANE = 8

type Job = () => Promise<void>

export class PasswordQueue {
  readonly #lanes = new Map<string, Job[]>()
  #running = 0
  #waiting = 0

  /**
   * Runs `work` when it is the lane's turn.
   * @throws Unavailable when too many wait already: 503 with `Retry-After`.
   */
  run<T>(lane: string, work: () => Promise<T>): Promise<T> {
    const waitingHere = this.#lanes.get(lane)?.length ?? 0
    if (this.#waiting >= MOST_WAITING || waitingHere >= MOST_WAITING_IN_LANE) {
      return Promise.reject(
        new Unavailable('too many client secrets are being checked at once', { retryAfterSeconds: 2 }),
      )
    }
    return new Promise<T>((resolve, reject) => {
      this.#enqueue(lane, () => work().then(resolve, reject))
      this.#next()
    })
  }

  #enqueue(lane: string, job: Job): void {
    const jobs = this.#lanes.get(lane)
    if (jobs) jobs.push(job)
    else this.#lanes.set(lane, [job])
    this.#waiting += 1
  }

  #next(): void {
    if (this.#running >= AT_ONCE) return
    // A Map keeps insertion order: taking the first lane and putting it back last goes round.
    const first = this.#lanes.entries().next().value
    if (!first) return
    const [lane, jobs] = first
    const job = jobs.shift()
    this.#lanes.delete(lane)
    if (jobs.length > 0) this.#lanes.set(lane, jobs)
    if (!job) return
    this.#waiting -= 1
    this.#running += 1
    void job().finally(() => {
      this.#running -= 1
      this.#next()
    })
  }
}
