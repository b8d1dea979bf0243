/** Finds the token of a request: in the `Authorization` header, or in a cookie if one is configured. */
import type { DpopProof } from './dpop.ts'
import { TokenError } from './errors.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { ownOrigin, placeOf } from './proven-place.ts'

export interface Credentials {
  token: string
  /** Present if the scheme is DPoP. */
  dpop?: DpopProof
}

/** The operator's settings about how tokens arrive. */
export interface Arrival {
  /** The cookie that is read if there is no header. */
  cookie?: string | undefined
  /** The origin at which clients see this API. */
  publicOrigin?: string | undefined
}

const MISSING = 'send the token as: Authorization: Bearer TOKEN'
const SEVERAL = 'Authorization holds more than one token, or one with white space in it'

/** A token after the credentials of another scheme: several lines of a header are joined by commas (RFC 9110 §5.3). */
const SECOND_TOKEN = /,[ \t]*(?:bearer|dpop)[ \t]/i

/** The header wins over the cookie. @throws TokenError `missing_token`, `malformed_token`, `invalid_signature` */
export function findCredentials(request: IncomingRequest, { cookie, publicOrigin }: Arrival = {}): Credentials {
  const sent = request.header('authorization') ?? ''
  const [scheme, rest] = readAuthorization(sent)
  if (rest !== '' && scheme === 'bearer') return { token: requireOne(rest) }
  if (rest !== '' && scheme === 'dpop') {
    const token = requireOne(rest)
    return {
      token,
      dpop: { proof: request.header('dpop'), method: request.method, url: placeOf(request, publicOrigin) },
    }
  }
  // Another server may have read the second line of the header, so the cookie does not speak for this request.
  if (SECOND_TOKEN.test(sent)) throw new TokenError('malformed_token', SEVERAL)
  const token = cookie === undefined ? undefined : findCookie(request.header('cookie') ?? '', cookie)
  if (token === undefined) throw new TokenError('missing_token', MISSING)
  if (mayUseCookie(request, publicOrigin)) return { token }
  throw new TokenError(
    'missing_token',
    `the cookie is not believed, because the request is not of this origin; ${MISSING}`,
  )
}

/** The scheme in lower case, and the rest (RFC 9110 §11.4). It uses no pattern, because a header may be long. */
function readAuthorization(header: string): [scheme: string, rest: string] {
  const trimmed = withoutBlanks(header)
  const blank = trimmed.indexOf(' ')
  if (blank < 0) return [trimmed, '']
  return [trimmed.slice(0, Math.min(blank, 10)).toLowerCase(), withoutBlanks(trimmed.slice(blank))]
}

const isBlank = (character: string | undefined): boolean => character === ' ' || character === '\t'

/** RFC 9110 §5.6.3. Other white space is no blank of a header. */
function withoutBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (isBlank(text[start])) start++
  while (end > start && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

function requireOne(token: string): string {
  if (/[\s,]/.test(token)) throw new TokenError('malformed_token', SEVERAL)
  return token
}

/** Safe methods (RFC 9110 §9.2.1), unless the request opens a connection on which anything can be sent. */
const isSafe = (request: IncomingRequest): boolean =>
  ['GET', 'HEAD', 'OPTIONS'].includes(request.method) && request.header('upgrade') === undefined

/**
 * A browser also sends the cookie with requests that another site has made it send. So a request that can change
 * something is believed only if its headers say that it comes from this API's own origin, or from no page at all.
 * Browsers since 2023 send `Sec-Fetch-Site`; older ones send only `Origin`.
 */
export const mayUseCookie = (request: IncomingRequest, publicOrigin: string | undefined): boolean =>
  isSafe(request) || isFromOwnOrigin(request, publicOrigin)

/** Whether the headers of a request say that it comes from this API's own origin, or from no page at all. */
export function isFromOwnOrigin(request: IncomingRequest, publicOrigin: string | undefined): boolean {
  const site = request.header('sec-fetch-site')
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  const origin = request.header('origin')
  if (origin === undefined) return true
  // Same-origin requests of a page with the policy no-referrer have the origin null.
  if (origin === 'null') return site !== undefined
  const own = publicOrigin ?? ownOrigin(request)
  if (own === undefined) return false
  if (origin === own) return true
  // Behind a proxy that ends TLS the scheme differs, and the browser has vouched for it.
  return site !== undefined && publicOrigin === undefined && URL.canParse(origin) && hostOf(origin) === hostOf(own)
}

const hostOf = (origin: string): string => new URL(origin).host

/** The first cookie of that name that is not empty, without quotes and percent-encoding. */
export function findCookie(header: string, name: string): string | undefined {
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
