/**
 * A refresh whose answer from the database is lost, and whose database stays away: it may have been stored, or not.
 *
 * Not again on PostgreSQL: it opens one itself.
 */
import { expect, test } from 'vitest'
import { createBackend, createResource, grantTokens, refresh, startAdministered } from './support/admin.ts'
import { startProxy } from './support/database-proxy.ts'
import { hasPostgres, newDatabase } from './support/postgres.ts'

const API = 'https://api.example.com'
/** Only the statement that writes families has it. */
const RENEWS = 'SKIP LOCKED'

test.runIf(hasPostgres)('a refresh that may be stored is not told as one that changed nothing', async () => {
  const url = new URL(await newDatabase())
  const proxy = await startProxy(Number(url.port))
  url.port = String(proxy.port)
  const issuer = await startAdministered({ SIGNET_DATABASE_URL: url.href })
  await createResource(issuer.operator, API)
  const backend = await createBackend(issuer.operator, { resources: [API] })
  const { refresh_token: token = '' } = await grantTokens(issuer, backend)

  proxy.loseAnswersOf(RENEWS)
  const lost = await refresh(issuer, backend, token)
  expect(lost.status, lost.text).toBe(503)
  expect(lost.body.error_description).toContain('may be stored')
  expect(lost.headers.get('retry-after')).toMatch(/^\d+$/)

  proxy.swallow(true)
  const unread = await refresh(issuer, backend, token)
  expect(unread.status, unread.text).toBe(503)
  expect(unread.body.error_description).toContain('nothing was changed')

  // The client has no other token, and the grace gives it the successor.
  proxy.swallow(false)
  const again = await refresh(issuer, backend, token)
  expect(again.status, again.text).toBe(200)
  const next = await refresh(issuer, backend, again.body.refresh_token)
  expect(next.status, next.text).toBe(200)
})
