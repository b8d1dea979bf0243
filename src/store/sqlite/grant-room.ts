/**
 * How many more grants a client and subject may certainly have, so that not every new grant counts the others. Grants
 * that end only leave more room. Another process may have made some, so its commits make this process count again.
 */
import type { ChangeLog } from './changes.ts'

interface Pair {
  clientKey: number
  sub: string
}

/** Above this number of pairs all are forgotten, and counted again. */
const MOST_PAIRS = 10_000

const nameOf = ({ clientKey, sub }: Pair): string => `${clientKey} ${sub}`

export class GrantRoom {
  readonly #changes: Pick<ChangeLog, 'foreignCommits'>
  readonly #left = new Map<string, number>()
  #seen = 0

  constructor(changes: Pick<ChangeLog, 'foreignCommits'>) {
    this.#changes = changes
  }

  /** Takes a place, inside a write. @returns false where the grants have to be counted */
  take(pair: Pair): boolean {
    if (this.#seen !== this.#changes.foreignCommits) {
      this.#seen = this.#changes.foreignCommits
      this.#left.clear()
    }
    const left = this.#left.get(nameOf(pair)) ?? 0
    if (left <= 0) return false
    this.#left.set(nameOf(pair), left - 1)
    return true
  }

  /** @param left how many fit beside the one that is being made */
  note(pair: Pair, left: number): void {
    if (this.#left.size >= MOST_PAIRS) this.#left.clear()
    this.#left.set(nameOf(pair), left)
  }
}
