/**
 * Redirect URIs (RFC 6749 §3.1.2, RFC 8252 §7): which may be registered, and which of them a request names. A request
 * names one byte for byte (RFC 9700 §4.1.3). Only the port of a loopback address is free, because a program of a person's
 * own machine takes the port that it gets.
 */
import { isLoopback } from '../config/loopback.ts'
import type { ClientRecord } from '../store/records/client.ts'

export const MOST_REDIRECT_URIS = 50
export const MOST_URI_CHARACTERS = 2000

/** Schemes by which a browser runs, reads or sends something itself: a code in them reaches no program of the client. */
const DANGEROUS_SCHEMES = new Set('javascript data vbscript file blob about ws wss ftp view-source intent'.split(' '))

/** Printable ASCII without quotes, angle brackets and backslash, which readers of URIs read differently. */
const URI_CHARACTERS = /^[\x21\x23-\x3B\x3D\x3F-\x5B\x5D-\x7E]+$/

/** RFC 3986 §3.1 */
const SCHEME = /^[a-z][a-z0-9+.-]*:/

/** `http://` and a host, a port where there is one, and the rest. */
const PLAIN_HTTP = /^(http:\/\/([\w.-]+|\[::1\]))(?::(\d{1,5}))?(?=[/?]|$)/

/** The names of this machine at which a program of the person takes the port that it gets (RFC 8252 §7.3, §8.3). */
const FREE_PORT = ['localhost', '127.0.0.1', '[::1]']

/** A segment that another reader resolves, percent-encoded or not. */
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:[/?]|$)/i

const MOST_PORT = 65_535

export const isPrivateScheme = (uri: string): boolean => !/^https?:/i.test(uri)

const schemeOf = (uri: string): string | undefined => SCHEME.exec(uri)?.[0].slice(0, -1)

/** Whether some client may register it. Private schemes are for public clients alone: `findRedirectFault` says so. */
export function isRedirectUri(uri: string): boolean {
  const scheme = schemeOf(uri)
  if (scheme === undefined || DANGEROUS_SCHEMES.has(scheme)) return false
  if (!URI_CHARACTERS.test(uri) || uri.includes('#') || uri.includes('*') || !URL.canParse(uri)) return false
  const { username, password, hostname } = new URL(uri)
  if (username !== '' || password !== '' || /^[^/?]*\/\/[^/?]*@/.test(uri) || DOT_SEGMENT.test(uri)) return false
  if (scheme === 'https') return uri.toLowerCase().startsWith(`https://${hostname}`)
  return scheme !== 'http' || isLoopbackRedirect(uri)
}

/** Whether it leads to the person's own machine by http. Its host is written as every reader of URIs reads it. */
export function isLoopbackRedirect(uri: string): boolean {
  const [, , host, port] = PLAIN_HTTP.exec(uri) ?? []
  if (host === undefined || !URL.canParse(uri) || new URL(uri).hostname !== host) return false
  return isLoopback(host) && (port === undefined || isPort(port))
}

const isPort = (text: string): boolean => Number(text) > 0 && Number(text) <= MOST_PORT

type Redirected = Pick<ClientRecord, 'redirectUris' | 'tokenEndpointAuthMethod' | 'applicationType'>

/** `native` runs on the person's own machine. If the client does not say so, its redirect URIs do. */
export function applicationTypeOf(client: Redirected): 'web' | 'native' {
  if (client.applicationType !== null) return client.applicationType
  const isPublic = client.tokenEndpointAuthMethod === 'none'
  const isLocal = client.redirectUris.some((uri) => isPrivateScheme(uri) || isLoopbackRedirect(uri))
  return isPublic && isLocal ? 'native' : 'web'
}

/** Whether a request may name this redirect URI. */
export const isRegisteredRedirect = (sent: string, client: Redirected): boolean =>
  client.redirectUris.some((registered) => registered === sent || isSameButPort(sent, registered, client))

/**
 * Whether two loopback URIs differ in the port alone (RFC 8252 §7.3). `localhost` may lead elsewhere, so there the port is
 * free only for a public client on the person's own machine that registered the URI without one.
 */
function isSameButPort(sent: string, registered: string, client: Redirected): boolean {
  if (!isLoopbackRedirect(sent) || !isLoopbackRedirect(registered)) return false
  const [, , host = '', port] = PLAIN_HTTP.exec(registered) ?? []
  if (!FREE_PORT.includes(host)) return false
  if (host === 'localhost' && (port !== undefined || !isNativePublic(client))) return false
  return withoutPort(sent) === withoutPort(registered)
}

const isNativePublic = (client: Redirected): boolean =>
  client.tokenEndpointAuthMethod === 'none' && applicationTypeOf(client) === 'native'

const withoutPort = (uri: string): string => uri.replace(PLAIN_HTTP, '$1')

/** Why a client cannot have these redirect URIs together, if it cannot. */
export function findRedirectFault({ redirectUris, tokenEndpointAuthMethod }: Redirected): string | undefined {
  if (redirectUris.length > MOST_REDIRECT_URIS) return `at most ${MOST_REDIRECT_URIS} are kept for a client`
  const alien = tokenEndpointAuthMethod === 'none' ? undefined : redirectUris.find(isPrivateScheme)
  return alien === undefined
    ? undefined
    : `"${schemeOf(alien) ?? ''}:" is a private scheme, which is for clients with token_endpoint_auth_method "none"; others need https, or http on a loopback address`
}
