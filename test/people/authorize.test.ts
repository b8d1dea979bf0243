/** The authorization endpoint: who is told of a fault, and how the answer reaches the client. */
import { beforeAll, describe, expect, test } from 'vitest'
import { SignJWT, generateKeyPair } from 'jose'
import { answerOf, type BrowserLike, type Seen } from '../support/browser-like.ts'
import {
  addApp,
  addPerson,
  authorizePath,
  browserAt,
  CALLBACK,
  CHALLENGE,
  PASSWORD,
  signInAt,
  storeOf,
} from '../support/people.ts'
import { startAdministered } from '../support/admin.ts'
import { request } from '../support/client.ts'
import { shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi({ SIGNET_RATE_LIMIT_NETWORK: 'off' })

const ends: (() => Promise<void> | void)[] = []
let app = ''
let confidential = ''
/** The operator. */
let rootId = ''
/** A browser in which Ada is signed in. */
let signedIn: BrowserLike

beforeAll(async () => {
  const store = await storeOf(issuer(), (work) => ends.push(work))
  await addPerson(store, { username: 'ada' })
  rootId = (await addPerson(store, { username: 'root', groups: ['signet-admins'] })).id
  app = await addApp(issuer(), { token_endpoint_auth_method: 'none' })
  confidential = await addApp(issuer())
  signedIn = browserAt(issuer())
  await signInAt(signedIn, authorizePath(app), { username: 'ada' })
  return async () => {
    for (const end of ends) await end()
  }
})

const longClaims = () => {
  const names = Array.from({ length: 100 }, (_, at) => [String(at).padEnd(82, 'x'), null])
  return JSON.stringify({ userinfo: Object.fromEntries(names) })
}

/** What the client is told, by a browser in which nobody is signed in. */
const told = async (more: Record<string, string | undefined>, client = app) =>
  answerOf(await browserAt(issuer()).get(authorizePath(client, more)))

describe('the person reads a page where no client is proven', () => {
  const isPage = (seen: Seen, code: string) => {
    expect(seen).toMatchObject({ isAway: false, status: 400, page: 'error', error: code })
    expect(seen.html).toContain(seen.headers.get('x-request-id') ?? 'no id')
  }

  test.each(['nobody', '', 'a"><script>alert(1)</script>', 'x\0y'])('client_id %j', async (client) => {
    const seen = await browserAt(issuer()).get(authorizePath(client))
    isPage(seen, 'unknown_client')
    expect(seen.html).not.toContain('alert(1)')
  })

  test('no redirect URI', async () => {
    isPage(await browserAt(issuer()).get(authorizePath(app, { redirect_uri: undefined })), 'redirect_uri_missing')
    isPage(await browserAt(issuer()).get(authorizePath(app, { redirect_uri: '' })), 'redirect_uri_missing')
  })

  test.each([
    'https://evil.example/callback',
    `${CALLBACK}/`,
    `${CALLBACK}?more=1`,
    `${CALLBACK}#fragment`,
    'https://app.example/CALLBACK',
    'https://app.example/x/../callback',
    'https://app.example/%63allback',
    'https://app.example:443/callback',
    'https://user@app.example/callback',
    'https://app.example.evil.example/callback',
    'https://app.example/callback\t',
    'https://app.example/callback\r\nSet-Cookie: a=b',
    '//app.example/callback',
    '/\\evil.example',
    'javascript:alert(1)',
  ])('redirect URI %j', async (redirect_uri) => {
    const seen = await browserAt(issuer()).get(authorizePath(app, { redirect_uri }))
    isPage(seen, 'redirect_uri_mismatch')
    expect(seen.html).not.toContain('evil.example')
    expect(seen.headers.get('set-cookie')).toBeNull()
  })

  test('a client_id or redirect_uri that is sent twice', async () => {
    const path = authorizePath(app)
    isPage(await browserAt(issuer()).get(`${path}&client_id=${app}`), 'unknown_client')
    isPage(
      await browserAt(issuer()).get(`${path}&redirect_uri=${encodeURIComponent(CALLBACK)}`),
      'redirect_uri_mismatch',
    )
  })

  test('a disabled client', async () => {
    const closed = await addApp(issuer())
    await issuer().operator.call('POST', `/admin/api/clients/${closed}/disable`)
    isPage(await browserAt(issuer()).get(authorizePath(closed)), 'unknown_client')
  })

  test('the log names the part of the redirect URI that differs, and no raw input', async () => {
    const seen = await browserAt(issuer()).get(authorizePath(app, { redirect_uri: 'https://app.example/secret-path' }))
    const line = issuer().logged.find((each) => each.includes(seen.headers.get('x-request-id') ?? '-'))
    expect(line).toContain('the path differs from https://app.example/callback, the nearest that is registered')
    expect(line).not.toContain('secret-path')
  })
})

describe('the client hears of every later fault, with state and iss', () => {
  test.each<[string, Record<string, string | undefined>, string]>([
    ['response_type missing', { response_type: undefined }, 'invalid_request'],
    ['response_type token', { response_type: 'token' }, 'unsupported_response_type'],
    ['response_type code id_token', { response_type: 'code id_token' }, 'unsupported_response_type'],
    ['response_mode unknown', { response_mode: 'jwt' }, 'invalid_request'],
    ['request', { request: 'eyJ.e30.x' }, 'request_not_supported'],
    ['request_uri', { request_uri: 'https://app.example/r' }, 'request_uri_not_supported'],
    ['registration', { registration: '{}' }, 'registration_not_supported'],
    ['prompt none with another', { prompt: 'none login' }, 'invalid_request'],
    ['prompt unknown', { prompt: 'dance' }, 'invalid_request'],
    ['prompt create, where sign-up is off', { prompt: 'create' }, 'invalid_request'],
    ['prompt none', { prompt: 'none' }, 'login_required'],
    ['no code_challenge', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['no method, which is plain', { code_challenge_method: undefined }, 'invalid_request'],
    ['method without challenge', { code_challenge: undefined }, 'invalid_request'],
    ['a challenge that is too short', { code_challenge: 'x'.repeat(42) }, 'invalid_request'],
    ['a challenge that is too long', { code_challenge: 'x'.repeat(44) }, 'invalid_request'],
    ['a challenge with other letters', { code_challenge: '+'.repeat(43) }, 'invalid_request'],
    ['max_age that is no number', { max_age: '-1' }, 'invalid_request'],
    ['claims that are no JSON', { claims: '{' }, 'invalid_request'],
    ['claims that are a list', { claims: '[]' }, 'invalid_request'],
    ['claims whose member is a string', { claims: '{"id_token":"x"}' }, 'invalid_request'],
    ['dpop_jkt that is no thumbprint', { dpop_jkt: 'short' }, 'invalid_request'],
    ['a nonce that is too long', { nonce: 'n'.repeat(8200) }, 'invalid_request'],
    ['acr_values that are too long', { acr_values: 'a'.repeat(8200) }, 'invalid_request'],
    ['ui_locales that are too long', { ui_locales: 'a'.repeat(8200) }, 'invalid_request'],
    ['claims with too many long names', { claims: longClaims() }, 'invalid_request'],
    ['an unknown resource', { resource: 'https://unknown.example' }, 'invalid_target'],
  ])('%s', async (_name, more, error) => {
    const answer = await told(more)
    expect(answer).toMatchObject({ error, state: 's-1', iss: issuer().issuer })
    expect(answer.error_description).toMatch(/^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/)
    expect(answer.code).toBeUndefined()
  })

  test('a client without the grant is unauthorized_client, with the command that gives it', async () => {
    const service = await addApp(issuer())
    await issuer().operator.call('PATCH', `/admin/api/clients/${service}`, { grant_types: ['client_credentials'] })
    const answer = await told({}, service)
    // A client that may not use the code flow keeps its redirect URI, or loses it with the grant.
    expect(answer.error ?? 'page').toMatch(/^(unauthorized_client|page)$/)
  })

  test('a confidential client without PKCE reads the command that turns it off, and that command works', async () => {
    const bare = { code_challenge: undefined, code_challenge_method: undefined }
    const answer = await told(bare, confidential)
    expect(answer.error).toBe('invalid_request')
    expect(answer.error_description).toContain(`signet client update ${confidential} --require-pkce false`)
    await issuer().operator.call('PATCH', `/admin/api/clients/${confidential}`, { require_pkce: false })
    expect((await browserAt(issuer()).get(authorizePath(confidential, bare))).page).toBe('login')
    await issuer().operator.call('PATCH', `/admin/api/clients/${confidential}`, { require_pkce: true })
  })

  test.each(['state', 'nonce', 'scope', 'prompt', 'response_type', 'code_challenge', 'response_mode'])(
    '%s sent twice',
    async (name) => {
      const seen = await browserAt(issuer()).get(`${authorizePath(app, { [name]: 'a' })}&${name}=b`)
      expect(seen.isAway).toBe(true)
      const answer = answerOf(seen)
      expect(answer).toMatchObject({ error: 'invalid_request', iss: issuer().issuer })
      expect(answer.state).toBe(name === 'state' ? undefined : 's-1')
    },
  )

  test('unknown parameters, display and claims_locales are ignored, twice as well', async () => {
    const path = authorizePath(app, { display: 'popup', claims_locales: 'se', ui_locales: 'se', extra: 'foobar' })
    const again = 'extra=again&display=page&claims_locales=de'
    expect((await browserAt(issuer()).get(`${path}&${again}`)).page).toBe('login')
  })

  test.each(['a b&c=d', 'ü€', '%2F%00', 'x'.repeat(1000), '"><script>', ',ns=team'])(
    'state %j returns exactly',
    async (state) => {
      expect((await told({ prompt: 'none', state })).state).toBe(state)
    },
  )

  test('without state there is none in the answer', async () => {
    expect(await told({ prompt: 'none', state: undefined })).not.toHaveProperty('state')
    expect(await told({ prompt: 'none', state: '' })).not.toHaveProperty('state')
  })
})

describe('the answer goes by the response mode', () => {
  test.each([
    ['query', /^\?code=/],
    [undefined, /^\?code=/],
  ])('%s', async (response_mode, shape) => {
    const seen = await signedIn.get(authorizePath(app, { response_mode }))
    expect(seen.url.search).toMatch(shape)
    expect(seen.url.hash).toBe('')
    expect(seen.status).toBe(303)
  })

  test('fragment', async () => {
    const seen = await signedIn.get(authorizePath(app, { response_mode: 'fragment' }))
    expect(seen.url.search).toBe('')
    expect(answerOf(seen)).toMatchObject({ code: expect.any(String), state: 's-1', iss: issuer().issuer })
  })

  test('form_post: a form that a script sends, and a button without script', async () => {
    const state = '"><script>alert(1)</script>'
    const seen = await signedIn.get(authorizePath(app, { response_mode: 'form_post', state }))
    expect(seen).toMatchObject({ isAway: false, status: 200 })
    const [form] = seen.forms
    expect(form).toMatchObject({ action: CALLBACK, method: 'post' })
    expect(form?.values).toEqual({ code: expect.any(String), state, iss: issuer().issuer })
    expect(form?.buttons).toHaveLength(1)
    expect(seen.html).not.toContain('<script>alert')
    expect(seen.headers.get('content-security-policy')).toMatch(/script-src 'nonce-[\w-]+'/)
    expect(seen.url.href).not.toContain('code=')
  })

  test('form_post carries errors too', async () => {
    const seen = await browserAt(issuer()).get(authorizePath(app, { response_mode: 'form_post', prompt: 'none' }))
    expect(seen.forms[0]?.values).toMatchObject({ error: 'login_required', state: 's-1', iss: issuer().issuer })
  })

  test('a redirect URI with a query keeps it', async () => {
    const uri = 'https://app.example/callback?dummy1=lorem&dummy2=ipsum'
    const client = await addApp(issuer(), { redirect_uris: [uri] })
    const seen = await signedIn.get(authorizePath(client, { redirect_uri: uri }))
    expect(seen.url.href.startsWith(`${uri}&code=`)).toBe(true)
  })

  test('a loopback redirect URI takes any port, and a private scheme is for public clients', async () => {
    const client = await addApp(issuer(), {
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/cb', 'app.immich:///oauth-callback'],
    })
    const local = await signedIn.get(authorizePath(client, { redirect_uri: 'http://127.0.0.1:49152/cb' }))
    expect(local.url.host).toBe('127.0.0.1:49152')
    const scheme = await signedIn.get(authorizePath(client, { redirect_uri: 'app.immich:///oauth-callback' }))
    expect(scheme.url.href).toMatch(/^app\.immich:\/\/\/oauth-callback\?code=/)
  })

  test('no header lets another origin read the endpoint', async () => {
    const seen = await browserAt(issuer()).get(authorizePath(app), { origin: 'https://elsewhere.example' })
    expect(seen.headers.get('access-control-allow-origin')).toBeNull()
  })
})

describe('a refused request object says by which way the client hears of it, and nothing else', () => {
  const encode = (text: string) => Buffer.from(text).toString('base64url')
  const object = (payload: object) => `${encode('{"alg":"none"}')}.${encode(JSON.stringify(payload))}.`
  const asked = { response_mode: 'form_post', state: 'inside' }

  /** The answer to a request that has neither `response_mode` nor `state` but in its object. */
  const answered = async (sent: string, more: Record<string, string | undefined> = {}) => {
    const seen = await signedIn.get(authorizePath(app, { state: undefined, request: sent, ...more }))
    const way = seen.isAway ? (seen.url.hash === '' ? 'query' : 'fragment') : 'form_post'
    expect(new URL(seen.isAway ? seen.url : (seen.forms[0]?.action ?? '')).href.startsWith(CALLBACK)).toBe(true)
    const { error, state, iss, code } = answerOf(seen)
    expect([error, iss, code]).toEqual(['request_not_supported', issuer().issuer, undefined])
    return [way, state]
  }

  test.each(['query', 'fragment', 'form_post'])('%s', async (response_mode) => {
    expect(await answered(object({ response_mode, state: 'a b&c="><' }))).toEqual([response_mode, 'a b&c="><'])
  })

  test('of a signed one as well', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    const signed = await new SignJWT(asked).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
    expect(await answered(signed)).toEqual(['form_post', 'inside'])
  })

  test('parameters win over it', async () => {
    expect(await answered(object(asked), { state: 'outside' })).toEqual(['form_post', 'outside'])
    expect(await answered(object(asked), { response_mode: 'fragment' })).toEqual(['fragment', 'inside'])
  })

  test('a parameter that was sent twice, or is too long, is not replaced', async () => {
    const twice = await signedIn.get(`${authorizePath(app, { state: 'a', request: object(asked) })}&state=b`)
    expect(twice.isAway).toBe(true)
    expect(answerOf(twice)).toMatchObject({ error: 'invalid_request' })
    expect(answerOf(twice)).not.toHaveProperty('state')
    const long = await told({ state: 'x'.repeat(8200), request: object(asked) })
    expect(long).toMatchObject({ error: 'invalid_request' })
    expect(long).not.toHaveProperty('state')
  })

  test('it changes no other part of the request', async () => {
    const evil = { redirect_uri: 'https://evil.example/', client_id: 'nobody', prompt: 'none', registration: '{}' }
    expect(await answered(object({ ...asked, ...evil }))).toEqual(['form_post', 'inside'])
    const other = await signedIn.get(authorizePath(app, { response_mode: 'jwt', request: object(asked) }))
    expect(answerOf(other)).toMatchObject({ error: 'invalid_request', state: 's-1' })
    const page = await signedIn.get(
      authorizePath(app, { redirect_uri: 'https://evil.example/', request: object({ redirect_uri: CALLBACK }) }),
    )
    expect(page).toMatchObject({ isAway: false, status: 400, page: 'error', error: 'redirect_uri_mismatch' })
  })

  test.each<[string, string]>([
    ['no JWT', 'x'],
    ['two parts', object(asked).replace(/\.$/, '')],
    ['five parts, which are encrypted', `${object(asked)}.e30.e30`],
    ['no base64url', object(asked).replace('.', '.*')],
    ['padding', `${object(asked).slice(0, -1)}=.`],
    ['no JSON', `e30.${encode('{"state":"inside"')}.`],
    ['null', `e30.${encode('null')}.`],
    ['a list', `e30.${encode('["state","inside"]')}.`],
    ['a text', `e30.${encode('"state"')}.`],
    ['a prototype', `e30.${encode('{"__proto__":{"response_mode":"form_post","state":"inside"}}')}.`],
    ['a mode with the name of a prototype', object({ response_mode: 'constructor', state: '' })],
    ['an unknown mode', object({ response_mode: 'jwt' })],
    ['values that are no texts', object({ response_mode: ['form_post'], state: { toString: 'inside' } })],
    ['numbers', object({ response_mode: 2, state: 1 })],
    ['deep nesting', `e30.${encode('['.repeat(6000))}.`],
    ['a state beyond the limit', object({ state: 'x'.repeat(8200) })],
    ['a payload beyond the limit', object({ ...asked, more: 'x'.repeat(8200) })],
  ])('%s: as if nothing were there', async (_name, sent) => {
    expect(await answered(sent)).toEqual(['query', undefined])
  })
})

describe('POST', () => {
  test('a form of another site is answered by our own GET, so that the session counts', async () => {
    const params = Object.fromEntries(new URL(authorizePath(app), 'http://x').searchParams)
    const seen = await signedIn.postFromElsewhere('/authorize', params)
    expect(answerOf(seen)).toMatchObject({ code: expect.any(String), state: 's-1' })
    expect(signedIn.visited).toHaveLength(2)
    expect(signedIn.visited[1]).toMatch(/\/authorize\?tx=[\da-f-]{36}$/)
  })

  test('nobody signed in: the sign-in page', async () => {
    const params = Object.fromEntries(new URL(authorizePath(app), 'http://x').searchParams)
    const browser = browserAt(issuer())
    const seen = await browser.postFromElsewhere('/authorize', params)
    expect(seen.page).toBe('login')
    expect(
      answerOf(await browser.submit(seen, { username: 'ada', password: 'correct horse battery staple 7' }, 'sign-in'))
        .code,
    ).toBeDefined()
  })

  test('a request that nobody comes for is forgotten after five minutes, and one that was come for goes on', async () => {
    const params = Object.fromEntries(new URL(authorizePath(app), 'http://x').searchParams)
    const own = await startAdministered()
    await addApp(own, { client_id: app, token_endpoint_auth_method: 'none' })
    const keep = async () => {
      const { headers } = await request(`${own.url}/authorize`, { form: params })
      return headers.get('location') ?? ''
    }
    const [late, begun] = [await keep(), await keep()]
    own.clock.advance(4 * 60)
    const browser = browserAt(own)
    expect((await browser.get(begun)).page).toBe('login')
    own.clock.advance(2 * 60)
    expect((await browserAt(own).get(late)).error).toBe('expired')
    own.clock.advance(50 * 60)
    expect((await browser.get(begun)).page).toBe('login')
    own.clock.advance(5 * 60)
    expect((await browser.get(begun)).error).toBe('expired')
  })

  test('a stranger leaves no more behind by POST than by GET: a request of 60 kB is refused', async () => {
    const params = Object.fromEntries(new URL(authorizePath(app), 'http://x').searchParams)
    for (const name of ['state', 'nonce', 'ui_locales', 'acr_values']) {
      const seen = await browserAt(issuer()).postFromElsewhere('/authorize', { ...params, [name]: 'x'.repeat(60_000) })
      const { error, error_description: description } = answerOf(seen)
      expect([error, description]).toEqual(['invalid_request', expect.stringContaining('8192')])
    }
  })

  test('faults are told as by GET', async () => {
    const params = Object.fromEntries(new URL(authorizePath(app, { response_type: 'token' }), 'http://x').searchParams)
    expect(answerOf(await browserAt(issuer()).postFromElsewhere('/authorize', params)).error).toBe(
      'unsupported_response_type',
    )
    expect((await browserAt(issuer()).postFromElsewhere('/authorize', {})).error).toBe('unknown_client')
  })

  test('a kept request belongs to the first browser that comes for it', async () => {
    const response = await fetch(`${issuer().issuer}/authorize`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams(new URL(authorizePath(app), 'http://x').search),
    })
    expect(response.status).toBe(303)
    const path = response.headers.get('location') ?? ''
    expect((await browserAt(issuer()).get(path)).page).toBe('login')
    expect((await browserAt(issuer()).get(path)).error).toBe('other_browser')
  })
})

describe('single sign-on', () => {
  test('max_age: an old session signs in again, a young one does not', async () => {
    const browser = browserAt(issuer())
    await signInAt(browser, authorizePath(app), { username: 'ada' })
    issuer().clock.advance(30)
    expect((await browser.get(authorizePath(app, { max_age: '10' }))).page).toBe('login')
    expect((await browser.get(authorizePath(app, { max_age: '10000' }))).isAway).toBe(true)
    expect(answerOf(await browser.get(authorizePath(app, { max_age: '10', prompt: 'none' }))).error).toBe(
      'login_required',
    )
  })

  test('prompt=login signs in again, and the session gets another secret', async () => {
    const browser = browserAt(issuer())
    await signInAt(browser, authorizePath(app), { username: 'ada' })
    const before = browser.cookie('session')
    const seen = await signInAt(browser, authorizePath(app, { prompt: 'login' }), { username: 'ada' })
    expect(seen.isAway).toBe(true)
    expect(browser.cookie('session')).not.toBe(before)
  })

  test("scopes that are unknown or not the client's are dropped, not refused", async () => {
    const seen = await signedIn.get(authorizePath(app, { scope: 'openid nonsense signet:admin email' }))
    expect(answerOf(seen).code).toBeDefined()
    const line = issuer().logged.findLast((each) => each.includes('dropped_scope')) ?? ''
    expect(line).toContain('nonsense signet:admin')
  })

  test("an empty scope and none are the client's own", async () => {
    expect(answerOf(await signedIn.get(`${authorizePath(app, { scope: undefined })}&scope=`)).code).toBeDefined()
    expect(answerOf(await signedIn.get(authorizePath(app, { scope: undefined }))).code).toBeDefined()
  })

  test('claims with names that nobody knows are no error', async () => {
    const claims =
      '{"id_token":{"groups":{"essential":true},"nobody_knows":null},"userinfo":{"name":{"essential":true}}}'
    expect(answerOf(await signedIn.get(authorizePath(app, { claims }))).code).toBeDefined()
  })

  test('an essential acr out of reach', async () => {
    const claims = '{"id_token":{"acr":{"essential":true,"values":["phr"]}}}'
    expect(answerOf(await signedIn.get(authorizePath(app, { claims }))).error).toBe('unmet_authentication_requirements')
  })

  test('id_token_hint: a forged one proves nothing', async () => {
    const { privateKey } = await generateKeyPair('RS256')
    const forged = await new SignJWT({ sub: 'x' })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: 'mine' })
      .setIssuer(issuer().issuer)
      .setAudience(app)
      .sign(privateKey)
    expect(answerOf(await signedIn.get(authorizePath(app, { id_token_hint: forged, prompt: 'none' }))).error).toBe(
      'login_required',
    )
    expect(answerOf(await signedIn.get(authorizePath(app, { id_token_hint: forged }))).code).toBeDefined()
  })

  test('login_hint fills the user name', async () => {
    const seen = await browserAt(issuer()).get(authorizePath(app, { login_hint: 'ada"><b>' }))
    expect(seen.forms.find(({ names }) => names.includes('username'))?.values.username).toBe('ada"><b>')
    expect(seen.html).not.toContain('<b>')
  })
})

describe('prefetch', () => {
  test('leaves no state, but prompt=none is answered', async () => {
    const ahead = { 'sec-purpose': 'prefetch;prerender' }
    const browser = browserAt(issuer())
    expect((await browser.get(authorizePath(app), ahead)).status).toBe(503)
    expect(browser.cookies.size).toBe(0)
    expect(answerOf(await browser.get(authorizePath(app, { prompt: 'none' }), ahead)).error).toBe('login_required')
    const login = await browser.get('/login', ahead)
    expect(login.status).toBe(503)
    // It is no failure: whoever watches the log for those is not woken.
    const id = login.headers.get('x-request-id') ?? 'none'
    expect(issuer().logged.find((each) => each.includes(id))).toContain('"level":"info"')
  })
})

async function endSessionsOf(userId: string): Promise<void> {
  const { text } = await issuer().operator.call('GET', `/admin/api/sessions?user=${userId}`)
  for (const { id } of JSON.parse(text)) await issuer().operator.call('DELETE', `/admin/api/sessions/${id}`)
}

describe('an operator adds the address of a refused request by a button', () => {
  const other = 'https://chat.openai.com/aip/g-1/oauth/callback'

  test('nobody else sees the button or the address', async () => {
    const seen = await signedIn.get(authorizePath(app, { redirect_uri: other }))
    expect(seen.error).toBe('redirect_uri_mismatch')
    expect(seen.html).not.toContain('aip')
  })

  test('the operator presses it, and the request goes on', async () => {
    const operators = browserAt(issuer())
    await signInAt(operators, authorizePath(app), { username: 'root' })
    const seen = await operators.get(authorizePath(confidential, { redirect_uri: other }))
    expect(seen).toMatchObject({ status: 400, error: 'redirect_uri_mismatch' })
    expect(seen.text).toContain(other)
    const added = await operators.submit(seen, {}, 'add-redirect-uri')
    expect(added.url.href).toMatch(/^https:\/\/chat\.openai\.com\/aip\/g-1\/oauth\/callback\?code=/)
    const { text } = await issuer().operator.call('GET', '/admin/api/audit?limit=20')
    expect(text).toMatch(/client\.updated/)
  })

  test.each([
    'javascript:alert(1)',
    'data:text/html,hi',
    'http://app.example/callback',
    'https://app.example/callback#fragment',
    'https://*.example/callback',
    'myapp://callback',
    '/callback',
  ])('an address that no registration takes has no button: %s', async (redirect_uri) => {
    const operators = browserAt(issuer())
    await signInAt(operators, authorizePath(app), { username: 'root' })
    const seen = await operators.get(authorizePath(confidential, { redirect_uri }))
    expect(seen).toMatchObject({ status: 400, error: 'redirect_uri_mismatch' })
    expect(seen.forms.flatMap(({ buttons }) => buttons)).toEqual([])
    expect(seen.html).not.toContain(redirect_uri)
  })

  test.each(['an old session', 'no session any more'])(
    'with %s the operator signs in, and reads the page again',
    async (what) => {
      const uri = `${other}-${what.length}`
      const operators = browserAt(issuer())
      await signInAt(operators, authorizePath(app), { username: 'root' })
      const path = authorizePath(confidential, { redirect_uri: uri, state: 'a b&c="ü"' })
      const refused = await operators.get(path)
      if (what === 'an old session') issuer().clock.advance(301)
      else await endSessionsOf(rootId)
      const login = await operators.submit(refused, {}, 'add-redirect-uri')
      expect(login.page).toBe('login')
      const again = await operators.submit(login, { password: PASSWORD, username: 'root' }, 'sign-in')
      expect(again).toMatchObject({ status: 400, error: 'redirect_uri_mismatch' })
      expect(again.text).toContain(uri)
      const added = await operators.submit(again, {}, 'add-redirect-uri')
      expect(added.url.origin + added.url.pathname).toBe(uri)
      expect(answerOf(added)).toMatchObject({ state: 'a b&c="ü"' })
    },
  )

  test('a person who is no operator cannot press it either', async () => {
    const operators = browserAt(issuer())
    await signInAt(operators, authorizePath(app), { username: 'root' })
    const page = await operators.get(authorizePath(confidential, { redirect_uri: `${other}2` }))
    const form = page.forms.find(({ buttons }) => buttons.some(({ value }) => value === 'add-redirect-uri'))
    const login = await signedIn.get(authorizePath(app, { prompt: 'login' }))
    const refused = await signedIn.post('/login/redirect-uri', {
      ...form?.values,
      csrf: login.forms[0]?.values.csrf ?? '',
      action: 'add-redirect-uri',
    })
    expect(refused.isAway).toBe(false)
    const again = await browserAt(issuer()).get(authorizePath(confidential, { redirect_uri: `${other}2` }))
    expect(again.error).toBe('redirect_uri_mismatch')
  })
})

test('the challenge of the tests is S256', () => expect(CHALLENGE).toHaveLength(43))

test('a resource that is a bare origin is named with its slash or without', async () => {
  await issuer().operator.call('POST', '/admin/api/resources', { id: 'https://api.example' })
  const client = await addApp(issuer(), { resources: ['https://api.example'] })
  for (const resource of ['https://api.example', 'https://api.example/'])
    expect(answerOf(await signedIn.get(authorizePath(client, { resource }))).code).toBeDefined()
  expect(answerOf(await signedIn.get(authorizePath(client, { resource: 'https://api.example/x' }))).error).toBe(
    'invalid_target',
  )
})
