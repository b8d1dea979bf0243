/** Who is ready for the next key: verifiers introduce themselves, and a rotation names those that have not seen it. */
import { expect, test } from 'vitest'
import { startAdministered, startReplica, type AdministeredIssuer } from './support/admin.ts'
import { request } from './support/client.ts'
import { signet } from './support/process.ts'

interface NextKey {
  alg: string
  status: string
  seen_by?: { name: string; last_seen_at: string }[]
  not_seen_by?: { name: string; last_seen_at: string }[]
}

async function nextKey(issuer: AdministeredIssuer): Promise<{ seen: string[]; notSeen: string[] }> {
  const { body } = await issuer.operator.call('GET', '/admin/api/keys')
  const next = (body as unknown as NextKey[]).find(({ alg, status }) => alg === 'ES256' && status === 'next')
  const names = (readers: { name: string }[] = []) => readers.map(({ name }) => name).toSorted()
  return { seen: names(next?.seen_by), notSeen: names(next?.not_seen_by) }
}

const fetchKeys = (at: { url: string }, userAgent: string) =>
  request(`${at.url}/.well-known/jwks.json`, { headers: { 'user-agent': userAgent } })

test('a verifier that fetched the key set has seen the next key, by its name; others appear by their user agent', async () => {
  const issuer = await startAdministered()
  await fetchKeys(issuer, 'signet-verifier/1.0.0 (orders-api)')
  await fetchKeys(issuer, 'jose/v6.2')
  expect(await nextKey(issuer)).toEqual({ seen: ['jose/v6.2', 'orders-api'], notSeen: [] })
})

test('after a rotation nobody has seen the new next key, until each fetches the set again; a 304 counts', async () => {
  const issuer = await startAdministered()
  await fetchKeys(issuer, 'signet-verifier/1.0.0 (orders-api)')
  await fetchKeys(issuer, 'signet-verifier/1.0.0 (billing-api)')
  await issuer.operator.call('POST', '/admin/api/keys/rotate', { alg: 'ES256' })
  expect(await nextKey(issuer)).toEqual({ seen: [], notSeen: ['billing-api', 'orders-api'] })
  const { headers } = await fetchKeys(issuer, 'signet-verifier/1.0.0 (orders-api)')
  expect(await nextKey(issuer)).toEqual({ seen: ['orders-api'], notSeen: ['billing-api'] })
  const again = await request(`${issuer.url}/.well-known/jwks.json`, {
    headers: { 'user-agent': 'signet-verifier/1.0.0 (billing-api)', 'if-none-match': headers.get('etag') ?? '' },
  })
  expect(again.status).toBe(304)
  expect((await nextKey(issuer)).notSeen).toEqual([])
})

test('a verifier that follows the feed alone is known, but has not seen the key', async () => {
  const issuer = await startAdministered()
  await request(`${issuer.url}/blacklist/feed`, { headers: { 'user-agent': 'signet-verifier/1.0.0 (feed-only)' } })
  expect(await nextKey(issuer)).toEqual({ seen: [], notSeen: ['feed-only'] })
})

test('who was away for more than a week is not asked for', async () => {
  const issuer = await startAdministered()
  await fetchKeys(issuer, 'signet-verifier/1.0.0 (gone)')
  expect((await nextKey(issuer)).seen).toEqual(['gone'])
  issuer.clock.advance(8 * 86_400)
  expect(await nextKey(issuer)).toEqual({ seen: [], notSeen: [] })
})

test('what one process was told another process shows, and hostile user agents stay bounded and printable', async () => {
  const issuer = await startAdministered()
  const replica = await startReplica(issuer)
  await fetchKeys(replica, `evil \u00e9\t${'x'.repeat(3000)}`)
  await replica.stop()
  const { seen } = await nextKey(issuer)
  expect(seen).toHaveLength(1)
  expect(seen[0]).toMatch(/^evil [ -~]{1,130}$/)
})

test('signet key rotate names who has not seen the next key and goes ahead; with --wait it waits for them', async () => {
  const issuer = await startAdministered()
  await fetchKeys(issuer, 'signet-verifier/1.0.0 (orders-api)')
  await request(`${issuer.url}/blacklist/feed`, { headers: { 'user-agent': 'signet-verifier/1.0.0 (late-api)' } })
  // Asking the admin API writes down who was here.
  await nextKey(issuer)
  const rotated = await signet(['key', 'rotate', '--alg', 'ES256', '--json'], issuer.env)
  expect(rotated.code).toBe(0)
  expect(rotated.stderr).toContain('not seen with the next key yet: late-api')

  const waiting = signet(['key', 'rotate', '--alg', 'RS256', '--wait', '--json'], issuer.env)
  await fetchKeys(issuer, 'signet-verifier/1.0.0 (orders-api)')
  await fetchKeys(issuer, 'signet-verifier/1.0.0 (late-api)')
  await nextKey(issuer)
  expect((await waiting).code).toBe(0)
})
