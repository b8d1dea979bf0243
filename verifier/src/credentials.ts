/** Where a request carries its token: the `Authorization` header, or a cookie where that was asked for. */
import type { DpopProof } from './dpop.ts'
import { TokenError } from './errors.ts'
import { ownOrigin, placeOf } from './proven-place.ts'

/** A request of whatever framework. */
export interface IncomingRequest {
  method: string
  /** Where it was sent, as far as the request itself knows. */
  origin(): { scheme: string; host: string | undefined }
  /** Path and query as they stood in the request; only read for DPoP. */
  target(): string
  header(name: string): string | undefined
}

export interface Credentials {
  token: string
  /** There where the scheme was DPoP. */
  dpop?: DpopProof
}

export const webRequest = (request: Request): IncomingRequest => ({
  method: request.method,
  origin: () => {
    const { protocol, host } = new URL(request.url)
    // Of several Host headers each server takes another one: then no host is to be believed.
    const hasOneHost = request.headers.get('host')?.includes(',') !== true
    return { scheme: protocol.slice(0, -1), host: hasOneHost ? host : undefined }
  },
  target: () => request.url.slice(new URL(request.url).origin.length),
  header: (name) => request.headers.get(name) ?? undefined,
})

/** What an operator says about how tokens come. */
export interface Arrival {
  /** The cookie that is looked into where there is no header. */
  cookie?: string | undefined
  /** Where clients see this API. */
  publicOrigin?: string | undefined
}

const MISSING = 'send the token as: Authorization: Bearer TOKEN'

/** The header wins over the cookie. @throws TokenError `missing_token`, `malformed_token`, `invalid_signature` */
export function findCredentials(request: IncomingRequest, { cookie, publicOrigin }: Arrival = {}): Credentials {
  const [scheme, rest] = readAuthorization(request.header('authorization') ?? '')
  if (rest !== '' && scheme === 'bearer') return { token: requireOne(rest) }
  if (rest !== '' && scheme === 'dpop') {
    const token = requireOne(rest)
    return {
      token,
      dpop: { proof: request.header('dpop'), method: request.method, url: placeOf(request, publicOrigin) },
    }
  }
  const token = cookie === undefined ? undefined : findCookie(request.header('cookie') ?? '', cookie)
  if (token === undefined) throw new TokenError('missing_token', MISSING)
  if (mayUseCookie(request, publicOrigin)) return { token }
  throw new TokenError(
    'missing_token',
    `the cookie is not believed, because the request is not of this origin; ${MISSING}`,
  )
}

/** Scheme, in lower case, and what follows it (RFC 9110 §11.4). Without a pattern: a header may be long. */
function readAuthorization(header: string): [scheme: string, rest: string] {
  const trimmed = header.trim()
  const blank = trimmed.indexOf(' ')
  if (blank < 0) return [trimmed, '']
  return [trimmed.slice(0, Math.min(blank, 10)).toLowerCase(), trimmed.slice(blank).trim()]
}

function requireOne(token: string): string {
  if (/[\s,]/.test(token))
    throw new TokenError('malformed_token', 'Authorization holds more than one token, or one with white space in it')
  return token
}

/** RFC 9110 §9.2.1; unless the request opens a connection on which anything can be sent. */
const isSafe = (request: IncomingRequest): boolean =>
  ['GET', 'HEAD', 'OPTIONS'].includes(request.method) && request.header('upgrade') === undefined

/**
 * A browser sends a cookie along with whatever another site makes it send. So a request that can change something is
 * believed only where its headers say that it comes from this API's own origin, or from no page at all. Browsers since
 * 2023 say so by `Sec-Fetch-Site`; older ones by `Origin` alone.
 */
function mayUseCookie(request: IncomingRequest, publicOrigin: string | undefined): boolean {
  if (isSafe(request)) return true
  const site = request.header('sec-fetch-site')
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  const origin = request.header('origin')
  if (origin === undefined) return true
  // A page that sends no referrer has its own requests say null.
  if (origin === 'null') return site !== undefined
  const own = publicOrigin ?? ownOrigin(request)
  if (own === undefined) return false
  if (origin === own) return true
  // A proxy that ends TLS leaves the host alone. The browser has vouched for the scheme.
  return site !== undefined && publicOrigin === undefined && URL.canParse(origin) && hostOf(origin) === hostOf(own)
}

const hostOf = (origin: string): string => new URL(origin).host

/** The first cookie of that name which is not empty; quotes and percent-encoding are taken off where they are. */
function findCookie(header: string, name: string): string | undefined {
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue
    const value = decode(
      pair
        .slice(equals + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1'),
    )
    if (value !== '') return value
  }
  return undefined
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
