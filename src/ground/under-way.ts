/** Counts work that has begun and not ended, and tells when none is left. */
export class UnderWay {
  #count = 0
  #settled: PromiseWithResolvers<void> | undefined

  begin(): void {
    this.#count += 1
  }

  end(): void {
    this.#count -= 1
    if (this.#count > 0) return
    this.#settled?.resolve()
    this.#settled = undefined
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    if (this.#count === 0) return
    await (this.#settled ??= Promise.withResolvers()).promise
  }
}
