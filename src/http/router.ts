/** Hono's router of trees, with a memory for paths without parameters. The busy paths are of that kind. */
import type { Result, Router } from 'hono/router'
import { TrieRouter } from 'hono/router/trie-router'

export class KnownPathsRouter<T> implements Router<T> {
  name = 'KnownPathsRouter'
  readonly #router = new TrieRouter<T>()
  /** By path, then by method. Holds paths that were added, and no others. */
  readonly #found = new Map<string, Map<string, Result<T>>>()

  add(method: string, path: string, handler: T): void {
    this.#router.add(method, path, handler)
    if (!/[:*]/.test(path)) this.#found.set(path, new Map())
    // Middleware that is added later belongs to paths that were found before.
    for (const byMethod of this.#found.values()) byMethod.clear()
  }

  match(method: string, path: string): Result<T> {
    const byMethod = this.#found.get(path)
    if (!byMethod) return this.#router.match(method, path)
    const known = byMethod.get(method)
    if (known) return known
    const result = this.#router.match(method, path)
    if (METHODS.has(method)) byMethod.set(method, result)
    return result
  }
}

/** Callers may send any method, and the memory has room for these. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS'])
