/**
 * The modules of the OpenID conformance suite for the profiles Config, Basic and Form Post. Each test has the name of its
 * module and asks for all that the module asks for, warnings included. The profiles of logout stand in
 * conformance-logout.test.ts.
 */

import { beforeAll, describe, expect, test } from 'vitest'
import type { BrowserLike } from '../support/browser-like.ts'
import { bearer, request } from '../support/client.ts'
import { freshName } from '../support/codes.ts'
import {
  BUFFY,
  CLAIMS_OF,
  SUITE,
  Suite,
  addParty,
  checkInvalidGrant,
  checkedTokens,
  checkedUserinfo,
  type Party,
} from '../support/conformance.ts'
import { CHALLENGE, VERIFIER, addPerson, storeOf } from '../support/people.ts'
import { shareWithApi, startWithApi } from '../support/shared.ts'

const issuer = shareWithApi({ SIGNET_RATE_LIMIT_NETWORK: 'off' })

/** Errors that say that a page would be needed (OIDC Core §3.1.2.6). */
const NEEDS_A_PAGE = /^(login_required|interaction_required|consent_required|account_selection_required)$/

describe('Config', () => {
  test.each(['https://login.example', 'https://login.example/tenant'])(
    'oidcc-discovery-endpoint-verification of %s',
    async (name) => {
      const own = await startWithApi({ SIGNET_ISSUER: name })
      const { pathname } = new URL(name)
      const path = `${pathname === '/' ? '' : pathname}/.well-known/openid-configuration`
      const { status, headers, body } = await request(own.url + path)
      expect(status).toBe(200)
      expect(headers.get('content-type')).toMatch(/^application\/json/)
      expect(body.issuer).toBe(name)
      for (const [member, value] of Object.entries(body)) checkMember(member, value)
      for (const endpoint of ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri'])
        expect(body).toHaveProperty(endpoint)
      expect(body.response_types_supported).toContain('code')
      expect(body.subject_types_supported).toEqual(['public'])
      expect(body.id_token_signing_alg_values_supported).toContain('RS256')
      expect(body.userinfo_signing_alg_values_supported).toContain('RS256')
      expect(body.grant_types_supported).toEqual(expect.arrayContaining(['authorization_code', 'refresh_token']))
      expect(body.scopes_supported).toContain('openid')
      for (const scope of body.scopes_supported) expect(scope).toMatch(/^[\x21\x23-\x5B\x5D-\x7E]+$/)
      expect(body.claims_supported).toEqual(expect.arrayContaining(['sub', 'iss', ...Object.values(CLAIMS_OF).flat()]))
      expect(body.code_challenge_methods_supported).toEqual(['S256'])
      expect(body.claims_parameter_supported).toBe(true)
      for (const tag of body.ui_locales_supported) expect(Intl.getCanonicalLocales(tag)).toEqual([tag])

      const { keys } = (await request(own.url + new URL(body.jwks_uri).pathname)).body
      expect(keys.length).toBeGreaterThan(0)
      for (const key of keys) {
        expect(key).toMatchObject({ kid: expect.any(String), use: 'sig', alg: expect.any(String) })
        for (const secret of ['d', 'p', 'q', 'k']) expect(key).not.toHaveProperty(secret)
      }
    },
  )
})

/** RFC 8414 §2, OIDC Discovery §3: what kind of value a member has follows from its name. */
function checkMember(member: string, value: unknown): void {
  if (member === 'issuer' || /_(endpoint|uri)$/.test(member)) return expect(String(value)).toMatch(/^https:\/\//)
  if (Array.isArray(value)) {
    expect(member).toMatch(/_supported$/)
    expect(value.length, member).toBeGreaterThan(0)
    return expect(value.filter((each) => typeof each !== 'string')).toEqual([])
  }
  expect(typeof value, member).toBe('boolean')
}

describe.each([
  ['Basic', undefined],
  ['Form Post', 'form_post'],
])('%s', (_plan, responseMode) => {
  let suite: Suite
  let party: Party
  /** A browser in which the person is signed in. */
  let signedIn: BrowserLike

  beforeAll(async () => {
    const ends: (() => Promise<void> | void)[] = []
    const store = await storeOf(issuer(), (end) => ends.push(end))
    const person = await addPerson(store, { username: freshName('buffy'), user: BUFFY })
    for (const end of ends) await end()
    suite = new Suite(issuer(), person.username, responseMode)
    party = await addParty(issuer())
    signedIn = suite.newBrowser()
    await suite.signIn(signedIn, party)
  })

  test('oidcc-server', async () => {
    const flow = await suite.signIn(suite.newBrowser(), party)
    expect(flow.pages).toEqual(['login'])
    await suite.userinfo(flow)
  })

  test('oidcc-response-type-missing', async () => {
    const { error } = await suite.refused(suite.newBrowser(), party, { response_type: undefined })
    expect(error).toMatch(/^(invalid_request|unsupported_response_type)$/)
  })

  test('oidcc-idtoken-signature', async () => {
    const { tokens } = await suite.signIn(signedIn, party)
    const { keys } = (await request(`${issuer().url}/.well-known/jwks.json`)).body
    const kids = keys.map(({ kid }: { kid: string }) => kid)
    expect(new Set(kids).size).toBe(kids.length)
    const [header = ''] = (tokens.id_token ?? '').split('.')
    const { alg, kid } = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'))
    expect(alg).toBe('RS256')
    expect(kids).toContain(kid)
  })

  test('oidcc-idtoken-unsigned: skipped by the suite, because none is not advertised', async () => {
    const { body } = await request(`${issuer().url}/.well-known/openid-configuration`)
    expect(body.id_token_signing_alg_values_supported).not.toContain('none')
  })

  test('oidcc-userinfo-get', async () => {
    await suite.userinfo(await suite.signIn(signedIn, party))
  })

  test('oidcc-userinfo-post-header', async () => {
    const { tokens, claims } = await suite.signIn(signedIn, party)
    const headers = bearer(tokens.access_token ?? '')
    checkedUserinfo(await request(`${issuer().url}/userinfo`, { method: 'POST', headers }), claims)
  })

  test('oidcc-userinfo-post-body', async () => {
    const { tokens, claims } = await suite.signIn(signedIn, party)
    const form = { access_token: tokens.access_token ?? '' }
    checkedUserinfo(await request(`${issuer().url}/userinfo`, { form }), claims)
  })

  test('oidcc-ensure-request-without-nonce-succeeds-for-code-flow', async () => {
    const { claims } = await suite.signIn(signedIn, party, { nonce: undefined })
    expect(claims).not.toHaveProperty('nonce')
  })

  test.each(['profile', 'email', 'address', 'phone'])('oidcc-scope-%s', async (scope) => {
    const flow = await suite.signIn(signedIn, party, { scope: `openid ${scope}` })
    const userinfo = await suite.userinfo(flow)
    expect(Object.keys(userinfo)).toEqual(expect.arrayContaining(CLAIMS_OF[scope] ?? []))
    const foreign = Object.entries(CLAIMS_OF).flatMap(([other, names]) =>
      other === scope || other === 'profile' ? [] : names,
    )
    expect(Object.keys(userinfo).filter((name) => foreign.includes(name))).toEqual([])
  })

  test('oidcc-scope-all', async () => {
    const flow = await suite.signIn(signedIn, party, { scope: 'openid email phone address profile' })
    expect(Object.keys(await suite.userinfo(flow))).toEqual(expect.arrayContaining(Object.values(CLAIMS_OF).flat()))
  })

  test('oidcc-alternate-happy-flow', async () => {
    const sent = suite.requestOf(party, { scope: 'email openid' })
    const reordered = Object.fromEntries(Object.entries(sent).toReversed())
    const browser = suite.newBrowser()
    const first = await browser.get(`/authorize?${new URLSearchParams(reordered).toString()}`)
    const flow = await suite.finish(party, await suite.answerPages(browser, first, sent))
    expect(Object.keys(await suite.userinfo(flow))).toEqual(expect.arrayContaining(CLAIMS_OF.email ?? []))
  })

  test.each(['page', 'popup'])('oidcc-display-%s', async (display) => {
    expect((await suite.signIn(suite.newBrowser(), party, { display })).pages).toEqual(['login'])
  })

  test('oidcc-prompt-login', async () => {
    const browser = suite.newBrowser()
    const first = await suite.signIn(browser, party)
    issuer().clock.advance(1)
    const second = await suite.signIn(browser, party, { prompt: 'login' })
    expect(second.pages).toEqual(['login'])
    expect(second.claims.auth_time).toBeGreaterThan(Number(first.claims.auth_time))
  })

  test('oidcc-prompt-none-not-logged-in', async () => {
    const state = 'x'.repeat(128)
    expect((await suite.refused(suite.newBrowser(), party, { prompt: 'none', state })).error).toMatch(NEEDS_A_PAGE)
  })

  test('oidcc-prompt-none-logged-in', async () => {
    const first = await suite.signIn(signedIn, party, { max_age: '15000' })
    issuer().clock.advance(2)
    const { pages, claims } = await suite.signIn(signedIn, party, { prompt: 'none' })
    expect(pages).toEqual([])
    expect([claims.sub, claims.auth_time]).toEqual([first.claims.sub, first.claims.auth_time])
  })

  test('oidcc-max-age-1', async () => {
    const browser = suite.newBrowser()
    const first = await suite.signIn(browser, party)
    issuer().clock.advance(2)
    const second = await suite.signIn(browser, party, { max_age: '1' })
    expect(second.pages).toEqual(['login'])
    expect(second.claims.auth_time).toBeGreaterThan(Number(first.claims.auth_time))
    expect(Math.abs(Number(second.claims.auth_time) - issuer().clock.now() / 1000)).toBeLessThan(60)
  })

  test('oidcc-max-age-10000', async () => {
    const first = await suite.signIn(signedIn, party, { max_age: '15000' })
    issuer().clock.advance(2)
    const { pages, claims } = await suite.signIn(signedIn, party, { max_age: '10000' })
    expect(pages).toEqual([])
    expect([claims.sub, claims.auth_time]).toEqual([first.claims.sub, first.claims.auth_time])
  })

  test('oidcc-ensure-request-with-unknown-parameter-succeeds', async () => {
    await suite.signIn(signedIn, party, { extra: 'foobar' })
  })

  test('oidcc-id-token-hint', async () => {
    const first = await suite.signIn(signedIn, party)
    const { pages, claims } = await suite.signIn(signedIn, party, {
      prompt: 'none',
      id_token_hint: first.tokens.id_token,
    })
    expect(pages).toEqual([])
    expect([claims.sub, claims.auth_time]).toEqual([first.claims.sub, first.claims.auth_time])
  })

  test.each([
    ['oidcc-login-hint', { login_hint: 'buffy@localhost' }],
    ['oidcc-ui-locales', { ui_locales: 'se' }],
    ['oidcc-claims-locales', { claims_locales: 'se' }],
  ])('%s', async (_module, more) => {
    expect((await suite.signIn(suite.newBrowser(), party, more)).pages).toEqual(['login'])
  })

  test('oidcc-ensure-request-with-acr-values-succeeds', async () => {
    const { body } = await request(`${issuer().url}/.well-known/openid-configuration`)
    for (const acr_values of [body.acr_values_supported.join(' '), '1 2'] as string[]) {
      const { claims } = await suite.signIn(suite.newBrowser(), party, { acr_values })
      expect(acr_values.split(' ')).toContain(claims.acr)
    }
  })

  test('oidcc-codereuse', async () => {
    const { answer } = await suite.signIn(signedIn, party)
    checkInvalidGrant(await suite.redeem(party, answer.code))
  })

  test('oidcc-codereuse-30seconds', async () => {
    const flow = await suite.signIn(signedIn, party)
    issuer().clock.advance(30)
    checkInvalidGrant(await suite.redeem(party, flow.answer.code))
    const headers = bearer(flow.tokens.access_token ?? '')
    expect((await request(`${issuer().url}/userinfo`, { headers })).status).toBe(401)
  })

  test('oidcc-ensure-registered-redirect-uri', async () => {
    const sent = suite.requestOf(party, { redirect_uri: `${SUITE}/callback/not-registered` })
    for (const browser of [signedIn, suite.newBrowser()]) {
      const seen = await browser.get(`/authorize?${new URLSearchParams(sent).toString()}`)
      expect(seen).toMatchObject({ isAway: false, status: 400, page: 'error', error: 'redirect_uri_mismatch' })
    }
  })

  test('oidcc-ensure-post-request-succeeds', async () => {
    const sent = suite.requestOf(party)
    const browser = suite.newBrowser()
    const first = await browser.postFromElsewhere('/authorize', sent)
    await suite.userinfo(await suite.finish(party, await suite.answerPages(browser, first, sent)))
  })

  test('oidcc-server-client-secret-post', async () => {
    const byPost = await addParty(issuer(), { token_endpoint_auth_method: 'client_secret_post' })
    await suite.userinfo(await suite.signIn(signedIn, byPost))
  })

  // The suite skips it where `none` is no algorithm of request objects; it never lets one be ignored in silence.
  test('oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported', async () => {
    const { body } = await request(`${issuer().url}/.well-known/openid-configuration`)
    expect(body).toMatchObject({ request_parameter_supported: false, request_uri_parameter_supported: false })
    const { error } = await suite.refused(signedIn, party, { request_uri: `${SUITE}/request.jwt` })
    expect(error).toBe('request_uri_not_supported')
  })

  /** All parameters stand in a request object. Outside of it are those alone that OAuth 2.0 asks for. */
  const askByObject = (inside: Record<string, string>, redirectUri: string) => {
    const { client_id = '', response_type = '', scope = '' } = inside
    const outside = { client_id, redirect_uri: redirectUri, request: unsigned(inside), response_type, scope }
    return signedIn.get(`/authorize?${new URLSearchParams(outside).toString()}`)
  }

  test('oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported', async () => {
    const inside = suite.requestOf(party)
    const { pages, answer } = await suite.answerPages(signedIn, await askByObject(inside, party.redirectUri), inside)
    expect([pages, answer.error]).toEqual([[], 'request_not_supported'])
  })

  test('oidcc-ensure-request-object-with-redirect-uri', async () => {
    const seen = await askByObject(suite.requestOf(party), `${SUITE}/callback/not-registered`)
    expect(seen).toMatchObject({ isAway: false, status: 400, page: 'error', error: 'redirect_uri_mismatch' })
  })

  test('oidcc-claims-essential', async () => {
    const flow = await suite.signIn(signedIn, party, { claims: '{"userinfo":{"name":{"essential":true}}}' })
    expect((await suite.userinfo(flow)).name).toBe('Buffy Summers')
    expect(flow.claims).not.toHaveProperty('name')
  })

  test('oidcc-refresh-token', async () => {
    const second = await addParty(issuer())
    const asking = { scope: 'openid offline_access', prompt: 'consent' }
    const flows = []
    for (const [index, each] of [party, second].entries()) {
      const flow = await suite.signIn(signedIn, each, { ...asking, ...(index === 1 && { nonce: 'n'.repeat(43) }) })
      expect(flow.pages).toEqual(['consent'])
      const { refresh_token = '' } = flow.tokens
      expect(refresh_token).toMatch(/^[\x20-\x7E]+$/)
      issuer().clock.advance(1)
      // The first client sends its scope again, the second does not.
      const form = { grant_type: 'refresh_token', refresh_token, ...(index === 0 && { scope: asking.scope }) }
      const tokens = checkedTokens(await suite.token(each, form))
      const claims = await suite.checkedIdToken(tokens, each)
      expect(tokens.access_token).not.toBe(flow.tokens.access_token)
      const { iss, sub, aud, auth_time, iat } = flow.claims
      expect(claims).toMatchObject({ iss, sub, aud, auth_time })
      expect(claims.iat).toBeGreaterThan(Number(iat))
      await suite.userinfo({ tokens, claims })
      flows.push(tokens)
    }
    const stolen = { grant_type: 'refresh_token', refresh_token: flows[1]?.refresh_token ?? '' }
    checkInvalidGrant(await suite.token(party, stolen))
  })

  test('oidcc-ensure-request-with-valid-pkce-succeeds', async () => {
    const pkce = { code_challenge: CHALLENGE, code_challenge_method: 'S256' }
    const authorized = await suite.authorize(signedIn, party, pkce)
    await suite.userinfo(await suite.finish(party, authorized, { code_verifier: VERIFIER }))
  })
})

function unsigned(claims: object): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  return `${encode({ alg: 'none' })}.${encode(claims)}.`
}
