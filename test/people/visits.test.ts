/** S17: a page that begins or ends something by GET does so for a person who visits it, and for nothing else. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { answerOf, type BrowserLike } from '../support/browser-like.ts'
import { addClient, addUser, tokensOf } from '../support/codes.ts'
import { authorizePath, storeOf } from '../support/people.ts'
import { shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi({ SIGNET_RATE_LIMIT_NETWORK: 'off' })
const BYE = 'https://app.example/bye'

let store: Store
beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  store = await storeOf(issuer(), (end) => ends.push(end))
  return async () => {
    for (const end of ends) await end()
  }
})

/** A person who is signed in to a client, and the paths that begin or end something. */
async function signedIn() {
  const client = await addClient(issuer(), { post_logout_redirect_uris: [BYE] })
  const { browser, id_token = '' } = await tokensOf(issuer(), client, await addUser(store))
  const hint = { id_token_hint: String(id_token), post_logout_redirect_uri: BYE, prompt: 'none' }
  const logout = `/logout?${new URLSearchParams(hint).toString()}`
  return { client, browser, logout, paths: [logout, authorizePath(client.clientId), '/login?prompt=login'] }
}

/** Requests that a browser, or a program that looks at links, sends without a visit. */
const NO_VISITS: [string, { method?: string; headers?: Record<string, string> }][] = [
  ['Sec-Purpose: prefetch', { headers: { 'sec-purpose': 'prefetch' } }],
  ['Sec-Purpose: prefetch;prerender', { headers: { 'sec-purpose': 'prefetch;prerender' } }],
  ['Purpose: prefetch', { headers: { purpose: 'prefetch' } }],
  ['X-Moz: prefetch', { headers: { 'x-moz': 'prefetch' } }],
  ['X-Purpose: preview', { headers: { 'x-purpose': 'preview' } }],
  ['Purpose: prefetch beside another Sec-Purpose', { headers: { 'sec-purpose': 'x', purpose: 'prefetch' } }],
  ['HEAD', { method: 'HEAD' }],
  ['an image', { headers: { 'sec-fetch-dest': 'image', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' } }],
  ['a script', { headers: { 'sec-fetch-dest': 'script' } }],
  ['a fetch of a script', { headers: { 'sec-fetch-dest': 'empty' } }],
]

/** A request of the browser, with its cookies or without, as SameSite has it. */
function send(
  browser: BrowserLike,
  path: string,
  { method = 'GET', headers = {} }: (typeof NO_VISITS)[number][1],
  isBare: boolean,
) {
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  return fetch(browser.base + path, { method, redirect: 'manual', headers: { ...headers, ...(!isBare && { cookie }) } })
}

const isSignedIn = async (browser: BrowserLike, { clientId }: { clientId: string }): Promise<boolean> =>
  answerOf(await browser.get(authorizePath(clientId, { prompt: 'none' }))).code !== undefined

describe.each(NO_VISITS)('%s', (_, request) => {
  test('ends no session and begins no sign-in, with cookies or without', async () => {
    const { browser, client, paths } = await signedIn()
    for (const isBare of [false, true])
      for (const path of paths) {
        const answer = await send(browser, path, request, isBare)
        expect([path, answer.status]).toEqual([path, request.method === 'HEAD' ? 204 : 503])
        expect(answer.headers.get('location')).toBeNull()
        expect(answer.headers.getSetCookie()).toEqual([])
        expect(answer.headers.get('cache-control')).toBe('no-store')
      }
    expect(await isSignedIn(browser, client)).toBe(true)
  })
})

test.each(['document', 'iframe', undefined])('a visit (Sec-Fetch-Dest: %s) ends the session', async (dest) => {
  const { browser, client, logout } = await signedIn()
  const seen = await browser.get(logout, { ...(dest !== undefined && { 'sec-fetch-dest': dest }) })
  expect(seen.url.href).toBe(BYE)
  expect(await isSignedIn(browser, client)).toBe(false)
})

test('prompt=none shows no page, so a prefetch of it is answered; HEAD and an image get no code', async () => {
  const { browser, client } = await signedIn()
  const silent = authorizePath(client.clientId, { prompt: 'none' })
  const ahead = await send(browser, silent, { headers: { 'sec-purpose': 'prefetch' } }, false)
  expect(ahead.headers.get('location')).toContain('code=')
  for (const request of [{ method: 'HEAD' }, { headers: { 'sec-fetch-dest': 'image' } }])
    expect((await send(browser, silent, request, false)).headers.get('location')).toBeNull()
})

test('HEAD of a page that changes nothing is answered like GET', async () => {
  const { browser } = await signedIn()
  expect((await send(browser, '/account', { method: 'HEAD' }, false)).status).toBe(200)
  expect((await send(browser, '/account/nosuch', { method: 'HEAD' }, false)).status).toBe(404)
})
