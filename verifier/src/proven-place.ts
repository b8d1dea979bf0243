/**
 * The URL that a DPoP proof has to name (RFC 9449 §4.3), put together from the origin that clients see and the
 * path that was asked for. A request's own words never become more than a path: read as a URL they could name
 * another host, or another path by what they hide in `Host`.
 */
import type { IncomingRequest } from './credentials.ts'
import { TokenError } from './errors.ts'

/** host[:port] alone: neither a path, nor a user, nor a query. */
const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i

/** Segments that a URL loses when it is read, and characters that change: a router may see another path. */
const AMBIGUOUS = /\\|\/(\.|%2e){1,2}(\/|$)/i

const refuse = (description: string): TokenError =>
  new TokenError('invalid_signature', `DPoP proof: ${description}`, {
    scheme: 'DPoP',
    challengeError: 'invalid_dpop_proof',
  })

/**
 * @param publicOrigin what the operator said; without it the request's `Host` is taken, if it is a host
 * @throws TokenError `invalid_signature`
 */
export function placeOf(request: IncomingRequest, publicOrigin: string | undefined): string {
  const [path = ''] = request.target().split(/[?#]/, 1)
  if (!path.startsWith('/') || AMBIGUOUS.test(path))
    throw refuse('the path of the request is none that a proof can name')
  const origin = publicOrigin ?? ownOrigin(request)
  if (origin === undefined) throw refuse('the Host of the request is no host and port')
  return origin + path
}

/** The origin that a request was sent to, by its own `Host`; `undefined` where that is no host and port. */
export function ownOrigin(request: IncomingRequest): string | undefined {
  const { scheme, host } = request.origin()
  const origin = `${scheme}://${host}`
  const isPlain = host !== undefined && HOST.test(host) && /^https?$/.test(scheme) && URL.canParse(origin)
  return isPlain ? new URL(origin).origin : undefined
}
