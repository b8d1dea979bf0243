/**
 * A portal that people sign in to, and the app that it embeds: over HTTP, and in a real browser.
 *
 * Not again on PostgreSQL: each example brings a database of its own.
 */
import type { Frame, Page } from 'playwright-core'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { bearer, claimsOf, headerOf, request } from '../support/client.ts'
import { openPage } from '../support/chromium.ts'
import { withoutBrowser } from './browser.ts'
import { foreignOrigin } from './foreign-origin.ts'
import { appIn, claimsShown, showingAnother } from './framed-app.ts'
import { millisecondsUntil, outcome, startExample, withClaims, type RunningExample } from './run-example.ts'
import { atSignet, personBrowser, signInThrough, type PersonBrowser } from './sign-in-at.ts'

// The globals of the pages, in functions that the browser runs; this program's own types know no windows.
declare const document: any
declare const location: any
declare const window: any

let example: RunningExample
let portal: string
let app: string
let signet: string

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  example = await startExample('embedded-app-sign-in', {}, (end) => ends.push(end))
  ;[portal, app, signet] = [example.place('portal'), example.place('app'), example.place('signet')]
  return async () => {
    for (const end of ends) await end()
  }
})

const person = (username: string) => ({ username, password: example.place('password') })

async function signedIn(username: string): Promise<PersonBrowser> {
  const browser = personBrowser(portal, signet)
  const { url } = await signInThrough(browser, '/auth/login', person(username))
  expect(url.href).toBe(`${portal}/`)
  return browser
}

/** The token that the portal's page would forward, or the refusal. */
async function forwarded({
  app: browser,
}: PersonBrowser): Promise<{ token: string; organisation: string; error?: string }> {
  return JSON.parse((await browser.post('/forwarded-token', {})).html) as { token: string; organisation: string }
}

const asked = async (token: string, organisation = 'org_42') =>
  outcome(await request(`${app}/${organisation}/api/me`, { headers: bearer(token) }))

/** An act of an operator by the admin API. */
async function operate(method: string, path: string, json: object = {}): Promise<void> {
  const basic = `Basic ${Buffer.from(example.place('operator')).toString('base64')}`
  const form = { grant_type: 'client_credentials' }
  const { body } = await request(`${signet}/token`, { form, headers: { authorization: basic } })
  const headers = bearer(body.access_token)
  const { status, text } = await request(`${signet}/admin/api${path}`, { method, json, headers })
  if (status !== 200) throw new Error(text)
}

/** Disables a person until the test ends. */
async function disable(username: string): Promise<void> {
  onTestFinished(() => operate('POST', `/users/${username}/enable`))
  await operate('POST', `/users/${username}/disable`)
}

/** Lets tokens of the organisation end soon, until the test ends. */
async function shortenTokens(): Promise<void> {
  onTestFinished(() => operate('PATCH', '/resources/org_42', { ttl: '5m' }))
  await operate('PATCH', '/resources/org_42', { ttl: '3s' })
}

test('the portal signs people in by code and PKCE, for one organisation', async () => {
  const browser = personBrowser(portal, signet)
  const { url } = await browser.app.get('/auth/login')
  const asks = Object.fromEntries(url.searchParams)
  expect(asks).toMatchObject({ response_type: 'code', resource: 'org_42', code_challenge_method: 'S256' })
  expect([asks.state, asks.nonce, asks.code_challenge]).toEqual(Array.from({ length: 3 }, () => expect.any(String)))
})

test('the forwarded token is for the organisation, by keys of its own, and says who the person is', async () => {
  const { token, organisation } = await forwarded(await signedIn('ada'))
  expect(organisation).toBe('org_42')
  expect(claimsOf(token)).toMatchObject({
    iss: signet,
    aud: 'org_42',
    sub: expect.stringMatching(/^[\da-f-]{36}$/),
    email: 'ada@org42.example',
    username: 'ada',
    role: 'admin',
    teams: ['legal', 'sales'],
  })
  const kids = async (path: string) =>
    ((await request(signet + path)).body.keys as { kid: string }[]).map(({ kid }) => kid)
  expect(await kids('/jwks/org_42')).toContain(headerOf(token).kid)
  expect(await kids('/.well-known/jwks.json')).not.toContain(headerOf(token).kid)
  const lin = claimsOf((await forwarded(await signedIn('lin'))).token)
  expect(lin).toMatchObject({ username: 'lin', teams: ['sales'] })
  expect(lin).not.toHaveProperty('role')
})

test('the app takes the organisation’s own tokens and nothing else', async () => {
  const browser = await signedIn('ada')
  const { token } = await forwarded(browser)
  expect(await asked(token)).toBe('200')
  expect(await asked(token, 'org_7')).toBe('401 invalid_token')
  expect(await asked(withClaims(token, { role: 'owner' }))).toBe('401 invalid_token')
  expect(await asked('nothing')).toBe('401 invalid_token')
})

test('nobody gets a token without having signed in, nor by a page of another site', async () => {
  expect(await forwarded(personBrowser(portal, signet))).toEqual({ error: 'signed_out' })
  const { app: browser } = await signedIn('ada')
  const elsewhere = { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' }
  expect((await browser.post('/forwarded-token', {}, elsewhere)).status).toBe(401)
})

test('disabling the person ends it within a second, at the app and at the portal', async () => {
  const browser = await signedIn('lin')
  const { token } = await forwarded(browser)
  expect(await asked(token)).toBe('200')
  await disable('lin')
  await millisecondsUntil('401 invalid_token', () => asked(token), 1000)
  await millisecondsUntil('signed_out', async () => String((await forwarded(browser)).error), 1000)
  // Nor does signing in again help.
  const page = await atSignet(browser, '/auth/login')
  expect((await browser.signet.submit(page, person('lin'), 'sign-in')).error).toBe('invalid_credentials')
})

test('both pages say what may run in them and who may frame them', async () => {
  const policyOf = async (url: string) => (await request(url)).headers.get('content-security-policy')
  expect(await policyOf(`${app}/org_42/`)).toContain(`frame-ancestors ${portal};`)
  const atPortal = await policyOf(`${portal}/`)
  expect(atPortal).toContain(`frame-src ${app};`)
  expect(atPortal).toContain(`frame-ancestors 'none'`)
})

if (withoutBrowser !== undefined) console.warn(`SKIPPED: the embedded app in a browser: ${withoutBrowser}`)

describe.skipIf(withoutBrowser !== undefined)('in a browser', () => {
  /** A person opens the portal, signs in at Signet, and comes back to the app in the frame. */
  async function signInAt(page: Page, username: string): Promise<Frame> {
    await page.goto(portal)
    await page.waitForSelector('#app', { state: 'detached' })
    await page.click('a[href="/auth/login"]')
    await page.waitForURL(`${signet}/**`)
    await page.fill('input[name=username]', username)
    await page.fill('input[name=password]', example.place('password'))
    await page.click('button[value=sign-in]')
    return appIn(page)
  }

  test('a person signs in, and the app in the frame says who it is; the token leaves the address bar', async () => {
    const page = await openPage()
    const frame = await signInAt(page, 'ada')
    expect(await claimsShown(frame)).toMatchObject({ aud: 'org_42', username: 'ada', role: 'admin' })
    expect(await frame.evaluate(() => location.href)).toBe(`${app}/org_42/`)
    expect(page.url()).toBe(`${portal}/`)
  })

  test('an ended token is replaced by postMessage, without the person noticing', async () => {
    await shortenTokens()
    const page = await openPage()
    const frame = await signInAt(page, 'ada')
    const { jti: first, exp } = await claimsShown(frame)
    // `exp` is rounded down and the portal counts from the reply, so that it sees the end up to two seconds later.
    const end = (Number(exp) + 2) * 1000
    await millisecondsUntil('ended', async () => (Date.now() > end ? 'ended' : 'good'), 15_000)
    await frame.click('#ask')
    await showingAnother(frame, first)
    expect(await claimsShown(frame)).toMatchObject({ username: 'ada' })
    expect(await frame.textContent('#error')).toBe('')
  })

  test('a page of another origin is answered by neither side', async () => {
    const page = await openPage()
    await signInAt(page, 'ada')
    const foreign = await page.context().newPage()
    await foreign.goto(await foreignOrigin('<!doctype html><title>foreign</title>'))
    const opening = page.context().waitForEvent('page')
    await foreign.evaluate((url) => {
      Object.assign(window, { heard: [], popup: window.open(url) })
      window.addEventListener('message', ({ data }: { data: unknown }) => window.heard.push(data))
    }, portal)
    const popup = await opening
    const frame = await appIn(popup)
    const questions: string[] = []
    popup.on('request', (each) => {
      if (each.url().endsWith('/forwarded-token')) questions.push(each.url())
    })
    await foreign.evaluate(() => {
      const id = '00000000-0000-4000-8000-000000000000'
      window.popup.postMessage({ type: 'signet:token-request', id }, '*')
      window.popup.frames[0].postMessage({ type: 'signet:token', id, token: 'forged' }, '*')
    })
    // The app's own question comes after the foreign one, and is the only one that the portal answers.
    const answered = popup.waitForResponse('**/api/me')
    await frame.click('#renew')
    expect((await answered).status()).toBe(200)
    expect(questions).toEqual([`${portal}/forwarded-token`])
    expect(await foreign.evaluate(() => window.heard)).toEqual([])
  })

  test('another origin cannot frame the app', async () => {
    const page = await openPage()
    const { token } = await forwarded(await signedIn('ada'))
    const told: string[] = []
    page.on('console', (message) => told.push(message.text()))
    await page.goto(await foreignOrigin(`<!doctype html><iframe src="${app}/org_42/#token=${token}"></iframe>`))
    expect(
      page
        .frames()
        .find((each) => each !== page.mainFrame())
        ?.url(),
    ).toMatch(/^chrome-error:/)
    expect(told.join()).toContain(`frame-ancestors ${portal}`)
  })

  test('disabling the person ends what the frame shows', async () => {
    const page = await openPage()
    const frame = await signInAt(page, 'lin')
    await disable('lin')
    await frame.click('#ask')
    await frame.waitForFunction(() => document.querySelector('#error')?.textContent.length > 0)
    expect([await frame.textContent('#username'), await frame.textContent('#me')]).toEqual(['not known', ''])
    expect(await page.isVisible('a[href="/auth/login"]')).toBe(false)
    await page.reload()
    await page.waitForSelector('#app', { state: 'detached' })
    expect(await page.isVisible('a[href="/auth/login"]')).toBe(true)
    expect(await page.isVisible('a[href="/auth/logout"]')).toBe(false)
  })
})

test('Ctrl-C ends it with exit code 0', async () => {
  expect(await example.interrupt()).toBe(0)
})
