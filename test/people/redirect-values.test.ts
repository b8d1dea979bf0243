/** better-auth CVE-2025-27143, Zitadel CVE-2026-29067: no value of a URL leads a person away from here. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { Seen } from '../support/browser-like.ts'
import { addApp, addPerson, authorizePath, browserAt, signInAt, storeOf } from '../support/people.ts'
import { shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi({ SIGNET_RATE_LIMIT_NETWORK: 'off' })

let app = ''

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  const store = await storeOf(issuer(), (work) => ends.push(work))
  await addPerson(store, { username: 'ada' })
  app = await addApp(issuer())
  return async () => {
    for (const end of ends) await end()
  }
})

const VALUES = [
  '//evil.example',
  '///evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  'https:evil.example',
  'https://evil.example',
  'https:/evil.example',
  '/account@evil.example',
  '/account/../..//evil.example',
  '/\t/evil.example',
  '\t//evil.example',
  '/account\r\nLocation: https://evil.example',
  '\r\n//evil.example',
  '/account/%0d%0aset-cookie:a=b',
  'javascript:alert(1)',
  '/account?next=//evil.example',
  '/account#//evil.example',
  'account',
  ' /account',
  '/authorize',
  '/authorize?next=//evil.example',
  '/authorize?a=b#//evil.example',
  '/authorize?a\r\nLocation: https://evil.example',
  '/authorize/../..//evil.example?a=b',
]

/** The browser was led nowhere but to the issuer or to the registered address. */
function staysHere(seen: Seen, visited: string[]): void {
  for (const url of visited) expect(new URL(url).origin).toBe(new URL(issuer().issuer).origin)
  if (seen.isAway) expect(seen.url.href.startsWith('https://app.example/callback?')).toBe(true)
  expect(seen.headers.get('refresh')).toBeNull()
}

describe.each(VALUES)('%j', (value) => {
  test('as return_to', async () => {
    const browser = browserAt(issuer())
    const seen = await signInAt(browser, `/login?return_to=${encodeURIComponent(value)}`, { username: 'ada' })
    expect(seen.isAway).toBe(false)
    expect(seen.url.pathname).toBe('/account')
    staysHere(seen, browser.visited)
  })

  test('as any other parameter of a page', async () => {
    const browser = browserAt(issuer())
    for (const name of ['next', 'tx', 'redirect', 'continue', 'url', 'rd', 'prompt', 'goto']) {
      for (const path of [
        '/login',
        '/consent',
        '/login/second',
        '/login/must-change',
        '/account',
        '/logout',
        '/signed-out',
      ])
        staysHere(await browser.get(`${path}?${name}=${encodeURIComponent(value)}`), browser.visited)
    }
  })

  test('as any parameter of /authorize', async () => {
    const browser = browserAt(issuer())
    const names =
      'client_id redirect_uri scope state nonce response_mode prompt login_hint id_token_hint acr_values ui_locales resource return_to tx'
    for (const name of names.split(' '))
      staysHere(await browser.get(authorizePath(app, { [name]: value })), browser.visited)
  })

  test('as a hidden field of the form', async () => {
    const browser = browserAt(issuer())
    const form = await browser.get(authorizePath(app))
    const own = form.forms.find(({ names }) => names.includes('password'))?.values ?? {}
    for (const name of ['return_to', 'redirect_uri', 'next', 'tx']) {
      const answer = await browser.post('/login', { ...own, action: 'cancel', [name]: value })
      staysHere(answer, browser.visited)
    }
  })

  test('as the Host and the forwarded host of the request', async () => {
    const headers = {
      'x-forwarded-host': value.replaceAll(/[\r\n\t]/g, ''),
      'x-forwarded-proto': 'https',
      forwarded: 'host=evil.example',
    }
    const browser = browserAt(issuer())
    staysHere(await browser.get(authorizePath(app), headers), browser.visited)
  })
})
