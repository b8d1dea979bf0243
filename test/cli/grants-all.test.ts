/** `signet grant revoke --all`: after a restore by the database's own means, nothing that was ended comes back to life. */
import { expect, test } from 'vitest'
import {
  createBackend,
  createClient,
  createResource,
  grantTokens,
  isActive,
  refresh,
  startAdministered,
  until,
  type AdministeredIssuer,
} from '../support/admin.ts'
import { request, type Credentials } from '../support/client.ts'
import { addClient, signIn } from '../support/codes.ts'
import { decidingClock } from '../support/deciding-clock.ts'
import { fewAtOnce } from '../support/few-at-once.ts'
import { addPerson, storeOf } from '../support/people.ts'
import { signet } from '../support/process.ts'

const API = 'https://orders.example/v1'

interface Scene {
  issuer: AdministeredIssuer
  shop: Credentials
  api: Credentials
}

async function scene(): Promise<Scene> {
  const issuer = await startAdministered()
  await createResource(issuer.operator, API)
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources: [API] })
  return { issuer, shop, api: await createClient(issuer.operator, { client_id: 'orders-api', resources: [API] }) }
}

const cursorOf = async ({ issuer }: Scene): Promise<number> =>
  Number((await request(`${issuer.url}/blacklist/feed`)).body.cursor)

const revoke = ({ issuer }: Scene, ...args: string[]) => signet(['grant', 'revoke', ...args], issuer.env)

test('every grant ends with its tokens, here and in the feed, and grants made afterwards live', async () => {
  const it = await scene()
  const { issuer, shop, api } = it
  const before = await Promise.all(['ada', 'bob', undefined].map((subject) => grantTokens(issuer, shop, subject)))
  const cursor = await cursorOf(it)

  const { code, stdout } = await revoke(it, '--all', '--reason', 'restored', '--json')
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { ended: 3, denied: 3 }])
  for (const { access_token = '', refresh_token = '' } of before) {
    await until(async () => !(await isActive(issuer, api, access_token)))
    expect(await refresh(issuer, shop, refresh_token)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  }
  // A follower of the lost database may have a later cursor than the restored one. It has to start over.
  const feed = await request(`${issuer.url}/blacklist/feed?after=${cursor}`)
  expect(feed.body.entries).toHaveLength(3)
  expect(Number(feed.body.cursor)).toBeGreaterThan(cursor + 1_000_000)

  const { refresh_token: later = '' } = await grantTokens(issuer, shop, 'ada')
  expect((await refresh(issuer, shop, later)).status).toBe(200)
  const { body } = await issuer.operator.call('GET', '/admin/api/grants?limit=100')
  const reasons = (body as { ended_reason: string | null }[]).map(({ ended_reason }) => ended_reason)
  expect(reasons.toSorted()).toEqual([null, 'restored', 'restored', 'restored'].toSorted())
  const audit = await issuer.operator.call('GET', '/admin/api/audit?target=all')
  expect(audit.body).toMatchObject([
    { action: 'grants.ended', details: { reason: 'restored', ended: 3 } },
    { action: 'sessions.ended', details: { reason: 'restored', sessions_ended: 0 } },
  ])
})

test('a second run ends nothing, and more grants than one write takes end too', async () => {
  const it = await scene()
  await fewAtOnce(1100, (index) => grantTokens(it.issuer, it.shop, `p${index}`))
  expect(JSON.parse((await revoke(it, '--all', '--json')).stdout)).toMatchObject({ ended: 1100, denied: 1100 })
  expect(JSON.parse((await revoke(it, '--all', '--json')).stdout)).toMatchObject({ ended: 0, denied: 0 })
})

test('a grant and a session that a clock dated ahead end too', async () => {
  const clock = decidingClock(Date.now() + 400 * 86_400_000)
  const issuer = await startAdministered({}, { clock })
  await createResource(issuer.operator, API)
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources: [API] })
  const { refresh_token = '' } = await grantTokens(issuer, shop, 'ada')
  const bob = await addPerson(await storeOf(issuer), { username: 'bob' })
  const { browser } = await signIn(issuer, await addClient(issuer), bob)
  clock.jump(-400 * 86_400)
  const again = await issuer.restart()
  const { code, stdout } = await signet(['grant', 'revoke', '--all', '--json'], issuer.env)
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { ended: 1, sessions_ended: 1 }])
  expect((await refresh(again, shop, refresh_token)).status).toBe(400)
  expect((await browser.get('/account')).url.pathname).not.toBe('/account')
})

test('one grant or all: neither or both is bad usage', async () => {
  const it = await scene()
  expect((await revoke(it)).code).toBe(2)
  expect((await revoke(it, '0192f0c1-2a3b-7c4d-8e5f-0123456789ab', '--all')).code).toBe(2)
})
