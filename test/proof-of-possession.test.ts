/** Tokens that are bound to a key: a client sends a DPoP proof, and the token is of use to its holder alone (RFC 9449). */
import * as oauth from 'oauth4webapi'
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWTHeaderParameters } from 'jose'
import { expect, test } from 'vitest'
import { basic, bearer, claimsOf, request, type Answer } from './support/client.ts'
import { API, refusal, registered, shareWithApi } from './support/shared.ts'

const shared = shareWithApi()
const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
const jwk = await exportJWK(publicKey)

interface Made {
  claims?: Record<string, unknown>
  header?: Partial<JWTHeaderParameters>
}

/** A proof that is right for POST /token, but for what is changed. */
function proof({ claims = {}, header = {} }: Made = {}): Promise<string> {
  const { issuer, clock } = shared()
  const standard = {
    jti: crypto.randomUUID(),
    iat: Math.floor(clock.now() / 1000),
    htm: 'POST',
    htu: `${issuer}/token`,
  }
  return new SignJWT({ ...standard, ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
    .sign(privateKey)
}

async function askWith(dpop: string, form: Record<string, string> = {}): Promise<Answer> {
  const client = await registered(shared())
  const headers = { ...basic(client), dpop }
  return request(`${shared().url}/token`, { headers, form: { grant_type: 'client_credentials', ...form } })
}

test('a client that sends a proof gets a token bound to its key, and token_type says so', async () => {
  const { status, body } = await askWith(await proof())
  expect(status).toBe(200)
  expect(body.token_type).toBe('DPoP')
  expect(claimsOf(body.access_token).cnf).toEqual({ jkt: await calculateJwkThumbprint(jwk) })
})

test('oauth4webapi gets, refreshes and introspects bound tokens', async () => {
  const { issuer } = shared()
  const insecure = { [oauth.allowInsecureRequests]: true }
  const server = await oauth.processDiscoveryResponse(
    new URL(issuer),
    await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...insecure }),
  )
  const { clientId: client_id, secret } = await registered(shared())
  const client: oauth.Client = { client_id }
  const authentication = oauth.ClientSecretBasic(secret)
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
  const options = { DPoP, ...insecure }

  const asking = await oauth.clientCredentialsGrantRequest(
    server,
    client,
    authentication,
    { scope: 'a offline_access' },
    options,
  )
  const tokens = await oauth.processClientCredentialsResponse(server, client, asking)
  expect(tokens.token_type).toBe('dpop')
  const refreshing = await oauth.refreshTokenGrantRequest(
    server,
    client,
    authentication,
    tokens.refresh_token ?? '',
    options,
  )
  const refreshed = await oauth.processRefreshTokenResponse(server, client, refreshing)
  expect(refreshed.token_type).toBe('dpop')
  const introspecting = await oauth.introspectionRequest(
    server,
    client,
    authentication,
    refreshed.access_token,
    insecure,
  )
  const state = await oauth.processIntrospectionResponse(server, client, introspecting)
  expect(state).toMatchObject({ active: true, token_type: 'DPoP', cnf: claimsOf(refreshed.access_token).cnf })
})

test('a proof is good once, in parallel too', async () => {
  const dpop = await proof()
  const client = await registered(shared())
  const answers = await Promise.all(
    Array.from({ length: 20 }, () =>
      request(`${shared().url}/token`, {
        headers: { ...basic(client), dpop },
        form: { grant_type: 'client_credentials' },
      }),
    ),
  )
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(new Set(answers.filter(({ status }) => status !== 200).map(refusal))).toEqual(
    new Set(['400 invalid_dpop_proof']),
  )
})

const elsewhere = await generateKeyPair('ES256')
test.each<[string, () => Made | Promise<Made>]>([
  ['another typ', () => ({ header: { typ: 'JWT' } })],
  ['no key', () => ({ header: { jwk: undefined as never } })],
  ['another key than the one that signed', async () => ({ header: { jwk: await exportJWK(elsewhere.publicKey) } })],
  ['a private key in jwk', async () => ({ header: { jwk: await exportJWK(privateKey) } })],
  ['another method', () => ({ claims: { htm: 'GET' } })],
  ['another URL', () => ({ claims: { htu: 'http://localhost/token' } })],
  ['another endpoint', () => ({ claims: { htu: `${shared().issuer}/revoke` } })],
  ['no jti', () => ({ claims: { jti: undefined } })],
  ['an old iat', () => ({ claims: { iat: Math.floor(shared().clock.now() / 1000) - 300 } })],
  ['an iat ahead', () => ({ claims: { iat: Math.floor(shared().clock.now() / 1000) + 300 } })],
  ['an unknown crit', () => ({ header: { crit: ['x'], x: 1 } })],
])('a proof with %s is refused', async (_what, made) => {
  const options = await made()
  const dpop = await proof(options).catch(() => undefined)
  // The library refuses to make some of these proofs. Those are put together by hand.
  const sent =
    dpop ??
    [Buffer.from('{"alg":"ES256","typ":"dpop+jwt","crit":["x"],"x":1}').toString('base64url'), 'e30', 'AA'].join('.')
  expect(refusal(await askWith(sent))).toBe('400 invalid_dpop_proof')
})

test.each(['', 'x', 'a.b.c', 'x'.repeat(9000)])(
  'a proof that is no JWT is refused, and an empty one too',
  async (dpop) => {
    expect((await askWith(dpop)).status).toBe(400)
  },
)

test('two proofs in one request are refused', async () => {
  expect(refusal(await askWith(`${await proof()}, ${await proof()}`))).toBe('400 invalid_dpop_proof')
})

test('a bound token as plain Bearer is refused by the admin API', async () => {
  const { issuer, url, operator } = shared()
  const headers = { ...basic(operator.credentials), dpop: await proof() }
  const { body } = await request(`${url}/token`, {
    headers,
    form: { grant_type: 'client_credentials', resource: issuer },
  })
  expect(refusal(await request(`${url}/admin/api/clients`, { headers: bearer(body.access_token) }))).toBe(
    '401 invalid_token',
  )
})

test(`a token for ${API} without a proof stays a Bearer token`, async () => {
  const client = await registered(shared())
  const { body } = await request(`${shared().url}/token`, {
    headers: basic(client),
    form: { grant_type: 'client_credentials' },
  })
  expect(body.token_type).toBe('Bearer')
  expect(claimsOf(body.access_token)).not.toHaveProperty('cnf')
})
