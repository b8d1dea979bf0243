/** People sign in to an app by `signIn()`, at a real Signet: in, refreshed, out, and ended from outside. */
import { beforeAll, describe, expect, test } from 'vitest'
import { createTokenVerifier } from '../../verifiers/node/src/index.ts'
import { until } from '../support/admin.ts'
import type { BrowserLike } from '../support/browser-like.ts'
import { addClient, addUser } from '../support/codes.ts'
import { browserAt, PASSWORD, storeOf } from '../support/people.ts'
import { shareWithApi } from '../support/shared.ts'
import { APP_NAMES, startApp, type App, type AppAnswer, type AppBrowser } from './signing-in-apps.ts'
import type { SignInOptions } from '../../verifiers/node/src/index.ts'
import type { Store } from '../../src/store/store.ts'

const issuer = shareWithApi({
  SIGNET_RATE_LIMIT_NETWORK: 'off',
  SIGNET_OUTBOUND_ALLOW: '127.0.0.1',
  SIGNET_ACCESS_TOKEN_TTL: '10m',
})
let store: Store

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  store = await storeOf(issuer(), (work) => ends.push(work))
  return async () => {
    for (const end of ends) await end()
  }
})

interface Scene {
  app: App
  person: { id: string; username: string }
  /** The person's browser at the issuer. */
  atIssuer: BrowserLike
  /** The same browser at the app. */
  browser: AppBrowser
}

async function scene(
  name: string,
  options: Partial<SignInOptions> = {},
  client: Record<string, unknown> = {},
): Promise<Scene> {
  const app = await startApp(name, async (origin) => {
    const { clientId, secret } = await addClient(issuer(), {
      redirect_uris: [`${origin}/auth/callback`],
      post_logout_redirect_uris: [`${origin}/`],
      backchannel_logout_uri: `${origin}/auth/backchannel-logout`,
      ...client,
    })
    return {
      issuer: issuer().issuer,
      clientId,
      ...(secret !== '' && { clientSecret: secret }),
      publicOrigin: origin,
      clock: issuer().clock,
      ...options,
    }
  })
  return { app, person: await addUser(store), atIssuer: browserAt(issuer()), browser: app.browser() }
}

/** From the app to the issuer and back, up to the app's answer. */
async function signIn({ browser, atIssuer, person }: Scene, path = '/auth/login'): Promise<AppAnswer> {
  const begun = await browser.get(path)
  expect(begun.status).toBe(303)
  const form = await atIssuer.get(begun.location!.href)
  const back = form.isAway
    ? form
    : await atIssuer.submit(form, { username: person.username, password: PASSWORD }, 'sign-in')
  return browser.get(back.url)
}

const me = async (browser: AppBrowser) => {
  const { status, body } = await browser.get('/auth/me')
  return { status, ...body }
}

describe.each(APP_NAMES)('%s', (name) => {
  test('a person signs in, is known to the app, and signs out here and at the issuer', async () => {
    const it = await scene(name)
    expect(await me(it.browser)).toMatchObject({ status: 401, authenticated: false, error: 'signed_out' })
    const back = await signIn(it, '/auth/login?return_to=/orders?page=2')
    expect([back.status, back.headers.get('location')]).toEqual([303, '/orders?page=2'])
    expect(await me(it.browser)).toMatchObject({
      status: 200,
      authenticated: true,
      sub: it.person.id,
      claims: { email: `${it.person.username}@example.com`, preferred_username: it.person.username },
    })
    expect((await it.browser.get('/who')).body).toMatchObject({
      claims: { sub: it.person.id },
      accessToken: expect.any(String),
      scope: expect.arrayContaining(['openid']),
    })

    const out = await it.browser.get('/auth/logout')
    expect(out.location?.pathname).toBe('/logout')
    expect((await it.atIssuer.get(out.location!.href)).url.href).toBe(`${it.app.origin}/`)
    expect((await me(it.browser)).status).toBe(401)
    expect((await it.atIssuer.get((await it.browser.get('/auth/login')).location!.href)).page).toBe('login')
  })

  test('the issuer ends the session by back-channel logout', async () => {
    const it = await scene(name, { revocations: false })
    await signIn(it)
    expect((await me(it.browser)).status).toBe(200)
    const { body } = await issuer().operator.call('GET', `/admin/api/sessions?user=${it.person.id}`)
    const [session] = body.items ?? body.sessions ?? body
    expect((await issuer().operator.call('DELETE', `/admin/api/sessions/${session.id}`)).status).toBeLessThan(300)
    await until(async () => (await me(it.browser)).status === 401)
  })
})

describe('the access token', () => {
  test('is refreshed near its end, once for all requests that wait', async () => {
    const it = await scene('express')
    await signIn(it)
    const before = (await it.browser.get('/who')).body.accessToken
    issuer().clock.advance(9 * 60 + 30)
    const after = await Promise.all(Array.from({ length: 10 }, () => it.browser.get('/who')))
    const tokens = new Set(after.map(({ body }) => body.accessToken))
    expect(tokens.size).toBe(1)
    expect(tokens.has(before)).toBe(false)
    for (let at = 0; at < 5; at += 1) {
      issuer().clock.advance(11 * 60)
      expect((await me(it.browser)).status).toBe(200)
    }
  })

  test('without a refresh token, the session ends with it', async () => {
    const it = await scene('express', { scope: 'openid' })
    await signIn(it)
    issuer().clock.advance(9 * 60 + 50)
    expect((await me(it.browser)).status).toBe(200)
    issuer().clock.advance(20)
    expect((await me(it.browser)).status).toBe(401)
  })

  test('of a person who is disabled ends the session, by the feed alone', async () => {
    const it = await scene('express', {}, { backchannel_logout_uri: null })
    await signIn(it)
    expect((await me(it.browser)).status).toBe(200)
    expect((await issuer().operator.call('POST', `/admin/api/users/${it.person.id}/disable`)).status).toBe(200)
    await until(async () => (await me(it.browser)).status === 401)
    expect((await it.browser.get('/who')).body).toBeUndefined()
  })

  test('revoked by the blacklist, it ends the session, and the person signs in again', async () => {
    const it = await scene('hono')
    await signIn(it)
    const { accessToken } = (await it.browser.get('/who')).body
    const answer = await issuer().operator.call('POST', '/blacklist', { token: accessToken })
    expect(answer.status).toBe(201)
    await until(async () => (await me(it.browser)).status === 401)
    await signIn(it)
    expect((await me(it.browser)).status).toBe(200)
  })
})

describe('the tokens', () => {
  test.each(['login', 'callback'])('are handed over as JSON where %s asks for it', async (where) => {
    const it = await scene('hono')
    const begun = await it.browser.get(where === 'login' ? '/auth/login?format=json' : '/auth/login')
    const form = await it.atIssuer.get(begun.location!.href)
    const back = await it.atIssuer.submit(form, { username: it.person.username, password: PASSWORD }, 'sign-in')
    const { status, body, headers } = await it.browser.get(`${back.url.href}${where === 'login' ? '' : '&format=json'}`)
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect(body).toMatchObject({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 600,
      refresh_token: expect.stringMatching(/^sgr_/),
      id_token: expect.any(String),
    })
    expect((await me(it.browser)).status).toBe(401)
    const asked = await it.browser.get('/auth/me', { authorization: `Bearer ${body.access_token}` })
    expect(asked.body).toMatchObject({ authenticated: true, sub: it.person.id })
    const asIdToken = await it.browser.get('/auth/me', { authorization: `Bearer ${body.id_token}` })
    expect([asIdToken.status, asIdToken.body.error]).toEqual([401, 'wrong_audience'])
  })

  test('with fragment: true the page gets the access token, and never the refresh token', async () => {
    const it = await scene('fastify', { fragment: true })
    const back = await signIn(it, '/auth/login?return_to=/orders')
    const location = back.headers.get('location') ?? ''
    expect(location).toMatch(/^\/#access_token=/)
    const given = new URLSearchParams(location.slice(2))
    expect([...given.keys()]).toEqual(['access_token', 'token_type', 'expires_in', 'scope', 'return_to'])
    expect(given.get('return_to')).toBe('/orders')
    expect(await me(it.browser)).toMatchObject({ status: 200, access_token: given.get('access_token') })
  })

  test('are for the resource that is named', async () => {
    const it = await scene('express', { resource: 'api', scope: 'openid' }, { resources: ['api'] })
    await signIn(it)
    const { accessToken } = (await it.browser.get('/who')).body
    const verifier = createTokenVerifier({ issuer: issuer().issuer, audience: 'api', clock: issuer().clock })
    expect((await verifier.verifyToken(accessToken)).claims.sub).toBe(it.person.id)
    await verifier.close()
  })

  test('a public client needs no secret', async () => {
    const it = await scene('hono', {}, { token_endpoint_auth_method: 'none' })
    await signIn(it)
    expect((await me(it.browser)).status).toBe(200)
  })

  test('baseURL is another name of issuer', async () => {
    const { issuer: url } = issuer()
    const app = await startApp('express', async (publicOrigin) => ({ baseURL: url, clientId: 'x', publicOrigin }))
    expect((await app.browser().get('/auth/login')).location?.origin).toBe(new URL(url).origin)
  })
})
