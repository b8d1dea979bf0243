/** Signing keys from the command line. */
import { createPublicKey } from 'node:crypto'
import { test } from 'vitest'
import { Place, SOON, requestToken } from './run-signet.ts'

interface Key {
  kid: string
  alg: string
  status: string
  created_at: string
  activated_at: string | null
  retires_at: string | null
}

const find = (keys: Key[], alg: string, status: string) => keys.find((key) => key.alg === alg && key.status === status)

test.concurrent('keys rotate once at any time, then only when next was published long enough or in an emergency', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const before = await place.json<Key[]>('key', 'list')
  expect(before.map(({ alg, status }) => `${alg} ${status}`).toSorted()).toEqual([
    'ES256 active',
    'ES256 next',
    'RS256 active',
    'RS256 next',
  ])
  expect(Object.keys(before[0] ?? {})).toEqual(
    expect.arrayContaining(['kid', 'alg', 'status', 'created_at', 'activated_at', 'retires_at']),
  )

  const rotated = await place.json<Key[]>('key', 'rotate', '--alg', 'ES256')
  expect(find(rotated, 'ES256', 'active')?.kid).toBe(find(before, 'ES256', 'next')?.kid)
  expect(find(rotated, 'ES256', 'retiring')?.kid).toBe(find(before, 'ES256', 'active')?.kid)
  expect(find(rotated, 'RS256', 'active')?.kid).toBe(find(before, 'RS256', 'active')?.kid)

  // ES256 has to wait, so RS256, which could, stays as well: a rotation of both is not half done.
  const refused = await place.run(['key', 'rotate', '--json'])
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toMatch(/ES256: .*safe from \d{4}-\d\d-\d\dT[\d:.]+Z/)
  expect(refused.stderr).toContain('--emergency')
  expect(await place.json('key', 'list')).toEqual(rotated)

  const forced = await place.json<Key[]>('key', 'rotate', '--emergency')
  for (const alg of ['ES256', 'RS256']) expect(find(forced, alg, 'active')?.kid).toBe(find(rotated, alg, 'next')?.kid)
})

test.concurrent('a revoked key is gone from the JWKS of a running server, and it is told how long caches may trust it', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const server = await place.serve()
  const client = await place.json<{ client_id: string; client_secret: string }>('client', 'create', '--id', 'c')
  await expect.poll(() => requestToken(server.url, client), SOON).toHaveProperty('access_token')
  const kid = find(await place.json<Key[]>('key', 'list'), 'ES256', 'active')?.kid ?? ''
  const published = async () =>
    ((await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as { keys: Key[] }).keys.map((key) => key.kid)
  expect(await published()).toContain(kid)

  const asked = Date.now()
  const result = await place.json<{
    revoked: Key
    active: Key
    cached_until: string
    last_token_expires_at: string
    keys: Key[]
  }>('key', 'revoke', kid)
  expect(result.revoked).toMatchObject({ kid, status: 'revoked' })
  expect(result.active).toMatchObject({ alg: 'ES256', status: 'active' })
  expect(Date.parse(result.cached_until)).toBeLessThanOrEqual(Date.parse(result.last_token_expires_at))
  expect(Date.parse(result.cached_until)).toBeLessThan(asked + 310_000)
  await expect.poll(published, SOON).not.toContain(kid)
  expect((await place.run(['key', 'revoke', kid])).code).toBe(1)
  expect((await place.run(['key', 'revoke', 'nobody'])).code).toBe(1)
})

test.concurrent('a public key is exported as PEM, alone on stdout or inside JSON', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const [key] = await place.json<Key[]>('key', 'list')
  const kid = key?.kid ?? ''
  const plain = await place.run(['key', 'export', kid, '--pem'])
  expect(plain.stdout).toMatch(/^-----BEGIN PUBLIC KEY-----\n[^]*-----END PUBLIC KEY-----\n$/)
  expect(createPublicKey(plain.stdout).type).toBe('public')
  expect(await place.json('key', 'export', kid, '--pem')).toEqual({ kid, pem: plain.stdout })
  expect(await place.json('key', 'export', kid)).not.toHaveProperty('d')
})
