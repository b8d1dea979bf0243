/** The table of routes: one look-up by method and path, whose result limits, log and dispatch all use. */
import { nearest } from '../ground/nearest.ts'
import { basePath } from './endpoint-url.ts'
import type { Route } from './route.ts'

export interface Match {
  route: Route
  params: Record<string, string>
}

interface Pattern {
  /** Segments of the path; `undefined` stands for a parameter. */
  segments: (string | undefined)[]
  names: string[]
  methods: Map<string, Route>
}

const METHODS = ['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE']
const NO_PARAMS: Record<string, string> = {}

/** Paths that other issuers use, and paths that people try first, with ours. */
const KNOWN_SLIPS: Record<string, string> = {
  '/oauth/token': '/token',
  '/oauth2/token': '/token',
  '/connect/token': '/token',
  '/oauth/revoke': '/revoke',
  '/oauth2/revoke': '/revoke',
  '/oauth/introspect': '/introspect',
  '/oauth2/introspect': '/introspect',
  '/token/introspect': '/introspect',
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
  /** By path, then by method. */
  readonly #exact = new Map<string, Map<string, Match>>()
  readonly #patterns: Pattern[] = []

  /** An issuer with a path serves every route below that path, and those that are not internal at the root too. */
  constructor(all: readonly Route[], issuer: string) {
    this.all = all
    this.base = basePath(issuer)
    for (const route of all) for (const path of this.#pathsOf(route)) this.#add(path, route)
  }

  /** @param path in normal form. HEAD is answered by the route of GET. */
  find(method: string, path: string): Match | undefined {
    const asked = method === 'HEAD' ? 'GET' : method
    const exact = this.#exact.get(path)
    if (exact) return exact.get(asked)
    for (const pattern of this.#patterns) {
      const params = paramsOf(pattern, path)
      if (!params) continue
      const route = pattern.methods.get(asked)
      return route && { route, params }
    }
    return undefined
  }

  /** The methods that a path takes; empty for an unknown path. */
  methodsOf(path: string): string[] {
    return METHODS.filter((method) => this.find(method, path) !== undefined)
  }

  /** ` (did you mean …?)` for a path that is close to one of ours. It never repeats the path that was asked for. */
  nearestTo(path: string): string {
    const bare = withoutSlashes(path).toLowerCase()
    const inside = this.base !== '' && bare.startsWith(`${this.base}/`) ? bare.slice(this.base.length) : bare
    const known = this.all.map((route) => route.path).filter((each) => !each.includes(':'))
    const meant = known.includes(inside) ? inside : KNOWN_SLIPS[inside]
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
    if (access.isInternal) return new Set([below])
    // RFC 8414 §3.1 puts the path of the issuer behind the well-known part. Clients try both forms for both documents.
    const isMetadata = /^\/\.well-known\/(openid-configuration|oauth-authorization-server)$/.test(path)
    return new Set([path, below, ...(isMetadata ? [`${path}${this.base}`] : [])])
  }

  #add(path: string, route: Route): void {
    if (!path.includes(':')) {
      const methods = this.#exact.get(path) ?? new Map<string, Match>()
      this.#exact.set(path, methods.set(route.method, { route, params: NO_PARAMS }))
      return
    }
    const parts = path.split('/').slice(1)
    const segments = parts.map((part) => (part.startsWith(':') ? undefined : part))
    const names = parts.flatMap((part) => (part.startsWith(':') ? part.slice(1) : []))
    const same = this.#patterns.find((pattern) => pattern.segments.join('/') === segments.join('/'))
    if (same) same.methods.set(route.method, route)
    else this.#patterns.push({ segments, names, methods: new Map([[route.method, route]]) })
  }
}

function withoutSlashes(path: string): string {
  let end = path.length
  while (path[end - 1] === '/') end -= 1
  return path.slice(0, end)
}

/** The parameters of a path that has the pattern's form, percent-decoded. */
function paramsOf({ segments, names }: Pattern, path: string): Record<string, string> | undefined {
  const parts = path.split('/')
  if (parts.length !== segments.length + 1) return undefined
  const values: string[] = []
  for (const [at, segment] of segments.entries()) {
    const part = parts[at + 1] ?? ''
    if (segment === undefined && part !== '') values.push(decoded(part))
    else if (segment !== part) return undefined
  }
  return Object.fromEntries(names.map((name, at) => [name, values[at] ?? '']))
}

/** A segment with a broken escape names nothing that exists, so it stays as it is. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
