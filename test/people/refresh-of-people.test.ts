/** The refresh of a grant that a person gave by signing in. */
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { describe, expect, test } from 'vitest'
import { PRESETS } from '../../src/clients/presets/index.ts'
import type { UserChange } from '../../src/store/records/user.ts'
import type { Store } from '../../src/store/store.ts'
import { claimsOf, post, request, type Credentials } from '../support/client.ts'
import { isActive, refresh } from '../support/admin.ts'
import { addClient, addUser, codeForm, freshName, redeem, signIn, tokensOf } from '../support/codes.ts'
import { CALLBACK, storeOf, type TestPerson } from '../support/people.ts'
import { proofOf } from '../support/proofs.ts'
import { change, refusal, resource, shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi()
const operator = (method: string, path: string, json?: object) => issuer().operator.call(method, path, json)
let store: Store

async function signedIn(
  metadata: Record<string, unknown> = {},
  more: { person?: Partial<TestPerson>; query?: Record<string, string | undefined> } = {},
) {
  store = await storeOf(issuer())
  const client = await addClient(issuer(), metadata)
  const person = await addUser(store, more.person)
  return { client, person, tokens: await tokensOf(issuer(), client, person, { nonce: 'n-1', ...more.query }) }
}

const narrowed = (client: Credentials, refresh_token: string, more: Record<string, string>) =>
  post(issuer(), '/token', { grant_type: 'refresh_token', refresh_token, ...more }, client)

const terms = (): Omit<UserChange, 'user'> => ({
  mayChangeMembers: () => {},
  deny: () => {
    throw new Error('nothing is denied')
  },
  event: {
    id: crypto.randomUUID(),
    at: store.now(),
    actorKind: 'system',
    actor: 'system',
    action: 'test.act',
    target: 'test',
    requestId: null,
    details: {},
  },
})

const update = (id: string, with_: Omit<UserChange, keyof ReturnType<typeof terms>> & Partial<UserChange>) =>
  store.changeUser(id, () => ({ ...terms(), ...with_ }))

test('brings an ID token of the same person, sign-in and session, without the nonce', async () => {
  const { client, tokens } = await signedIn()
  const first = claimsOf(tokens.id_token)
  issuer().clock.advance(120)
  const { status, body } = await refresh(issuer(), client, tokens.refresh_token)
  expect(status).toBe(200)
  const next = claimsOf(body.id_token)
  for (const name of ['iss', 'sub', 'aud', 'auth_time', 'sid', 'acr', 'amr']) expect(next[name]).toEqual(first[name])
  expect(next).not.toHaveProperty('nonce')
  expect(next.iat).toBeGreaterThanOrEqual(first.iat + 120)
  expect(claimsOf(body.access_token)).toMatchObject({ auth_time: first.auth_time, acr: first.acr })
  expect(claimsOf(body.access_token).sid).toBe(claimsOf(tokens.access_token).sid)
})

test('brings the claims that the person has now', async () => {
  const group = freshName('staff')
  const api = await resource(issuer(), { claim_map: { team: 'groups[0]', name: 'name' } })
  const { client, person, tokens } = await signedIn(
    { resources: [api] },
    { person: { groups: [group], user: { name: 'Before' } } },
  )
  expect(claimsOf(tokens.access_token)).toMatchObject({ team: group, name: 'Before' })
  await update(person.id, { user: { name: 'After' }, groups: [] })
  const { body } = await refresh(issuer(), client, tokens.refresh_token)
  expect(claimsOf(body.id_token)).toMatchObject({ name: 'After', groups: [] })
  expect(claimsOf(body.access_token).name).toBe('After')
  expect(claimsOf(body.access_token)).not.toHaveProperty('team')
})

test('that is narrowed to no openid brings no ID token', async () => {
  const { client, tokens } = await signedIn()
  const { body } = await narrowed(client, tokens.refresh_token, { scope: 'email offline_access' })
  expect(body.scope).toBe('email offline_access')
  expect(body.id_token).toBeUndefined()
  const next = await refresh(issuer(), client, body.refresh_token)
  expect(next.body.id_token).toBeDefined()
})

test('asks for no more than was granted', async () => {
  const { client, tokens } = await signedIn({}, { query: { scope: 'openid offline_access' } })
  expect(refusal(await narrowed(client, tokens.refresh_token, { scope: 'openid email' }))).toBe('400 invalid_scope')
  expect((await refresh(issuer(), client, tokens.refresh_token)).status).toBe(200)
})

test('a lost response may be repeated', async () => {
  const { client, tokens } = await signedIn()
  const one = await refresh(issuer(), client, tokens.refresh_token)
  const two = await refresh(issuer(), client, tokens.refresh_token)
  expect(two.body.refresh_token).toBe(one.body.refresh_token)
  expect(claimsOf(two.body.id_token).sub).toBe(claimsOf(one.body.id_token).sub)
})

test('scopes go with the permission and with the registration that they need', async () => {
  const group = freshName('clerks')
  const api = await resource(issuer(), { scope: 'read write', scope_permissions: { write: 'orders.write' } })
  store = await storeOf(issuer())
  const now = store.now()
  const rest = { declaredBy: null, createdAt: now, updatedAt: now }
  await store.createGroup({ name: group, roles: [], permissions: ['orders.write'], claims: {}, ...rest }, terms().event)
  const client = await addClient(issuer(), { resources: [api], scope: 'openid read write offline_access' })
  const person = await addUser(store, { groups: [group] })
  const tokens = await tokensOf(issuer(), client, person, { scope: 'openid read write offline_access' })
  expect(tokens.scope).toBe('openid read write offline_access')
  await update(person.id, { groups: [] })
  expect(refusal(await narrowed(client, tokens.refresh_token, { scope: 'write' }))).toBe('400 invalid_scope')
  const one = await refresh(issuer(), client, tokens.refresh_token)
  expect(one.body.scope).toBe('openid read offline_access')
  await change(issuer(), client, { scope: 'openid' })
  const two = await refresh(issuer(), client, one.body.refresh_token)
  expect(two.body.scope).toBe('openid offline_access')
  await update(person.id, { groups: [group] })
  await change(issuer(), client, { scope: 'openid read write' })
  expect((await refresh(issuer(), client, two.body.refresh_token)).body.scope).toBe('openid read write offline_access')
})

describe('is over once', () => {
  test.each<[string, (world: Awaited<ReturnType<typeof signedIn>>) => Promise<unknown>]>([
    ['the person is disabled', ({ person }) => update(person.id, { user: { disabledAt: store.now() } })],
    ['the person is denied', ({ person }) => operator('POST', '/blacklist', { sub: person.id })],
    ['only other groups are allowed', ({ client }) => change(issuer(), client, { allowed_groups: ['others'] })],
    [
      'the session is ended by an operator',
      async ({ person }) => {
        const [session] = await store.listSessions({ userId: person.id }, { limit: 1 })
        await store.endSession(session?.id ?? '', {
          reason: 'test',
          deny: ({ sid, accessExpiresAt }, moment) => denial(sid, accessExpiresAt, moment.now),
          isKeepingOffline: false,
          event: () => terms().event,
        })
      },
    ],
    [
      'the consent is withdrawn',
      ({ person, client }) =>
        store.withdrawConsent(
          person.id,
          client.clientId,
          'consent withdrawn',
          ({ sid, accessExpiresAt }, moment) => denial(sid, accessExpiresAt, moment.now),
          terms().event,
        ),
    ],
  ])('%s', async (_, turn) => {
    const world = await signedIn()
    await turn(world)
    expect(refusal(await refresh(issuer(), world.client, world.tokens.refresh_token))).toBe('400 invalid_grant')
  })

  test('the client may not sign people in any more', async () => {
    const { client, tokens } = await signedIn()
    await change(issuer(), client, { grant_types: ['client_credentials', 'refresh_token'] })
    expect(refusal(await refresh(issuer(), client, tokens.refresh_token))).toBe('400 unauthorized_client')
  })
})

const denial = (sid: string, until: number, now: number) => ({
  id: crypto.randomUUID(),
  kind: 'sid' as const,
  value: sid,
  issuedBefore: until,
  expiresAt: until,
  deniesUntil: until,
  refusesNew: false,
  reason: 'test',
  cause: 'grant_ended' as const,
  owner: null,
  createdBy: 'test',
  createdAt: now,
})

test('a single-page app by its preset renews without a cookie, each token once, until the person signs out', async () => {
  store = await storeOf(issuer())
  const metadata = PRESETS.get('spa')?.metadata('https://page.example')
  expect(metadata?.refresh_token_ttl).toBe(86_400)
  const client = await addClient(issuer(), { ...metadata, redirect_uris: [CALLBACK] })
  const { browser, ...tokens } = await tokensOf(issuer(), client, await addUser(store), {
    scope: 'openid profile email',
  })
  expect(tokens.scope).toBe('openid profile email')
  const renew = (refresh_token: string) =>
    post(issuer(), '/token', { grant_type: 'refresh_token', refresh_token, client_id: client.clientId })
  const { status, body } = await renew(tokens.refresh_token)
  expect([status, body.refresh_token]).toEqual([200, expect.not.stringContaining(tokens.refresh_token)])
  const logout = await browser.get('/logout')
  await browser.submit(logout, {}, 'logout')
  expect(refusal(await renew(body.refresh_token))).toBe('400 invalid_grant')
})

test('a refusal consumes nothing', async () => {
  const { client, tokens } = await signedIn()
  await change(issuer(), client, { allowed_groups: ['others'] })
  expect((await refresh(issuer(), client, tokens.refresh_token)).status).toBe(400)
  await change(issuer(), client, { allowed_groups: [] })
  expect((await refresh(issuer(), client, tokens.refresh_token)).status).toBe(200)
})

test('reuse ends the grant, as for services', async () => {
  const { client, tokens } = await signedIn({ refresh_grace: 0 })
  const { body } = await refresh(issuer(), client, tokens.refresh_token)
  expect(refusal(await refresh(issuer(), client, tokens.refresh_token))).toBe('400 invalid_grant')
  expect(await isActive(issuer(), client, body.access_token)).toBe(false)
})

test('a public client keeps the key that it proved at the first token', async () => {
  store = await storeOf(issuer())
  const client = await addClient(issuer(), { token_endpoint_auth_method: 'none' })
  const { code } = await signIn(issuer(), client, await addUser(store))
  const key = await generateKeyPair('ES256', { extractable: true })
  const other = await generateKeyPair('ES256', { extractable: true })
  const ask = async (form: Record<string, string>, by?: typeof key) =>
    request(`${issuer().url}/token`, {
      form: { client_id: client.clientId, ...form },
      headers: by ? { dpop: await proofOf(issuer(), by, { htm: 'POST', path: '/token' }) } : {},
    })
  const { body, text } = await ask(codeForm(code), key)
  expect(body.token_type, text).toBe('DPoP')
  const form = { grant_type: 'refresh_token', refresh_token: body.refresh_token }
  expect(refusal(await ask(form))).toBe('400 invalid_grant')
  expect(refusal(await ask(form, other))).toBe('400 invalid_grant')
  const good = await ask(form, key)
  expect(good.status, good.text).toBe(200)
})

test('a code that is bound to a key by dpop_jkt needs a proof of that key', async () => {
  store = await storeOf(issuer())
  const client = await addClient(issuer())
  const key = await generateKeyPair('ES256', { extractable: true })
  const dpop_jkt = await calculateJwkThumbprint(await exportJWK(key.publicKey))
  const { code } = await signIn(issuer(), client, await addUser(store), { dpop_jkt })
  expect(refusal(await redeem(issuer(), client, code))).toBe('400 invalid_grant')
  const headers = {
    dpop: await proofOf(issuer(), key, { htm: 'POST', path: '/token' }),
    authorization: `Basic ${Buffer.from(`${client.clientId}:${client.secret}`).toString('base64')}`,
  }
  expect((await request(`${issuer().url}/token`, { form: codeForm(code), headers })).status).toBe(200)
})
