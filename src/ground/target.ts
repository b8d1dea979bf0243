/**
 * The one reader of a request's target. Limits, log and router all use the path that it returns, so one path never has
 * two readings.
 */

/** A path in normal form, and the query behind it; both as they were sent. */
export interface Target {
  path: string
  query: string
}

/** RFC 3986 §3.3: segments of `pchar`. A stray `%` is left to the router, which knows no such path. */
const ALLOWED = /^[\w.~!$&'()*+,;=:@%/-]*$/

/** `//`, dot segments, and escapes of characters that need none (RFC 3986 §6.2.2). */
const NOT_NORMAL = /\/\/|\/\.{1,2}(?:\/|$)|%(?:2[DdEe]|3\d|4[1-9A-Fa-f]|5[\dAa]|5[Ff]|6[1-9A-Fa-f]|7[\dAa]|7[Ee])/

/**
 * Reads a target. Clients and proxies send paths in normal form; anything else is a slip, or tries to pass the path
 * rules of a proxy, and is refused before any limit counts it.
 * @returns `undefined` where the path is not in normal form.
 */
export function readTarget(url: string): Target | undefined {
  const origin = url.startsWith('/') ? url : afterAuthority(url)
  const mark = origin.indexOf('?')
  const path = mark < 0 ? origin : origin.slice(0, mark)
  if (!path.startsWith('/') || !ALLOWED.test(path) || NOT_NORMAL.test(path)) return undefined
  return { path, query: mark < 0 ? '' : origin.slice(mark + 1) }
}

/** RFC 9112 §3.2.2: a server takes the absolute form too. Empty for a target of any other form. */
function afterAuthority(url: string): string {
  const authority = /^https?:\/\/[^/?#\\]+/i.exec(url)?.[0]
  if (authority === undefined) return ''
  const rest = url.slice(authority.length)
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** A host as RFC 9110 §7.2 allows it: a name or an address, and a port. HTTP/1.0 may leave it out. */
export const isHost = (host: string | undefined): boolean =>
  host === undefined || /^(?:[\w.~!$&'()*+,;=%-]+|\[[\dA-Fa-f:.]+\])(?::\d{0,5})?$/.test(host)
