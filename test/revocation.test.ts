/**
 * Every end of a token before its time, and the callers who may ask for it: /revoke (RFC 7009), /introspect (RFC 7662)
 * and every kill switch.
 */
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { expect, test } from 'vitest'
import {
  createBackend,
  createClient,
  createResource,
  grantTokens,
  introspect,
  isActive,
  refresh,
  startAdministered,
  tokens,
  type AdministeredIssuer,
} from './support/admin.ts'
import { basic, claimsOf, headerOf, post, request, type Answer, type Credentials } from './support/client.ts'

const API = 'https://orders.example/v1'
const INACTIVE = '{"active":false}'

interface Scene {
  issuer: AdministeredIssuer
  /** Asks for tokens for the API, with refresh tokens and persons. */
  shop: Credentials
  /** The API itself: receives the shop's tokens and asks what they are. */
  api: Credentials
  /** Somebody else. */
  stranger: Credentials
}

async function scene(env: Record<string, string> = {}): Promise<Scene> {
  const issuer = await startAdministered(env)
  const { operator } = issuer
  await createResource(operator, API)
  await createResource(operator, 'other-api')
  return {
    issuer,
    shop: await createBackend(operator, { client_id: 'shop', resources: [API] }),
    api: await createClient(operator, { client_id: 'orders-api', resources: [API] }),
    stranger: await createBackend(operator, { client_id: 'stranger', resources: ['other-api'] }),
  }
}

const revoke = (issuer: { url: string }, client: Credentials, token: string, hint?: string): Promise<Answer> =>
  post(issuer, '/revoke', { token, ...(hint !== undefined && { token_type_hint: hint }) }, client)

const accessToken = async (issuer: { url: string }, client: Credentials): Promise<string> =>
  (await tokens(issuer, client)).access_token ?? ''

// ------------------------------------------------------------------ /revoke

test('a client revokes its access token: 200 without a body, and the token is inactive to everybody at once', async () => {
  const { issuer, shop, api } = await scene()
  const token = await accessToken(issuer, shop)
  const kept = await accessToken(issuer, shop)
  expect(await isActive(issuer, api, token)).toBe(true)
  const answer = await revoke(issuer, shop, token)
  expect([answer.status, answer.text, answer.headers.get('cache-control')]).toEqual([200, '', 'no-store'])
  expect(await isActive(issuer, api, token)).toBe(false)
  expect(await isActive(issuer, shop, token)).toBe(false)
  expect(await isActive(issuer, shop, kept)).toBe(true)
  expect((await revoke(issuer, shop, token)).status).toBe(200)
})

test('revoking a refresh token ends its whole family, access tokens included, and no other', async () => {
  const { issuer, shop, api } = await scene()
  const first = await grantTokens(issuer, shop, 'ada')
  const other = await grantTokens(issuer, shop, 'ada')
  const second = (await refresh(issuer, shop, first.refresh_token ?? '')).body
  expect((await revoke(issuer, shop, second.refresh_token)).status).toBe(200)
  for (const token of [first.access_token, second.access_token])
    expect(await isActive(issuer, api, token ?? '')).toBe(false)
  expect(await isActive(issuer, shop, second.refresh_token)).toBe(false)
  expect(await refresh(issuer, shop, second.refresh_token)).toMatchObject({
    status: 400,
    body: { error: 'invalid_grant' },
  })
  expect(await isActive(issuer, api, other.access_token ?? '')).toBe(true)
  expect((await refresh(issuer, shop, other.refresh_token ?? '')).status).toBe(200)
})

test('a refresh token that was used already still ends its family when it is revoked', async () => {
  const { issuer, shop } = await scene()
  const first = await grantTokens(issuer, shop)
  const second = (await refresh(issuer, shop, first.refresh_token ?? '')).body
  expect((await revoke(issuer, shop, first.refresh_token ?? '')).status).toBe(200)
  expect((await refresh(issuer, shop, second.refresh_token)).status).toBe(400)
  expect(await isActive(issuer, shop, second.access_token)).toBe(false)
})

test('a wrong or unknown token_type_hint changes nothing: the token is found', async () => {
  const { issuer, shop } = await scene()
  for (const hint of ['refresh_token', 'id_token', 'nonsense']) {
    const token = await accessToken(issuer, shop)
    expect((await revoke(issuer, shop, token, hint)).status).toBe(200)
    expect(await isActive(issuer, shop, token)).toBe(false)
  }
  const { refresh_token: token = '' } = await grantTokens(issuer, shop)
  const hinted = await post(issuer, '/introspect', { token, token_type_hint: 'access_token' }, shop)
  expect(hinted.body.active).toBe(true)
  expect((await revoke(issuer, shop, token, 'access_token')).status).toBe(200)
  expect(await isActive(issuer, shop, token)).toBe(false)
})

test("another client's tokens stay untouched, and the answer is that for a token that never was", async () => {
  const { issuer, shop, stranger } = await scene()
  const { access_token: access = '', refresh_token: family = '' } = await grantTokens(issuer, shop)
  const shapes = new Set<string>()
  for (const token of [access, family, 'never-was', `sgr_${'A'.repeat(71)}`, 'a.b.c', `${access}x`]) {
    const answer = await revoke(issuer, stranger, token)
    const headers = [...answer.headers].filter(([name]) => !['date', 'x-request-id'].includes(name))
    shapes.add(JSON.stringify([answer.status, answer.text, headers]))
  }
  expect(shapes.size).toBe(1)
  expect(await isActive(issuer, shop, access)).toBe(true)
  expect((await refresh(issuer, shop, family)).status).toBe(200)
})

test('revocation needs the client to authenticate and to name a token', async () => {
  const { issuer, shop } = await scene()
  const token = await accessToken(issuer, shop)
  const nobody = await post(issuer, '/revoke', { token })
  expect(nobody).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  expect(nobody.headers.get('www-authenticate')).toMatch(/^Basic /)
  expect((await revoke(issuer, { ...shop, secret: 'sgs_wrong' }, token)).status).toBe(401)
  expect(await post(issuer, '/revoke', { client_id: shop.clientId, token })).toMatchObject({ status: 401 })
  expect(await post(issuer, '/revoke', {}, shop)).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  expect(
    await post(
      issuer,
      '/revoke',
      [
        ['token', token],
        ['token', token],
      ],
      shop,
    ),
  ).toMatchObject({ status: 400 })
  const inQuery = await request(`${issuer.url}/revoke?token=${token}`, { form: {}, headers: basic(shop) })
  expect(inQuery.status).toBe(400)
  expect(await isActive(issuer, shop, token)).toBe(true)
})

test('a public client revokes its own tokens by its name alone, and nobody else its', async () => {
  const { issuer, shop, stranger, api } = await scene()
  // A client becomes public when its secret turns out to be no secret: what it holds stays good.
  const held = await grantTokens(issuer, shop, 'ada')
  const foreign = await grantTokens(issuer, stranger)
  const change = { token_endpoint_auth_method: 'none', grant_types: ['refresh_token'] }
  expect((await issuer.operator.call('PATCH', '/admin/api/clients/shop', change)).status).toBe(200)
  expect(await isActive(issuer, api, held.access_token ?? '')).toBe(true)

  const asShop = (token: string) => post(issuer, '/revoke', { client_id: 'shop', token })
  expect((await asShop(foreign.refresh_token ?? '')).status).toBe(200)
  expect(await isActive(issuer, stranger, foreign.refresh_token ?? '')).toBe(true)
  expect((await asShop(held.refresh_token ?? '')).status).toBe(200)
  expect(await isActive(issuer, api, held.access_token ?? '')).toBe(false)
})

test.each(['access_token', 'refresh_token'] as const)(
  'a %s revoked while an entry of an administrator denied it stays revoked when that entry is lifted',
  async (kind) => {
    const { issuer, shop, api } = await scene()
    const held = await grantTokens(issuer, shop, 'ada')
    const other = await grantTokens(issuer, shop, 'ada')
    const entry = await issuer.operator.call('POST', '/blacklist', { sub: 'ada' })
    for (let time = 0; time < 3; time++) expect((await revoke(issuer, shop, held[kind] ?? '')).status).toBe(200)
    expect((await issuer.operator.call('GET', '/blacklist')).body.entries).toHaveLength(2)
    expect((await issuer.operator.call('DELETE', `/blacklist/${entry.body.id}`)).status).toBe(204)
    expect(await isActive(issuer, api, held.access_token ?? '')).toBe(false)
    expect(await isActive(issuer, api, other.access_token ?? '')).toBe(true)
  },
)

test('revoking one token again and again leaves one entry', async () => {
  const { issuer, shop } = await scene()
  const token = await accessToken(issuer, shop)
  for (let time = 0; time < 5; time++) await revoke(issuer, shop, token)
  expect((await issuer.operator.call('GET', '/blacklist')).body.entries).toHaveLength(1)
})

test('a revoke that has answered wins over every refresh that was in flight', async () => {
  const { issuer, shop, api } = await scene()
  for (let round = 0; round < 10; round++) {
    const { refresh_token: token = '' } = await grantTokens(issuer, shop)
    const racing = [0, 1, 2].map(() => refresh(issuer, shop, token))
    await revoke(issuer, shop, token)
    for (const { status, body } of await Promise.all(racing)) {
      if (status !== 200) continue
      expect(await isActive(issuer, api, body.access_token)).toBe(false)
      expect((await refresh(issuer, shop, body.refresh_token)).status).toBe(400)
    }
  }
})

// ------------------------------------------------------------------ /introspect

test('an active answer tells what the token says, and nothing that it does not', async () => {
  const { issuer, shop, api } = await scene()
  const { access_token: token = '' } = await grantTokens(issuer, shop, 'ada')
  const { iss, aud, sub, client_id, scope, exp, iat, jti, sid } = claimsOf(token)
  const answer = await introspect(issuer, api, token)
  expect(answer.body).toEqual({
    active: true,
    iss,
    aud,
    sub,
    client_id,
    scope,
    exp,
    iat,
    jti,
    sid,
    token_type: 'Bearer',
  })
  expect([sub, aud, client_id, iss]).toEqual(['ada', API, 'shop', issuer.issuer])
  expect(answer.headers.get('cache-control')).toBe('no-store')
})

test('a token is shown to the client it was issued to and to the one whose resource it is for, to no other', async () => {
  const { issuer, shop, api, stranger } = await scene()
  const { access_token: access = '', refresh_token: family = '' } = await grantTokens(issuer, shop)
  expect([await isActive(issuer, shop, access), await isActive(issuer, api, access)]).toEqual([true, true])
  expect((await introspect(issuer, stranger, access)).text).toBe(INACTIVE)
  // A refresh token concerns nobody but its client.
  expect(await isActive(issuer, shop, family)).toBe(true)
  for (const other of [api, stranger]) expect((await introspect(issuer, other, family)).text).toBe(INACTIVE)
  // Having no resource registered is not having the issuer's: administrators' tokens are shown to nobody.
  const without = await createClient(issuer.operator, { resources: [] })
  expect((await introspect(issuer, without, await issuer.operator.token())).text).toBe(INACTIVE)
})

test('introspection needs a caller that authenticates: nobody, a wrong secret and a public client get 401', async () => {
  const { issuer, shop } = await scene()
  await createClient(issuer.operator, {
    client_id: 'spa',
    token_endpoint_auth_method: 'none',
    grant_types: ['refresh_token'],
  })
  const token = await accessToken(issuer, shop)
  const refused = [
    await post(issuer, '/introspect', { token }),
    await post(issuer, '/introspect', { token, client_id: 'spa' }),
    await post(issuer, '/introspect', { token }, { ...shop, secret: 'wrong' }),
    await request(`${issuer.url}/introspect`, { form: { token }, headers: { authorization: `Bearer ${token}` } }),
  ]
  for (const answer of refused) {
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /)
    expect(answer.text).not.toContain('active')
  }
  expect(await post(issuer, '/introspect', {}, shop)).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
})

test('truncated, extended, altered and re-spelled tokens are inactive', async () => {
  const { issuer, shop } = await scene()
  const { access_token: access = '', refresh_token: family = '' } = await grantTokens(issuer, shop)
  const swap = (text: string, at: number) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
  const [header = '', payload = '', signature = ''] = access.split('.')
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const altered = [
    access.slice(0, -1),
    `${access}A`,
    `${header}.${payload}.`,
    `${header}.${payload}`,
    `${header}.${encode({ ...claimsOf(access), sub: 'root' })}.${signature}`,
    `${encode({ ...headerOf(access), alg: 'none' })}.${payload}.`,
    `${encode({ ...headerOf(access), alg: 'HS256' })}.${payload}.${signature}`,
    `${encode({ ...headerOf(access), alg: 'RS256' })}.${payload}.${signature}`,
    family.slice(0, -1),
    `${family}A`,
    family.replace('sgr_', 'SGR_'),
    family.slice(4),
    'sgr_',
    `${access} `,
    'A'.repeat(20_000),
    ...Array.from({ length: 71 }, (_, at) => swap(family, at + 4)),
  ]
  for (const token of altered) expect((await introspect(issuer, shop, token)).text, token).toBe(INACTIVE)
  expect([await isActive(issuer, shop, access), await isActive(issuer, shop, family)]).toEqual([true, true])
})

test("a token that somebody else signed in this issuer's name is inactive, whatever key it brings along", async () => {
  const { issuer, shop } = await scene()
  const genuine = await accessToken(issuer, shop)
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  const forge = (header: object) =>
    new SignJWT({ ...claimsOf(genuine), jti: 'forged' })
      .setProtectedHeader({ ...headerOf(genuine), alg: 'ES256', ...header })
      .sign(privateKey)
  for (const header of [{}, { jwk }, { kid: 'mine', jwk }, { jku: 'https://evil.example/jwks.json' }, { typ: 'jwt' }]) {
    expect((await introspect(issuer, shop, await forge(header))).text).toBe(INACTIVE)
  }
})

test('tokens end by themselves: the access token with its life, the refresh token with its family', async () => {
  const { issuer, shop, api } = await scene({ SIGNET_ACCESS_TOKEN_TTL: '1m', SIGNET_REFRESH_TOKEN_TTL: '1h' })
  const { access_token: access = '', refresh_token: family = '' } = await grantTokens(issuer, shop)
  issuer.clock.advance(58)
  expect(await isActive(issuer, api, access)).toBe(true)
  issuer.clock.advance(3)
  expect(await isActive(issuer, api, access)).toBe(false)
  expect(await isActive(issuer, shop, family)).toBe(true)
  issuer.clock.advance(3600)
  expect(await isActive(issuer, shop, family)).toBe(false)
  expect((await refresh(issuer, shop, family)).status).toBe(400)
})

// ------------------------------------------------------------------ every kill switch

/** Each: what an administrator does, and whether the refresh token dies of it too. */
const SWITCHES: [string, boolean, (scene: Scene, token: string, family: string) => Promise<Answer>][] = [
  ['the client is disabled', true, ({ issuer }) => issuer.operator.call('POST', '/admin/api/clients/shop/disable')],
  ['the client is deleted', true, ({ issuer }) => issuer.operator.call('DELETE', '/admin/api/clients/shop')],
  [
    'the resource is deleted',
    true,
    ({ issuer }) => issuer.operator.call('DELETE', `/admin/api/resources/${encodeURIComponent(API)}?force=true`),
  ],
  ['the person is disabled', true, ({ issuer }) => issuer.operator.call('POST', '/admin/api/users/ada/disable')],
  [
    'the signing key is revoked',
    false,
    ({ issuer }, token) => issuer.operator.call('POST', `/admin/api/keys/${headerOf(token).kid}/revoke`),
  ],
  [
    'the grant is ended',
    true,
    ({ issuer }, token) => issuer.operator.call('DELETE', `/admin/api/grants/${claimsOf(token).sid}`),
  ],
  [
    'its jti is on the blacklist',
    false,
    ({ issuer }, token) => issuer.operator.call('POST', '/blacklist', { jti: claimsOf(token).jti }),
  ],
  [
    'its sid is on the blacklist',
    true,
    ({ issuer }, token) => issuer.operator.call('POST', '/blacklist', { sid: claimsOf(token).sid }),
  ],
  ['its sub is on the blacklist', true, ({ issuer }) => issuer.operator.call('POST', '/blacklist', { sub: 'ada' })],
  [
    'its client_id is on the blacklist',
    true,
    ({ issuer }) => issuer.operator.call('POST', '/blacklist', { client_id: 'shop' }),
  ],
  [
    'it is on the blacklist itself',
    false,
    ({ issuer }, token) => issuer.operator.call('POST', '/blacklist', { token }),
  ],
  [
    'its refresh token is on the blacklist',
    true,
    ({ issuer }, _, family) => issuer.operator.call('POST', '/blacklist', { token: family }),
  ],
]

test.each(SWITCHES)('a token is inactive as soon as %s', async (_what, endsFamily, turn) => {
  const it = await scene()
  const { issuer, shop, api } = it
  const { access_token: access = '', refresh_token: family = '' } = await grantTokens(issuer, shop, 'ada')
  expect([await isActive(issuer, api, access), await isActive(issuer, shop, family)]).toEqual([true, true])
  const answer = await turn(it, access, family)
  expect(answer.status, answer.text).toBeLessThan(300)
  expect(await isActive(issuer, api, access)).toBe(false)
  const refreshed = await refresh(issuer, shop, family)
  expect(refreshed.status === 200, refreshed.text).toBe(!endsFamily)
})

test.each(['access', 'refresh'])(
  'what a client revoked stays revoked when an older entry for its %s token is lifted',
  async (kind) => {
    const { issuer, shop, api } = await scene()
    const { operator } = issuer
    const { access_token: access = '', refresh_token: family = '' } = await grantTokens(issuer, shop, 'ada')
    const token = kind === 'access' ? access : family
    const { id } = (await operator.call('POST', '/blacklist', { token })).body
    expect((await post(issuer, '/revoke', { token }, shop)).status).toBe(200)
    expect((await operator.call('DELETE', `/blacklist/${id}`)).status).toBe(204)
    expect(await isActive(issuer, api, access)).toBe(false)
  },
)

test('a client that was disabled, deleted and registered anew is a new one', async () => {
  const { issuer, shop } = await scene()
  const { operator } = issuer
  const { access_token: old = '' } = await tokens(issuer, shop)
  await operator.call('POST', '/admin/api/clients/shop/disable')
  await operator.call('DELETE', '/admin/api/clients/shop')
  issuer.clock.advance(1)
  const anew = await createBackend(operator, { client_id: 'shop', resources: [API] })
  const { access_token: fresh = '' } = await tokens(issuer, anew)
  expect([await isActive(issuer, anew, fresh), await isActive(issuer, anew, old)]).toEqual([true, false])
})

// ------------------------------------------------------------------ the last minute

test('a family is denied downstream for as long after its last access token as clocks may differ', async () => {
  const { issuer, shop } = await scene({ SIGNET_ACCESS_TOKEN_TTL: '5m' })
  const held = await grantTokens(issuer, shop, 'ada')
  const { sid, exp } = claimsOf(held.access_token ?? '')
  const now = Math.floor(issuer.clock.now() / 1000)
  // Somebody else's entry ends the family, and has ended itself when the client revokes it.
  await issuer.operator.call('POST', '/blacklist', { sid, expires_at: now + 60 })
  issuer.clock.advance(exp - now + 30)
  expect((await revoke(issuer, shop, held.refresh_token ?? '')).status).toBe(200)
  const feed = (await request(`${issuer.url}/blacklist/feed`)).body.entries
  expect(feed).toMatchObject([{ kind: 'sid', expires_at: exp + 60 }])
})

test('a reuse is denied downstream for as long after the last access token as clocks may differ', async () => {
  const { issuer, shop } = await scene({ SIGNET_ACCESS_TOKEN_TTL: '5m' })
  const held = await grantTokens(issuer, shop, 'ada')
  const { exp } = claimsOf((await refresh(issuer, shop, held.refresh_token ?? '')).body.access_token)
  issuer.clock.advance(exp - issuer.clock.now() / 1000 + 30)
  expect((await refresh(issuer, shop, held.refresh_token ?? '')).status).toBe(400)
  const feed = (await request(`${issuer.url}/blacklist/feed`)).body.entries
  expect(feed).toMatchObject([{ kind: 'sid', expires_at: exp + 60 }])
})
