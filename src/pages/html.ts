/**
 * How a page is answered: HTML with the headers of every page (PEOPLE: no frames, no foreign sources, no caches). A
 * script may stand in a page only with the nonce of the response.
 */
import type { html } from 'hono/html'
import { randomText } from '../ground/secret-value.ts'
import type { Reply } from '../http/reply.ts'

/** Markup in which every value is escaped. */
export type Markup = ReturnType<typeof html>

export interface PageTerms {
  status?: number
  nonce?: string
  /**
   * The addresses that forms of the page may lead to: our own origin, or the origin that is named. `anywhere` leaves
   * `form-action` out, because Chromium applies it to every later redirect of the client.
   */
  formsLeadTo: 'anywhere' | 'self' | { origin: string }
  /** Another origin that a picture comes from: the operator's logo. */
  picturesFrom?: string | undefined
  /** `Set-Cookie` and others, names and values in turn. */
  headers?: readonly string[]
}

export const newNonce = (): string => randomText(16)

const policyOf = ({ nonce, formsLeadTo, picturesFrom }: PageTerms): string =>
  [
    "default-src 'none'",
    "style-src 'self'",
    ...(nonce === undefined ? [] : [`script-src 'nonce-${nonce}'`]),
    `img-src 'self' data:${picturesFrom === undefined ? '' : ` ${picturesFrom}`}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    ...(formsLeadTo === 'anywhere' ? [] : [`form-action ${formsLeadTo === 'self' ? "'self'" : formsLeadTo.origin}`]),
  ].join('; ')

export async function htmlReply(markup: Markup, terms: PageTerms): Promise<Reply> {
  return {
    status: terms.status ?? 200,
    headers: [...headersOf(terms), ...(terms.headers ?? [])],
    body: String(await markup),
  }
}

const headersOf = (terms: PageTerms): string[] => [
  'Content-Type',
  'text/html; charset=utf-8',
  'Cache-Control',
  'no-store',
  'Content-Security-Policy',
  policyOf(terms),
  'X-Frame-Options',
  'DENY',
  'Referrer-Policy',
  'same-origin',
  'Cross-Origin-Opener-Policy',
  'same-origin',
  'Permissions-Policy',
  'publickey-credentials-get=(self), publickey-credentials-create=(self)',
]

/** 303 to another page, or back to a client (RFC 9700 §4.12: never 307, which would send the form on). */
export const seeOther = (location: string, headers: readonly string[] = []): Reply => ({
  status: 303,
  headers: ['Location', location, 'Cache-Control', 'no-store', 'Referrer-Policy', 'same-origin', ...headers],
  body: '',
})
