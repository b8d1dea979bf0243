/**
 * The URL that a DPoP proof has to name (RFC 9449 §4.3): the origin that clients see, and the path of the request. The
 * target of a request is used only as a path. If it were parsed as a URL, it could name another host, and a `Host` with
 * a path in it could name another path.
 */
import type { IncomingRequest } from './incoming-request.ts'
import { TokenError } from './errors.ts'

/** Only host[:port]: no path, no user, no query. */
const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i

/** Segments and characters that change when a URL is parsed: a router may see another path. */
const AMBIGUOUS = /\\|\/(\.|%2e){1,2}(\/|$)/i

const refuse = (description: string): TokenError =>
  new TokenError('invalid_signature', `DPoP proof: ${description}`, {
    scheme: 'DPoP',
    challengeError: 'invalid_dpop_proof',
  })

/**
 * @param publicOrigin the configured origin; without it, the `Host` of the request is used if it is valid
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

/** The origin of a request according to its `Host`; `undefined` if that is not a host and port. */
export function ownOrigin(request: IncomingRequest): string | undefined {
  const { scheme, host } = request.origin()
  const origin = `${scheme}://${host}`
  const isPlain = host !== undefined && HOST.test(host) && /^https?$/.test(scheme) && URL.canParse(origin)
  return isPlain ? new URL(origin).origin : undefined
}
