/** Finds a route. Those without parameters, which are the busy ones, are looked for once and then known. */
import type { Result, Router } from 'hono/router'
import { TrieRouter } from 'hono/router/trie-router'

export class KnownPathsRouter<T> implements Router<T> {
  name = 'KnownPathsRouter'
  readonly #router = new TrieRouter<T>()
  /** By path as registered, then by method: bounded, whatever callers ask for. */
  readonly #known = new Map<string, Map<string, Result<T>>>()

  add(method: string, path: string, handler: T): void {
    this.#router.add(method, path, handler)
    this.#known.set(path, new Map())
  }

  match(method: string, path: string): Result<T> {
    const known = this.#known.get(path)
    const found = known?.get(method) ?? this.#router.match(method, path)
    known?.set(method, found)
    return found
  }
}
