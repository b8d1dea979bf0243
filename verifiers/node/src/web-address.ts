/** The addresses that keys and revocations may come from: https, or this very machine; any http only where it is allowed. */

/** The option of every function that takes addresses. @throws TypeError */
export function readAllowHttp(allowHttp: unknown): boolean {
  if (allowHttp === undefined || typeof allowHttp === 'boolean') return allowHttp === true
  throw new TypeError('allowHttp is true or false')
}

/** The receiver of a warning. */
export type Warn = (message: string) => void

const toConsole: Warn = (message) => console.warn(message)

/** Warns of the addresses that `allowHttp` has let pass. */
export function warnOfHttp(addresses: readonly (string | undefined)[], warn: Warn = toConsole): void {
  const exposed = addresses.flatMap((each) => (each === undefined || isSafe(each) ? [] : [new URL(each)]))
  const hosts = [...new Set(exposed.map(({ host }) => host))]
  if (hosts.length === 0) return
  warn(
    `signet-verify: allowHttp: plain http to ${hosts.join(', ')}: ANYBODY ON THE WAY CAN READ TOKENS AND REPLACE KEYS; for development alone`,
  )
}

/**
 * @param name of the option or variable, for the error
 * @throws TypeError if the value is no URL, or is plain http to another machine: an attacker could replace keys
 */
export function requireSafeUrl(name: string, value: string, allowHttp = false): URL {
  if (typeof value !== 'string' || !isUrl(value)) throw new TypeError(`${name} is not a URL: ${shownUrl(value)}`)
  if (NAME.test(value)) throw new TypeError(`${name} holds a name or password: ${shownUrl(value)}`)
  if (!isSafe(value, allowHttp))
    throw new TypeError(
      `${name} has to be https, or http on loopback: ${shownUrl(value)} (in development allowHttp: true takes any http)`,
    )
  return new URL(value)
}

/** An issuer, which has no query and no fragment (RFC 8414 §2). @throws TypeError naming the option */
export function requireIssuer(name: string, value: string, allowHttp = false): void {
  requireSafeUrl(name, value, allowHttp)
  if (/[?#]/.test(value)) throw new TypeError(`${name} has a query or a fragment: ${shownUrl(value)}`)
}

/** An origin, without a path. @throws TypeError naming the option */
export function requireOrigin(name: string, value: string, allowHttp = false): string {
  const { origin, pathname, search, hash } = requireSafeUrl(name, value, allowHttp)
  if (pathname + search + hash !== '/') throw new TypeError(`${name} is an origin, without a path: ${value}`)
  return origin
}

/** Leaves out parts that may be secret: a password before the host, and the query. */
function shownUrl(value: unknown): string {
  if (typeof value !== 'string') return typeof value
  const afterName = value.includes('@') ? `...${value.slice(value.lastIndexOf('@'))}` : value
  return (afterName.split(/[?#]/, 1)[0] ?? '').slice(0, 200)
}

/** Printable ASCII but backslash and quote, with a host right after two slashes. Parsers disagree about all else. */
const FORM = /^[a-z][a-z\d+.-]*:\/\/[!#-.0-[\]-~][!#-[\]-~]*$/i
const NAME = /^[^:]*:\/\/[^/?#]*@/

const isUrl = (address: string): boolean => FORM.test(address) && URL.canParse(address)

/** Whether keys may come from an address. */
export function isSafe(address: string, allowHttp = false): boolean {
  if (!isUrl(address) || NAME.test(address)) return false
  const { protocol, hostname } = new URL(address)
  return protocol === 'https:' || (protocol === 'http:' && (allowHttp || isLoopback(hostname, address)))
}

/** The host has to be written as it is meant: `127.1` leads elsewhere with other parsers. */
const isLoopback = (host: string, address: string): boolean =>
  (host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)) &&
  nameIn(address) === host

/** The host as it is written. */
function nameIn(address: string): string {
  const [authority = ''] = address.slice(address.indexOf('//') + 2).split(/[/?#]/, 1)
  return authority.replace(/:\d*$/, '').toLowerCase()
}
