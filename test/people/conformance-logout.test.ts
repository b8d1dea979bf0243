/**
 * The modules of the OpenID conformance suite for the profiles RP-initiated logout and Back-channel logout. Each test has
 * the name of its module and asks for all that the module asks for, warnings included.
 */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SignJWT, createRemoteJWKSet, decodeJwt, generateKeyPair, jwtVerify } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { until } from '../support/admin.ts'
import type { BrowserLike, Seen } from '../support/browser-like.ts'
import { request } from '../support/client.ts'
import { freshName } from '../support/codes.ts'
import { BUFFY, SUITE, Suite, addParty, type Party } from '../support/conformance.ts'
import { addPerson, storeOf } from '../support/people.ts'
import { startWithApi } from '../support/shared.ts'
import type { AdministeredIssuer } from '../support/admin.ts'

/** A request that came to the client's `backchannel_logout_uri`. */
interface Told {
  method: string | undefined
  headers: IncomingHttpHeaders
  body: string
}

let issuer: AdministeredIssuer
let suite: Suite
let party: Party
/** A client that is told of sign-outs. */
let toldParty: Party
/** Every request so far. */
const told: Told[] = []

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  const receiver = createServer((incoming, response) => {
    const { method, headers } = incoming
    void text(incoming).then((body) => {
      told.push({ method, headers, body })
      response.writeHead(200, { 'cache-control': 'no-store' }).end()
    })
  })
  await new Promise<void>((listening) => receiver.listen(0, '127.0.0.1', listening))
  const { port } = receiver.address() as AddressInfo // it listens on a port
  const onEnd = (work: () => Promise<void> | void) => void ends.unshift(work)
  onEnd(() => void receiver.close())
  const env = { SIGNET_RATE_LIMIT_NETWORK: 'off', SIGNET_OUTBOUND_ALLOW: `127.0.0.1:${port}` }
  issuer = await startWithApi(env, { onEnd })
  const store = await storeOf(issuer, onEnd)
  const { username } = await addPerson(store, { username: freshName('buffy'), user: BUFFY })
  suite = new Suite(issuer, username)
  party = await addParty(issuer)
  toldParty = await addParty(issuer, {
    backchannel_logout_uri: `http://127.0.0.1:${port}/test/a/signet/backchannel_logout`,
    backchannel_logout_session_required: true,
  })
  return async () => {
    for (const end of ends) await end()
  }
})

const metadata = async () => (await request(`${issuer.url}/.well-known/openid-configuration`)).body

type Change = Record<string, string | undefined>

/** A sign-in, and then a visit of the end_session_endpoint. `undefined` leaves a parameter out. */
async function signOut(change: (idToken: string) => Promise<Change> | Change = () => ({}), from = party) {
  const browser = suite.newBrowser()
  const flow = await suite.signIn(browser, from)
  const idToken = flow.tokens.id_token ?? ''
  const all: Change = {
    id_token_hint: idToken,
    post_logout_redirect_uri: `${SUITE}/post_logout_redirect`,
    state: 's'.repeat(128),
    ...(await change(idToken)),
  }
  const sent = Object.entries(all).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  )
  const { end_session_endpoint } = await metadata()
  const seen = await browser.get(`${end_session_endpoint}?${new URLSearchParams(sent).toString()}`)
  return { browser, flow, seen, state: all.state }
}

/** The person is back at the client with `state` and nothing else, and signed out. */
async function expectBack(browser: BrowserLike, seen: Seen, state: string | undefined): Promise<void> {
  expect(seen.isAway, seen.html.slice(0, 300)).toBe(true)
  expect(seen.url.origin + seen.url.pathname).toBe(`${SUITE}/post_logout_redirect`)
  expect(Object.fromEntries(seen.url.searchParams)).toEqual(state === undefined ? {} : { state })
  await expectSignedOut(browser)
}

async function expectSignedOut(browser: BrowserLike): Promise<void> {
  const { error } = await suite.refused(browser, party, { prompt: 'none' })
  expect(error).toMatch(/^(login|interaction|consent)_required$/)
}

/** The person is asked on a page of ours; what it says is done, and nobody is sent to the client. */
async function expectAsked(browser: BrowserLike, seen: Seen): Promise<void> {
  expect(seen).toMatchObject({ isAway: false, status: 200, page: 'logout' })
  // The question alone ends nothing.
  expect((await suite.signIn(browser, party, { prompt: 'none' })).pages).toEqual([])
  const done = await browser.submit(seen, {}, 'logout')
  expect(done).toMatchObject({ isAway: false, status: 200, page: 'signed-out' })
  await expectSignedOut(browser)
}

describe('RP-initiated logout', () => {
  test('oidcc-rp-initiated-logout-discovery-endpoint-verification', async () => {
    const { end_session_endpoint } = await metadata()
    expect(end_session_endpoint).toBe(`${issuer.issuer}/logout`)
  })

  test('oidcc-rp-initiated-logout', async () => {
    const { browser, seen, state } = await signOut()
    await expectBack(browser, seen, state)
  })

  test('oidcc-rp-initiated-logout-no-state', async () => {
    const { browser, seen } = await signOut(() => ({ state: undefined }))
    await expectBack(browser, seen, undefined)
  })

  test.each<[string, (idToken: string) => Promise<Change> | Change]>([
    [
      'oidcc-rp-initiated-logout-bad-post-logout-redirect-uri',
      () => ({ post_logout_redirect_uri: `${SUITE}/not-registered` }),
    ],
    [
      'oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri',
      () => ({ post_logout_redirect_uri: `${SUITE}/post_logout_redirect?foo=bar` }),
    ],
    ['oidcc-rp-initiated-logout-modified-id-token-hint', (idToken) => ({ id_token_hint: unsigned(idToken) })],
    ['oidcc-rp-initiated-logout-bad-id-token-hint', async (idToken) => ({ id_token_hint: await forged(idToken) })],
    ['oidcc-rp-initiated-logout-no-id-token-hint', () => ({ id_token_hint: undefined })],
    [
      'oidcc-rp-initiated-logout-no-params',
      () => ({ id_token_hint: undefined, post_logout_redirect_uri: undefined, state: undefined }),
    ],
    ['oidcc-rp-initiated-logout-only-state', () => ({ id_token_hint: undefined, post_logout_redirect_uri: undefined })],
    ['oidcc-rp-initiated-logout-no-post-logout-redirect-uri', () => ({ post_logout_redirect_uri: undefined })],
  ])('%s', async (_module, change) => {
    const { browser, seen } = await signOut(change)
    await expectAsked(browser, seen)
  })
})

function unsigned(idToken: string): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  return `${encode({ alg: 'none' })}.${encode(decodeJwt(idToken))}.`
}

/** The same claims under a key of the client's own. */
async function forged(idToken: string): Promise<string> {
  const { privateKey } = await generateKeyPair('RS256')
  return new SignJWT(decodeJwt(idToken)).setProtectedHeader({ alg: 'RS256' }).sign(privateKey)
}

describe('Back-channel logout', () => {
  test('oidcc-backchannel-logout-discovery-endpoint-verification', async () => {
    expect(await metadata()).toMatchObject({
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
      end_session_endpoint: `${issuer.issuer}/logout`,
    })
  })

  test('oidcc-backchannel-rp-initiated-logout', async () => {
    const { browser, flow, seen, state } = await signOut(undefined, toldParty)
    await until(() => told.length > 0)
    await expectBack(browser, seen, state)
    expect(told).toHaveLength(1)
    const [{ method, headers, body } = { method: '', headers: {}, body: '' }] = told
    expect(method).toBe('POST')
    expect(headers['content-type']).toMatch(/^application\/x-www-form-urlencoded/)
    const form = new URLSearchParams(body)
    expect([...form.keys()]).toEqual(['logout_token'])
    const keys = createRemoteJWKSet(new URL(`${issuer.url}/.well-known/jwks.json`))
    const { payload, protectedHeader } = await jwtVerify(form.get('logout_token') ?? '', keys, {
      issuer: issuer.issuer,
      audience: toldParty.clientId,
      currentDate: new Date(issuer.clock.now()),
      requiredClaims: ['iat', 'exp', 'jti'],
    })
    expect(protectedHeader).toMatchObject({ alg: 'RS256', typ: 'logout+jwt' })
    expect(payload.events).toEqual({ 'http://schemas.openid.net/event/backchannel-logout': {} })
    expect(payload).toMatchObject({ sub: flow.claims.sub, sid: flow.claims.sid })
    expect(payload).not.toHaveProperty('nonce')
    expect(Math.abs(Number(payload.iat) - issuer.clock.now() / 1000)).toBeLessThan(120)
  })
})
