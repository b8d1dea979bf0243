/**
 * Attacks on apps with `signIn()`: open redirects, forged and mixed-up answers, fixation, replays, foreign logouts.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { generateKeyPair } from 'jose'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { SignInOptions } from '../../verifiers/node/src/index.ts'
import { signIn as expressSignIn } from '../../verifiers/node/src/express.ts'
import { until } from '../support/admin.ts'
import { CLIENT, LOGOUT_EVENT, startMockOp, type MockOp } from './mock-op.ts'
import { APP_NAMES, startApp, type App, type AppAnswer, type AppBrowser } from './signing-in-apps.ts'

interface Scene {
  op: MockOp
  app: App
  browser: AppBrowser
}

const SECRET = 'a secret of the app: % + & é'

async function scene(options: Partial<SignInOptions> = {}, { name = 'express', metadata = {} } = {}): Promise<Scene> {
  const op = await startMockOp(metadata)
  const app = await startApp(name, async (publicOrigin) => ({
    issuer: op.issuer,
    clientId: CLIENT,
    clientSecret: SECRET,
    publicOrigin,
    revocations: false,
    clock: op.clock,
    ...options,
  }))
  return { op, app, browser: app.browser() }
}

/** Begins a sign-in. @returns the parameters that the issuer got */
const begin = async (browser: AppBrowser, path = '/auth/login'): Promise<URLSearchParams> =>
  (await browser.get(path)).location!.searchParams

/** The issuer's answer to a request. `undefined` leaves a parameter out. */
function callbackOf({ op }: Scene, asked: URLSearchParams, more: Record<string, string | undefined> = {}): string {
  const all = { code: `code-${asked.get('nonce')}`, state: asked.get('state') ?? '', iss: op.issuer, ...more }
  const sent = Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return `/auth/callback?${new URLSearchParams(sent).toString()}`
}

const signIn = async (it: Scene, browser = it.browser): Promise<AppAnswer> =>
  browser.get(callbackOf(it, await begin(browser)))

const statusOf = async (browser: AppBrowser): Promise<number> => (await browser.get('/auth/me')).status
const errorOf = ({ status, body }: AppAnswer): string => `${status} ${body?.error}`

test('the mock signs in: every attack below differs in one point', async () => {
  const it = await scene()
  expect((await signIn(it)).status).toBe(303)
  expect(await statusOf(it.browser)).toBe(200)
  expect((await it.browser.get('/auth/me', { authorization: 'Basic eDp5' })).status).toBe(200)
  expect(errorOf(await it.browser.get('/auth/me', { authorization: 'Bearer x' }))).toBe('401 malformed_token')
})

describe('open redirects', () => {
  const EVIL = [
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    'https://evil.example',
    'https:evil.example',
    'javascript:alert(1)',
    'data:text/html,x',
    '/\t/evil.example',
    '/\n/evil.example',
    '/\r\nLocation: https://evil.example',
    '\t//evil.example',
    ' //evil.example',
    '/.//evil.example',
    '/a/..//evil.example',
    '/%0d%0aSet-Cookie:x'.replaceAll('%0d%0a', '\r\n'),
    '/@evil.example\0',
    'evil',
    '.evil.example',
    '@evil.example',
    '/ü',
    `/${'x'.repeat(3000)}`,
    '/auth/logout',
    '/AUTH/logout',
    '/./auth/logout',
    '/x/../auth/logout',
    '/%61uth/logout',
    '/auth',
  ]
  test.each(EVIL)('return_to=%j begins nothing', async (path) => {
    const it = await scene()
    const answer = await it.browser.get(`/auth/login?return_to=${encodeURIComponent(path)}`)
    expect(errorOf(answer)).toBe('400 invalid_request')
    expect([answer.location, it.browser.cookies.size]).toEqual([undefined, 0])
  })

  test.each(['/', '/orders', '/a/b?c=d&e=%2F%2Fevil.example#f', '/authors', '/x:y@z'])(
    'return_to=%j is a path',
    async (path) => {
      const it = await scene()
      const asked = await begin(it.browser, `/auth/login?return_to=${encodeURIComponent(path)}`)
      expect((await it.browser.get(callbackOf(it, asked))).headers.get('location')).toBe(path)
    },
  )

  test('with a fragment the person always comes to the first page: another one could redirect further', async () => {
    const it = await scene({ fragment: true })
    const asked = await begin(it.browser, '/auth/login?return_to=/go?to=https://evil.example')
    expect((await it.browser.get(callbackOf(it, asked))).headers.get('location')).toMatch(/^\/#access_token=opaque-1&/)
  })

  test.each(['host', 'x-forwarded-host', 'forwarded', 'x-forwarded-proto'])(
    'the header %s changes no address',
    async (header) => {
      const it = await scene({ publicOrigin: 'https://app.example' })
      const value = header === 'forwarded' ? 'host=evil.example;proto=http' : 'evil.example'
      const answer = await it.browser.get('/auth/login', { [header]: value })
      expect(answer.location?.searchParams.get('redirect_uri')).toBe('https://app.example/auth/callback')
      expect(answer.headers.getSetCookie()[0]).toMatch(
        /^__Host-app_login-[\w-]+=.*; Path=\/; HttpOnly; SameSite=Lax; Secure;/,
      )
      const out = await it.browser.get('/auth/logout', { [header]: value })
      expect(out.location?.searchParams.get('post_logout_redirect_uri')).toBe('https://app.example/')
    },
  )
})

describe('the request', () => {
  test('has new state, nonce and challenge each time, and the client proves itself', async () => {
    const it = await scene({ resource: ['https://api.example', 'https://b.example'], scope: 'orders:read' })
    const [first, second] = [await begin(it.browser), await begin(it.browser)]
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(first.get(name)).toMatch(/^[\w-]{43}$/)
      expect(first.get(name)).not.toBe(second.get(name))
    }
    expect(first.get('code_challenge_method')).toBe('S256')
    expect(first.get('scope')).toBe('openid orders:read')
    expect(first.getAll('resource')).toEqual(['https://api.example', 'https://b.example'])
    await it.browser.get(callbackOf(it, first))
    const [form] = it.op.redeemed
    expect(form?.get('code_verifier')).toMatch(/^[\w-]{43}$/)
    expect([form?.has('client_secret'), form?.has('client_id')]).toEqual([false, false])
    const [id, secret] = Buffer.from(it.op.authorizations[0]?.split(' ')[1] ?? '', 'base64')
      .toString()
      .split(':')
    expect([id, new URLSearchParams(`secret=${secret}`).get('secret')]).toEqual([CLIENT, SECRET])
  })

  test('sign-ins in several tabs do not disturb each other, and do not pile up', async () => {
    const it = await scene()
    const [first, second] = [await begin(it.browser), await begin(it.browser)]
    expect((await it.browser.get(callbackOf(it, first))).status).toBe(303)
    expect((await it.browser.get(callbackOf(it, second))).status).toBe(303)
    for (let at = 0; at < 30; at += 1) await begin(it.browser)
    expect(it.browser.cookies.size).toBeLessThan(8)
  })
})

describe('the answer of the issuer', () => {
  test('login CSRF: a browser that did not begin the sign-in gets no session', async () => {
    const it = await scene()
    const attackers = await begin(it.app.browser())
    for (const prepared of [false, true]) {
      const victim = it.app.browser()
      if (prepared) await begin(victim)
      expect(errorOf(await victim.get(callbackOf(it, attackers)))).toBe('400 unknown_sign_in')
      expect(await statusOf(victim)).toBe(401)
    }
    expect(it.op.redeemed).toEqual([])
  })

  test.each<[string, Record<string, string | undefined>, string]>([
    ['no state', { state: undefined }, '400 invalid_request'],
    ['another state', { state: 'x' }, '400 unknown_sign_in'],
    ['no iss, which the issuer promises', { iss: undefined }, '400 invalid_response'],
    ['the iss of another issuer (mix-up)', { iss: 'https://evil.example' }, '400 invalid_response'],
    ['the iss of another issuer, with an error', { iss: 'https://evil.example', error: 'x' }, '400 invalid_response'],
    ['no code', { code: undefined }, '400 invalid_request'],
    ['an error', { code: undefined, error: 'access_denied' }, '403 sign_in_refused'],
    ['another nonce (code injection)', { code: 'code-another' }, '400 invalid_response'],
  ])('with %s is refused, and ends the sign-in', async (_what, more, error) => {
    const it = await scene()
    const asked = await begin(it.browser)
    expect(errorOf(await it.browser.get(callbackOf(it, asked, more)))).toBe(error)
    expect(await statusOf(it.browser)).toBe(401)
  })

  test.each(['state', 'iss', 'code'])('with two of %s is refused', async (name) => {
    const it = await scene()
    const path = callbackOf(it, await begin(it.browser))
    expect(errorOf(await it.browser.get(`${path}&${name}=x`))).toBe('400 invalid_request')
    expect(it.op.redeemed).toEqual([])
  })

  test('counts once, in parallel too, even for a browser that keeps its cookie', async () => {
    const it = await scene()
    const path = callbackOf(it, await begin(it.browser))
    const cookie = [...it.browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answers = await Promise.all(Array.from({ length: 10 }, () => it.app.browser().get(path, { cookie })))
    expect(answers.map(({ status }) => status).sort()).toEqual([303, ...Array<number>(9).fill(400)])
    expect(it.op.redeemed).toHaveLength(1)
  })

  test('is too late after an hour', async () => {
    const it = await scene()
    const asked = await begin(it.browser)
    it.op.clock.advance(3601)
    expect(errorOf(await it.browser.get(callbackOf(it, asked)))).toBe('400 unknown_sign_in')
  })

  test('with a sealed cookie of another app, or a changed one, is refused', async () => {
    const it = await scene()
    const other = await scene({ clientSecret: 'another' })
    const asked = await begin(it.browser)
    const [[name = '', value = ''] = []] = it.browser.cookies
    const [[, foreign = ''] = []] = await begin(other.browser).then(() => other.browser.cookies)
    for (const wrong of ['', 'x', 'a.b.c.d.e', foreign, `${value}x`, value.slice(0, -1)]) {
      const cookie = `${name}=${wrong}`
      expect(errorOf(await it.app.browser().get(callbackOf(it, asked), { cookie }))).toBe('400 unknown_sign_in')
    }
    expect(value).not.toContain(asked.get('nonce'))
  })

  test('an error is text on the page, whatever it holds', async () => {
    const it = await scene()
    const asked = await begin(it.browser)
    const more = { code: undefined, error: '<script>alert(1)</script>', error_description: '"><img src=x>\r\n' }
    const { status, text, headers } = await it.browser.get(callbackOf(it, asked, more), { accept: 'text/html' })
    expect(status).toBe(403)
    expect(text).not.toMatch(/<script|<img/)
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
  })

  test('the issuer is away: 503 for all who come at once, and nothing is lost for good', async () => {
    const it = await scene()
    await it.op.stop()
    for (const down of await Promise.all([1, 2, 3].map(() => it.app.browser().get('/auth/login'))))
      expect([errorOf(down), down.headers.get('retry-after')]).toEqual(['503 issuer_unavailable', '5'])
    await it.op.start()
    expect((await signIn(it)).status).toBe(303)
  })
})

describe('the ID token', () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>?]>([
    ['of another issuer', { iss: 'https://evil.example' }],
    ['for another client', { aud: 'another' }],
    ['for several clients without azp', { aud: [CLIENT, 'another'] }],
    ['issued to another client', { azp: 'another' }],
    ['that has expired', { exp: 1 }],
    ['of the future', { iat: 99_999_999_999 }],
    ['without iat', { iat: undefined }],
    ['without exp', { exp: undefined }],
    ['without sub', { sub: undefined }],
    ['with an empty sub', { sub: '' }],
    ['without nonce', { nonce: undefined }],
    ['with another nonce', { nonce: 'another' }],
    ['of another access token', { at_hash: 'another' }],
    ['that is an access token', {}, { typ: 'at+jwt' }],
    ['that is a logout token', {}, { typ: 'logout+jwt' }],
    ['of a key that nobody knows', {}, { kid: 'another' }],
  ])('%s is refused', async (_what, claims, header = {}) => {
    const it = await scene()
    it.op.idClaims = claims
    it.op.idHeader = header
    expect(errorOf(await signIn(it))).toBe('400 invalid_response')
    expect(await statusOf(it.browser)).toBe(401)
  })

  test('unsigned, missing or signed by another key is refused', async () => {
    const it = await scene()
    const { privateKey } = await generateKeyPair('RS256')
    const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = (nonce: string) => ({ aud: CLIENT, sub: 'ada', nonce })
    const nonceOf = (form: URLSearchParams) => form.get('code')?.replace('code-', '') ?? ''
    const wrong: ((form: URLSearchParams) => Promise<unknown>)[] = [
      async () => undefined,
      async () => 'x',
      async (form) =>
        `${base64url({ alg: 'none' })}.${base64url({ iss: it.op.issuer, exp: 1e10, ...claims(nonceOf(form)) })}.`,
      (form) => it.op.jwt(claims(nonceOf(form)), {}, { ...it.op.key, privateKey }),
    ]
    for (const make of wrong) {
      it.op.reply = async (form) => ({ id_token: await make(form) })
      expect(errorOf(await signIn(it))).toBe('400 invalid_response')
    }
  })

  test.each<[string, Record<string, unknown>, string]>([
    ['no access token', { access_token: undefined }, '503 issuer_unavailable'],
    ['another kind of token', { token_type: 'mac' }, '503 issuer_unavailable'],
    ['a refusal', { error: 'invalid_grant' }, '400 invalid_grant'],
  ])('beside %s is no sign-in', async (_what, reply, error) => {
    const it = await scene()
    it.op.reply = () => reply
    expect(errorOf(await signIn(it))).toBe(error)
  })
})

describe('the session', () => {
  test('fixation: a planted cookie is not the session, and a new sign-in ends the former one', async () => {
    const it = await scene()
    await signIn(it)
    const [[name = '', first = ''] = []] = it.browser.cookies
    await signIn(it)
    expect(it.browser.cookies.get(name)).not.toBe(first)
    expect((await it.app.browser().get('/auth/me', { cookie: `${name}=${first}` })).status).toBe(401)
    await until(() => it.op.revoked.length === 1)
    expect(it.op.revoked[0]?.get('token')).toBe('refresh-1')
    const planted = it.app.browser()
    planted.cookies.set(name, 'planted')
    await signIn(it, planted)
    expect(planted.cookies.get(name)).toMatch(/^[\w-]{43}$/)
    expect((await it.app.browser().get('/auth/me', { cookie: `${name}=planted` })).status).toBe(401)
  })

  test.each(APP_NAMES)('%s: another site cannot sign the person out, nor act as the person', async (name) => {
    const it = await scene({}, { name })
    await signIn(it)
    const foreign: [string, Record<string, string>][] = [
      ['GET', { 'sec-fetch-site': 'cross-site' }],
      ['GET', { 'sec-fetch-site': 'same-site' }],
      ['POST', { origin: 'https://evil.example' }],
      ['POST', { origin: 'null' }],
    ]
    for (const [method, headers] of foreign)
      expect(errorOf(await it.browser.send('/auth/logout', { method, headers }))).toBe('403 cross_site')
    expect(
      (await it.browser.send('/who', { method: 'POST', headers: { origin: 'https://evil.example' } })).body,
    ).toBeUndefined()
    expect((await it.browser.send('/who', { method: 'POST', headers: { origin: it.app.origin } })).body).toMatchObject({
      claims: { sub: 'ada' },
    })
    expect(await statusOf(it.browser)).toBe(200)
    expect((await it.browser.send('/auth/logout', { method: 'POST', headers: { origin: it.app.origin } })).status).toBe(
      303,
    )
    expect(await statusOf(it.browser)).toBe(401)
  })

  test('signing out names the ID token, revokes the refresh token, and works while the issuer is away', async () => {
    const it = await scene()
    await signIn(it)
    const { searchParams } = (await it.browser.get('/auth/logout')).location!
    expect(searchParams.get('id_token_hint')).toMatch(/^ey/)
    await until(() => it.op.revoked.length === 1)
    const away = await scene()
    await away.op.stop()
    expect((await away.browser.get('/auth/logout')).headers.get('location')).toBe('/')
  })

  test('refreshed for another person or session, it ends', async () => {
    for (const claims of [{ sub: 'eve' }, { sid: 's2' }, { auth_time: 2 }]) {
      const it = await scene()
      await signIn(it)
      it.op.idClaims = claims
      it.op.clock.advance(590)
      expect(await statusOf(it.browser)).toBe(401)
    }
  })

  test('a refresh that the issuer refuses ends it; one that fails does not, while the token lives', async () => {
    const it = await scene()
    await signIn(it)
    it.op.clock.advance(590)
    await it.op.stop()
    expect(await statusOf(it.browser)).toBe(200)
    it.op.clock.advance(20)
    expect(errorOf(await it.browser.get('/auth/me'))).toBe('503 issuer_unavailable')
    await it.op.start()
    expect(await statusOf(it.browser)).toBe(200)
    it.op.reply = () => ({ error: 'invalid_grant' })
    it.op.clock.advance(590)
    expect(await statusOf(it.browser)).toBe(401)
  })

  test.each(['invalid_client', 'unauthorized_client', 'invalid_target', 'server_error'])(
    'a refresh that is refused with %s is a fault of the app: 503 in the end, a line for the operator, and it goes on',
    async (error) => {
      const told = vi.spyOn(console, 'warn').mockImplementation(() => {})
      onTestFinished(() => told.mockRestore())
      const it = await scene()
      await signIn(it)
      it.op.reply = () => ({ error, error_description: 'see the operator' })
      it.op.clock.advance(590)
      expect([await statusOf(it.browser), await statusOf(it.browser)]).toEqual([200, 200])
      it.op.clock.advance(20)
      expect(errorOf(await it.browser.get('/auth/me'))).toBe('503 issuer_unavailable')
      expect(told.mock.calls.flat()).toEqual([expect.stringContaining(`${error}: see the operator`)])
      it.op.reply = () => ({})
      expect(await statusOf(it.browser)).toBe(200)
    },
  )

  test('is not told to live where the issuer has no feed, and the error says why', async () => {
    const it = await scene({ revocations: true })
    const { status, body } = await signIn(it)
    expect([status, body]).toEqual([
      503,
      { error: 'revocations_stale', error_description: expect.stringMatching(/404/) },
    ])
    expect(await statusOf(it.browser)).toBe(401)
  })

  test('a route answers its own methods only', async () => {
    const it = await scene()
    for (const [method, path] of [
      ['POST', '/auth/login'],
      ['HEAD', '/auth/callback'],
      ['GET', '/auth/backchannel-logout'],
      ['POST', '/auth/me'],
    ])
      expect((await it.browser.send(path!, { method: method! })).status).toBe(405)
    expect((await it.browser.get('/auth/elsewhere')).status).toBe(404)
  })
})

describe('a logout token', () => {
  const send = (it: Scene, token: string) => it.app.browser().post('/auth/backchannel-logout', { logout_token: token })

  test.each(APP_NAMES)('%s: ends the session that it names, and tells the truth at once', async (name) => {
    const it = await scene({}, { name })
    await signIn(it)
    expect((await send(it, await it.op.logoutToken({ sid: 'another' }))).status).toBe(200)
    expect(await statusOf(it.browser)).toBe(200)
    const answer = await send(it, await it.op.logoutToken())
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect(await statusOf(it.browser)).toBe(401)
  })

  test('that names only the person ends all sessions of the person', async () => {
    const it = await scene()
    const second = it.app.browser()
    await signIn(it)
    it.op.idClaims = { sid: 's2' }
    await signIn(it, second)
    const third = it.app.browser()
    it.op.idClaims = { sub: 'eve', sid: 's3' }
    await signIn(it, third)
    expect((await send(it, await it.op.logoutToken({ sid: undefined }))).status).toBe(200)
    expect([await statusOf(it.browser), await statusOf(second), await statusOf(third)]).toEqual([401, 401, 200])
  })

  test.each<[string, Record<string, unknown>, Record<string, unknown>?]>([
    ['of another issuer', { iss: 'https://evil.example' }],
    ['for another client', { aud: 'another' }],
    ['that has expired', { exp: 1 }],
    ['without exp', { exp: undefined }],
    ['without iat', { iat: undefined }],
    ['of the future', { iat: 99_999_999_999 }],
    ['of long ago', { iat: 1 }],
    ['without jti', { jti: undefined }],
    ['without events', { events: undefined }],
    ['with another event', { events: { 'https://evil.example': {} } }],
    ['with an event that is no object', { events: { [LOGOUT_EVENT]: true } }],
    ['with events as a list', { events: [LOGOUT_EVENT] }],
    ['with a nonce', { nonce: 'x' }],
    ['with an empty nonce', { nonce: '' }],
    ['without sub and sid', { sub: undefined, sid: undefined }],
    ['that is an access token', {}, { typ: 'at+jwt' }],
    ['of a key that nobody knows', {}, { kid: 'another' }],
    ['with extensions', {}, { crit: ['b64'], b64: true }],
  ])('%s ends nothing', async (_what, claims, header) => {
    const it = await scene()
    await signIn(it)
    expect(errorOf(await send(it, await it.op.logoutToken(claims, header)))).toBe('400 invalid_request')
    expect(await statusOf(it.browser)).toBe(200)
  })

  test('that is an ID token, unsigned, of another key, or no token ends nothing', async () => {
    const it = await scene()
    await signIn(it)
    const { privateKey } = await generateKeyPair('RS256')
    const good = await it.op.logoutToken()
    const [, payload = ''] = good.split('.')
    const none = `${Buffer.from('{"alg":"none","typ":"logout+jwt"}').toString('base64url')}.${payload}.`
    const forged = await it.op.logoutToken({}, {}, { ...it.op.key, privateKey })
    for (const token of [await it.op.idToken(undefined, 'x'), none, forged, 'x', ''])
      expect(errorOf(await send(it, token))).toBe('400 invalid_request')
    const twice = new URLSearchParams(`logout_token=${good}&logout_token=${good}`)
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await it.browser.send('/auth/backchannel-logout', { method: 'POST', body: twice, headers })).status).toBe(
      400,
    )
    const asJson = {
      method: 'POST',
      body: JSON.stringify({ logout_token: good }),
      headers: { 'content-type': 'application/json' },
    }
    expect((await it.browser.send('/auth/backchannel-logout', asJson)).status).toBe(400)
    const large = { method: 'POST', body: `x=${'y'.repeat(5_000_000)}&logout_token=${good}`, headers }
    expect((await it.browser.send('/auth/backchannel-logout', large)).status).toBe(400)
    expect(await statusOf(it.browser)).toBe(200)
  })

  test('counts once: a replay does not end a later session', async () => {
    const it = await scene()
    await signIn(it)
    const token = await it.op.logoutToken({ sid: undefined })
    expect((await send(it, token)).status).toBe(200)
    it.op.idClaims = { sid: 's2' }
    await signIn(it)
    for (let at = 0; at < 3; at += 1) expect(errorOf(await send(it, token))).toBe('400 invalid_request')
    expect(await statusOf(it.browser)).toBe(200)
  })

  test('that comes while a sign-in is finished ends that one too', async () => {
    for (const claims of [{}, { sid: undefined }]) {
      const it = await scene()
      it.op.reply = async () => {
        expect((await send(it, await it.op.logoutToken(claims))).status).toBe(200)
        return {}
      }
      expect(errorOf(await signIn(it))).toBe('403 sign_in_refused')
      expect(await statusOf(it.browser)).toBe(401)
    }
  })

  test('that comes while a token is refreshed ends the session for good, and the new token is revoked', async () => {
    const it = await scene()
    await signIn(it)
    it.op.clock.advance(590)
    it.op.reply = async () => {
      expect((await send(it, await it.op.logoutToken())).status).toBe(200)
      return {}
    }
    expect(await statusOf(it.browser)).toBe(401)
    await until(() => it.op.revoked.some((form) => form.get('token') === 'refresh-2'))
  })

  test('that cannot be judged now is 503, so that the issuer sends another one', async () => {
    const it = await scene()
    const token = await it.op.logoutToken()
    await it.op.stop()
    expect((await send(it, token)).status).toBe(503)
  })
})

test('wrong options are told when it is made, and no secret is in the error', () => {
  const good = { issuer: 'https://issuer.example', clientId: 'x', publicOrigin: 'https://app.example' }
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ issuer: undefined }, /issuer is missing/],
    [{ issuer: 'http://issuer.example' }, /issuer has to be https/],
    [{ baseURL: 'https://other.example' }, /two names/],
    [{ clientId: '' }, /clientId/],
    [{ clientSecret: '' }, /clientSecret/],
    [{ publicOrigin: undefined }, /publicOrigin is missing/],
    [{ publicOrigin: 'http://app.example' }, /publicOrigin has to be https/],
    [{ publicOrigin: 'https://app.example/path' }, /publicOrigin is an origin/],
    [{ scope: 'a  b' }, /scope/],
    [{ scope: 'a"b' }, /scope/],
    [{ resource: [''] }, /resource/],
    [{ fragment: 'yes' }, /fragment/],
    [{ publicOrign: 'x' }, /did you mean publicOrigin/],
  ]
  for (const [options, message] of wrong)
    expect(() => expressSignIn({ ...good, clientSecret: 'hush', ...options })).toThrow(message)
})
