/**
 * Beside the version before, on one database: what that version wrote is migrated, it goes on using what this one
 * migrated, and both hear of each other. The version before (commit 6fa6620) is played by its own SQL.
 *
 * Not again on PostgreSQL: it is about the file of SQLite.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import SqliteDatabase, { type Database } from 'better-sqlite3'
import { afterEach, describe, expect, test } from 'vitest'
import { timeOrderedId } from '../src/ground/ids.ts'
import type { Change } from '../src/store/records/change.ts'
import type { Store } from '../src/store/store.ts'
import {
  DAY,
  HOUR,
  MINUTE,
  addEntry,
  clientOf,
  clock,
  createClient,
  createGrant,
  entryOf,
  eventOf,
  grantOf,
  isEnded,
  listEndedSecrets,
  resourceOf,
} from './support/store-records.ts'
import { newFile, openFile } from './support/store-places.ts'

const MIGRATIONS = resolve(import.meta.dirname, '../migrations/sqlite')
const LAST_BEFORE = '0002_deleted_resources'
/** "Sgnt" in the header. */
const APPLICATION_ID = 0x53676e74

interface Journal {
  entries: { tag: string; when: number }[]
}

const connections: Database[] = []
afterEach(() => {
  for (const raw of connections.splice(0)) raw.close()
})

function connect(file: string): Database {
  const raw = new SqliteDatabase(file, { timeout: 2000 })
  raw.pragma('journal_mode = wal')
  raw.pragma('foreign_keys = 1')
  connections.push(raw)
  return raw
}

/** A database as the version before made it. */
function databaseOfBefore(): { file: string; raw: Database } {
  const file = newFile()
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  // The header is written before there is a journal, as a new file is.
  const header = new SqliteDatabase(file)
  header.pragma(`application_id = ${APPLICATION_ID}`)
  header.close()
  const raw = connect(file)
  raw.exec('CREATE TABLE __drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)')
  const journal = JSON.parse(readFileSync(join(MIGRATIONS, 'meta/_journal.json'), 'utf8')) as Journal
  for (const { tag, when } of journal.entries.filter((entry) => entry.tag <= LAST_BEFORE)) {
    raw.exec(readFileSync(join(MIGRATIONS, `${tag}.sql`), 'utf8').replaceAll('--> statement-breakpoint', ''))
    raw.prepare('INSERT INTO __drizzle_migrations (hash, created_at) VALUES (?, ?)').run(tag, when)
  }
  raw
    .prepare(
      "INSERT INTO signing_keys (kid, alg, status, public_jwk, sealed_private_key, created_at, signed_until) VALUES ('k', 'ES256', 'active', '{}', 'sealed', 0, 0)",
    )
    .run()
  return { file, raw }
}

// What the version before does, by its statements: columns that came later are not named.

const note = (raw: Database, noun: Change['noun'], id: string): number =>
  Number(raw.prepare('INSERT INTO changes (noun, id, at) VALUES (?, ?, ?)').run(noun, id, clock.at).lastInsertRowid)

function insertClient(raw: Database, clientId: string, secrets: string[] = []): number {
  note(raw, 'client', clientId)
  const { lastInsertRowid } = raw
    .prepare(
      `INSERT INTO clients (client_id, name, grant_types, scope, resources, redirect_uris, token_endpoint_auth_method,
       jwks, claims, allowed_claims, created_at, updated_at)
       VALUES (?, NULL, '["refresh_token"]', '["read"]', '[]', '[]', 'client_secret_basic', 'null', '{}', '[]', 1, 1)`,
    )
    .run(clientId)
  insertSecrets(raw, Number(lastInsertRowid), secrets)
  return Number(lastInsertRowid)
}

function insertSecrets(raw: Database, key: number, secrets: string[]): void {
  const insert = raw.prepare(
    "INSERT INTO client_secrets (id, client_key, kind, digest, created_at) VALUES (?, ?, 'generated', 'd', 1)",
  )
  for (const id of secrets) insert.run(id, key)
}

const insertGrant = (raw: Database, sid: string, clientKey: number, sub: string) =>
  raw
    .prepare(
      `INSERT INTO grants (sid, client_key, sub, resources, scope, claims, family_secret, generation, created_at,
       rotated_at, expires_at, access_expires_at) VALUES (?, ?, ?, '[]', '["read"]', '{}', 'secret', 3, ?, ?, ?, ?)`,
    )
    .run(sid, clientKey, sub, clock.at, clock.at, clock.at + 30 * DAY, clock.at + HOUR)

interface EntryOfBefore {
  kind: string
  value: string
  reason?: string | null
  createdBy?: string
  refusesNew?: boolean
}

/** @returns its revision */
function insertEntry(raw: Database, entry: EntryOfBefore): number {
  const { kind, value, reason = null, createdBy = 'admin', refusesNew = false } = entry
  const id = timeOrderedId(clock.at)
  const revision = note(raw, 'blacklist', id)
  raw
    .prepare(
      `INSERT INTO blacklist_entries (id, kind, value, issued_before, expires_at, denies_until, refuses_new, reason,
       created_by, created_at, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      id,
      kind,
      value,
      clock.at,
      refusesNew ? null : clock.at + HOUR,
      clock.at + HOUR,
      Number(refusesNew),
      reason,
      createdBy,
      clock.at,
      revision,
    )
  return revision
}

const lastRevisionOfBefore = (raw: Database): number =>
  Number(raw.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").pluck().get())

const changesAfter = (raw: Database, revision: number): unknown[] =>
  raw.prepare('SELECT noun, id FROM changes WHERE revision > ? ORDER BY revision').all(revision)

const causeOf = async (store: Store, value: string) =>
  (await store.listBlacklistSince(0)).find((entry) => entry.value === value)?.cause

describe('migrating what the version before wrote', () => {
  const ENTRIES: [string, EntryOfBefore, string][] = [
    ['a revoked key', { kind: 'kid', value: 'v', reason: 'signing key revoked' }, 'key_revoked'],
    [
      'a disabled client',
      { kind: 'client_id', value: 'v', reason: 'client disabled', createdBy: 'client.disabled', refusesNew: true },
      'client_disabled',
    ],
    ['a deleted client', { kind: 'client_id', value: 'v', reason: 'client deleted' }, 'client_deleted'],
    ['a disabled person', { kind: 'sub', value: 'v', reason: 'user disabled', refusesNew: true }, 'user_disabled'],
    ['a token that its client revoked', { kind: 'jti', value: 'v', reason: 'revoked by client' }, 'revocation'],
    ['a grant that its client revoked', { kind: 'sid', value: 'v', reason: 'revoked by client' }, 'revocation'],
    ['a reuse', { kind: 'sid', value: 'v', reason: 'refresh token reuse', createdBy: 'system' }, 'reuse'],
    ['a restored backup', { kind: 'sid', value: 'v', reason: 'restored', createdBy: 'cli' }, 'restored'],
    ['a grant that an operator ended', { kind: 'sid', value: 'v', reason: 'revoked by administrator' }, 'grant_ended'],
    ['a posted token', { kind: 'jti', value: 'v', reason: 'leaked' }, 'blacklist'],
    ['a posted token without a reason', { kind: 'jti', value: 'v' }, 'blacklist'],
    ['a posted grant', { kind: 'sid', value: 'v', reason: null }, 'blacklist'],
    ['a posted person', { kind: 'sub', value: 'v', reason: 'abuse', refusesNew: true }, 'blacklist'],
    ['a posted client', { kind: 'client_id', value: 'v', reason: null, refusesNew: true }, 'blacklist'],
  ]

  test.each(ENTRIES)('%s is known by the act that made it', async (_, entry, cause) => {
    const { file, raw } = databaseOfBefore()
    insertEntry(raw, entry)
    const store = await openFile(file)
    expect(await causeOf(store, 'v')).toBe(cause)
    expect((await store.listBlacklistSince(0))[0]?.owner).toBeNull()
  })

  const SPOOFS: [string, EntryOfBefore][] = [
    ['client deleted', { kind: 'client_id', value: 'v', reason: 'client deleted', refusesNew: true }],
    ['revoked by mistake', { kind: 'sid', value: 'v', reason: 'revoked by mistake' }],
  ]

  test.each(SPOOFS)('a posted entry whose reason reads "%s" stays one that can be lifted', async (_, entry) => {
    const { file, raw } = databaseOfBefore()
    insertEntry(raw, entry)
    expect(await causeOf(await openFile(file), 'v')).toBe('blacklist')
  })

  test('secrets keep their order, clients their keys, and what the file may revive is not invented', async () => {
    const { file, raw } = databaseOfBefore()
    const key = insertClient(raw, 'app', ['z', 'a', 'm'])
    insertClient(raw, 'web', ['b', 'y'])
    const store = await openFile(file)
    const app = await store.findClient('app')
    expect(app).toMatchObject({ key, jwks: null, scope: ['read'] })
    expect(app?.secrets.map(({ id }) => id)).toEqual(['z', 'a', 'm'])
    expect((await store.listClients()).map(({ secrets }) => secrets.map(({ id }) => id))).toEqual([
      ['z', 'a', 'm'],
      ['b', 'y'],
    ])
    expect(await listEndedSecrets(store, 'app')).toEqual([])
    expect(await isEnded(store, 'client', 'app')).toBe(false)
  })

  test('grants and their families go on, ended ones stay ended', async () => {
    const { file, raw } = databaseOfBefore()
    const key = insertClient(raw, 'app')
    insertGrant(raw, 'g1', key, 'alice')
    insertGrant(raw, 'g2', key, 'alice')
    raw.prepare("UPDATE grants SET ended_at = ?, ended_reason = 'reuse' WHERE sid = 'g2'").run(clock.at)
    const store = await openFile(file)
    expect(await store.findGrant('g1')).toMatchObject({ clientId: 'app', grantType: '', generation: 3, endedAt: null })
    const renewal = { act: 'rotate', idleExpiresAt: null, accessExpiresAt: clock.at + 2 * HOUR } as const
    expect(await store.rotateGrant('g1', () => renewal)).toMatchObject({ outcome: 'rotated', grant: { generation: 4 } })
    expect(await store.findGrant('g2')).toMatchObject({ endedReason: 'reuse' })
    expect(await createGrant(store, grantOf('g3'), { limit: 1 })).toMatchObject({ replaced: 'g1' })
  })

  test('revisions go on behind those that were given, also where their changes were swept', async () => {
    const { file, raw } = databaseOfBefore()
    for (let index = 0; index < 5; index++) insertEntry(raw, { kind: 'jti', value: `v${index}` })
    raw.exec('DELETE FROM changes')
    const store = await openFile(file)
    expect((await addEntry(store, entryOf('jti', 'new'))).revision).toBe(6)
  })

  test('a new database has a revision row too', async () => {
    const file = newFile()
    await openFile(file)
    expect(connect(file).prepare('SELECT id, value FROM revision').all()).toEqual([{ id: 1, value: 0 }])
  })

  test('processes that migrate at once do it once', async () => {
    const { file, raw } = databaseOfBefore()
    insertEntry(raw, { kind: 'kid', value: 'v' })
    const stores = await Promise.all([openFile(file), openFile(file), openFile(file)])
    for (const store of stores) expect(await causeOf(store, 'v')).toBe('key_revoked')
    expect(raw.prepare('SELECT count(*) FROM revision').pluck().get()).toBe(1)
  })
})

describe('the version before on a database that this one migrated', () => {
  async function migrated(): Promise<{ store: Store; raw: Database; key: number; heard: Change[] }> {
    const { file, raw } = databaseOfBefore()
    const key = insertClient(raw, 'app', ['s1'])
    const store = await openFile(file)
    const heard: Change[] = []
    store.onChange(async (changes) => void heard.push(...changes))
    return { store, raw, key, heard }
  }

  test('it writes what it wrote before', async () => {
    const { store, raw, key } = await migrated()
    insertClient(raw, 'web', ['s2', 's3'])
    insertGrant(raw, 'g1', key, 'alice')
    insertEntry(raw, { kind: 'jti', value: 'x' })
    raw.prepare("UPDATE grants SET generation = generation + 1 WHERE sid = 'g1'").run()
    raw.prepare("INSERT INTO deleted_resources (id, deleted_at) VALUES ('api', ?)").run(clock.at)
    raw
      .prepare("INSERT INTO audit_events (id, at, actor, action, target, details) VALUES ('e', 1, 'a', 'b', 'c', '{}')")
      .run()
    expect((await store.findClient('web'))?.secrets.map(({ id }) => id)).toEqual(['s2', 's3'])
    expect(await store.findGrant('g1')).toMatchObject({ grantType: '', generation: 4 })
    expect(await causeOf(store, 'x')).toBe('blacklist')
    expect(await isEnded(store, 'resource', 'api')).toBe(false)
    expect((await store.listAudit({ limit: 9 })).map(({ actorKind }) => actorKind)).toContain('')
  })

  test('it reads and changes what this one wrote', async () => {
    const { store, raw } = await migrated()
    await createClient(store, clientOf('new'))
    await createGrant(store, grantOf('g1', { clientId: 'new' }))
    await store.createResource(resourceOf('api'), eventOf('resource.created'))
    const { revision } = await addEntry(store, entryOf('jti', 'x'))
    expect(raw.prepare("SELECT generation FROM grants WHERE sid = 'g1'").pluck().get()).toBe(0)
    expect(raw.prepare("SELECT own_keys FROM resources WHERE id = 'api'").pluck().get()).toBe(0)
    expect(raw.prepare('SELECT revision FROM blacklist_entries').pluck().get()).toBe(revision)
    const key = Number(raw.prepare("SELECT key FROM clients WHERE client_id = 'new'").pluck().get())
    // Its update of a client writes the secrets anew, and so loses their positions, not their order.
    raw.prepare('DELETE FROM client_secrets WHERE client_key = ?').run(key)
    insertSecrets(raw, key, ['z', 'a'])
    expect((await store.findClient('new'))?.secrets.map(({ id }) => id)).toEqual(['z', 'a'])
  })

  test('revisions rise through both of them, and neither misses a change', async () => {
    const { store, raw, heard } = await migrated()
    const seenByBefore: unknown[] = []
    let cursor = lastRevisionOfBefore(raw)
    const given = [cursor]
    const expected: Change[] = []
    for (let round = 0; round < 6; round++) {
      given.push(insertEntry(raw, { kind: 'jti', value: `before ${round}` }))
      note(raw, 'client', `before ${round}`)
      given.push(lastRevisionOfBefore(raw))
      const { revision } = await addEntry(store, entryOf('jti', `this ${round}`))
      given.push(revision)
      expect(lastRevisionOfBefore(raw)).toBe(revision)
      seenByBefore.push(...changesAfter(raw, cursor))
      cursor = revision
      await store.pollChanges()
      expected.push({ noun: 'client', id: `before ${round}` })
    }
    expect(given).toEqual(given.toSorted((one, other) => one - other))
    expect(new Set(given).size).toBe(given.length)
    expect(seenByBefore).toHaveLength(18)
    expect(heard).toHaveLength(18)
    expect(heard.filter(({ noun }) => noun === 'client')).toEqual(expected)
    const feed = (await store.listBlacklistSince(0)).map(({ value }) => value)
    expect(feed).toEqual([0, 1, 2, 3, 4, 5].flatMap((round) => [`before ${round}`, `this ${round}`]))
  })

  test('a write of this one is decided on what the version before has just committed', async () => {
    const { store, raw, heard } = await migrated()
    await createGrant(store, grantOf('g1'))
    heard.length = 0
    insertEntry(raw, { kind: 'sub', value: 'alice', refusesNew: true })
    let known = 0
    await store.rotateGrant('g1', () => {
      known = heard.length
      return { act: 'rotate', idleExpiresAt: null, accessExpiresAt: clock.at + MINUTE }
    })
    expect(known).toBe(1)
    await expect(createGrant(store, grantOf('g2'))).rejects.toThrow(/blacklist/)
  })
})
