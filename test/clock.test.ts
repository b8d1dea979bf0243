/** Tokens under a clock that jumps. Keys under such a clock are in key-rotation.test.ts. */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  createBackend,
  grantTokens,
  isActive,
  refresh,
  startReplica,
  tokens as tokensOf,
  until,
} from './support/admin.ts'
import { bearer, claimsOf, request, type Credentials } from './support/client.ts'
import { decidingClock } from './support/deciding-clock.ts'
import { signet } from './support/process.ts'
import { API, registered, startWithApi } from './support/shared.ts'
import { sqliteTest } from './support/sqlite.ts'

const HOUR = 3600
const DAY = 24 * HOUR
const YEAR = 365 * DAY

async function tokens(issuer: { url: string }, client: Credentials, scope: string) {
  const { access_token = '', refresh_token = '' } = await tokensOf(issuer, client, { scope })
  expect(await isActive(issuer, client, access_token)).toBe(true)
  return { accessToken: access_token, refreshToken: refresh_token }
}

sqliteTest.each([HOUR, DAY, 10 * YEAR])(
  'a clock set back by %i seconds brings nothing back that has expired',
  async (back) => {
    const issuer = await startWithApi({ SIGNET_ACCESS_TOKEN_TTL: '5m', SIGNET_REFRESH_TOKEN_TTL: '10m' })
    const client = await registered(issuer)
    const granted = await tokens(issuer, client, 'a offline_access')
    issuer.clock.advance(HOUR)
    expect(await isActive(issuer, client, granted.accessToken)).toBe(false)

    issuer.clock.jump(-back)
    expect(await isActive(issuer, client, granted.accessToken)).toBe(false)
    expect(await refresh(issuer, client, granted.refreshToken)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    })
    await until(() => issuer.logged.some((line) => line.includes('restart Signet')))
  },
)

test('after a clock was set back, tokens are issued and judged by the time that goes on', async () => {
  const issuer = await startWithApi()
  const client = await registered(issuer)
  const before = await tokens(issuer, client, 'a')
  issuer.clock.jump(-DAY)
  const after = await tokens(issuer, client, 'a')
  expect(claimsOf(after.accessToken).iat).toBeGreaterThanOrEqual(claimsOf(before.accessToken).iat)
  issuer.clock.advance(HOUR)
  expect(await isActive(issuer, client, after.accessToken)).toBe(false)
})

sqliteTest('a clock set forward ends what has expired by it; set right again, what is alive is alive', async () => {
  const issuer = await startWithApi()
  const client = await registered(issuer)
  const granted = await tokens(issuer, client, 'a')
  issuer.clock.jump(DAY)
  expect(await isActive(issuer, client, granted.accessToken)).toBe(false)
  issuer.clock.jump(-DAY)
  expect(await isActive(issuer, client, granted.accessToken)).toBe(true)
})

sqliteTest('a restart takes the word of the clock', async () => {
  const issuer = await startWithApi()
  const client = await registered(issuer)
  issuer.clock.jump(-DAY)
  const again = await issuer.restart()
  const granted = await tokens(again, client, 'a')
  expect(Math.abs(claimsOf(granted.accessToken).iat - issuer.clock.now() / 1000)).toBeLessThan(5)
})

// ------------------------------------------------------------------ denials

/** A person's token, dated an hour ahead of the machine's clock; `api` is asked what it is. */
async function datedAhead() {
  const issuer = await startWithApi()
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources: [API] })
  const api = await registered(issuer)
  issuer.clock.jump(HOUR)
  const granted = await grantTokens(issuer, shop, 'ada')
  return { issuer, shop, api, token: granted.access_token ?? '' }
}

test('a token of a clock that was ahead is active nowhere before its date', async () => {
  const clock = decidingClock(Date.now() + 400 * DAY * 1000, { runs: true })
  const issuer = await startWithApi({}, { clock })
  const client = await registered(issuer)
  const { accessToken } = await tokens(issuer, client, 'a')
  const administrators = await issuer.operator.token()
  clock.jump(-400 * DAY)
  const again = await issuer.restart()
  const list = () => request(`${again.url}/admin/api/clients`, { headers: bearer(administrators) })
  expect(await isActive(again, client, accessToken)).toBe(false)
  expect(await list()).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
  expect(await isActive(again, client, (await tokens(again, client, 'a')).accessToken)).toBe(true)
  clock.advance(400 * DAY - 30)
  expect(await isActive(again, client, accessToken)).toBe(true)
  expect((await list()).status).toBe(200)
})

test('tokens that were issued after a step back are active at every server that ran through it', async () => {
  const clock = decidingClock(Date.now(), { runs: true })
  const issuer = await startWithApi({}, { clock })
  const other = await startReplica(issuer)
  const client = await registered(issuer)
  clock.advance(600)
  clock.jump(-HOUR)
  for (const at of [issuer, other]) {
    const { accessToken } = await tokens(at, client, 'a')
    for (const asked of [issuer, other]) expect(await isActive(asked, client, accessToken)).toBe(true)
  }
})

/** Whether a verifier that follows the feed refuses the token; the contract's rule, word by word. */
async function isDeniedDownstream(issuer: { url: string }, token: string): Promise<boolean> {
  const { body } = await request(`${issuer.url}/blacklist/feed`)
  const claims = claimsOf(token)
  const hashOf = (kind: string) => createHash('sha256').update(`${kind}:${claims[kind]}`).digest('base64url')
  return body.entries.some(
    ({ kind, hash, issued_before: before }: Record<string, string | number>) =>
      hashOf(String(kind)) === hash && claims.iat <= Number(before),
  )
}

const NAMES: [string, (token: string) => string[]][] = [
  ['its person', () => ['blacklist', 'add', '--sub', 'ada']],
  ['its person until tomorrow', () => ['blacklist', 'add', '--sub', 'ada', '--expires', '1d']],
  ['its client', () => ['blacklist', 'add', '--client', 'shop']],
  ['its client, by disabling it', () => ['client', 'disable', 'shop']],
  ['its grant', (token) => ['grant', 'revoke', claimsOf(token).sid]],
  ['itself', (token) => ['blacklist', 'add', '--token', token]],
]

sqliteTest.each(NAMES)(
  'a token is denied by a command whose clock is behind the token, which names %s',
  async (_, command) => {
    const { issuer, api, token } = await datedAhead()
    expect([await isActive(issuer, api, token), await isDeniedDownstream(issuer, token)]).toEqual([true, false])
    expect(await signet(command(token), issuer.env)).toMatchObject({ code: 0 })
    expect(await isActive(issuer, api, token)).toBe(false)
    await until(() => isDeniedDownstream(issuer, token))
  },
)

test.each([
  ['its person', () => ({ sub: 'ada' })],
  ['its client', () => ({ client_id: 'shop' })],
  ['its person for ten minutes', () => ({ sub: 'ada', expires_at: Math.floor(Date.now() / 1000) + 600 })],
  [
    'its grant for ten minutes',
    (token: string) => ({ sid: claimsOf(token).sid, expires_at: Math.floor(Date.now() / 1000) + 600 }),
  ],
])(
  'a token that was issued while the clock was ahead is denied after the clock was put right, by what names %s',
  async (_, entry) => {
    const { issuer, api, token } = await datedAhead()
    issuer.clock.jump(-HOUR)
    const again = await issuer.restart()
    const { status, body } = await issuer.operator.call('POST', '/blacklist', entry(token))
    expect(status).toBe(201)
    expect(await isActive(again, api, token)).toBe(false)
    expect(await isDeniedDownstream(again, token)).toBe(true)

    await issuer.operator.call('DELETE', `/blacklist/${body.id}`)
    issuer.clock.advance(Math.max(0, claimsOf(token).iat - issuer.clock.now() / 1000))
    expect([await isActive(again, api, token), await isDeniedDownstream(again, token)]).toEqual([true, false])
  },
)

test('what is issued right after a denial was lifted, or has ended, is good at once, here and downstream', async () => {
  const issuer = await startWithApi()
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources: [API] })
  const api = await registered(issuer)
  const mint = async () => (await grantTokens(issuer, shop, 'ada')).access_token ?? ''
  const expectGood = async (token: string) =>
    expect([await isActive(issuer, api, token), await isDeniedDownstream(issuer, token)]).toEqual([true, false])

  for (const named of [{ sub: 'ada' }, { client_id: 'shop' }]) {
    const { body } = await issuer.operator.call('POST', '/blacklist', named)
    await issuer.operator.call('DELETE', `/blacklist/${body.id}`)
    await expectGood(await mint())
    const expires_at = Math.floor(issuer.clock.now() / 1000) + 30
    await issuer.operator.call('POST', '/blacklist', { ...named, expires_at })
    issuer.clock.advance(31)
    await expectGood(await mint())
  }
  await issuer.operator.call('POST', '/admin/api/clients/shop/disable')
  await issuer.operator.call('POST', '/admin/api/clients/shop/enable')
  await expectGood(await mint())
})

sqliteTest(
  'a reuse while the clock is ahead, when nothing seems to be alive, denies what is once the clock is right',
  async () => {
    const issuer = await startWithApi()
    const client = await registered(issuer)
    const first = await tokens(issuer, client, 'a offline_access')
    const second = (await refresh(issuer, client, first.refreshToken)).body.access_token ?? ''
    issuer.clock.jump(HOUR)
    expect((await refresh(issuer, client, first.refreshToken)).status).toBe(400)
    issuer.clock.jump(-HOUR)
    expect([await isActive(issuer, client, second), await isDeniedDownstream(issuer, second)]).toEqual([false, true])
  },
)

sqliteTest(
  'a grant that is ended while the clock is ahead takes along its token, which is alive once the clock is right',
  async () => {
    const issuer = await startWithApi()
    const client = await registered(issuer)
    const { accessToken } = await tokens(issuer, client, 'a offline_access')
    issuer.clock.jump(HOUR)
    const ended = await issuer.operator.call('DELETE', `/admin/api/grants/${claimsOf(accessToken).sid}`)
    expect(ended.status).toBe(204)
    issuer.clock.jump(-HOUR)
    expect([await isActive(issuer, client, accessToken), await isDeniedDownstream(issuer, accessToken)]).toEqual([
      false,
      true,
    ])
  },
)

test('a deleted client takes along its tokens that are dated ahead; registered anew it waits for their end', async () => {
  const { issuer, api, token } = await datedAhead()
  issuer.clock.jump(-HOUR)
  const again = await issuer.restart()
  expect((await issuer.operator.call('DELETE', '/admin/api/clients/shop')).status).toBe(204)
  const anew = await createBackend(issuer.operator, { client_id: 'shop', resources: [API] })
  expect([await isActive(again, api, token), await isDeniedDownstream(again, token)]).toEqual([false, true])
  again.clock.advance(2 * HOUR)
  const fresh = (await grantTokens(again, anew, 'ada')).access_token ?? ''
  expect([await isActive(again, api, fresh), await isDeniedDownstream(again, fresh)]).toEqual([true, false])
})
