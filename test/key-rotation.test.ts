/** Signing keys as operators and verifiers meet them: next, active, retiring, retired, revoked. */
import { createHash } from 'node:crypto'
import { createLocalJWKSet, createRemoteJWKSet, errors, jwtVerify, type JSONWebKeySet } from 'jose'
import { existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { readConfig, startIssuer } from '../src/index.ts'
import {
  createClient,
  createResource,
  isActive,
  startAdministered,
  startReplica,
  tokens,
  until,
  type AdministeredIssuer,
} from './support/admin.ts'
import { claimsOf, headerOf, request, type Answer, type Credentials } from './support/client.ts'
import { environmentOf, rememberingLog, temporaryFolder } from './support/issuer.ts'
import { sqliteTest } from './support/sqlite.ts'

const DAY = 86_400
const ALGORITHMS = ['ES256', 'RS256'] as const

interface KeyView {
  kid: string
  alg: string
  status: string
  created_at: string
  activated_at: string | null
  retires_at: string | null
}

const jwks = (at: { url: string }): Promise<Answer> => request(`${at.url}/.well-known/jwks.json`)
const kidsOf = async (at: { url: string }): Promise<string[]> =>
  (await jwks(at)).body.keys.map(({ kid }: { kid: string }) => kid)
/** The keys as listed, without who has fetched them: that grows by looking. */
const keysOf = async ({ operator }: AdministeredIssuer): Promise<KeyView[]> => {
  const listed = (await operator.call('GET', '/admin/api/keys')).body as unknown as KeyView[]
  return listed.map(({ kid, alg, status, created_at, activated_at, retires_at }) => ({
    kid,
    alg,
    status,
    created_at,
    activated_at,
    retires_at,
  }))
}
const rotate = ({ operator }: AdministeredIssuer, body: object = {}): Promise<Answer> =>
  operator.call('POST', '/admin/api/keys/rotate', body)
const revokeKey = ({ operator }: AdministeredIssuer, kid: string): Promise<Answer> =>
  operator.call('POST', `/admin/api/keys/${kid}/revoke`)

async function keyOf(issuer: AdministeredIssuer, alg: string, status: string): Promise<string> {
  const found = (await keysOf(issuer)).filter((key) => key.alg === alg && key.status === status)
  expect(found, `${status} ${alg} keys`).toHaveLength(1)
  return found[0]?.kid ?? ''
}

/** A client of two APIs, one for each algorithm. */
async function createSigner({ operator }: AdministeredIssuer, resource: object = {}): Promise<Credentials> {
  for (const alg of ALGORITHMS) await createResource(operator, `api-${alg}`, { alg, ...resource })
  return createClient(operator, { resources: ALGORITHMS.map((alg) => `api-${alg}`) })
}

const mint = async (at: { url: string }, client: Credentials, alg: string): Promise<string> =>
  (await tokens(at, client, { resource: `api-${alg}` })).access_token ?? ''

/** Verifies as a verifier without a cache would at this moment; resolves with the `kid`. */
async function verifyNow(issuer: AdministeredIssuer, token: string): Promise<string | undefined> {
  const keys = createLocalJWKSet((await jwks(issuer)).body as unknown as JSONWebKeySet)
  const currentDate = new Date(issuer.clock.now())
  return (await jwtVerify(token, keys, { issuer: issuer.issuer, currentDate })).protectedHeader.kid
}

test('a first start publishes an active and a next key for both algorithms, public members only', async () => {
  const issuer = await startAdministered()
  const { body, headers } = await jwks(issuer)
  expect(body.keys).toHaveLength(4)
  for (const key of body.keys) {
    const members = key.kty === 'EC' ? ['kty', 'crv', 'x', 'y'] : ['kty', 'n', 'e']
    expect(Object.keys(key).toSorted()).toEqual([...members, 'kid', 'alg', 'use'].toSorted())
    expect(key.use).toBe('sig')
  }
  expect(new Set(body.keys.map(({ kid }: { kid: string }) => kid)).size).toBe(4)
  expect(headers.get('content-type')).toContain('application/json')
  expect(headers.get('access-control-allow-origin')).toBe('*')
  const listed = (await keysOf(issuer)).map(({ alg, status }) => `${alg} ${status}`)
  expect(listed.toSorted()).toEqual(['ES256 active', 'ES256 next', 'RS256 active', 'RS256 next'])
})

test('the key set may be cached as long as configured, and is not sent twice to whoever has it', async () => {
  const issuer = await startAdministered({ SIGNET_JWKS_MAX_AGE: '2m' })
  const first = await jwks(issuer)
  expect(first.headers.get('cache-control')).toMatch(/^public, max-age=120\b/)
  const etag = first.headers.get('etag') ?? ''
  expect(etag).toMatch(/^"[^"]+"$/)
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const again = await request(`${issuer.url}/.well-known/jwks.json`, { headers: { 'if-none-match': known } })
    expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag])
  }
  expect((await rotate(issuer)).status).toBe(200)
  const changed = await request(`${issuer.url}/.well-known/jwks.json`, { headers: { 'if-none-match': etag } })
  expect(changed.status).toBe(200)
  expect(changed.headers.get('etag')).not.toBe(etag)
})

test('a key rotates right after the first start, and the next time only once its successor was published long enough', async () => {
  const issuer = await startAdministered()
  const next = await keyOf(issuer, 'ES256', 'next')
  const active = await keyOf(issuer, 'ES256', 'active')
  const rotated = await rotate(issuer, { alg: 'ES256' })
  expect(rotated.status).toBe(200)
  expect(await keyOf(issuer, 'ES256', 'active')).toBe(next)
  expect(await keyOf(issuer, 'ES256', 'retiring')).toBe(active)

  const young = (await keysOf(issuer)).find(({ alg, status }) => alg === 'ES256' && status === 'next')
  const refused = await rotate(issuer, { alg: 'ES256' })
  expect(refused.status).toBe(409)
  const safeFrom = new Date(Date.parse(young?.created_at ?? '') + DAY * 1000).toISOString()
  expect(refused.body.error_description).toContain(safeFrom)
  expect(await keyOf(issuer, 'ES256', 'next')).toBe(young?.kid)

  issuer.clock.advance(DAY)
  expect((await rotate(issuer, { alg: 'ES256' })).status).toBe(200)
  expect(await keyOf(issuer, 'ES256', 'active')).toBe(young?.kid)
})

test('an emergency rotation waits for nothing', async () => {
  const issuer = await startAdministered()
  await rotate(issuer)
  const next = await keyOf(issuer, 'RS256', 'next')
  expect((await rotate(issuer, { alg: 'RS256' })).status).toBe(409)
  expect((await rotate(issuer, { alg: 'RS256', emergency: true })).status).toBe(200)
  expect(await keyOf(issuer, 'RS256', 'active')).toBe(next)
})

test('a rotation of both algorithms of which one is refused changes neither', async () => {
  const issuer = await startAdministered()
  await rotate(issuer, { alg: 'RS256' })
  const before = await keysOf(issuer)
  expect((await rotate(issuer)).status).toBe(409)
  expect(await keysOf(issuer)).toEqual(before)
})

test('what else is said about a rotation is refused, and rotates nothing', async () => {
  const issuer = await startAdministered()
  const before = await keysOf(issuer)
  for (const body of [{ alg: 'HS256' }, { alg: 'none' }, { emergency: 'yes' }, { force: true }]) {
    expect(await rotate(issuer, body)).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  }
  expect(await keysOf(issuer)).toEqual(before)
})

test('an empty resource names no ring: nothing rotates, in an emergency neither', async () => {
  const issuer = await startAdministered()
  const before = await keysOf(issuer)
  for (const more of [{}, { emergency: true }, { alg: 'ES256' }])
    expect((await rotate(issuer, { resource: '', ...more })).status).toBe(404)
  expect(await keysOf(issuer)).toEqual(before)
})

test('the key set stays under 16 KB and every token verifies, however often keys are rotated in an emergency', async () => {
  const issuer = await startAdministered()
  const client = await createSigner(issuer)
  const minted: string[] = []
  let refused: Answer | undefined
  for (let round = 0; round < 40; round++) {
    // A key that has signed has to stay until its token ends.
    for (const alg of ALGORITHMS) minted.push(await mint(issuer, client, alg))
    const answer = await rotate(issuer, { emergency: true })
    if (answer.status !== 200) refused = answer
    expect(Buffer.byteLength((await jwks(issuer)).text)).toBeLessThan(16_384)
  }
  for (const token of minted) expect(await verifyNow(issuer, token)).toBe(headerOf(token).kid)
  expect(refused?.status).toBe(409)
  const safeFrom = /safe from (\S+Z)/.exec(refused?.body.error_description)?.[1] ?? ''
  expect(Date.parse(safeFrom)).toBeGreaterThan(issuer.clock.now())
})

test('keys that never signed stand in the way of no emergency', async () => {
  const issuer = await startAdministered()
  for (let round = 0; round < 40; round++) {
    expect((await rotate(issuer, { alg: 'RS256', emergency: true })).status, `rotation ${round}`).toBe(200)
    expect(Buffer.byteLength((await jwks(issuer)).text)).toBeLessThan(16_384)
  }
})

test('a retiring key is published until its last token has ended, clock skew included; then it goes, and what is due rotates', async () => {
  const issuer = await startAdministered({ SIGNET_KEY_ROTATION: '30d' })
  const client = await createSigner(issuer, { ttl: '40d' })
  const token = await mint(issuer, client, 'RS256')
  const { kid } = headerOf(token)
  await rotate(issuer)
  const statusOf = async (one: string) => (await keysOf(issuer)).find((key) => key.kid === one)
  expect(await statusOf(kid)).toMatchObject({ status: 'retiring' })
  const successor = await keyOf(issuer, 'RS256', 'active')

  const { exp } = claimsOf(token)
  const retiresAt = Date.parse((await statusOf(kid))?.retires_at ?? '')
  expect(retiresAt).toBeGreaterThanOrEqual((exp + 60) * 1000)
  // Reserved ahead, so that not every token costs a write; but not for long.
  expect(retiresAt).toBeLessThanOrEqual((exp + 60 + 600) * 1000)
  expect(await verifyNow(issuer, token)).toBe(kid)

  // The token has just ended, and a verifier whose clock is slow still takes it. An emergency clears what is over.
  issuer.clock.advance(exp + 55 - issuer.clock.now() / 1000)
  expect((await rotate(issuer, { alg: 'ES256', emergency: true })).status).toBe(200)
  expect(await kidsOf(issuer)).toContain(kid)

  // No request is made: the timetable does it.
  issuer.clock.advance((retiresAt - issuer.clock.now()) / 1000 + 1)
  await until(async () => !(await kidsOf(issuer)).includes(kid))
  expect(await statusOf(kid)).toMatchObject({ status: 'retired' })
  expect(await keyOf(issuer, 'RS256', 'active')).not.toBe(successor)
})

sqliteTest(
  'no verifier that caches the key set as real ones do meets a token it cannot verify, through three rotations',
  async () => {
    // Only dates are faked: they move verifiers and issuer alike.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    onTestFinished(() => void vi.useRealTimers())
    const pass = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000)

    const issuer = await startAdministered({ SIGNET_KEY_PREPUBLISH: '15m', SIGNET_JWKS_MAX_AGE: '10m' })
    const client = await createSigner(issuer)
    const url = new URL(`${issuer.url}/.well-known/jwks.json`)
    // Some ask again for a key they do not know, others not before their copy is old.
    const newVerifier = (cooldownDuration: number) =>
      createRemoteJWKSet(url, { cooldownDuration, cacheMaxAge: 600_000 })
    const verifiers: ReturnType<typeof newVerifier>[] = []
    const alive: string[] = []
    const seen = new Set<string>()
    let rotations = 0
    for (let minute = 0; rotations < 3 || minute % 20 !== 0; minute++) {
      // Caches of every age.
      if (verifiers.length < 8) verifiers.push(newVerifier(verifiers.length % 2 === 0 ? 30_000 : 600_000))
      for (const alg of ALGORITHMS) alive.push(await mint(issuer, client, alg))
      for (const token of [alive[0], alive[1], ...alive.slice(-2)]) {
        for (const keys of verifiers) {
          const { protectedHeader } = await jwtVerify(token ?? '', keys, { issuer: issuer.issuer })
          seen.add(String(protectedHeader.kid))
        }
      }
      if (minute > 2 && (await rotate(issuer)).status === 200) rotations += 1
      pass(60)
      while (claimsOf(alive[0] ?? '').exp * 1000 <= Date.now()) alive.shift()
      expect(minute).toBeLessThan(100)
    }
    expect(rotations).toBeGreaterThanOrEqual(3)
    expect(seen.size).toBeGreaterThanOrEqual(6)
  },
)

test('revoking the active key takes it out of the key set at once, its published spare signs, its tokens are dead', async () => {
  const issuer = await startAdministered()
  const client = await createSigner(issuer)
  const token = await mint(issuer, client, 'ES256')
  const other = await mint(issuer, client, 'RS256')
  const { kid } = headerOf(token)
  const spare = await keyOf(issuer, 'ES256', 'next')
  expect(await isActive(issuer, client, token)).toBe(true)

  expect((await revokeKey(issuer, kid)).status).toBe(200)
  expect(await kidsOf(issuer)).not.toContain(kid)
  expect(await keyOf(issuer, 'ES256', 'active')).toBe(spare)
  await keyOf(issuer, 'ES256', 'next')
  expect(await isActive(issuer, client, token)).toBe(false)
  await expect(verifyNow(issuer, token)).rejects.toBeInstanceOf(errors.JWKSNoMatchingKey)

  const fresh = await mint(issuer, client, 'ES256')
  expect(await verifyNow(issuer, fresh)).toBe(spare)
  expect(await isActive(issuer, client, fresh)).toBe(true)
  expect(await isActive(issuer, client, other)).toBe(true)

  const feed = (await request(`${issuer.url}/blacklist/feed`)).body.entries
  const entry = feed.find(({ kind }: { kind: string }) => kind === 'kid')
  expect(entry.hash).toBe(createHash('sha256').update(`kid:${kid}`).digest('base64url'))
  expect(entry.issued_before).toBeGreaterThanOrEqual(claimsOf(token).iat)
  expect(entry.expires_at).toBeGreaterThanOrEqual(claimsOf(token).exp)

  expect((await revokeKey(issuer, kid)).status).toBe(409)
  expect((await revokeKey(issuer, 'es256-unknown')).status).toBe(404)
})

test('a thief of a revoked key dates tokens as he likes: the feed denies them for as long as verifiers may keep the key', async () => {
  const issuer = await startAdministered()
  const kid = await keyOf(issuer, 'ES256', 'next')
  await revokeKey(issuer, kid)
  const entryOf = async () =>
    (await request(`${issuer.url}/blacklist/feed`)).body.entries.find(({ kind }: { kind: string }) => kind === 'kid')
  const revokedAt = issuer.clock.now() / 1000
  const { expires_at: end, issued_before: before } = await entryOf()
  expect(end).toBeGreaterThan(revokedAt + 29 * DAY)
  expect(end).toBeLessThan(revokedAt + 31 * DAY)
  // No date that a verifier would take is later.
  expect(before).toBeGreaterThan(revokedAt + 1000 * 365 * DAY)

  const { entries } = (await issuer.operator.call('GET', '/blacklist')).body
  expect(entries).toMatchObject([{ kind: 'kid', value: kid, created_by: 'operator' }])
  expect(Date.parse(entries[0].issued_before)).toBe(before * 1000)
  expect(await issuer.operator.call('DELETE', `/blacklist/${entries[0].id}`)).toMatchObject({ status: 409 })
  issuer.clock.advance(28 * DAY)
  expect(await entryOf()).toMatchObject({ expires_at: end })
  issuer.clock.advance(3 * DAY)
  expect(await entryOf()).toBeUndefined()
  expect((await issuer.operator.call('GET', '/blacklist')).body.entries).toEqual([])
})

test('an administrator whose own token was signed by the revoked key is out as well', async () => {
  const issuer = await startAdministered()
  const token = await issuer.operator.token()
  await revokeKey(issuer, headerOf(token).kid)
  const answer = await request(`${issuer.url}/admin/api/keys`, { headers: { authorization: `Bearer ${token}` } })
  expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
})

test('a revoked next key is replaced before it ever signs; a revoked retiring one leaves active and next alone', async () => {
  const issuer = await startAdministered()
  const client = await createSigner(issuer)
  const active = await keyOf(issuer, 'RS256', 'active')
  const next = await keyOf(issuer, 'RS256', 'next')
  await revokeKey(issuer, next)
  expect(await keyOf(issuer, 'RS256', 'active')).toBe(active)
  const replacement = await keyOf(issuer, 'RS256', 'next')
  expect(replacement).not.toBe(next)
  expect(await kidsOf(issuer)).not.toContain(next)

  const token = await mint(issuer, client, 'RS256')
  await rotate(issuer, { alg: 'RS256', emergency: true })
  expect(await isActive(issuer, client, token)).toBe(true)
  await revokeKey(issuer, active)
  expect(await isActive(issuer, client, token)).toBe(false)
  expect(await kidsOf(issuer)).not.toContain(active)
  expect(await keyOf(issuer, 'RS256', 'active')).toBe(replacement)
})

test('two processes on one database rotate once between them and serve the same key set within a second', async () => {
  const issuer = await startAdministered()
  const replica = await startReplica(issuer)
  const token = await issuer.operator.token()
  const rotateAt = ({ url }: { url: string }) =>
    request(`${url}/admin/api/keys/rotate`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })

  const outcomes = await Promise.all([issuer, replica, issuer, replica].map(rotateAt))
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual([200, 409, 409, 409])
  await until(async () => (await jwks(issuer)).text === (await jwks(replica)).text, 1000)
  expect(await kidsOf(issuer)).toHaveLength(6)
  const statuses = (await keysOf(issuer)).map(({ alg, status }) => `${alg} ${status}`)
  for (const alg of ALGORITHMS) {
    expect(statuses.filter((each) => each === `${alg} active`)).toHaveLength(1)
    expect(statuses.filter((each) => each === `${alg} next`)).toHaveLength(1)
  }
})

test('a key that one process revoked signs nothing in another, and its tokens die there within a second', async () => {
  const issuer = await startAdministered()
  const replica = await startReplica(issuer)
  const client = await createSigner(issuer)
  await until(async () => (await isActive(replica, client, 'x').catch(() => undefined)) === false, 1000)
  const token = await mint(replica, client, 'ES256')
  expect(await isActive(replica, client, token)).toBe(true)
  await revokeKey(issuer, headerOf(token).kid)
  await until(async () => !(await isActive(replica, client, token)), 1000)
  const fresh = await mint(replica, client, 'ES256')
  expect(await verifyNow(issuer, fresh)).not.toBe(headerOf(token).kid)
})

test('a restart keeps every key, and tokens of before verify after', async () => {
  const issuer = await startAdministered()
  const client = await createSigner(issuer)
  await rotate(issuer)
  const minted = await mint(issuer, client, 'ES256')
  const [before, document] = [await keysOf(issuer), (await jwks(issuer)).text]
  const again = { ...(await issuer.restart()), operator: issuer.operator }
  expect(await keysOf(again)).toEqual(before)
  expect((await jwks(again)).text).toBe(document)
  expect(await isActive(again, client, minted)).toBe(true)
})

test('a start with another master key, or none, or a damaged one, is refused and makes no new keys', async () => {
  const folder = temporaryFolder()
  const issuer = await startAdministered({}, { folder })
  const document = (await jwks(issuer)).text
  await issuer.stop()
  const file = join(folder, 'keys/master.key')
  const original = readFileSync(file, 'utf8')
  const start = (env: Record<string, string> = {}) =>
    startIssuer(readConfig(environmentOf(folder, env)), { log: rememberingLog().log })
  const other = Buffer.alloc(32, 7).toString('base64url')

  await expect(start({ SIGNET_MASTER_KEY: other })).rejects.toThrow(/the database was sealed under/)
  writeFileSync(file, `${other}\n`)
  await expect(start()).rejects.toThrow(/the database was sealed under/)
  writeFileSync(file, original.slice(0, 20))
  await expect(start()).rejects.toThrow(/master\.key does not hold a master key: found 20 characters/)
  renameSync(file, join(folder, 'elsewhere'))
  await expect(start()).rejects.toThrow(/master\.key is missing/)
  expect(existsSync(file)).toBe(false)
  renameSync(join(folder, 'keys'), join(folder, 'keys-elsewhere'))
  await expect(start()).rejects.toThrow(/master\.key is missing/)
  expect(readdirSync(folder)).not.toContain('keys')

  renameSync(join(folder, 'keys-elsewhere'), join(folder, 'keys'))
  writeFileSync(file, original, { mode: 0o600 })
  const healed = await startIssuer(readConfig(environmentOf(folder)), { log: rememberingLog().log })
  onTestFinished(() => healed.stop())
  expect((await jwks(healed)).text).toBe(document)
})

sqliteTest('a clock that jumps forward and back rotates and retires nothing, and the log says so', async () => {
  const issuer = await startAdministered()
  const client = await createSigner(issuer)
  const token = await mint(issuer, client, 'ES256')
  await rotate(issuer)
  const before = await kidsOf(issuer)
  issuer.clock.jump(40 * DAY)
  await until(() => issuer.logged.some((line) => line.includes('the clock has jumped')))
  issuer.clock.jump(-40 * DAY)
  expect(await kidsOf(issuer)).toEqual(before)
  await until(() => issuer.logged.filter((line) => line.includes('the clock has jumped')).length > 1)
  expect(await kidsOf(issuer)).toEqual(before)
  expect(await isActive(issuer, client, token)).toBe(true)
})
