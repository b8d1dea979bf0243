/** An answer of the app, before a framework sends it. Tokens and cookies are in it, so it is never stored by a cache. */
import type { IncomingRequest } from './incoming-request.ts'

export interface Answer {
  status: number
  headers: Record<string, string>
  /** Values of `Set-Cookie`. */
  cookies: readonly string[]
  body: string
}

const ALWAYS = { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff' }

export const jsonAnswer = (
  status: number,
  body: unknown,
  { cookies = [], headers = {} }: { cookies?: readonly string[]; headers?: Record<string, string> } = {},
): Answer => ({
  status,
  headers: { ...ALWAYS, 'content-type': 'application/json; charset=utf-8', ...headers },
  cookies,
  body: JSON.stringify(body),
})

/** 303, so that the browser goes on by GET. */
export const seeOther = (location: string, cookies: readonly string[] = []): Answer => ({
  status: 303,
  headers: { ...ALWAYS, location },
  cookies,
  body: '',
})

export const emptyAnswer = (status: number, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { ...ALWAYS, ...headers },
  cookies: [],
  body: '',
})

/** A refusal that can be told: every error of this package. */
export interface Refusal {
  code: string
  status: number
  message: string
  headers: Record<string, string>
}

/** JSON for programs, a small page for a person in a browser. */
export function refusalAnswer(
  { code, status, message, headers }: Refusal,
  { asPage, cookies = [] }: { asPage: boolean; cookies?: readonly string[] },
): Answer {
  if (!asPage) return jsonAnswer(status, { error: code, error_description: message }, { cookies, headers })
  return {
    status,
    headers: {
      ...ALWAYS,
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
      ...headers,
    },
    cookies,
    body: pageOf(code, message),
  }
}

export const wantsPage = (request: IncomingRequest): boolean =>
  request.header('accept')?.toLowerCase().includes('text/html') === true

const pageOf = (code: string, message: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sign-in</title></head>
<body data-error="${escape(code)}"><main><h1>The sign-in did not go through</h1><p role="alert">${escape(message)}</p>
<p><a href="/auth/login">Sign in again</a></p></main></body></html>
`

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
