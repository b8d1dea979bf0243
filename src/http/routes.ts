/** The table of routes: one look-up by method and path, whose result limits, log and dispatch all use. */
import type { Hono } from 'hono'
import { nearest } from '../ground/nearest.ts'
import type { Env } from './context.ts'
import { basePath } from './endpoint-url.ts'
import type { Route } from './route.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE']

/** Paths that other issuers use, and paths that people try first, with ours. Paths that end as one of ours are found without. */
const KNOWN_SLIPS: Record<string, string> = {
  '/jwks': '/.well-known/jwks.json',
  '/jwks.json': '/.well-known/jwks.json',
  '/certs': '/.well-known/jwks.json',
  '/keys': '/.well-known/jwks.json',
  '/.well-known/jwks': '/.well-known/jwks.json',
  '/health': '/readyz',
  '/healthz': '/readyz',
  '/ready': '/readyz',
  '/live': '/livez',
  '/ping': '/livez',
  '/swagger': '/docs',
  '/openapi': '/openapi.json',
  '/openapi.yaml': '/openapi.json',
  '/admin': '/docs',
  '/admin/api': '/docs',
}

export class Routes {
  /** Every route, in the order of the list. */
  readonly all: readonly Route[]
  /** The path of the issuer, without a slash at its end; empty where it has none. */
  readonly base: string
  readonly #router: Hono<Env>['router']
  /** By path, then by method. */
  readonly #places = new Map<string, Map<string, Route>>()

  /**
   * An issuer with a path serves every route below that path, and those that are not internal at the root too.
   * @param router finds the places that `app.on` has put into it.
   */
  constructor(all: readonly Route[], issuer: string, router: Hono<Env>['router']) {
    this.all = all
    this.base = basePath(issuer)
    this.#router = router
    for (const route of all) for (const path of this.#pathsOf(route)) this.#add(path, route)
  }

  /** Every method and path that is served. */
  *places(): Generator<[method: string, path: string]> {
    for (const [path, methods] of this.#places) for (const method of methods.keys()) yield [method, path]
  }

  /** @param path in normal form. HEAD is answered by the route of GET. */
  find(method: string, path: string): Route | undefined {
    const asked = method === 'HEAD' ? 'GET' : method
    const own = this.#places.get(path)
    // `/blacklist/feed` is no id of `/blacklist/:id`, whatever the method; and nobody asks for `:id` itself.
    if (own) return path.includes(':') ? undefined : own.get(asked)
    // Middleware stands among the places that match.
    for (const [[, place]] of this.#router.match(asked, path)[0]) {
      const route = this.#places.get(place.path)?.get(place.method)
      if (route) return route
    }
    return undefined
  }

  /** The methods that a path takes; empty for an unknown path. */
  methodsOf(path: string): string[] {
    return METHODS.filter((method) => this.find(method, path) !== undefined)
  }

  /** The methods of a path that scripts of any origin may use. */
  crossOriginMethodsOf(path: string): string[] {
    return METHODS.filter((method) => this.find(method, path)?.access.isCrossOrigin)
  }

  /** ` (did you mean …?)` for a path that is close to one of ours. It never repeats the path that was asked for. */
  nearestTo(path: string): string {
    const bare = withoutSlashes(path).toLowerCase()
    const inside = this.base !== '' && bare.startsWith(`${this.base}/`) ? bare.slice(this.base.length) : bare
    const known = this.all.map((route) => route.path).filter((each) => !each.includes(':') && each !== '/')
    const meant = known.includes(inside) ? inside : (KNOWN_SLIPS[inside] ?? endOf(inside, known))
    if (meant !== undefined) return ` (did you mean ${this.base}${meant}?)`
    // Longer texts are no slips, and the comparison would cost too much.
    if (inside.length > 40) return ''
    return nearest(
      `${this.base}${inside}`,
      known.map((each) => `${this.base}${each}`),
    )
  }

  #pathsOf({ path, access }: Route): Set<string> {
    const below = `${this.base}${path}`
    if (path === '/') return new Set([path, below, this.base || path])
    if (access.isInternal) return new Set([below])
    // RFC 8414 §3.1 puts the path of the issuer behind the well-known part. Clients try both forms for both documents.
    const isMetadata = /^\/\.well-known\/(openid-configuration|oauth-authorization-server)$/.test(path)
    return new Set([path, below, ...(isMetadata ? [`${path}${this.base}`] : [])])
  }

  #add(path: string, route: Route): void {
    const methods = this.#places.get(path) ?? new Map<string, Route>()
    this.#places.set(path, methods.set(route.method, route))
  }
}

/** The longest path of ours that this one ends with: `/oauth2/v1/token` is `/token` of another issuer. */
const endOf = (path: string, known: string[]): string | undefined =>
  known.filter((each) => path.endsWith(each)).toSorted((a, b) => b.length - a.length)[0]

function withoutSlashes(path: string): string {
  let end = path.length
  while (path[end - 1] === '/') end -= 1
  return path.slice(0, end)
}
