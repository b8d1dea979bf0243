/** Memory and the database owe each other progress, one order of news, and ends that stay ends. */
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'
import { expect, test } from 'vitest'
import { AuditTrail, byClient } from '../src/audit.ts'
import { Blacklist } from '../src/blacklist/match.ts'
import { Revocation } from '../src/blacklist/revocation.ts'
import type { KeyRotation } from '../src/keys/rotation.ts'
import { Replica, type MemoryPart } from '../src/replica.ts'
import type { Change } from '../src/store/records/change.ts'
import type { Store } from '../src/store/store.ts'
import {
  createBackend,
  createResource,
  grantTokens,
  refresh,
  operatorOf,
  declareOperator,
  startAdministered,
} from './support/admin.ts'
import { post, request } from './support/client.ts'
import { rememberingLog, startTestIssuer, temporaryFolder } from './support/issuer.ts'
import { signet } from './support/process.ts'
import {
  HOUR,
  MINUTE,
  SHARED_ES256,
  clientOf,
  clock,
  createClient,
  createGrant,
  deleteClient,
  entryOf,
  eventOf,
  fileEventOf,
  grantOf,
  isEnded,
  keyOf,
} from './support/store-records.ts'
import { sqlitePlace } from './support/store-places.ts'
import { sqliteTest } from './support/sqlite.ts'

const seed = (store: Store) =>
  store.seedKeys(
    SHARED_ES256,
    [keyOf('active', { status: 'active', signedUntil: clock.at + HOUR }), keyOf('next')],
    eventOf('key.created'),
  )

async function revocationOver(
  store: Store,
  limitDenials: number,
): Promise<{ blacklist: Blacklist; revocation: Revocation }> {
  const blacklist = await Blacklist.open(store)
  const replica = new Replica(blacklist, [], rememberingLog().log)
  store.onChange((changes) => replica.onChange(changes))
  const audit = new AuditTrail(store, clock, rememberingLog().log)
  // No key is revoked here.
  const rotation = {} as KeyRotation
  const needs = {
    store,
    rotation,
    audit,
    blacklist,
    limitDenials,
    isAdministrators: () => false,
    isAdministratorsScope: () => false,
  }
  return { blacklist, revocation: new Revocation(needs) }
}

// ---------------------------------------------------------------- a busy neighbour

test('a process writes although another one changes something all the time', async () => {
  const place = sqlitePlace()
  const [busy, one] = [await place.open(), await place.open()]
  await createClient(busy)
  let isOver = false
  let changes = 0
  // Like another process that revokes: its next commit comes while this one takes over the last.
  one.onChange(async () => {
    if (!isOver)
      void busy.updateClient('app', (client) => ({ ...client, name: `${++changes}` }), eventOf('x')).catch(() => {})
    await sleep(3)
  })
  await busy.updateClient('app', (client) => client, eventOf('x'))
  await one.claimSetting('issuer', 'x').finally(() => (isOver = true))
  expect(changes).toBeLessThan(10)
})

// ---------------------------------------------------------------- the rule of time and the quota

test('a denial that is folded into the quota goes on denying a token that is dated later than now', async () => {
  const store = await sqlitePlace().open()
  await seed(store)
  const { blacklist, revocation } = await revocationOver(store, 3)
  const app = byClient('app', null)
  const iat = clock.at / 1000
  for (const jti of ['a', 'b', 'c']) await revocation.revokeAccessToken({ jti, exp: iat + 900 }, app)
  const token = { jti: 'a', sub: 'app', client_id: 'app', iat }
  expect(blacklist.findDenying(token)).toBeDefined()
  // The clock was set back, and the process restarted.
  clock.pass(-5 * MINUTE)
  await revocation.revokeAccessToken({ jti: 'd', exp: iat + 900 }, app)
  expect(blacklist.findDenying(token)).toBeDefined()
})

// ---------------------------------------------------------------- the feed after a fold

test('entries that a quota entry took the place of leave the feed', async () => {
  const issuer = await startAdministered({ SIGNET_LIMIT_DENIALS: '5' })
  const resources = [await createResource(issuer.operator, 'api')]
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources })
  const entries = async () => (await request(`${issuer.url}/blacklist/feed`)).body.entries.length as number
  for (let index = 0; index < 12; index++) {
    const { body } = await post(issuer, '/token', { grant_type: 'client_credentials' }, shop)
    expect((await post(issuer, '/revoke', { token: body.access_token }, shop)).status).toBe(200)
    expect(await entries()).toBeLessThanOrEqual(6)
  }
})

// ---------------------------------------------------------------- an ended secret and a deletion

test('a brought secret that was rotated away stays ended when the client is deleted and created anew', async () => {
  const LEAKED = 'the-secret-of-the-file-which-has-leaked-out'
  const folder = temporaryFolder()
  const { file, credentials } = declareOperator(folder)
  writeFileSync(`${folder}/dear.secret`, LEAKED)
  appendFileSync(file, '  - client_id: dear\n    scope: read\n    client_secret: { file: dear.secret }\n')
  const issuer = await startTestIssuer({ SIGNET_CONFIG: file }, { folder })
  const operator = operatorOf(issuer, credentials)
  await operator.call('POST', '/admin/api/clients/dear/rotate-secret', { overlap: 0 })
  await operator.call('DELETE', '/admin/api/clients/dear')
  const created = await signet(['client', 'create', '--id', 'dear', '--json'], issuer.env)
  const { client_secret: secret } = JSON.parse(created.stdout) as { client_secret: string }
  const again = await issuer.restart()
  const tries = async (each: string) =>
    (await post(again, '/token', { grant_type: 'client_credentials' }, { clientId: 'dear', secret: each })).status
  expect([await tries(LEAKED), await tries(secret)]).toEqual([401, 200])
})

// ---------------------------------------------------------------- whose grants end with a name

test('grants that a client had in its own name are no grants of a person', async () => {
  const store = await sqlitePlace().open()
  await createClient(store)
  await createGrant(store, grantOf('g1', { sub: 'app' }))
  await deleteClient(store)
  expect(await createClient(store)).toMatchObject({ outcome: 'created', endedGrants: 0 })
  expect((await store.listBlacklist({ limit: 9 })).map(({ cause }) => cause)).toEqual(['client_deleted'])
})

test('grants of a person that have expired do not count as ended by a name', async () => {
  const store = await sqlitePlace().open()
  await createClient(store)
  await createGrant(store, grantOf('g1', { expiresAt: clock.at + MINUTE }))
  clock.pass(HOUR)
  expect(await createClient(store, clientOf('alice'))).toMatchObject({ outcome: 'created', endedGrants: 0 })
})

// ---------------------------------------------------------------- the file deletes, the file creates

test('a client that the file itself removed may be named by the file again, as a resource may', async () => {
  const store = await sqlitePlace().open()
  await createClient(store, clientOf('app'), fileEventOf('client.created'))
  await deleteClient(store, 'app', fileEventOf('client.deleted'))
  expect(await isEnded(store, 'client', 'app')).toBe(false)
  expect(await createClient(store, clientOf('app'), fileEventOf('client.created'))).toMatchObject({
    outcome: 'created',
  })
})

// ---------------------------------------------------------------- a listener that hangs

test('a listener that does not come back keeps no verb waiting for ever', async () => {
  const store = await sqlitePlace().open()
  let release = () => {}
  store.onChange(() => new Promise((resolve) => (release = resolve)))
  await expect(createClient(store)).rejects.toThrow('could not take it over yet')
  release()
})

// ---------------------------------------------------------------- memory never ahead of the blacklist

test('memory takes no new client, key or resource over while the blacklist cannot be read', async () => {
  const taken: string[] = []
  const part = (noun: Change['noun'], fails = false) => ({
    noun,
    read: async () => {
      if (fails) throw new Error('not now')
      return () => void taken.push(noun)
    },
  })
  const replica = new Replica(part('blacklist', true), [part('client'), part('key')], rememberingLog().log)
  await replica.onChange((['client', 'key', 'blacklist'] as const).map((noun) => ({ noun, id: null }))).catch(() => {})
  expect(taken).toEqual([])
})

test('the blacklist is read last, so that it is at least as new as the rest', async () => {
  const read: string[] = []
  const part = (noun: Change['noun']) => ({
    noun,
    read: async () => {
      read.push(noun)
      return () => {}
    },
  })
  const replica = new Replica(part('blacklist'), [part('client'), part('resource')], rememberingLog().log)
  await replica.onChange((['client', 'resource', 'blacklist'] as const).map((noun) => ({ noun, id: null })))
  expect(read.at(-1)).toBe('blacklist')
})

test('a part that fails at taking over keeps no other from it', async () => {
  const taken: string[] = []
  const blacklist = { noun: 'blacklist', read: async () => () => {} } as const
  const parts: MemoryPart[] = [
    {
      noun: 'key',
      read: async () => () => {
        throw new Error('broken')
      },
    },
    { noun: 'client', read: async () => () => void taken.push('client') },
  ]
  const replica = new Replica(blacklist, parts, rememberingLog().log)
  await replica.onChange((['client', 'key'] as const).map((noun) => ({ noun, id: null }))).catch(() => {})
  expect(taken).toEqual(['client'])
})

// ---------------------------------------------------------------- a client that begins anew

test('a client registered anew gets a grant at once, as it gets a token', async () => {
  const issuer = await startAdministered()
  const resources = [await createResource(issuer.operator, 'api')]
  await createBackend(issuer.operator, { client_id: 'shop', resources })
  expect((await issuer.operator.call('DELETE', '/admin/api/clients/shop')).status).toBe(204)
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources })
  const tokens = await grantTokens(issuer, shop, 'ada')
  expect(tokens.refresh_token).toBeDefined()
})

test('a refresh that is answered 503 because of a line can be tried again, as the answer says', async () => {
  const issuer = await startAdministered({ SIGNET_LIMIT_DENIALS: '1', SIGNET_REFRESH_GRACE: '0' })
  const resources = [await createResource(issuer.operator, 'api')]
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources })
  const { refresh_token: first = '' } = await grantTokens(issuer, shop, 'ada')
  for (const _ of ['one', 'and one too many']) {
    const { body } = await post(issuer, '/token', { grant_type: 'client_credentials' }, shop)
    await post(issuer, '/revoke', { token: body.access_token }, shop)
  }
  const statuses: number[] = []
  for (let attempt = 0; attempt < 4 && !statuses.includes(200); attempt++) {
    const answer = await refresh(issuer, shop, first)
    statuses.push(answer.status)
    if (answer.status !== 200) await sleep(1000)
  }
  expect(statuses).toContain(200)
})

// ---------------------------------------------------------------- the version before

test('a client that the version before disabled is enabled by this one', async () => {
  const store = await sqlitePlace().open()
  await createClient(store)
  // As that version writes it: without a cause, which is 'blacklist' then.
  const entry = entryOf('client_id', 'app', {
    refusesNew: true,
    createdBy: 'client.disabled',
    reason: 'client disabled',
  })
  await store.disableClient('app', () => entry, eventOf('client.disabled'))
  await store.enableClient('app', eventOf('client.enabled'))
  expect(await store.listBlacklist({ limit: 9 })).toEqual([])
})

// ---------------------------------------------------------------- one row that cannot be read

sqliteTest("11: a client's row that cannot be read stops that client, and nobody else", async () => {
  const issuer = await startAdministered()
  const resources = [await createResource(issuer.operator, 'api')]
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources })
  await createBackend(issuer.operator, { client_id: 'broken' })
  const raw = new SqliteDatabase(join(issuer.folder, 'data/signet.db'), { timeout: 2000 })
  raw.exec("BEGIN IMMEDIATE; UPDATE clients SET claims = '{' WHERE client_id = 'broken'")
  raw.exec("INSERT INTO changes (noun, id, at) VALUES ('client', 'broken', 0); COMMIT")
  raw.close()
  const asked = await post(issuer, '/token', { grant_type: 'client_credentials' }, shop)
  expect(asked.status).toBe(200)
  expect((await post(issuer, '/revoke', { token: asked.body.access_token }, shop)).status).toBe(200)
})
