/**
 * Tells the listeners of this process what was changed, by this process or another one. There is only one announcement at
 * a time. A change that a listener could not take over is kept, and told again.
 */
import type { Change, ChangeListener } from './records/change.ts'
import { PATIENCE_MS, backOff } from './patience.ts'

/** Told instead of changes that are too many, or that the sweep has deleted. */
export const EVERYTHING: Change[] = [
  { noun: 'client', id: null },
  { noun: 'resource', id: null },
  { noun: 'key', id: null },
  { noun: 'blacklist', id: null },
]

/** If more changes than this are missing, "everything" is announced instead. */
export const MOST_CHANGES = 1000

export class Announcer {
  readonly #listeners: ChangeListener[] = []
  /** Changes that were not announced yet, and changes that a listener failed to take over. */
  #unheard: Change[] = []
  #announcing: Promise<unknown> = Promise.resolve()
  #isTelling = false

  onChange(listener: ChangeListener): void {
    this.#listeners.push(listener)
  }

  /** Takes committed changes, which are told by the next announcement. */
  accept(changes: Change[]): void {
    this.#unheard = this.#unheard.concat(changes)
  }

  /** Whether listeners have still to take over something that was accepted. */
  get isBehind(): boolean {
    return this.#unheard.length > 0 || this.#isTelling
  }

  /**
   * Tells the listeners; a listener that fails is told again. Never rejects.
   * @returns whether all listeners have taken over what was accepted
   */
  async announce(): Promise<boolean> {
    const deadline = performance.now() + PATIENCE_MS
    for (let attempt = 0; ; attempt++) {
      const failure = await inTime(this.#deliverInTurn(), Math.max(0, deadline - performance.now()))
      if (!failure) return true
      if (failure === 'late' || performance.now() > deadline) return false
      await backOff(attempt)
    }
  }

  /** Tells the listeners once, after earlier announcements. Rejects with the error of a listener. */
  async deliver(): Promise<void> {
    // Also while another caller's announcement runs: whoever waits wants it taken over.
    if (!this.isBehind) return
    const failure = await this.#deliverInTurn()
    if (failure) throw failure.reason
  }

  /** The same for a caller who goes on whatever the outcome. It waits no longer than the patience. Never rejects. */
  async settle(): Promise<void> {
    await inTime(this.#deliverInTurn())
  }

  /** Resolves when every announcement so far was made. */
  async settled(): Promise<void> {
    await inTime(this.#announcing)
  }

  #deliverInTurn(): Promise<PromiseRejectedResult | undefined> {
    const turn = this.#announcing.then(() => this.#tellListeners())
    this.#announcing = turn
    return turn
  }

  /** A change that a listener could not take over is told again by the next announcement. */
  async #tellListeners(): Promise<PromiseRejectedResult | undefined> {
    if (this.#unheard.length === 0) return undefined
    const news = distinct(this.#unheard)
    this.#unheard = []
    this.#isTelling = true
    const results = await Promise.allSettled(this.#listeners.map(async (listener) => listener(news)))
    this.#isTelling = false
    const failure = results.find((result) => result.status === 'rejected')
    if (failure) this.#unheard = [...news, ...this.#unheard]
    return failure
  }
}

/** The outcome of an announcement, or `late` if a listener does not return in time: no caller waits for ever. */
async function inTime<T>(announcement: Promise<T>, waitMs = PATIENCE_MS): Promise<T | 'late'> {
  const late = Promise.withResolvers<'late'>()
  const timer = setTimeout(() => late.resolve('late'), waitMs).unref()
  try {
    return await Promise.race([announcement, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

function distinct(list: Change[]): Change[] {
  return [...new Map(list.map((change) => [`${change.noun} ${change.id ?? ''}`, change])).values()]
}
