/**
 * The runbook "Back up and restore PostgreSQL": its commands bring a dump back, and nothing that was ended since the dump
 * comes back to life.
 *
 * Not again on PostgreSQL: it opens one itself.
 */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  createBackend,
  createClient,
  createResource,
  grantTokens,
  isActive,
  refresh,
  startAdministered,
} from './support/admin.ts'
import { claimsOf, request } from './support/client.ts'
import { runAsPrinted } from './support/dump.ts'
import { hasPostgres, newDatabase } from './support/postgres.ts'
import { signet } from './support/process.ts'

const API = 'https://orders.example/v1'

test.runIf(hasPostgres)('a dump is restored, and what was ended since stays ended', async () => {
  const url = await newDatabase()
  const issuer = await startAdministered({ SIGNET_DATABASE_URL: url })
  await createResource(issuer.operator, API)
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources: [API] })
  const api = await createClient(issuer.operator, { client_id: 'orders-api', resources: [API] })
  const [used, ended] = [await grantTokens(issuer, shop, 'ada'), await grantTokens(issuer, shop, 'bob')]
  const dump = join(issuer.folder, 'a.dump')
  runAsPrinted('pg_dump', url, dump)

  expect((await refresh(issuer, shop, used.refresh_token ?? '')).status).toBe(200)
  const { sid } = claimsOf(ended.access_token ?? '')
  expect((await issuer.operator.call('DELETE', `/admin/api/grants/${sid}`)).status).toBeLessThan(300)
  const later = await createClient(issuer.operator, { client_id: 'later', resources: [API] })
  const cursor = Number((await request(`${issuer.url}/blacklist/feed`)).body.cursor)
  await issuer.stop()
  runAsPrinted('pg_restore', url, dump)
  const revoked = await signet(['grant', 'revoke', '--all', '--reason', 'restored', '--json'], issuer.env)
  expect(revoked.json()).toMatchObject({ ended: 2, denied: 2, sessions_ended: 0 })

  const again = await issuer.restart()
  for (const { access_token = '', refresh_token = '' } of [used, ended]) {
    expect(await isActive(again, api, access_token)).toBe(false)
    expect((await refresh(again, shop, refresh_token)).body.error).toBe('invalid_grant')
  }
  expect((await refresh(again, later, 'sgr_x')).body.error).toBe('invalid_client')
  const { refresh_token: fresh = '' } = await grantTokens(again, shop, 'ada')
  expect((await refresh(again, shop, fresh)).status).toBe(200)
  // A follower of the lost database starts over.
  const feed = await request(`${again.url}/blacklist/feed?after=${cursor}`)
  expect(feed.body.entries).toHaveLength(2)
})
