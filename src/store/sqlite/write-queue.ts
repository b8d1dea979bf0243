/**
 * The one way to write. Writes of one turn of the event loop share a transaction and its flush to disk. Their promises
 * resolve after the flush. No code waits inside SQLite: a locked database is tried again from the event loop, and after
 * two seconds the waiting writes are refused.
 */
import type { Database as RawDatabase } from 'better-sqlite3'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { Histogram } from '../../ground/counts.ts'
import { Unavailable, Unheard } from '../../ground/errors.ts'
import { PATIENCE_MS, backOff } from '../patience.ts'
import type { ChangeLog } from './changes.ts'
import { isBusy, isOutage, unavailable } from './failures.ts'
import type { OpenFiles } from './open-files.ts'

const MOST_IN_A_BATCH = 256
/** The longest time for which the lock is held while memory catches up. */
const HELD_MS = 100
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64, 128, MOST_IN_A_BATCH]
/** Seconds: from a fast disk to one that is about to fail. */
const COMMIT_DURATIONS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

interface Write {
  /** Runs the operation; what it returns resolves the caller's promise. May be called again after a rollback. */
  attempt: () => () => void
  reject: (error: unknown) => void
  deadline: number
  /** It shared a transaction that failed, and now runs in one of its own. */
  alone: boolean
}

export class WriteQueue {
  readonly #raw: RawDatabase
  readonly #changes: ChangeLog
  readonly #files: OpenFiles
  readonly #begin
  readonly #commit
  readonly #rollback
  /** Of every commit: how many writes shared it, and how many seconds it took. */
  readonly commits = { batchSize: new Histogram(BATCH_SIZES), seconds: new Histogram(COMMIT_DURATIONS) }
  #waiting: Write[] = []
  #draining: Promise<void> | undefined
  #closed = false

  constructor(raw: RawDatabase, changes: ChangeLog, files: OpenFiles) {
    this.#raw = raw
    this.#changes = changes
    this.#files = files
    this.#begin = raw.prepare('BEGIN IMMEDIATE')
    this.#commit = raw.prepare('COMMIT')
    this.#rollback = raw.prepare('ROLLBACK')
  }

  /**
   * Runs `operation` in a transaction. The operation must be synchronous and touch only the database, because it runs
   * again if another operation of its batch fails. If it throws, only its own changes are undone, and the promise rejects.
   */
  write<T>(operation: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(new Unavailable('the database is closed'))
    return new Promise((resolve, reject) => {
      const attempt = () => {
        const result = operation()
        return () => resolve(result)
      }
      this.#waiting.push({ attempt, reject, deadline: performance.now() + PATIENCE_MS, alone: false })
      this.#draining ??= this.#drain()
    })
  }

  /** Accepts no more writes, and resolves when the earlier ones are done. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#draining
  }

  async #drain(): Promise<void> {
    let tries = 0
    while (this.#waiting.length > 0) {
      await nextTurn()
      const outcome = await this.#tryBatch()
      if (outcome === 'done') tries = 0
      else await backOff(tries++)
      // While memory cannot take over a change, no write runs: none may be decided on stale memory.
      if (outcome === 'behind')
        this.#refuseOverdue(new Unavailable('this process cannot take over what another has changed'))
    }
    // No await stands between this line and the last check, so the next write starts a new drain.
    this.#draining = undefined
  }

  /**
   * `busy`: another process holds the lock. `behind`: another process has committed a change that this process has not
   * taken over. The rules that decide under the lock read memory too, so memory must be as new as the database.
   */
  async #tryBatch(): Promise<'done' | 'busy' | 'behind'> {
    this.#rollbackOpen()
    try {
      this.#files.requireInPlace()
      this.#begin.run()
      if (this.#changes.isBehind() && (await this.#isStillBehind())) {
        this.#rollbackOpen()
        return 'behind'
      }
    } catch (error) {
      this.#rollbackOpen()
      this.#refuse(this.#waiting.splice(0), error)
      return isBusy(error) ? 'busy' : 'done'
    }
    const batch = this.#takeBatch()
    try {
      this.#runBatch(batch)
      return 'done'
    } catch (error) {
      this.#rollbackOpen()
      this.#handleFailure(batch, error)
      return isBusy(error) ? 'busy' : 'done'
    }
  }

  /**
   * Memory catches up while this process holds the lock, for a short time only. If the lock were given back, a busy
   * process could commit again before memory has caught up, and this process might never write.
   */
  async #isStillBehind(): Promise<boolean> {
    await Promise.race([this.#changes.catchUp(), sleep(HELD_MS, undefined, { ref: false })])
    return this.#changes.isBehind()
  }

  #takeBatch(): Write[] {
    const shared = this.#waiting.findIndex(({ alone }) => alone)
    const most = shared === 0 ? 1 : shared > 0 ? shared : MOST_IN_A_BATCH
    return this.#waiting.splice(0, Math.min(most, MOST_IN_A_BATCH))
  }

  #runBatch(batch: Write[]): void {
    const done: { resolve: () => void; reject: Write['reject']; announced: boolean }[] = []
    const before = this.#changes.noted
    for (const { attempt, reject } of batch) {
      const noted = this.#changes.noted
      const resolve = attempt()
      done.push({ resolve, reject, announced: this.#changes.noted > noted })
    }
    const news = this.#changes.noted > before ? this.#changes.gather() : undefined
    this.#commitNow(batch.length)
    if (!news) return done.forEach(({ resolve }) => resolve())
    // A write that changed no memory does not wait for the listeners.
    for (const { resolve } of done.filter(({ announced }) => !announced)) resolve()
    void this.#changes.announce(news).then((heard) => {
      // The write is answered after memory has taken the change over. Until then this process would ignore the change.
      const unheard = new Unheard('the change is stored, and this process could not take it over yet')
      for (const { resolve, reject } of done.filter(({ announced }) => announced)) {
        if (heard) resolve()
        else reject(unheard)
      }
    })
  }

  #commitNow(writes: number): void {
    const began = performance.now()
    this.#commit.run()
    this.commits.seconds.observe((performance.now() - began) / 1000)
    this.commits.batchSize.observe(writes)
  }

  #handleFailure(batch: Write[], error: unknown): void {
    if (isOutage(error)) return this.#refuse(batch, error)
    const [only, ...others] = batch
    if (only && others.length === 0) return only.reject(error)
    this.#waiting.unshift(...batch.map((write) => ({ ...write, alone: true })))
  }

  /** A lock may be released, so writes that have time left go on waiting. */
  #refuse(batch: Write[], error: unknown): void {
    if (!isBusy(error)) return batch.forEach(({ reject }) => reject(unavailable(error, this.#raw.name)))
    this.#waiting.unshift(...batch)
    this.#refuseOverdue(unavailable(error, this.#raw.name))
  }

  #refuseOverdue(error: Unavailable): void {
    const now = performance.now()
    const waiting = this.#waiting
    this.#waiting = waiting.filter(({ deadline }) => deadline > now)
    for (const { reject, deadline } of waiting) if (deadline <= now) reject(error)
  }

  /** Ends an open transaction. A full disk may leave a transaction open, and the next write needs a new one. */
  #rollbackOpen(): void {
    try {
      if (this.#raw.open && this.#raw.inTransaction) this.#rollback.run()
    } catch {
      // The transaction is still open. Then the next one cannot begin, and its error tells the cause.
    }
  }
}
