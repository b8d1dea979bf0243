/**
 * Which right undoes which denial. Who holds `signet:blacklist` posts entries and lifts posted ones; what an
 * administrator, a client or Signet itself ended is not revived by it, and it stops no administrator.
 */
import { expect, test } from 'vitest'
import { acceptorsOf, EVERYBODY, type Acceptors } from './support/acceptance.ts'
import {
  createBackend,
  createClient,
  createResource,
  grantTokens,
  operatorOf,
  refresh,
  startAdministered,
  tokens,
  type AdministeredIssuer,
  type Operator,
} from './support/admin.ts'
import { bearer, claimsOf, headerOf, post, request, type Answer, type Credentials } from './support/client.ts'
import { signet } from './support/process.ts'

const API = 'https://orders.example/v1'

interface Scene {
  issuer: AdministeredIssuer
  shop: Credentials
  /** Acts with `signet:blacklist` alone. */
  holder: Operator
  acceptors: Acceptors
}

interface Held {
  access: string
  family: string
}

async function scene(): Promise<Scene & Held> {
  const issuer = await startAdministered({ SIGNET_REFRESH_GRACE: '0s' })
  const { operator } = issuer
  await createResource(operator, API)
  const shop = await createBackend(operator, { client_id: 'shop', resources: [API] })
  const api = await createClient(operator, { client_id: 'orders-api', resources: [API] })
  const holder = operatorOf(
    issuer,
    await createClient(operator, { client_id: 'holder', scope: 'signet:blacklist', resources: [] }),
  )
  const { access_token: access = '', refresh_token: family = '' } = await grantTokens(issuer, shop, 'ada')
  return { issuer, shop, holder, acceptors: acceptorsOf(issuer, api), access, family }
}

const entries = async ({ operator }: AdministeredIssuer): Promise<{ id: string; kind: string }[]> =>
  (await operator.call('GET', '/blacklist')).body.entries

/** Each makes an entry that is not posted. */
const MADE_BY_ACTS: [string, (it: Scene & Held) => Promise<Answer>][] = [
  ['a person is disabled', ({ issuer }) => issuer.operator.call('POST', '/admin/api/users/ada/disable')],
  ['a client is disabled', ({ issuer }) => issuer.operator.call('POST', '/admin/api/clients/shop/disable')],
  ['a client is deleted', ({ issuer }) => issuer.operator.call('DELETE', '/admin/api/clients/shop')],
  ['a client revokes its token', ({ issuer, shop, access }) => post(issuer, '/revoke', { token: access }, shop)],
  [
    'a client revokes its refresh token',
    ({ issuer, shop, family }) => post(issuer, '/revoke', { token: family }, shop),
  ],
  [
    'a refresh token is used again',
    async ({ issuer, shop, family }) => {
      await refresh(issuer, shop, family)
      return refresh(issuer, shop, family)
    },
  ],
  [
    'a grant is ended',
    ({ issuer, access }) => issuer.operator.call('DELETE', `/admin/api/grants/${claimsOf(access).sid}`),
  ],
  [
    'a signing key is revoked',
    ({ issuer, access }) => issuer.operator.call('POST', `/admin/api/keys/${headerOf(access).kid}/revoke`),
  ],
]

test.each(MADE_BY_ACTS)(
  'the entry that is made when %s is not lifted by a holder of signet:blacklist',
  async (_, act) => {
    const it = await scene()
    expect(await it.acceptors.of(it.access)).toEqual(EVERYBODY)
    await act(it)
    expect(await it.acceptors.of(it.access)).toEqual([])
    const made = await entries(it.issuer)
    expect(made.length).toBeGreaterThan(0)
    for (const { id } of made) {
      const refused = await it.holder.call('DELETE', `/blacklist/${id}`)
      expect([403, 409]).toContain(refused.status)
      expect((await it.issuer.operator.call('GET', `/blacklist/${id}`)).status).toBe(200)
    }
    expect(await it.acceptors.of(it.access)).toEqual([])
  },
)

test('the entry of a grant that the command line ended is not lifted by a holder of signet:blacklist', async () => {
  const it = await scene()
  const { sid } = claimsOf(it.access)
  expect((await signet(['grant', 'revoke', sid], it.issuer.env)).code).toBe(0)
  await expect.poll(() => it.acceptors.of(it.access), { timeout: 5000 }).toEqual([])
  for (const { id } of await entries(it.issuer))
    expect([403, 409]).toContain((await it.holder.call('DELETE', `/blacklist/${id}`)).status)
  expect(await it.acceptors.of(it.access)).toEqual([])
})

// ------------------------------------------------------------------ posted entries

const POSTED: [string, (held: Held) => Record<string, unknown>][] = [
  ['jti', ({ access }) => ({ jti: claimsOf(access).jti })],
  ['sid', ({ access }) => ({ sid: claimsOf(access).sid })],
  ['sub', () => ({ sub: 'ada' })],
  ['client_id', () => ({ client_id: 'shop' })],
  ['token', ({ access }) => ({ token: access })],
  ['refresh token', ({ family }) => ({ token: family })],
]

test.each(POSTED)('a posted entry for a %s is lifted by who posted it', async (_, entryOf) => {
  const it = await scene()
  const posted = await it.holder.call('POST', '/blacklist', entryOf(it))
  expect(posted.status).toBe(201)
  expect(await it.acceptors.of(it.access)).toEqual([])
  expect((await it.holder.call('DELETE', `/blacklist/${posted.body.id}`)).status).toBe(204)
  expect(await it.acceptors.of(it.access)).toEqual(EVERYBODY)
})

test.each(POSTED)('a posted entry of an administrator for a %s is lifted with signet:blacklist', async (_, entryOf) => {
  const it = await scene()
  const posted = await it.issuer.operator.call('POST', '/blacklist', entryOf(it))
  expect((await it.holder.call('DELETE', `/blacklist/${posted.body.id}`)).status).toBe(204)
  expect(await it.acceptors.of(it.access)).toEqual(EVERYBODY)
})

test.each(POSTED)('an entry for a %s that has ended is neither read nor lifted', async (_, entryOf) => {
  const it = await scene()
  const expires_at = Math.floor(it.issuer.clock.now() / 1000) + 60
  const { id } = (await it.holder.call('POST', '/blacklist', { ...entryOf(it), expires_at })).body
  expect((await it.holder.call('GET', `/blacklist/${id}`)).status).toBe(200)
  it.issuer.clock.advance(61)
  expect((await it.holder.call('GET', `/blacklist/${id}`)).status).toBe(404)
  expect((await it.holder.call('DELETE', `/blacklist/${id}`)).status).toBe(404)
  expect(await entries(it.issuer)).toEqual([])
})

// ------------------------------------------------------------------ two denials of one name

test('a person who is disabled while a posted entry names them stays disabled when that entry is lifted', async () => {
  const it = await scene()
  const posted = await it.holder.call('POST', '/blacklist', { sub: 'ada' })
  expect((await it.issuer.operator.call('POST', '/admin/api/users/ada/disable')).status).toBe(200)
  expect((await it.holder.call('DELETE', `/blacklist/${posted.body.id}`)).status).toBe(204)
  expect(await it.acceptors.of(it.access)).toEqual([])
  await it.issuer.operator.call('POST', '/admin/api/users/ada/enable')
  expect(await it.acceptors.of(it.access)).toEqual(EVERYBODY)
})

test('a person who is disabled while a posted entry names them stays disabled when that entry ends', async () => {
  const it = await scene()
  const expires_at = Math.floor(it.issuer.clock.now() / 1000) + 60
  await it.holder.call('POST', '/blacklist', { sub: 'ada', expires_at })
  expect((await it.issuer.operator.call('POST', '/admin/api/users/ada/disable')).status).toBe(200)
  it.issuer.clock.advance(120)
  expect(await it.acceptors.everOf(it.access)).toEqual([])
  await expect(grantTokens(it.issuer, it.shop, 'ada')).rejects.toThrow('invalid_grant')
})

test('a client that is disabled while a posted entry names it stays disabled when that entry is lifted', async () => {
  const it = await scene()
  const posted = await it.holder.call('POST', '/blacklist', { client_id: 'shop' })
  expect((await it.issuer.operator.call('POST', '/admin/api/clients/shop/disable')).status).toBe(200)
  expect((await it.holder.call('DELETE', `/blacklist/${posted.body.id}`)).status).toBe(204)
  expect(await it.acceptors.of(it.access)).toEqual([])
})

test('a client that is enabled stays refused by the entry that was posted for it', async () => {
  const it = await scene()
  const posted = await it.holder.call('POST', '/blacklist', { client_id: 'shop' })
  await it.issuer.operator.call('POST', '/admin/api/clients/shop/disable')
  await it.issuer.operator.call('POST', '/admin/api/clients/shop/enable')
  expect(await it.acceptors.of(it.access)).toEqual([])
  expect((await it.holder.call('DELETE', `/blacklist/${posted.body.id}`)).status).toBe(204)
  expect(await it.acceptors.of(it.access)).toEqual(EVERYBODY)
})

test.each(['disabled before', 'never disabled'])(
  'a user who is enabled, %s, stays refused by a posted entry, which the answer names',
  async (state) => {
    const it = await scene()
    const { id } = (await it.issuer.operator.call('POST', '/admin/api/users', { username: 'joe' })).body
    const posted = await it.holder.call('POST', '/blacklist', { sub: id })
    if (state === 'disabled before') await it.issuer.operator.call('POST', '/admin/api/users/joe/disable')
    const enabled = await it.issuer.operator.call('POST', '/admin/api/users/joe/enable')
    expect(enabled.body).toMatchObject({ disabled: false, blacklist_entry: posted.body.id })
    expect((await entries(it.issuer)).map((entry) => entry.id)).toEqual([posted.body.id])
    expect((await it.holder.call('DELETE', `/blacklist/${posted.body.id}`)).status).toBe(204)
  },
)

test('a backend’s person who is enabled stays refused by a posted entry', async () => {
  const it = await scene()
  const posted = await it.holder.call('POST', '/blacklist', { sub: 'ada' })
  await it.issuer.operator.call('POST', '/admin/api/users/ada/disable')
  const enabled = await it.issuer.operator.call('POST', '/admin/api/users/ada/enable')
  expect(enabled.body.blacklist_entry).toBe(posted.body.id)
  expect(await it.acceptors.of(it.access)).toEqual([])
})

test('the command line names the entry by which a user or client that is enabled stays refused', async () => {
  const it = await scene()
  const { id } = (await it.issuer.operator.call('POST', '/admin/api/users', { username: 'joe' })).body
  const ofUser = await it.holder.call('POST', '/blacklist', { sub: id })
  const ofClient = await it.holder.call('POST', '/blacklist', { client_id: 'shop' })
  for (const act of ['disable', 'enable']) expect((await signet(['user', act, 'joe'], it.issuer.env)).code).toBe(0)
  const user = await signet(['user', 'enable', 'joe'], it.issuer.env)
  expect(user.stderr).toContain(`signet blacklist remove ${ofUser.body.id}`)
  const client = await signet(['client', 'enable', 'shop'], it.issuer.env)
  expect(client.stderr).toContain(`signet blacklist remove ${ofClient.body.id}`)
  expect((await entries(it.issuer)).map((entry) => entry.id)).toEqual([ofUser.body.id, ofClient.body.id])
})

// ------------------------------------------------------------------ administrators

/** Names of administrators. */
const ADMINISTRATORS: [string, Record<string, string>][] = [
  ['the client of an administrator', { client_id: 'boss' }],
  ['the sub of an administrator', { sub: 'boss' }],
  ['a client that administers beside other things', { client_id: 'half' }],
  ['the operator at the command line', { client_id: 'signet:operator' }],
]

async function administrators({ issuer }: Scene): Promise<Operator> {
  const boss = await createClient(issuer.operator, { client_id: 'boss', scope: 'signet:admin', resources: [] })
  await createClient(issuer.operator, { client_id: 'half', scope: 'signet:blacklist signet:admin', resources: [] })
  return operatorOf(issuer, boss)
}

test.each(ADMINISTRATORS)('a holder of signet:blacklist cannot deny %s', async (_, entry) => {
  const it = await scene()
  const boss = await administrators(it)
  await boss.token()
  const refused = await it.holder.call('POST', '/blacklist', entry)
  expect([refused.status, refused.body.error]).toEqual([403, 'insufficient_scope'])
  expect(await entries(it.issuer)).toEqual([])
  const answer = await request(`${it.issuer.url}/admin/api/clients`, { headers: bearer(await boss.token()) })
  expect(answer.status).toBe(200)
})

test.each(ADMINISTRATORS)('an administrator can deny %s', async (_, entry) => {
  const it = await scene()
  await administrators(it)
  expect((await it.issuer.operator.call('POST', '/blacklist', entry)).status).toBe(201)
})

const OPERATORS: [string, Record<string, unknown>][] = [
  ['signet-admins', {}],
  ['auditors', { permissions: ['signet:read'] }],
]

test.each(OPERATORS)('a holder of signet:blacklist cannot deny a member of %s', async (name, group) => {
  const it = await scene()
  if (name !== 'signet-admins') await it.issuer.operator.call('POST', '/admin/api/groups', { name, ...group })
  const add = (users: string[]) => it.issuer.operator.call('POST', `/admin/api/groups/${name}/add`, { users })
  const person = await it.issuer.operator.call('POST', '/admin/api/users', { username: 'boss' })
  const { id } = person.body
  const before = await it.holder.call('POST', '/blacklist', { sub: id })
  expect(before.status).toBe(201)
  expect((await it.holder.call('DELETE', `/blacklist/${before.body.id}`)).status).toBe(204)
  expect((await add([id])).status).toBe(200)
  const refused = await it.holder.call('POST', '/blacklist', { sub: id })
  expect([refused.status, refused.body.error]).toEqual([403, 'insufficient_scope'])
  expect(await entries(it.issuer)).toEqual([])
  expect((await it.issuer.operator.call('POST', '/blacklist', { sub: id })).status).toBe(201)
})

test('a client that lost signet:admin can be denied with signet:blacklist', async () => {
  const it = await scene()
  await administrators(it)
  const change = { scope: 'signet:blacklist' }
  expect((await it.issuer.operator.call('PATCH', '/admin/api/clients/half', change)).status).toBe(200)
  expect((await it.holder.call('POST', '/blacklist', { client_id: 'half' })).status).toBe(201)
})

test('a holder of signet:blacklist denies itself, if it wants to', async () => {
  const it = await scene()
  const own = (await tokens(it.issuer, it.holder.credentials)).access_token ?? ''
  expect((await it.holder.call('POST', '/blacklist', { client_id: 'holder' })).status).toBe(201)
  expect((await request(`${it.issuer.url}/blacklist`, { headers: bearer(own) })).status).toBe(401)
})
