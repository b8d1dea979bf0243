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
  const place = await new Place(onTestFinished).migrate()
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

  const most = 300_000
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
  expect(Date.parse(result.cached_until)).toBeGreaterThanOrEqual(asked + most)
  expect(Date.parse(result.cached_until)).toBeLessThanOrEqual(Date.now() + most + 1000)
  await expect.poll(published, SOON).not.toContain(kid)
  const again = await place.run(['key', 'revoke', kid])
  expect(again).toMatchObject({ code: 1, stderr: 'signet: this key is revoked already\n  see: signet key list\n' })
  const unknown = await place.run(['key', 'revoke', 'nobody'])
  expect(unknown).toMatchObject({ code: 1, stdout: '' })
  expect(unknown.stderr).toMatch(/key "nobody" does not exist[^]*signet key list/)
})

test.concurrent('a revoked key may be trusted by caches whatever we signed with it: a thief signs what he likes', async ({
  expect,
  onTestFinished,
}) => {
  const place = await new Place(onTestFinished, { SIGNET_JWKS_MAX_AGE: '15m' }).migrate()
  const keys = await place.json<Key[]>('key', 'list')
  // Neither has signed anything: the one is published only, the other has not been asked for a token.
  for (const status of ['next', 'active']) {
    const asked = Date.now()
    const kid = find(keys, 'RS256', status)?.kid ?? ''
    const { cached_until: until } = await place.json<{ cached_until: string }>('key', 'revoke', kid)
    expect(Date.parse(until)).toBeGreaterThanOrEqual(asked + 900_000)
  }
  const told = await place.run(['key', 'revoke', find(keys, 'ES256', 'next')?.kid ?? ''])
  expect(told.stdout).toMatch(/may accept tokens of the revoked key, forged ones too, until \d{4}-/)
  expect(told.stdout).toMatch(/Restart those that keep keys for longer than the JWKS allows/)
  expect(told.stdout).not.toContain('until the last has expired')
})

test.concurrent('revoking tells where the key that signs now has not been published for long enough, and only there', async ({
  expect,
  onTestFinished,
}) => {
  const place = await new Place(onTestFinished).migrate()
  const keys = await place.json<Key[]>('key', 'list')
  const revoke = async (status: string) => {
    const kid = find(await place.json<Key[]>('key', 'list'), 'ES256', status)?.kid ?? ''
    return (await place.run(['key', 'revoke', kid])).stderr
  }
  // As old as the one that it follows: whoever knows the one knows the other.
  expect(find(keys, 'ES256', 'active')?.created_at).toBe(find(keys, 'ES256', 'next')?.created_at)
  for (const alg of ['ES256', 'RS256'] as const)
    expect(find(keys, alg, 'active')?.activated_at).toBe(find(keys, alg, 'active')?.created_at)
  expect(await revoke('active')).not.toContain('verifiers refuse the new tokens')
  expect(await revoke('active')).toContain('verifiers refuse the new tokens until they fetch the key set again')
  // The signing key has not changed.
  expect(await revoke('next')).not.toContain('verifiers refuse the new tokens')
})

test.concurrent('a public key is exported as PEM, alone on stdout or inside JSON', async ({
  expect,
  onTestFinished,
}) => {
  const place = await new Place(onTestFinished).migrate()
  const [key] = await place.json<Key[]>('key', 'list')
  const kid = key?.kid ?? ''
  const plain = await place.run(['key', 'export', kid, '--pem'])
  expect(plain.stdout).toMatch(/^-----BEGIN PUBLIC KEY-----\n[^]*-----END PUBLIC KEY-----\n$/)
  expect(createPublicKey(plain.stdout).type).toBe('public')
  expect(await place.json('key', 'export', kid, '--pem')).toEqual({ kid, pem: plain.stdout })
  expect(await place.json('key', 'export', kid)).not.toHaveProperty('d')
})
