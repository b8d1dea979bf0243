/** Queues of tokens by name: taking the oldest token and adding its successor at the end uses all tokens in turn. */
export class Pools {
  readonly #queues = new Map<string, { tokens: string[]; next: number }>()

  fill(pool: string, tokens: string[]): void {
    this.#queues.set(pool, { tokens: [...tokens], next: 0 })
  }

  put(pool: string, token: string): void {
    const queue = this.#queues.get(pool)
    if (queue) queue.tokens.push(token)
    else this.fill(pool, [token])
  }

  take(pool: string, putBack: boolean): string | undefined {
    const queue = this.#queues.get(pool)
    const token = queue?.tokens[queue.next]
    if (!queue || token === undefined) return undefined
    queue.next += 1
    if (putBack) queue.tokens.push(token)
    // Tokens that were taken are dropped now and then: at every request this would copy the queue.
    if (queue.next >= 65_536) {
      queue.tokens = queue.tokens.slice(queue.next)
      queue.next = 0
    }
    return token
  }
}
