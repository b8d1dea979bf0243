/** Queues of tokens by name: who takes the oldest and puts its successor at the end goes round all of them. */
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
    // What was taken is dropped now and then: at every request it would cost a copy of the queue.
    if (queue.next >= 65_536) {
      queue.tokens = queue.tokens.slice(queue.next)
      queue.next = 0
    }
    return token
  }
}
