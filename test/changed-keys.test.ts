/**
 * A resource that is given keys of its own later, or gives them up: whatever is changed, its key set verifies every token
 * that is live, and keys that no resource uses come to rest.
 */
import SqliteDatabase from 'better-sqlite3'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  createResource,
  isActive,
  startAdministered,
  startReplica,
  tokens,
  until,
  type AdministeredIssuer,
} from './support/admin.ts'
import { claimsOf, headerOf, request, type Credentials } from './support/client.ts'
import { signet } from './support/process.ts'
import { refusal, registered } from './support/shared.ts'
import { sqliteTest } from './support/sqlite.ts'

const ID = 'https://org.example.com/'
const DAY = 86_400
/** A key leaves so long after its last token: a token is reserved ahead, and clocks differ. */
const AFTER_LAST = 900 + 60 + 600

interface Scene {
  issuer: AdministeredIssuer
  client: Credentials
}

async function scene(resource: object = {}, env: Record<string, string> = {}): Promise<Scene> {
  const issuer = await startAdministered(env)
  await createResource(issuer.operator, ID, { ...resource })
  return { issuer, client: await registered(issuer, { resources: [ID] }) }
}

const mint = async ({ issuer, client }: Scene): Promise<string> => (await tokens(issuer, client)).access_token ?? ''

const kidOf = (token: string): string => headerOf(token).kid

async function keySet(at: { url: string }, id = ID): Promise<JSONWebKeySet> {
  const { body } = await request(`${at.url}/jwks/${encodeURIComponent(id)}`)
  return body as unknown as JSONWebKeySet
}

const kidsAt = async (at: { url: string }): Promise<string[]> => (await keySet(at)).keys.map(({ kid = '' }) => kid)

const sharedKids = async ({ url }: { url: string }): Promise<string[]> =>
  (await request(`${url}/.well-known/jwks.json`)).body.keys.map(({ kid }: { kid: string }) => kid)

async function patch({ issuer }: Scene, change: object): Promise<void> {
  const answer = await issuer.operator.call('PATCH', `/admin/api/resources/${encodeURIComponent(ID)}`, change)
  expect(answer.status, answer.text).toBe(200)
}

/** Status by `kid`, of the keys that the resource has or had to itself. */
async function ownKeys({ issuer }: Scene): Promise<Record<string, string>> {
  const { body } = await issuer.operator.call('GET', '/admin/api/keys')
  const keys = body as unknown as { kid: string; status: string; resource?: string }[]
  return Object.fromEntries(keys.filter(({ resource }) => resource === ID).map(({ kid, status }) => [kid, status]))
}

/** Verifies live tokens by a key set of the resource, and by introspection. */
async function expectGood({ issuer, client }: Scene, live: string[], keys?: JSONWebKeySet): Promise<void> {
  const set = createLocalJWKSet(keys ?? (await keySet(issuer)))
  const currentDate = new Date(issuer.clock.now())
  for (const token of live) {
    await jwtVerify(token, set, { issuer: issuer.issuer, audience: ID, currentDate })
    expect(await isActive(issuer, client, token)).toBe(true)
  }
}

test('own keys that are given up stay in its key set until their last token has ended, and then are retired', async () => {
  const own = await scene({ own_keys: true })
  const { issuer } = own
  const former = await mint(own)
  const [next = ''] = (await kidsAt(issuer)).filter((kid) => kid !== kidOf(former))
  await patch(own, { own_keys: false })
  const later = await mint(own)
  expect(await sharedKids(issuer)).toContain(kidOf(later))
  expect(await sharedKids(issuer)).not.toContain(kidOf(former))
  expect(await kidsAt(issuer)).toEqual(expect.arrayContaining([kidOf(former), kidOf(later)]))
  await expectGood(own, [former, later])
  // The next key has signed nothing.
  expect(await ownKeys(own)).toEqual({ [kidOf(former)]: 'retiring', [next]: 'retired' })
  const looked = await signet(['doctor', former, '--resource', ID, '--json'], issuer.env)
  expect({ code: looked.code, failed: JSON.parse(looked.stdout).filter(({ ok }: { ok: boolean }) => !ok) }).toEqual({
    code: 0,
    failed: [],
  })

  issuer.clock.advance(claimsOf(former).exp + 30 - issuer.clock.now() / 1000)
  expect(await kidsAt(issuer)).toContain(kidOf(former))
  issuer.clock.advance(AFTER_LAST)
  await until(async () => !(await kidsAt(issuer)).includes(kidOf(former)))
  expect(await ownKeys(own)).toEqual({ [kidOf(former)]: 'retired', [next]: 'retired' })
  expect(await kidsAt(issuer)).toEqual(await sharedKids(issuer))
})

test('a rotated key is given up as well, and the feed and the schedule know of no ring that is left', async () => {
  const own = await scene({ own_keys: true })
  const { issuer } = own
  const before = await mint(own)
  const rotated = await issuer.operator.call('POST', '/admin/api/keys/rotate', { resource: ID })
  expect(rotated.status).toBe(200)
  const after = await mint(own)
  await patch(own, { own_keys: false })
  expect(await kidsAt(issuer)).toEqual(expect.arrayContaining([kidOf(before), kidOf(after)]))
  await expectGood(own, [before, after, await mint(own)])
  const again = await issuer.operator.call('POST', '/admin/api/keys/rotate', { resource: ID, emergency: true })
  expect(again.status).toBe(404)
})

test('keys that are given to it later sign once every cache knows them; the shared ones sign until then, and stay until their last token has ended', async () => {
  const given = await scene()
  const { issuer } = given
  const before = await mint(given)
  await patch(given, { own_keys: true })
  const cached = await keySet(issuer)
  const [first = ''] = Object.keys(await ownKeys(given))
  expect(cached.keys.map(({ kid }) => kid)).toEqual(expect.arrayContaining([first, kidOf(before)]))
  expect(await ownKeys(given)).toEqual({ [first]: 'next' })
  const meanwhile = await mint(given)
  expect(await sharedKids(issuer)).toContain(kidOf(meanwhile))
  await expectGood(given, [before, meanwhile], cached)

  issuer.clock.advance(DAY - 60)
  const last = await mint(given)
  expect(await sharedKids(issuer)).toContain(kidOf(last))
  issuer.clock.advance(61)
  await until(async () => kidOf(await mint(given)) === first)
  const now = await mint(given)
  await expectGood(given, [last, now])
  await expectGood(given, [now], cached)
  expect(Object.values(await ownKeys(given)).toSorted()).toEqual(['active', 'next'])

  issuer.clock.advance(AFTER_LAST)
  await until(async () => !(await kidsAt(issuer)).includes(kidOf(last)))
  expect((await kidsAt(issuer)).toSorted()).toEqual(Object.keys(await ownKeys(given)).toSorted())
})

test('an emergency rotation lets its first own key sign at once; a requested one is refused until it is known', async () => {
  const given = await scene()
  const { issuer } = given
  const before = await mint(given)
  await patch(given, { own_keys: true })
  await kidsAt(issuer)
  const rotate = (body: object = {}) =>
    issuer.operator.call('POST', '/admin/api/keys/rotate', { resource: ID, ...body })
  const refused = await rotate()
  expect(refused.status).toBe(409)
  expect(refused.body.error_description).toMatch(/first own key.*safe from \d{4}-/)
  expect((await rotate({ emergency: true })).status).toBe(200)
  const after = await mint(given)
  expect(Object.keys(await ownKeys(given))).toContain(kidOf(after))
  await expectGood(given, [before, after])
})

test('another algorithm leaves its former own keys until their last token has ended', async () => {
  const own = await scene({ own_keys: true })
  const { issuer } = own
  const former = await mint(own)
  await patch(own, { alg: 'RS256' })
  const later = await mint(own)
  expect(headerOf(later).alg).toBe('RS256')
  expect(await sharedKids(issuer)).not.toContain(kidOf(later))
  await expectGood(own, [former, later])
  expect(Object.values(await ownKeys(own)).toSorted()).toEqual(['active', 'next', 'retired', 'retiring'])
  issuer.clock.advance(AFTER_LAST + 900)
  await until(async () => (await kidsAt(issuer)).length === 2)
  expect(await kidsAt(issuer)).toContain(kidOf(later))
})

test('given, given up and given again, every live token verifies at every step, at every replica', async () => {
  const own = await scene({ own_keys: true })
  const { issuer } = own
  const replica = await startReplica(issuer)
  const live = [await mint(own)]
  for (const own_keys of [false, true, false, true, true]) {
    await patch(own, { own_keys })
    live.push(await mint(own))
    await expectGood(own, live)
    await until(async () => JSON.stringify(await keySet(replica)) === JSON.stringify(await keySet(issuer)))
    live.push((await tokens(replica, own.client)).access_token ?? '')
    await expectGood(own, live, await keySet(replica))
  }
  expect(Object.values(await ownKeys(own)).filter((status) => status === 'next')).toHaveLength(1)
  expect(Object.values(await ownKeys(own)).filter((status) => status === 'active')).toHaveLength(0)
})

test('a deleted resource leaves no key in use, and the deployment is found sound; made again, it has fresh keys', async () => {
  const own = await scene({ own_keys: true })
  const { issuer } = own
  const token = await mint(own)
  await issuer.operator.call('DELETE', `/admin/api/resources/${encodeURIComponent(ID)}?force=true`)
  expect((await request(`${issuer.url}/jwks/${encodeURIComponent(ID)}`)).status).toBe(404)
  expect(new Set(Object.values(await ownKeys(own)))).toEqual(new Set(['retired']))
  expect(await failedRings(issuer)).toEqual([])

  await createResource(issuer.operator, ID, { own_keys: true })
  const again = { issuer, client: await registered(issuer, { resources: [ID] }) }
  const fresh = await mint(again)
  expect(kidOf(fresh)).not.toBe(kidOf(token))
  await expectGood(again, [fresh])
  expect(await isActive(issuer, again.client, token)).toBe(false)
})

/** The checks of key rings that `signet doctor` finds broken. */
async function failedRings(issuer: AdministeredIssuer): Promise<unknown[]> {
  const { stdout } = await signet(['doctor', '--json'], issuer.env)
  const checks = JSON.parse(stdout) as { check: string; ok: boolean }[]
  return checks.filter(({ check, ok }) => check.startsWith('keys ') && !ok)
}

test('the command says which keys sign, and the doctor finds each state sound', async () => {
  const given = await scene()
  const { issuer } = given
  await mint(given)
  const update = (flag: string) => signet(['resource', 'update', ID, flag, '--json'], issuer.env)
  const on = await update('--own-keys')
  expect(on).toMatchObject({ code: 0, stderr: expect.stringMatching(/the issuer's keys sign its tokens until \d{4}-/) })
  expect(Object.values(await ownKeys(given))).toEqual(['next'])
  expect(await failedRings(issuer)).toEqual([])
  const off = await update('--no-own-keys')
  expect(off).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/refuse them until they fetch it again, up to 300 s/),
  })
  expect(await failedRings(issuer)).toEqual([])
  expect(refusal(await issuer.operator.call('POST', '/admin/api/keys/rotate', { resource: ID }))).toContain('404')
})

sqliteTest('keys that an older version has left in use come to rest by themselves', async () => {
  const own = await scene({ own_keys: true })
  const token = await mint(own)
  await own.issuer.stop()
  const database = new SqliteDatabase(join(own.issuer.folder, 'data/signet.db'))
  database.prepare('UPDATE resources SET own_keys = 0').run()
  database.close()
  const issuer = { ...(await own.issuer.restart()), operator: own.issuer.operator }
  const again = { ...own, issuer }
  await until(async () => (await ownKeys(again))[kidOf(token)] === 'retiring')
  await expectGood(again, [token, await mint(again)])
  issuer.clock.advance(AFTER_LAST + 900)
  await until(async () => (await ownKeys(again))[kidOf(token)] === 'retired')
})
