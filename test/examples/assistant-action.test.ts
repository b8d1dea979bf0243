/**
 * A custom assistant, played by a script, at the boxes that the example prints: two callbacks, two ways of authentication,
 * lost replies, revocation.
 *
 * Not again on PostgreSQL: each example brings a database of its own.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { BrowserLike, type Seen } from '../support/browser-like.ts'
import { bearer, claimsOf, request, type Answer } from '../support/client.ts'
import { millisecondsUntil, opens, outcome, startExample, type RunningExample } from './run-example.ts'

let example: RunningExample
let bridge: string
let signet: string

const callbackAt = (host: string, action = 'g-1a2b') => `https://${host}/aip/${action}/oauth/callback`
const CALLBACKS = ['chat.openai.com', 'chatgpt.com'].map((host) => callbackAt(host))
const [CALLBACK = ''] = CALLBACKS

/** The value that was printed for a box of the editor. */
function box(name: string): string {
  const [, value] = new RegExp(`^${name}: (.+)$`, 'm').exec(example.stdout()) ?? []
  if (value === undefined) throw new Error(`no box '${name}': ${example.stdout()}`)
  return value
}

const person = (username: string) => ({ username, password: example.place('password') })

/** The address that the assistant opens: no PKCE, no nonce, no resource, and an empty scope. */
function authorizationUrl(callback: string, state = 'oai-state'): string {
  const query = { response_type: 'code', client_id: box('Client ID'), redirect_uri: callback, scope: '', state }
  return `${box('Authorization URL')}?${new URLSearchParams(query).toString()}`
}

async function signedInAtAccount(username: string): Promise<BrowserLike> {
  const browser = new BrowserLike(signet)
  await browser.submit(await browser.get('/account'), person(username), 'sign-in')
  return browser
}

/** An operator opens the action, and presses the button that adds its callback. */
async function register(operator: BrowserLike, callback: string): Promise<Seen> {
  const page = await operator.get(authorizationUrl(callback))
  if (page.error !== 'redirect_uri_mismatch') throw new Error(`${page.status} ${page.error}: ${page.text}`)
  return operator.submit(page, {}, 'add-redirect-uri')
}

/** The code that the assistant gets, of a person who signs in where that is needed. */
async function codeFor(browser: BrowserLike, callback: string, username = 'ada'): Promise<string> {
  const page = await browser.get(authorizationUrl(callback, 'state with = and &'))
  const { isAway, url, text } = page.isAway ? page : await browser.submit(page, person(username), 'sign-in')
  if (!isAway || url.origin + url.pathname !== callback) throw new Error(`not at the callback: ${url.href} ${text}`)
  expect(url.searchParams.get('state')).toBe('state with = and &')
  return url.searchParams.get('code') ?? ''
}

/** The token exchange, by the method that stands in its box. */
function ask(
  form: Record<string, string>,
  isBasic = box('Token Exchange Method').startsWith('Basic'),
): Promise<Answer> {
  const [id, secret] = [box('Client ID'), box('Client Secret')]
  const headers = { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
  return isBasic
    ? request(box('Token URL'), { form, headers })
    : request(box('Token URL'), { form: { ...form, client_id: id, client_secret: secret } })
}

const exchange = (code: string, callback = CALLBACK) =>
  ask({ grant_type: 'authorization_code', code, redirect_uri: callback })
const refresh = (token: string) => ask({ grant_type: 'refresh_token', refresh_token: token })

async function tokens(browser = new BrowserLike(signet)): Promise<{ access_token: string; refresh_token: string }> {
  const { status, body, text } = await exchange(await codeFor(browser, CALLBACK))
  if (status !== 200) throw new Error(text)
  return body as { access_token: string; refresh_token: string }
}

const METHODS = { body: 'Default (POST request)', basic: 'Basic authorization header' }

describe.each(Object.entries(METHODS))('token exchange by %s', (by, method) => {
  beforeAll(async () => {
    const ends: (() => Promise<void> | void)[] = []
    example = await startExample('assistant-action', { TOKEN_EXCHANGE: by }, (end) => ends.push(end))
    ;[bridge, signet] = [example.place('bridge'), example.place('signet')]
    const olga = await signedInAtAccount('olga')
    for (const callback of CALLBACKS) await register(olga, callback)
    return async () => {
      for (const end of ends) await end()
    }
  })

  test('the box names the method, and the other method is taken too', async () => {
    expect(box('Token Exchange Method')).toBe(method)
    const code = await codeFor(new BrowserLike(signet), CALLBACK)
    const form = { grant_type: 'authorization_code', code, redirect_uri: CALLBACK }
    expect((await ask(form, by === 'body')).status).toBe(200)
  })

  test('the boxes stand in the order of the editor, and the OpenAPI block names the same addresses', () => {
    const names = ['Authentication', 'Client ID', 'Client Secret', 'Authorization URL', 'Token URL', 'Scope']
    const places = [...names, 'Token Exchange Method'].map((name) => example.stdout().indexOf(`\n${name}: `))
    expect(places).toEqual(places.toSorted((a, b) => a - b))
    expect(places[0]).toBeGreaterThan(0)
    expect(example.stdout()).toContain(`authorizationUrl: ${signet}/authorize`)
    expect(example.stdout()).toContain(`tokenUrl: ${signet}/token`)
  })

  test.each(CALLBACKS)('a person signs in by %s', async (callback) => {
    const { status, body } = await exchange(await codeFor(new BrowserLike(signet), callback), callback)
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: expect.any(Number), scope: 'openid notes' })
    expect(body.refresh_token).toEqual(expect.any(String))
    expect(claimsOf(body.access_token)).toMatchObject({ aud: 'https://bridge.example', name: 'Ada' })
    const notes = await request(`${bridge}/notes`, { headers: bearer(body.access_token) })
    expect([notes.status, notes.body]).toEqual([200, { notes: ['a note of Ada'] }])
  })

  test('it refreshes without offline_access, and a reply that was lost is repeated', async () => {
    const first = await tokens()
    const [lost, repeated] = [await refresh(first.refresh_token), await refresh(first.refresh_token)]
    expect([lost.status, repeated.status]).toEqual([200, 200])
    expect(repeated.body.refresh_token).toBe(lost.body.refresh_token)
    expect(await opens(`${bridge}/auth/me`, repeated.body.access_token)).toBe('200')
    const next = await refresh(repeated.body.refresh_token)
    expect(next.status).toBe(200)
    expect(await opens(`${bridge}/auth/me`, next.body.access_token)).toBe('200')
  })

  test('/auth/me tells the truth: who it is, and 401 within a second once it was withdrawn; then ada signs in again', async () => {
    const browser = await signedInAtAccount('ada')
    const { access_token: token, refresh_token: refreshToken } = await tokens(browser)
    const { status, body } = await request(`${bridge}/auth/me`, { headers: bearer(token) })
    expect(status).toBe(200)
    expect(body).toMatchObject({ authenticated: true, client_id: 'assistant', claims: { email: 'ada@bridge.example' } })
    await browser.submit(await browser.get('/account/apps'), { client_id: 'assistant' }, 'withdraw')
    await millisecondsUntil('401 token_revoked', () => opens(`${bridge}/auth/me`, token), 1000)
    expect(outcome(await refresh(refreshToken))).toBe('400 invalid_grant')
    const again = await tokens(browser)
    expect(await opens(`${bridge}/auth/me`, again.access_token)).toBe('200')
  })

  test('a callback that changed is added by an operator with one click, and by nobody else', async () => {
    const changed = callbackAt('chatgpt.com', 'g-saved-anew')
    const stranger = await (await signedInAtAccount('ada')).get(authorizationUrl(changed))
    expect([stranger.status, stranger.page, stranger.error]).toEqual([400, 'error', 'redirect_uri_mismatch'])
    expect(stranger.forms.flatMap(({ buttons }) => buttons).map(({ value }) => value)).not.toContain('add-redirect-uri')
    // The button takes the operator on to the assistant, by the address that was just added.
    const { isAway, url } = await register(await signedInAtAccount('olga'), changed)
    expect([isAway, url.origin + url.pathname]).toEqual([true, changed])
    const { status } = await exchange(await codeFor(new BrowserLike(signet), changed), changed)
    expect(status).toBe(200)
  })

  test('a code that was sent to one callback is not redeemed for the other', async () => {
    const [first = '', second = ''] = CALLBACKS
    const code = await codeFor(new BrowserLike(signet), first)
    expect(outcome(await exchange(code, second))).toBe('400 invalid_grant')
    expect((await exchange(code, first)).status).toBe(200)
  })

  test('Ctrl-C ends it with exit code 0', async () => {
    expect(await example.interrupt()).toBe(0)
  })
})
