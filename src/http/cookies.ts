/**
 * The cookies of people (RFC 6265): each holds a random secret and nothing else. The database knows its hash. Behind
 * https their names begin with `__Host-`, so that no other host can set them.
 */

/** `session`: a person who is signed in. `login`: a browser in which a sign-in is under way. `device`: a known browser. */
export type CookieKind = 'session' | 'login' | 'device'

export type Cookies = Readonly<Partial<Record<CookieKind, string>>>

const KINDS = ['session', 'login', 'device'] as const

/** 256 random bits in base64url. */
const SECRET = /^[\w-]{43}$/

/** No browser sends more for one site than this. */
const MOST_HEADER_CHARACTERS = 16_384

/** @param issuer the issuer URL, whose scheme decides the names */
function cookieName(kind: CookieKind, issuer: string): string {
  return `${issuer.startsWith('https:') ? '__Host-' : ''}signet_${kind}`
}

/** The secrets that a request carries. A value that is no secret counts as absent. */
export function readCookies(header: string | undefined, issuer: string): Cookies {
  if (header === undefined || header.length > MOST_HEADER_CHARACTERS) return {}
  const found: Partial<Record<CookieKind, string>> = {}
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    const name = pair.slice(0, equals).trim()
    const value = pair.slice(equals + 1).trim()
    const kind = KINDS.find((each) => cookieName(each, issuer) === name)
    // A browser sends the cookie with the longest path first. Ours have one path, so a second one is not ours.
    if (kind && found[kind] === undefined && SECRET.test(value)) found[kind] = value
  }
  return found
}

/** A `Set-Cookie` header, as `Reply` has it. @param maxAgeSeconds absent for a cookie that ends with the browser */
export function setCookie(kind: CookieKind, secret: string, issuer: string, maxAgeSeconds?: number): [string, string] {
  const attributes = ['Path=/', 'HttpOnly', 'SameSite=Lax', ...(issuer.startsWith('https:') ? ['Secure'] : [])]
  if (maxAgeSeconds !== undefined) attributes.push(`Max-Age=${Math.floor(maxAgeSeconds)}`)
  return ['Set-Cookie', [`${cookieName(kind, issuer)}=${secret}`, ...attributes].join('; ')]
}

/** Takes a cookie away. */
export const dropCookie = (kind: CookieKind, issuer: string): [string, string] => setCookie(kind, '', issuer, 0)
