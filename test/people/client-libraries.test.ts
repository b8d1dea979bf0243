/**
 * Libraries with which apps sign people in, by discovery alone. The person is played by a browser without a window; all the
 * rest is the libraries' own code.
 *
 * Not again on PostgreSQL: the answers are the same, and compilers and package managers take minutes.
 */
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { BrowserLike } from '../support/browser-like.ts'
import type { Credentials } from '../support/client.ts'
import { addClient, addUser, freshName } from '../support/codes.ts'
import { CLIENTS, buildGo, has, installPython, playClient } from '../support/foreign-client.ts'
import { temporaryFolder } from '../support/issuer.ts'
import { CALLBACK, browserAt, signInAt, storeOf } from '../support/people.ts'
import { shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi({ SIGNET_RATE_LIMIT_NETWORK: 'off' })
const insecure = { [oauth.allowInsecureRequests]: true }
const SIGNED_OUT = 'https://app.example/signed-out'

/** A client and a person; the person comes by a browser of its own. */
async function prepared(metadata: Record<string, unknown> = {}) {
  const client = await addClient(issuer(), { post_logout_redirect_uris: [SIGNED_OUT], ...metadata })
  const group = freshName('staff')
  const person = await addUser(await storeOf(issuer()), { groups: [group] })
  const browser = browserAt(issuer())
  const play = async (url: URL): Promise<URL> => {
    const seen = await signInAt(browser, url.href, { username: person.username })
    if (!seen.isAway) throw new Error(seen.html.slice(0, 400))
    return seen.url
  }
  return { client, person, group, browser, play }
}

/** The address of a sign-out brings the person back, signed out. */
async function expectSignOut(browser: BrowserLike, url: URL): Promise<void> {
  const seen = await browser.get(url.href)
  expect(seen.isAway, seen.html.slice(0, 300)).toBe(true)
  expect(seen.url.href).toMatch(/^https:\/\/app\.example\/signed-out(\?state=|$)/)
  expect(browser.cookie('session')).toBeUndefined()
}

describe('openid-client', () => {
  const discover = ({ clientId, secret }: Credentials, metadata: Partial<openid.ClientMetadata> = {}) =>
    openid.discovery(new URL(issuer().issuer), clientId, metadata, openid.ClientSecretBasic(secret), {
      execute: [openid.allowInsecureRequests],
    })

  /** An authorization request, and the checks that go with the answer. */
  async function begin(config: openid.Configuration, more: Record<string, string> = {}) {
    const pkceCodeVerifier = openid.randomPKCECodeVerifier()
    const [expectedState, expectedNonce] = [openid.randomState(), openid.randomNonce()]
    const url = openid.buildAuthorizationUrl(config, {
      redirect_uri: CALLBACK,
      scope: 'openid email groups offline_access',
      code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: expectedState,
      nonce: expectedNonce,
      ...more,
    })
    return { url, checks: { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true } }
  }

  test('signs in, reads userinfo, refreshes and signs out', async () => {
    const { client, person, group, browser, play } = await prepared()
    const config = await discover(client)
    const { url, checks } = await begin(config, { max_age: '3600' })
    const tokens = await openid.authorizationCodeGrant(config, await play(url), { ...checks, maxAge: 3600 })
    expect(tokens.claims()).toMatchObject({ sub: person.id, email: person.email, groups: [group] })
    const userinfo = await openid.fetchUserInfo(config, tokens.access_token, person.id)
    expect(userinfo).toMatchObject({ email: person.email, email_verified: true, groups: [group] })
    const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token ?? '')
    expect(refreshed.claims()).toMatchObject({ sub: person.id, auth_time: tokens.claims()?.auth_time })
    await openid.tokenRevocation(config, refreshed.refresh_token ?? '')
    await expect(openid.refreshTokenGrant(config, refreshed.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    const out = { post_logout_redirect_uri: SIGNED_OUT, id_token_hint: refreshed.id_token ?? '', state: 's' }
    await expectSignOut(browser, openid.buildEndSessionUrl(config, out))
  })

  test('reads the error of prompt=none', async () => {
    const { client, browser } = await prepared()
    const config = await discover(client)
    const { url, checks } = await begin(config, { prompt: 'none' })
    const { url: back } = await browser.get(url.href)
    await expect(openid.authorizationCodeGrant(config, back, checks)).rejects.toMatchObject({
      error: 'login_required',
    })
  })

  test('takes an answer by form, and ES256 where it is registered so', async () => {
    const metadata = { id_token_signed_response_alg: 'ES256' }
    const { client, person, browser } = await prepared(metadata)
    const config = await discover(client, metadata)
    const { url, checks } = await begin(config, { response_mode: 'form_post' })
    const { forms } = await signInAt(browser, url.href, { username: person.username })
    const sent = new Request(CALLBACK, { method: 'POST', body: new URLSearchParams(forms[0]?.values) })
    const tokens = await openid.authorizationCodeGrant(config, sent, checks)
    expect(tokens.claims()?.sub).toBe(person.id)
  })

  test('proves a key by DPoP, at userinfo and at refresh too', async () => {
    const { client, person, play } = await prepared({ dpop_bound_access_tokens: true })
    const config = await discover(client)
    const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair())
    const { url, checks } = await begin(config, { dpop_jkt: await DPoP.calculateThumbprint() })
    const tokens = await openid.authorizationCodeGrant(config, await play(url), checks, undefined, { DPoP })
    expect(tokens.token_type).toBe('dpop')
    const userinfo = await openid.fetchUserInfo(config, tokens.access_token, person.id, { DPoP })
    expect(userinfo.email).toBe(person.email)
    const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token ?? '', undefined, { DPoP })
    expect(refreshed.claims()?.sub).toBe(person.id)
  })
})

describe('oauth4webapi', () => {
  test.each(['RS256', undefined])('signs in as a public client; userinfo by %s', async (alg) => {
    const { client, person, play } = await prepared({
      token_endpoint_auth_method: 'none',
      ...(alg && { userinfo_signed_response_alg: alg }),
    })
    const own = { client_id: client.clientId, ...(alg && { userinfo_signed_response_alg: alg }) }
    const at = new URL(issuer().issuer)
    const server = await oauth.processDiscoveryResponse(at, await oauth.discoveryRequest(at, insecure))
    const verifier = oauth.generateRandomCodeVerifier()
    const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
    const url = new URL(server.authorization_endpoint ?? '')
    url.search = new URLSearchParams({
      client_id: client.clientId,
      redirect_uri: CALLBACK,
      response_type: 'code',
      scope: 'openid email',
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    }).toString()
    const answer = oauth.validateAuthResponse(server, own, await play(url), state)
    const asked = await oauth.authorizationCodeGrantRequest(
      server,
      own,
      oauth.None(),
      answer,
      CALLBACK,
      verifier,
      insecure,
    )
    const result = await oauth.processAuthorizationCodeResponse(server, own, asked, {
      expectedNonce: nonce,
      requireIdToken: true,
    })
    await oauth.validateApplicationLevelSignature(server, asked, insecure)
    expect(oauth.getValidatedIdTokenClaims(result)).toMatchObject({ sub: person.id, email: person.email })
    const info = await oauth.userInfoRequest(server, own, result.access_token, insecure)
    const claims = await oauth.processUserInfoResponse(server, own, person.id, info)
    expect(claims.email).toBe(person.email)
    if (alg) await oauth.validateApplicationLevelSignature(server, info, insecure)
  })
})

test.each(['client_secret_basic', 'client_secret_post'])(
  '@auth/core signs in with PKCE, state and nonce as %s, and knows the person from the ID token',
  async (token_endpoint_auth_method) => {
    const callback = 'https://app.example/auth/callback/signet'
    const { client, person, play } = await prepared({ redirect_uris: [callback], token_endpoint_auth_method })
    const env = { ...variablesOf(client), CALLBACK: callback, AUTH_METHOD: token_endpoint_auth_method }
    const program = { program: process.execPath, args: [join(CLIENTS, 'auth-core.js')], env }
    const { faults, session } = await playClient(program, play)
    expect(faults).toEqual([])
    expect(session).toMatchObject({ user: { email: person.email } })
  },
)

const found = (is: boolean, name: string): string => (is ? name : `${name} (skipped: it is not here)`)
const hasPython = has('python3', '-c', 'import venv, ensurepip')
const hasGo = has('go', 'version')

const variablesOf = ({ clientId, secret }: Credentials) => ({
  ISSUER: issuer().issuer,
  CLIENT_ID: clientId,
  CLIENT_SECRET: secret,
  CALLBACK,
})

test.skipIf(!hasPython)(`Authlib in ${found(hasPython, 'Python')}`, async (context) => {
  const python = await installPython(temporaryFolder(), ['authlib==1.9.10', 'flask==3.1.3', 'requests==2.34.2'])
  if (python instanceof Error) return context.skip(`no Authlib: ${python.message}`)
  const { client, person, group, browser, play } = await prepared()
  const program = { program: python, args: [join(CLIENTS, 'authlib_client.py')], env: variablesOf(client) }
  const { claims, userinfo, refreshed, id_token, end_session_endpoint } = await playClient(program, play)
  expect(claims).toMatchObject({ sub: person.id, email: person.email, groups: [group] })
  expect(userinfo).toMatchObject({ sub: person.id, email: person.email, email_verified: true })
  expect(refreshed).toMatchObject({ sub: person.id, auth_time: claims.auth_time })
  const out = new URLSearchParams({ id_token_hint: id_token, post_logout_redirect_uri: SIGNED_OUT })
  await expectSignOut(browser, new URL(`${end_session_endpoint}?${out.toString()}`))
})

test.skipIf(!hasGo)(`go-oidc and x/oauth2 in ${found(hasGo, 'Go')}`, async (context) => {
  const program = await buildGo(temporaryFolder())
  if (program instanceof Error) return context.skip(`no modules: ${program.message}`)
  // Whoever names no way to authenticate tries Basic first; that failure leaves the code to the second attempt.
  for (const token_endpoint_auth_method of ['client_secret_basic', 'client_secret_post']) {
    const { client, person, group, play } = await prepared({ token_endpoint_auth_method })
    const { claims, userinfo, refreshed } = await playClient({ program, args: [], env: variablesOf(client) }, play)
    expect(claims).toMatchObject({ sub: person.id, email: person.email, groups: [group] })
    expect(userinfo).toEqual({ sub: person.id, email: person.email, email_verified: true })
    expect(refreshed).toMatchObject({ sub: person.id, auth_time: claims.auth_time })
  }
})
