/**
 * Finds a route. A path without parameters, which the busy ones are, answers by what stands under that very path, and
 * by nothing that takes its last part for an id.
 */
import type { Params, Result, Router } from 'hono/router'
import { TrieRouter } from 'hono/router/trie-router'

export class KnownPathsRouter<T> implements Router<T> {
  name = 'KnownPathsRouter'
  readonly #router = new TrieRouter<T>()
  /** By path, then by method. */
  readonly #known = new Map<string, Map<string, [[T, Params][]]>>()

  /** @throws Error for what would stand under many paths or methods: it is not looked for in `#known`. */
  add(method: string, path: string, handler: T): void {
    if (path.includes('*') || method === 'ALL') throw new Error(`${method} ${path}: name each method and path`)
    if (path.includes(':')) return this.#router.add(method, path, handler)
    const ofPath = this.#known.get(path) ?? new Map<string, [[T, Params][]]>()
    const [before = []] = ofPath.get(method) ?? []
    this.#known.set(path, ofPath.set(method, [[...before, [handler, {}]]]))
  }

  match(method: string, path: string): Result<T> {
    const ofPath = this.#known.get(path)
    return ofPath ? (ofPath.get(method) ?? [[]]) : this.#router.match(method, path)
  }
}
