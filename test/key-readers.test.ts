/** Readers of the key set: verifiers introduce themselves, and a rotation names those that have not seen the next key. */
import { expect, test } from 'vitest'
import { BEHIND_PROXY } from '../harness/network.ts'
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
  expect(rotated.stderr).toContain('not seen with the next key yet: late-api (names that callers gave, unverified)')

  const waiting = signet(['key', 'rotate', '--alg', 'RS256', '--wait', '--json'], issuer.env)
  await fetchKeys(issuer, 'signet-verifier/1.0.0 (orders-api)')
  await fetchKeys(issuer, 'signet-verifier/1.0.0 (late-api)')
  await nextKey(issuer)
  expect((await waiting).code).toBe(0)
})

test('nobody waits for what people look with', async () => {
  const issuer = await startAdministered()
  const agents = ['curl/8.5.0', 'Wget/1.21.4', 'HTTPie/3.2.2', 'Mozilla/5.0 (X11; Linux x86_64)', 'PostmanRuntime/7.4']
  for (const agent of agents) await fetchKeys(issuer, agent)
  await fetchKeys(issuer, 'signet-verifier/1.0.0 (curly-api)')
  await issuer.operator.call('POST', '/admin/api/keys/rotate', { alg: 'ES256' })
  expect(await nextKey(issuer)).toEqual({ seen: [], notSeen: ['curly-api'] })
})

test('signet key rotate --wait 1s gives up after a second: nothing is rotated, and it says who is missing', async () => {
  const issuer = await startAdministered()
  await request(`${issuer.url}/blacklist/feed`, { headers: { 'user-agent': 'signet-verifier/1.0.0 (late-api)' } })
  await nextKey(issuer)
  const before = await signet(['key', 'list', '--json'], issuer.env)
  const gaveUp = await signet(['key', 'rotate', '--wait', '1s', '--json'], issuer.env)
  expect(gaveUp).toMatchObject({ code: 1, stdout: '' })
  expect(gaveUp.stderr).toMatch(/have not been given the next key: late-api\n.*nothing was rotated/)
  expect(gaveUp.stderr).toContain('signet key rotate without --wait goes ahead')
  expect((await signet(['key', 'list', '--json'], issuer.env)).stdout).toBe(before.stdout)
  expect(await signet(['key', 'rotate', '--wait', 'soon'], issuer.env)).toMatchObject({ code: 2, stdout: '' })
  expect((await signet(['key', 'rotate', '--alg', 'ES256'], issuer.env)).code).toBe(0)
})

test('signet key list tells who has the next key and who is missing, or that nobody is', async () => {
  const issuer = await startAdministered()
  const told = async () => (await signet(['key', 'list'], issuer.env)).stdout
  await fetchKeys(issuer, 'signet-verifier/1.0.0 (orders-api)')
  await nextKey(issuer)
  expect(await told()).toMatch(
    /fetched by orders-api \(last here [^)]+\)\n {2}no name that was here lately is missing; processes with one name count as one/,
  )
  expect(await told()).toContain('(names that callers gave, unverified)')
  await issuer.operator.call('POST', '/admin/api/keys/rotate', { alg: 'ES256' })
  expect(await told()).toMatch(/fetched by nobody yet\n {2}not yet by orders-api \(last here/)
})

test('one network cannot crowd out the verifiers of others, however many names it makes up', async () => {
  const issuer = await startAdministered(BEHIND_PROXY)
  const from = (address: string, name: string) =>
    request(`${issuer.url}/.well-known/jwks.json`, {
      headers: { 'user-agent': `signet-verifier/1.0 (${name})`, 'x-forwarded-for': address },
    })
  for (let made = 0; made < 1100; made += 50)
    await Promise.all(Array.from({ length: 50 }, (_, each) => from('198.51.100.9', `x${made + each}`)))
  await from('203.0.113.7', 'orders-api')
  const { seen } = await nextKey(issuer)
  expect(seen).toContain('orders-api')
  expect(seen).toHaveLength(101)
  // A name of before is still taken from there, and a week later others are.
  await issuer.operator.call('POST', '/admin/api/keys/rotate', { alg: 'ES256' })
  await from('198.51.100.9', 'x0')
  await from('198.51.100.9', 'x1099')
  expect((await nextKey(issuer)).seen).toEqual(['x0'])
  issuer.clock.advance(8 * 86_400)
  await from('198.51.100.9', 'x1099')
  expect((await nextKey(issuer)).seen).toEqual(['x1099'])
})

test('signet key rotate --wait-for waits for the names that are given and for no other, and says that names are unverified', async () => {
  const issuer = await startAdministered()
  await request(`${issuer.url}/blacklist/feed`, { headers: { 'user-agent': 'signet-verifier/1.0 (ghost)' } })
  await nextKey(issuer)
  expect((await signet(['key', 'list'], issuer.env)).stdout).toContain('unverified')
  const inVain = ['key', 'rotate', '--alg', 'ES256', '--wait', '1s', '--wait-for', 'orders-api', '--json']
  const gaveUp = await signet(inVain, issuer.env)
  expect(gaveUp).toMatchObject({ code: 1, stdout: '' })
  expect(gaveUp.stderr).toContain('have not been given the next key: orders-api\n')
  expect(gaveUp.stderr).toContain('unverified')
  expect(gaveUp.stderr).not.toContain('ghost')
  await fetchKeys(issuer, 'signet-verifier/1.0.0 (orders-api)')
  await nextKey(issuer)
  const done = await signet(['key', 'rotate', '--alg', 'ES256', '--wait-for', 'orders-api', '--json'], issuer.env)
  expect([done.code, done.stderr]).toEqual([0, ''])
  const own = ['key', 'rotate', '--resource', 'api', '--wait-for', 'orders-api']
  expect(await signet(own, issuer.env)).toMatchObject({ code: 2, stdout: '' })
})
