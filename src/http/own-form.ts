/**
 * Proof that a form comes from a page of our own, in the browser that was given the page. Browsers name the origin of a
 * form; the hidden `csrf` field is made of the secret of a cookie of that browser.
 */
import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { CookieKind, Cookies } from './cookies.ts'
import { PageFault } from './page-fault.ts'

/** The value of the hidden field `csrf`, for a browser with this cookie. */
export const csrfOf = (secret: string): string => hash('sha256', `signet csrf ${secret}`, 'base64url')

/** The cookies that a form may be bound to. The known browser is no proof: its cookie outlives every sign-in. */
const BINDING: readonly CookieKind[] = ['session', 'login']

interface Sent {
  headers: IncomingHttpHeaders
  cookies: Cookies
  csrf: string | undefined
  /** Whether the form names a sign-in under way. */
  namesSignIn: boolean
  /** The button of the form. */
  action: string | undefined
}

/** @throws PageFault `csrf`; `other_browser` where the form goes on with a sign-in that another browser began */
export function requireOwnForm({ headers, cookies, csrf, namesSignIn, action }: Sent, issuer: string): void {
  const secrets = BINDING.flatMap((kind) => cookies[kind] ?? [])
  const stale = isSaidOwn(headers, issuer) ? { stale: { action } } : {}
  if (secrets.length === 0)
    throw new PageFault(namesSignIn ? 'other_browser' : 'csrf', 403, { reason: whyNoCookie(headers, issuer), ...stale })
  const isBound = secrets.some((secret) => isEqual(csrfOf(secret), csrf ?? ''))
  if (!isBound)
    throw new PageFault('csrf', 403, { reason: 'the form is older than the cookie of its browser', ...stale })
  if (isOwnOrigin(headers, issuer)) return
  // The browser has our cookie and our page, so it has come to us: by another name than that of the issuer.
  if (cameByHttp(headers, issuer)) throw new PageFault('csrf', 403, { reason: BY_HTTP })
  throw new PageFault('csrf', 403, { reason: 'the page was opened at another address than the issuer', openAt: issuer })
}

const BY_HTTP = 'the browser came by http and the issuer is https, so its cookie was blocked'

/** Why a browser came without the cookie of its sign-in: for the log line and the doctor. */
export const whyNoCookie = (headers: IncomingHttpHeaders, issuer: string): string =>
  cameByHttp(headers, issuer)
    ? BY_HTTP
    : 'the browser sent no cookie: its cookie was blocked, or this is another browser'

/** Whether a proxy in front serves an https issuer by http. Only a reason rests on it, since anybody may send the headers. */
function cameByHttp({ origin, 'x-forwarded-proto': proto }: IncomingHttpHeaders, issuer: string): boolean {
  const isForwardedHttp = [proto].flat()[0]?.split(',')[0]?.trim() === 'http'
  return (
    issuer.startsWith('https:') && (isForwardedHttp || origin === new URL(issuer).origin.replace('https:', 'http:'))
  )
}

/** A browser without `Origin` says by `Sec-Fetch-Site` where the form stood. A browser that sends neither is held by `csrf`. */
function isOwnOrigin({ origin, 'sec-fetch-site': site }: IncomingHttpHeaders, issuer: string): boolean {
  if (origin !== undefined) return origin === new URL(issuer).origin
  return site === undefined || site === 'same-origin' || site === 'none'
}

/** Whether the browser says that the form stood on a page of ours. The form is then an old one, and no forged one. */
const isSaidOwn = (headers: IncomingHttpHeaders, issuer: string): boolean =>
  (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) && isOwnOrigin(headers, issuer)

const isEqual = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
