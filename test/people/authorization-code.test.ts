/** The redemption of authorization codes at /token. */
import { hash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { bearer, claimsOf, post, request, type Credentials } from '../support/client.ts'
import { introspect, isActive, refresh } from '../support/admin.ts'
import { addClient, addUser, codeForm, freshName, nextCode, redeem, signIn, tokensOf } from '../support/codes.ts'
import { CHALLENGE, VERIFIER, storeOf } from '../support/people.ts'
import { auditOf, change, refusal, resource, shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi()
const operator = (method: string, path: string, json?: object) => issuer().operator.call(method, path, json)
let store: Store

const opened = async (): Promise<Store> => (store = await storeOf(issuer()))

/** A client, a person, and a code of both. */
async function prepared(metadata: Record<string, unknown> = {}, query: Record<string, string | undefined> = {}) {
  await opened()
  const client = await addClient(issuer(), metadata)
  const person = await addUser(store)
  return { client, person, ...(await signIn(issuer(), client, person, query)) }
}

const PUBLIC = { token_endpoint_auth_method: 'none' }
const NO_PKCE = { code_challenge: undefined, code_challenge_method: undefined }

test('a code gives an access token, a refresh token and an ID token, once', async () => {
  const { client, person, code } = await prepared({}, { nonce: 'n-1' })
  const { status, body, headers } = await redeem(issuer(), client, code)
  expect(status).toBe(200)
  expect(headers.get('cache-control')).toBe('no-store')
  expect(headers.get('pragma')).toBe('no-cache')
  expect(body).toMatchObject({
    token_type: 'Bearer',
    scope: 'openid profile email phone address groups offline_access',
  })
  expect(claimsOf(body.access_token)).toMatchObject({ sub: person.id, client_id: client.clientId, acr: '1' })
  expect(claimsOf(body.id_token)).toMatchObject({ sub: person.id, aud: client.clientId, nonce: 'n-1' })
  expect((await refresh(issuer(), client, body.refresh_token)).status).toBe(200)
  expect(await auditOf(issuer(), claimsOf(body.access_token).sid)).toEqual(['grant.created'])
})

test('of fifty redemptions at the same time one succeeds', async () => {
  const { client, code } = await prepared()
  const answers = await Promise.all(Array.from({ length: 50 }, () => redeem(issuer(), client, code)))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(new Set(answers.filter(({ status }) => status !== 200).map(refusal))).toEqual(new Set(['400 invalid_grant']))
})

test('a second use ends everything that the first one gave', async () => {
  const { client, code } = await prepared()
  const { body } = await redeem(issuer(), client, code)
  const resourceServer = await addClient(issuer(), { resources: ['api'] })
  expect(await isActive(issuer(), client, body.access_token)).toBe(true)
  expect((await request(`${issuer().url}/userinfo`, { headers: bearer(body.access_token) })).status).toBe(200)
  const second = await redeem(issuer(), client, code)
  expect(refusal(second)).toBe('400 invalid_grant')
  expect(second.body.error_description).toContain('used before')
  expect(await isActive(issuer(), client, body.access_token)).toBe(false)
  expect(await isActive(issuer(), resourceServer, body.access_token)).toBe(false)
  expect((await request(`${issuer().url}/userinfo`, { headers: bearer(body.access_token) })).status).toBe(401)
  expect(refusal(await refresh(issuer(), client, body.refresh_token))).toBe('400 invalid_grant')
  const { sid } = claimsOf(body.access_token)
  const { entries } = (await request(`${issuer().url}/blacklist/feed`)).body
  expect(entries).toContainEqual(
    expect.objectContaining({ kind: 'sid', hash: hash('sha256', `sid:${sid}`, 'base64url') }),
  )
  expect(await auditOf(issuer(), sid)).toEqual(['grant.code_reused', 'grant.created'])
})

test('a second use half a minute and some hours later ends it as well', async () => {
  for (const seconds of [30, 20 * 3600]) {
    const { client, code } = await prepared()
    const { body } = await redeem(issuer(), client, code)
    issuer().clock.advance(seconds)
    expect(refusal(await redeem(issuer(), client, code))).toBe('400 invalid_grant')
    expect(refusal(await refresh(issuer(), client, body.refresh_token))).toBe('400 invalid_grant')
  }
})

test('a code lives for a minute', async () => {
  const { client, code } = await prepared()
  issuer().clock.advance(61)
  const answer = await redeem(issuer(), client, code)
  expect(refusal(answer)).toBe('400 invalid_grant')
  expect(answer.body.error_description).toContain('expired')
})

describe('the code stays good for its owner after', () => {
  test.each<[string, (client: Credentials, code: string) => Promise<{ status: number }>]>([
    ['a failed authentication', (client, code) => redeem(issuer(), { ...client, secret: 'wrong' }, code)],
    [
      'a failed authentication in the body, as AuthStyleAutoDetect of Go tries one way after the other',
      (client, code) =>
        post(issuer(), '/token', { ...codeForm(code), client_id: client.clientId, client_secret: 'no' }),
    ],
    ['another client', async (_, code) => redeem(issuer(), await addClient(issuer()), code)],
    [
      'another redirect URI',
      (client, code) => redeem(issuer(), client, code, { redirect_uri: 'https://app.example/' }),
    ],
    ['no redirect URI', (client, code) => redeem(issuer(), client, code, { redirect_uri: undefined })],
    ['a foreign resource', (client, code) => redeem(issuer(), client, code, { resource: 'https://other.example' })],
    [
      'a proof that is broken',
      (client, code) =>
        request(`${issuer().url}/token`, { form: codeForm(code), headers: { dpop: 'x', ...basicOf(client) } }),
    ],
  ])('%s', async (_, attempt) => {
    const { client, code } = await prepared()
    expect((await attempt(client, code)).status).toBeGreaterThanOrEqual(400)
    expect((await redeem(issuer(), client, code)).status).toBe(200)
  })
})

const basicOf = ({ clientId, secret }: Credentials) => ({
  authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`,
})

describe('PKCE', () => {
  test.each([
    ['a wrong verifier', 'w'.repeat(43)],
    ['the challenge itself', CHALLENGE],
    ['a short verifier', 'v'.repeat(42)],
    ['a verifier with another letter', `${'v'.repeat(42)}+`],
    ['no verifier', undefined],
  ])('%s burns the code', async (_, code_verifier) => {
    const { client, code } = await prepared()
    expect(refusal(await redeem(issuer(), client, code, { code_verifier }))).toBe('400 invalid_grant')
    expect(refusal(await redeem(issuer(), client, code))).toBe('400 invalid_grant')
  })

  test('a verifier where no challenge was given is refused', async () => {
    const { client, code } = await prepared({ require_pkce: false }, NO_PKCE)
    const answer = await redeem(issuer(), client, code)
    expect(refusal(answer)).toBe('400 invalid_grant')
    expect(answer.body.error_description).toContain('no code_challenge')
  })

  test('an app without PKCE redeems by its secret alone', async () => {
    const { client, code } = await prepared({ require_pkce: false }, NO_PKCE)
    expect((await redeem(issuer(), client, code, { code_verifier: undefined })).status).toBe(200)
  })

  test('a public client redeems by its verifier alone', async () => {
    const { client, code } = await prepared(PUBLIC)
    expect(refusal(await redeem(issuer(), client, code, { code_verifier: undefined }))).toBe('400 invalid_grant')
    const again = await prepared(PUBLIC)
    const { status, body } = await redeem(issuer(), again.client, again.code)
    expect(status).toBe(200)
    const form = { grant_type: 'refresh_token', refresh_token: body.refresh_token, client_id: again.client.clientId }
    expect((await post(issuer(), '/token', form)).status).toBe(200)
  })
})

describe('what a code rests on may end before it is redeemed', () => {
  test.each<[string, (world: Awaited<ReturnType<typeof prepared>>) => Promise<unknown>]>([
    ['the person is on the blacklist', ({ person }) => operator('POST', '/blacklist', { sub: person.id })],
    [
      'the person is disabled',
      ({ person }) =>
        store.changeUser(person.id, () => ({ user: { disabledAt: store.now() }, ...terms(), event: eventOf() })),
    ],
    [
      'the session ends',
      async ({ person }) => {
        const [session] = await store.listSessions({ userId: person.id }, { limit: 1 })
        await store.endSession(session?.id ?? '', {
          reason: 'test',
          deny: () => {
            throw new Error('no grant is there to be denied')
          },
          isKeepingOffline: false,
          event: eventOf,
        })
      },
    ],
    ['the client is deleted', ({ client }) => operator('DELETE', `/admin/api/clients/${client.clientId}`)],
    ['the client is disabled', ({ client }) => operator('POST', `/admin/api/clients/${client.clientId}/disable`)],
    ['the client loses the grant', ({ client }) => change(issuer(), client, { grant_types: ['client_credentials'] })],
    ['only other groups are allowed', ({ client }) => change(issuer(), client, { allowed_groups: ['others'] })],
    ['consent is asked for', ({ client }) => change(issuer(), client, { consent: 'once' })],
  ])('%s', async (_, turn) => {
    const world = await prepared()
    await turn(world)
    const { status, body } = await redeem(issuer(), world.client, world.code)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(['invalid_grant', 'invalid_client', 'unauthorized_client']).toContain(body.error)
  })
})

const terms = () => ({
  mayChangeMembers: () => {},
  deny: () => {
    throw new Error('nothing is denied')
  },
})

const eventOf = () => ({
  id: crypto.randomUUID(),
  at: store.now(),
  actorKind: 'system' as const,
  actor: 'system',
  action: 'test.act',
  target: 'test',
  requestId: null,
  details: {},
})

describe('refresh tokens', () => {
  test('are given where offline_access was granted', async () => {
    const { client, code } = await prepared({}, { scope: 'openid' })
    const { body } = await redeem(issuer(), client, code)
    expect(body.refresh_token).toBeUndefined()
    expect(body.scope).toBe('openid')
    const { code: other } = await signIn(issuer(), client, await addUser(store), { scope: 'openid offline_access' })
    expect((await redeem(issuer(), client, other)).body.refresh_token).toMatch(/^sgr_/)
  })

  test.each([undefined, '', ' '])("scope %j is the client's own, offline_access among it", async (scope) => {
    const own = { scope: 'openid email offline_access' }
    const { client, code } = await prepared(own, { scope })
    const { body } = await redeem(issuer(), client, code)
    expect(body.scope).toBe(own.scope)
    expect((await refresh(issuer(), client, body.refresh_token)).body.scope).toBe(own.scope)
  })

  test('without the grant refresh_token there is no offline_access to have', async () => {
    const { client, code } = await prepared({ grant_types: ['authorization_code'] }, { scope: undefined })
    const { body } = await redeem(issuer(), client, code)
    expect(body.scope).toBe('openid profile email phone address groups')
    expect(body.refresh_token).toBeUndefined()
  })

  test('are given by every sign-in where the client is registered so', async () => {
    const { client, code } = await prepared({ refresh: 'always' }, { scope: undefined })
    const { body } = await redeem(issuer(), client, code)
    expect((await refresh(issuer(), client, body.refresh_token)).status).toBe(200)
  })

  test('without one the grant ends with its access token', async () => {
    const { client, code } = await prepared({ access_token_ttl: 60 }, { scope: 'openid' })
    const { sid } = claimsOf((await redeem(issuer(), client, code)).body.access_token)
    const view = async () => (await operator('GET', `/admin/api/grants/${sid}`)).body.status
    expect(await view()).toBe('active')
    issuer().clock.advance(61)
    expect(await view()).toBe('expired')
  })
})

describe('resources and scope', () => {
  const world = async () => {
    const orders = await resource(issuer(), { scope: 'orders:read orders:write', claim_map: { role: 'roles[0]' } })
    const bills = await resource(issuer(), { scope: 'bills:read', typ: 'JWT' })
    const made = await prepared(
      { resources: [orders, bills], scope: 'openid orders:read bills:read offline_access' },
      { scope: 'openid orders:read bills:read offline_access' },
    )
    return { orders, bills, ...made }
  }

  test('the token is for the resource of the request, and its scope is what that resource knows', async () => {
    const orders = await resource(issuer(), { scope: 'orders:read' })
    const { client, code } = await prepared(
      { resources: [orders], scope: 'openid orders:read other' },
      { resource: orders, scope: 'openid orders:read other' },
    )
    const { body } = await redeem(issuer(), client, code, { resource: orders })
    expect(claimsOf(body.access_token)).toMatchObject({ aud: orders, scope: 'openid orders:read' })
    expect(body.scope).toBe('openid orders:read')
  })

  test.each(['nosuch', '"', '\\\\'])('where all of the scope %j is dropped, the answer says so', async (scope) => {
    const { client, code } = await prepared({ refresh: 'always' }, { scope })
    const { body } = await redeem(issuer(), client, code)
    expect(body.scope).toBe('')
    expect(body.id_token).toBeUndefined()
    expect((await refresh(issuer(), client, body.refresh_token)).body.scope).toBe('')
  })

  test('another resource than those of the request is refused, and leaves the code alone', async () => {
    const { client, code, orders, bills } = await world()
    expect(refusal(await redeem(issuer(), client, code, { resource: bills }))).toBe('400 invalid_target')
    expect((await redeem(issuer(), client, code, { resource: orders })).status).toBe(200)
  })

  test('a bare origin is the same with and without its slash', async () => {
    const origin = `https://${freshName('api')}.example`
    await operator('POST', '/admin/api/resources', { id: origin })
    const { client, code } = await prepared({ resources: [origin], scope: 'openid' }, { resource: `${origin}/` })
    const { body } = await redeem(issuer(), client, code, { resource: `${origin}/` })
    expect(claimsOf(body.access_token).aud).toBe(origin)
  })

  test('a scope beside the code changes nothing', async () => {
    const { client, code } = await prepared()
    const { status, body } = await redeem(issuer(), client, code, { scope: 'read_user,api  nonsense' })
    expect(status).toBe(200)
    expect(body.scope).toContain('openid')
  })

  test('a scope that needs a permission is left out for a person who lacks it', async () => {
    const orders = await resource(issuer(), {
      scope: 'orders:read orders:write',
      scope_permissions: { 'orders:write': 'orders.write' },
    })
    const scope = 'openid orders:read orders:write'
    const { client, code } = await prepared({ resources: [orders], scope }, { scope, resource: orders })
    expect((await redeem(issuer(), client, code)).body.scope).toBe('openid orders:read')
  })

  test('a scope of the issuer itself needs an operator', async () => {
    const scope = 'openid signet:admin signet:read'
    const { client, code } = await prepared({ scope, resources: [issuer().issuer] }, { scope })
    expect((await redeem(issuer(), client, code)).body.scope).toBe('openid')
    const admin = await addUser(store, { groups: ['signet-admins'] })
    const { code: other } = await signIn(issuer(), client, admin, { scope })
    expect((await redeem(issuer(), client, other)).body.scope).toBe(scope)
  })
})

test('an access token carries what its resource maps, and how the person was authenticated', async () => {
  await opened()
  const orders = await resource(issuer(), {
    claims: { tenant: 'acme', role: 'none' },
    claim_map: {
      role: 'claims.role',
      teams: 'groups',
      upn: 'email',
      first: 'groups[0]',
      second: 'groups[1]',
      no: 'name',
    },
  })
  const client = await addClient(issuer(), { resources: [orders], scope: 'openid' })
  const group = freshName('staff')
  const person = await addUser(store, { groups: [group], user: { claims: { role: 'lead', sub: 'evil', acr: 'phr' } } })
  const { access_token } = await tokensOf(issuer(), client, person, { scope: 'openid' })
  const { auth_time, iat, ...claims } = claimsOf(access_token)
  expect(claims).toMatchObject({
    sub: person.id,
    tenant: 'acme',
    role: 'lead',
    teams: [group],
    upn: person.email,
    first: group,
    acr: '1',
  })
  expect(claims).not.toHaveProperty('second')
  expect(claims).not.toHaveProperty('no')
  expect(Math.abs(auth_time - iat)).toBeLessThan(5)
})

test('introspection names the person and how the person was authenticated', async () => {
  const { client, person, code } = await prepared()
  const { body } = await redeem(issuer(), client, code)
  const behind = { active: true, sub: person.id, username: person.username, acr: '1' }
  const state = (await introspect(issuer(), client, body.access_token)).body
  expect(state).toMatchObject(behind)
  expect(typeof state.auth_time).toBe('number')
  expect((await introspect(issuer(), client, body.refresh_token)).body).toMatchObject(behind)
})

test('a code is nothing in any other slot, and nothing else is a code', async () => {
  const { client, code, browser } = await prepared()
  const another = await nextCode(browser, client)
  const { body } = await redeem(issuer(), client, another)
  for (const value of [
    body.access_token,
    body.refresh_token,
    body.id_token,
    browser.cookie('session') ?? '',
    'x',
    VERIFIER,
  ])
    expect(refusal(await redeem(issuer(), client, value))).toBe('400 invalid_grant')
  expect(refusal(await refresh(issuer(), client, code))).toBe('400 invalid_grant')
  expect(await isActive(issuer(), client, code)).toBe(false)
  expect(await isActive(issuer(), client, body.id_token)).toBe(false)
  expect((await redeem(issuer(), client, code)).status).toBe(200)
  expect(refusal(await post(issuer(), '/token', codeForm('', { code: undefined }), client))).toBe('400 invalid_request')
})
