/** Where a request carries its token: the `Authorization` header, or a cookie where that was asked for. */
import type { DpopProof } from './dpop.ts'
import { TokenError } from './errors.ts'
import { placeOf } from './proven-place.ts'

/** A request of whatever framework. */
export interface IncomingRequest {
  method: string
  /** Where it was sent, as far as the request itself knows; only read for DPoP. */
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
    return { scheme: protocol.slice(0, -1), host }
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

/** The header wins over the cookie. @throws TokenError `missing_token`, `malformed_token`, `invalid_signature` */
export function findCredentials(request: IncomingRequest, { cookie, publicOrigin }: Arrival = {}): Credentials {
  const authorization = request.header('authorization')?.trim()
  const [, scheme = '', rest = ''] = /^(bearer|dpop)(?: (.*))?$/i.exec(authorization ?? '') ?? []
  if (rest !== '') return fromHeader(request, { scheme, rest, publicOrigin })
  const inCookie = cookie === undefined ? undefined : findCookieToken(request, cookie)
  if (inCookie !== undefined) return { token: inCookie }
  throw new TokenError('missing_token', 'send the token as: Authorization: Bearer TOKEN')
}

function fromHeader(
  request: IncomingRequest,
  { scheme, rest, publicOrigin }: { scheme: string; rest: string; publicOrigin: string | undefined },
): Credentials {
  const token = rest.trim()
  if (/[\s,]/.test(token))
    throw new TokenError('malformed_token', 'Authorization holds more than one token, or one with white space in it')
  if (scheme.toLowerCase() === 'bearer') return { token }
  return { token, dpop: { proof: request.header('dpop'), method: request.method, url: placeOf(request, publicOrigin) } }
}

/**
 * A browser sends a cookie along with whatever another site makes it send; such a request is only believed
 * where it changes nothing (RFC 9110 §9.2.1).
 */
function findCookieToken(request: IncomingRequest, name: string): string | undefined {
  const isSafe = ['GET', 'HEAD', 'OPTIONS'].includes(request.method)
  if (!isSafe && request.header('sec-fetch-site') === 'cross-site') return undefined
  return findCookie(request.header('cookie') ?? '', name)
}

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
