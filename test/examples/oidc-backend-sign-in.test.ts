/**
 * The OIDC backend that people sign in to, started by its one command: three ways to hand over tokens, the claims, and the
 * end of a session.
 *
 * Not again on PostgreSQL: each example brings a database of its own.
 */
import { beforeAll, expect, test } from 'vitest'
import { bearer, claimsOf, request } from '../support/client.ts'
import { millisecondsUntil, opens, startExample, type RunningExample } from './run-example.ts'
import { atSignet, personBrowser, signInThrough, type PersonBrowser } from './sign-in-at.ts'

let example: RunningExample
let api: string

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  example = await startExample('oidc-backend-sign-in', {}, (end) => ends.push(end))
  api = example.place('api')
  return async () => {
    for (const end of ends) await end()
  }
})

const browserAt = (place = 'shop') => personBrowser(example.place(place), example.place('signet'))
const signIn = (browser: PersonBrowser, username: string, path = '/auth/login') =>
  signInThrough(browser, path, { username, password: example.place('password') })

interface Tokens {
  access_token: string
  refresh_token: string
  id_token: string
  scope: string
}

async function tokensOf(username: string): Promise<Tokens> {
  const { status, html } = await signIn(browserAt(), username, '/auth/login?format=json')
  if (status !== 200) throw new Error(html)
  return JSON.parse(html) as Tokens
}

/** Status and JSON of a page of the backend. */
async function at({ app }: PersonBrowser, path: string): Promise<[number, any]> {
  const { status, html } = await app.get(path, { accept: 'application/json' })
  return [status, JSON.parse(html)]
}

test('with format=json the callback answers the tokens, and keeps none', async () => {
  const browser = browserAt()
  const { status, html, headers } = await signIn(browser, 'bob', '/auth/login?format=json')
  const tokens = JSON.parse(html) as Tokens
  expect([status, headers.get('cache-control')]).toEqual([200, 'no-store'])
  expect(tokens).toMatchObject({ refresh_token: expect.any(String), scope: expect.stringContaining('orders:read') })
  expect(claimsOf(tokens.id_token)).toMatchObject({ aud: 'shop', name: 'Bob' })
  expect((await at(browser, '/auth/me'))[0]).toBe(401)
})

test('the other backend leads to /#access_token=…, and the page calls the API with it', async () => {
  const { url } = await signIn(browserAt('pages'), 'bob')
  expect(url.origin + url.pathname + url.search).toBe(`${example.place('pages')}/`)
  const token = new URLSearchParams(url.hash.slice(1)).get('access_token') ?? ''
  expect(claimsOf(token).aud).toBe('https://shop-api.example')
  expect(await opens(`${api}/orders`, token)).toBe('200')
})

test('by default the backend owns the session: a cookie, and no token in the browser', async () => {
  const browser = browserAt()
  expect((await at(browser, '/my/profile'))[0]).toBe(401)
  const { url } = await signIn(browser, 'bob')
  expect(url.href).toBe(`${example.place('shop')}/`)
  expect([...browser.app.cookies.values()].join()).not.toContain('eyJ')
  const [status, me] = await at(browser, '/auth/me')
  expect(status).toBe(200)
  expect(JSON.stringify(me)).not.toContain('eyJ')
  expect(me).toMatchObject({ authenticated: true, org_slug: 'acme', permissions: ['orders.refund'] })
  expect(await at(browser, '/my/profile')).toEqual([200, expect.objectContaining({ org_slug: 'acme' })])
})

const NOTHING = { org_slug: null, service_slug: null, roles: [], permissions: [], is_platform_owner: false }

test.each([
  ['ada', { ...NOTHING, roles: ['admin'], permissions: ['orders.write'], is_platform_owner: true }],
  ['bob', { ...NOTHING, org_slug: 'acme', service_slug: 'shop', roles: ['clerk'], permissions: ['orders.refund'] }],
  ['eve', NOTHING],
])('the claims of %s come from the person and the groups', async (username, expected) => {
  const { access_token: token } = await tokensOf(username)
  const { status, body } = await request(`${api}/profile`, { headers: bearer(token) })
  expect([status, body]).toEqual([200, expect.objectContaining(expected)])
})

test('a platform owner has no org_slug at all', async () => {
  const claims = claimsOf((await tokensOf('ada')).access_token)
  expect(claims).not.toHaveProperty('org_slug')
  expect(claims).toMatchObject({ is_platform_owner: true, client_id: 'shop' })
})

// Scope read, scope write, role, permission, any permission, platform owner.
const ROUTES = ['GET /orders', 'POST /orders', 'GET /staff', 'POST /refunds', 'GET /reports', 'GET /platform']
const NO = '403 insufficient_scope'
test.each([
  ['ada', ['200', '201', '200', NO, NO, '200']],
  ['bob', ['200', NO, '200', '201', '200', NO]],
  ['eve', ['200', NO, NO, NO, NO, NO]],
])('%s opens what the claims give and nothing else', async (username, expected) => {
  const { access_token: token } = await tokensOf(username)
  const outcomes: string[] = []
  for (const [method, path] of ROUTES.map((each) => each.split(' ')))
    outcomes.push(await opens(`${api}${path}`, token, method))
  expect(outcomes).toEqual(expected)
})

/** A person who signed in once, at both backends. */
async function atBoth(username: string): Promise<{ shop: PersonBrowser; pages: PersonBrowser }> {
  const shop = browserAt()
  await signIn(shop, username)
  const pages = { ...browserAt('pages'), signet: shop.signet }
  // The second backend is answered without a page.
  expect((await atSignet(pages, '/auth/login')).isAway).toBe(true)
  await signIn(pages, username)
  return { shop, pages }
}

const untilSignedOut = (browser: PersonBrowser) =>
  millisecondsUntil('401', async () => String((await at(browser, '/auth/me'))[0]), 1000)

test('a session that the person ends at Signet ends at both backends', async () => {
  const { shop, pages } = await atBoth('eve')
  await shop.signet.submit(await shop.signet.get('/account/sessions'), {}, 'end')
  for (const each of [shop, pages]) await untilSignedOut(each)
  expect((await at(shop, '/my/profile'))[0]).toBe(401)
})

test('signing out at one backend signs out at the other, by back-channel logout alone', async () => {
  const { shop, pages } = await atBoth('bob')
  // Signing out leaves grants with offline_access, such as this one of the same session, so the blacklist names nobody.
  const kept = JSON.parse((await signIn(pages, 'bob', '/auth/login?format=json')).html) as Tokens
  await shop.signet.get((await shop.app.get('/auth/logout')).url.href)
  await untilSignedOut(pages)
  expect(await opens(`${api}/orders`, kept.access_token)).toBe('200')
})

test('signing out at a backend ends the session at Signet', async () => {
  const browser = browserAt()
  await signIn(browser, 'bob')
  const { isAway, url } = await browser.app.get('/auth/logout')
  expect([isAway, url.origin]).toEqual([true, example.place('signet')])
  const back = await browser.signet.get(url.href)
  expect([back.isAway, back.url.href]).toEqual([true, `${example.place('shop')}/`])
  expect((await at(browser, '/auth/me'))[0]).toBe(401)
  expect((await atSignet(browser, '/auth/login')).page).toBe('login')
})

test('Ctrl-C ends it with exit code 0', async () => {
  expect(await example.interrupt()).toBe(0)
})
