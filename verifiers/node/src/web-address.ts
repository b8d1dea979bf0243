/** The addresses that keys and revocations may come from: https, or this very machine. */

/**
 * @param name of the option or variable, for the error
 * @throws TypeError if the value is no URL, or is plain http to another machine: an attacker could replace keys
 */
export function requireSafeUrl(name: string, value: string): URL {
  if (typeof value !== 'string' || !URL.canParse(value)) throw new TypeError(`${name} is not a URL: ${shownUrl(value)}`)
  const url = new URL(value)
  if (url.username !== '' || url.password !== '')
    throw new TypeError(`${name} holds a name or password: ${shownUrl(value)}`)
  if (!isSafe(url)) throw new TypeError(`${name} has to be https, or http on loopback: ${shownUrl(value)}`)
  return url
}

/** An origin, without a path. @throws TypeError naming the option */
export function requireOrigin(name: string, value: string): string {
  const { origin, pathname, search, hash } = requireSafeUrl(name, value)
  if (pathname + search + hash !== '/') throw new TypeError(`${name} is an origin, without a path: ${value}`)
  return origin
}

/** Leaves out parts that may be secret: a password before the host, and the query. */
function shownUrl(value: unknown): string {
  if (typeof value !== 'string') return typeof value
  const afterName = value.includes('@') ? `...${value.slice(value.lastIndexOf('@'))}` : value
  return (afterName.split(/[?#]/, 1)[0] ?? '').slice(0, 200)
}

export const isSafe = (url: URL): boolean =>
  url.username === '' &&
  url.password === '' &&
  (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)))

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
