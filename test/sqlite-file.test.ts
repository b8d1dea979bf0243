/**
 * The database of SQLite as a file: how it is made, refused, backed up and restored.
 *
 * Not again on PostgreSQL: it is about files of SQLite.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { Fault } from '../src/ground/errors.ts'
import { databaseName, openStore, probeDatabase, restoreBackup } from '../src/store/open.ts'
import type { Store } from '../src/store/store.ts'
import {
  HOUR,
  MINUTE,
  START,
  addEntry,
  clientOf,
  clock,
  createClient,
  createGrant,
  entryOf,
  grantOf,
  stored,
  actionsOf,
} from './support/store-records.ts'
import { newFile, openFile } from './support/store-places.ts'

const makeForeign = (file: string) => new SqliteDatabase(file).exec('CREATE TABLE theirs (id)').close()

const filesBeside = (file: string): string[] => readdirSync(join(file, '..')).toSorted()

describe('SQLite: the file', () => {
  test('the settings that safety rests on hold on a file that existed', async () => {
    const file = newFile()
    await (await openFile(file)).close()
    const { settings, integrity, location } = await (await openFile(file)).facts({ integrity: true })
    expect(settings).toMatchObject({
      journal_mode: 'wal',
      synchronous: 2,
      foreign_keys: 1,
      busy_timeout: 0,
      wal_autocheckpoint: 1000,
    })
    expect(integrity).toBe('ok')
    expect(location).toBe(file)
  })

  test('only its owner can read the database', async () => {
    const file = newFile()
    await openFile(file)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(`${file}-wal`).mode & 0o777).toBe(0o600)
    expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700)
  })

  test('processes that start at once on a missing database share one', async () => {
    const file = newFile()
    const stores = await Promise.all([1, 2, 3, 4].map(() => openFile(file)))
    await stores[0]?.claimSetting('issuer', 'x')
    expect(await Promise.all(stores.map((store) => store.findSetting('issuer')))).toEqual(['x', 'x', 'x', 'x'])
    expect(filesBeside(file)).toEqual(['signet.db', 'signet.db-shm', 'signet.db-wal'])
  })

  test('a missing database that must exist is not created', async () => {
    const file = newFile()
    expect(await probeDatabase(`file:${file}`)).toBe('missing')
    const opening = openStore(`file:${file}`, { clock, mustExist: true })
    await expect(opening).rejects.toThrow(/is missing/)
    await expect(opening).rejects.toMatchObject({ help: expect.stringContaining('signet restore') })
    expect(existsSync(join(file, '..'))).toBe(false)
  })

  test('a database that is gone and left its journal is not replaced by an empty one', async () => {
    const file = newFile()
    mkdirSync(join(file, '..'))
    writeFileSync(`${file}-wal`, 'journal')
    await expect(openFile(file)).rejects.toThrow(/journal/)
    expect(filesBeside(file)).toEqual(['signet.db-wal'])
  })

  test('an empty, foreign or damaged file is refused and stays as it is', async () => {
    const sound = newFile()
    await (await openFile(sound)).close()
    const bytes = readFileSync(sound)
    const scribbled = Buffer.from(bytes).fill(0xff, 4096, 8192 * 2)
    const cases: [RegExp, (file: string) => unknown][] = [
      [/is empty/, (file) => writeFileSync(file, '')],
      [
        /is no SQLite database/,
        (file) => writeFileSync(file, 'hello, I am a text and longer than a header '.repeat(9)),
      ],
      [/another program/, makeForeign],
      [/is damaged/, (file) => writeFileSync(file, bytes.subarray(0, bytes.length - 4096))],
      [/is damaged/, (file) => writeFileSync(file, scribbled)],
    ]
    for (const [message, make] of cases) {
      const file = newFile()
      mkdirSync(join(file, '..'))
      make(file)
      const before = readFileSync(file)
      const opening = openFile(file)
      await expect(opening).rejects.toThrow(message)
      await expect(opening).rejects.toBeInstanceOf(Fault)
      expect(readFileSync(file).equals(before)).toBe(true)
      expect(filesBeside(file)).toEqual(['signet.db'])
    }
  })

  test('a place where nothing can be created is named', async () => {
    const blocker = newFile()
    mkdirSync(join(blocker, '..'))
    writeFileSync(blocker, 'a file, not a folder')
    await expect(openFile(join(blocker, 'signet.db'))).rejects.toThrow(/SIGNET_DATABASE_URL: .*signet\.db is no folder/)
    await expect(openStore('mysql://db.example.com/signet', { clock })).rejects.toThrow(/SIGNET_DATABASE_URL: .*SQLite/)
    expect(databaseName('file:///var/lib/signet.db')).toBe('/var/lib/signet.db')
    expect(databaseName('postgres://me:secret@db.example.com/signet')).toBe('postgres://db.example.com:5432/signet')
  })

  test('a database that a newer version has migrated is used as it is', async () => {
    const file = newFile()
    await (await openFile(file)).close()
    const newer = new SqliteDatabase(file)
    newer.exec(
      "ALTER TABLE clients ADD COLUMN colour text; INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('x', 9e12)",
    )
    newer.close()
    const store = await openFile(file)
    await createClient(store)
    expect(await store.findClient('app')).toEqual(stored(clientOf('app')))
  })
})

async function backedUp(): Promise<{ store: Store; file: string; backup: string }> {
  const file = newFile()
  const store = await openFile(file)
  await createClient(store)
  await createGrant(store, grantOf('g1'))
  await createGrant(store, grantOf('g2', { accessExpiresAt: clock.at - HOUR }))
  await addEntry(store, entryOf('jti', 'x'))
  const backup = `${file}.backup`
  await store.backup(backup)
  return { store, file, backup }
}

/** The checks of a command before the database gets its place. */
const inspect = async (): Promise<void> => {}

const restoring = (target: string, source: string) =>
  restoreBackup(`file:${target}`, source, { clock, keepGrants: false, inspect })

describe('SQLite: backup and restore', () => {
  test('a backup is one private file, and replaces none', async () => {
    const { store, file, backup } = await backedUp()
    expect(statSync(backup).mode & 0o777).toBe(0o600)
    expect(filesBeside(file)).toEqual(['signet.db', 'signet.db-shm', 'signet.db-wal', 'signet.db.backup'])
    const before = readFileSync(backup)
    await expect(store.backup(backup)).rejects.toThrow(/exists already/)
    await expect(store.backup(join(newFile(), 'no', 'folder'))).rejects.toBeInstanceOf(Fault)
    expect(readFileSync(backup).equals(before)).toBe(true)
  })

  /** Far more than a machine under load needs for a copy of 16 MB. */
  const MOST_WRITES = 5000

  test('a backup beside a process that writes all the time is of one moment, and comes to its end', async () => {
    const file = newFile()
    const store = await openFile(file)
    const writer = new SqliteDatabase(file)
    const write = writer.prepare(
      "INSERT INTO audit_events (id, at, actor, action, target, details) VALUES (hex(randomblob(8)), 0, 'cli', 'client.created', 'many', ?)",
    )
    // The copy takes several turns.
    for (let megabytes = 0; megabytes < 16; megabytes++) write.run(JSON.stringify('x'.repeat(1_000_000)))
    const copying = { isOver: false, writes: 0 }
    const backup = store.backup(`${file}.backup`).then(() => (copying.isOver = true))
    // A copy that begins anew with each write ends only after the last one.
    for (; !copying.isOver && copying.writes < MOST_WRITES; copying.writes++) {
      write.run('{}')
      await new Promise(setImmediate)
    }
    await backup
    writer.close()
    expect(copying.writes).toBeLessThan(MOST_WRITES)
    const copy = new SqliteDatabase(`${file}.backup`)
    expect(copy.prepare("SELECT count(*) FROM audit_events WHERE details = '{}'").pluck().get()).toBeLessThanOrEqual(1)
    copy.close()
  })

  test('restoring ends every family, denies their live tokens and repeats no revision', async () => {
    const { store: former, backup } = await backedUp()
    const lost = await addEntry(former, entryOf('jti', 'lost'))
    const file = newFile()
    expect(await restoreBackup(`file:${file}`, backup, { clock, keepGrants: false, inspect })).toMatchObject({
      grants: 2,
    })
    expect(filesBeside(file)).toEqual(['signet.db'])
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const store = await openFile(file)
    expect((await store.listGrants({}, { limit: 9 })).map(({ endedReason }) => endedReason)).toEqual([
      'restored',
      'restored',
    ])
    const until = START + 16 * MINUTE
    const news = await store.listBlacklistSince(lost.revision)
    expect(news).toMatchObject([
      { kind: 'sid', value: 'g1', issuedBefore: until, expiresAt: until, deniesUntil: until },
    ])
    expect(await actionsOf(store)).toContain('database.restored')
  })

  test('grants are kept where the operator says that nothing was issued since', async () => {
    const { backup } = await backedUp()
    const file = newFile()
    expect(await restoreBackup(`file:${file}`, backup, { clock, keepGrants: true, inspect })).toMatchObject({
      grants: 0,
    })
    expect((await (await openFile(file)).findGrant('g1'))?.endedAt).toBeNull()
  })

  test('nothing is restored over a database or from a file that is no sound backup, and nothing is left behind', async () => {
    const { file, backup } = await backedUp()
    await expect(restoring(file, backup)).rejects.toThrow(/exists already/)
    const target = newFile()
    await expect(restoring(target, `${backup}.missing`)).rejects.toThrow(/is missing/)
    await expect(restoring(target, file)).rejects.toThrow(/in use/)
    truncateSync(backup, statSync(backup).size - 4096)
    await expect(restoring(target, backup)).rejects.toThrow(/damaged/)
    writeFileSync(backup, 'text')
    await expect(restoring(target, backup)).rejects.toThrow(/no SQLite database/)
    expect(existsSync(target)).toBe(false)
    expect(existsSync(join(target, '..')) ? filesBeside(target) : []).toEqual([])
    mkdirSync(join(target, '..'), { recursive: true })
    writeFileSync(`${target}-wal`, '')
    await expect(restoring(target, backup)).rejects.toBeInstanceOf(Fault)
    expect(filesBeside(target)).toEqual(['signet.db-wal'])
  })
})
