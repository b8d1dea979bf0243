/** Remembers values for a while, each until its own end: those that may be used once, such as the `jti` of a token. */

/** A bound against running out of memory. The oldest values are forgotten first. */
const MOST_VALUES = 100_000
const PRUNE_EVERY = 256

export class ExpiringSet {
  readonly #ends = new Map<string, number>()
  #added = 0

  /** @returns whether the value is new. A known value keeps its end. */
  add(value: string, endsAtMs: number, nowMs: number): boolean {
    if (this.has(value, nowMs)) return false
    if (++this.#added % PRUNE_EVERY === 0) this.#prune(nowMs)
    this.#ends.delete(value)
    this.#ends.set(value, endsAtMs)
    return true
  }

  has(value: string, nowMs: number): boolean {
    const endsAtMs = this.#ends.get(value)
    return endsAtMs !== undefined && endsAtMs > nowMs
  }

  #prune(nowMs: number): void {
    for (const [value, endsAtMs] of this.#ends)
      if (endsAtMs <= nowMs || this.#ends.size > MOST_VALUES) this.#ends.delete(value)
  }
}
