/**
 * One page describes every table (src/store/tables.ts); schema, migrations and the database say the same.
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, readdirSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { Client } from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { listMigrations } from '../src/store/migrations.ts'
import type { Kind, Table } from '../src/store/table.ts'
import { TABLES } from '../src/store/tables.ts'
import { hasPostgres, newDatabase } from './support/postgres.ts'
import { temporaryFolder } from './support/issuer.ts'
import { newFile, openFile, openUrl } from './support/store-places.ts'

const repository = resolve(import.meta.dirname, '..')

describe.each([
  ['sqlite', 'sqlite'],
  ['postgres', 'postgresql'],
] as const)('the migrations for %s', (name, dialect) => {
  test('agree with tables.ts: there is nothing to generate', () => {
    const folder = join(temporaryFolder(), name)
    cpSync(join(repository, 'migrations', name), folder, { recursive: true })
    const names = () => readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()
    const before = names()
    const said = execFileSync(
      join(repository, 'node_modules/.bin/drizzle-kit'),
      ['generate', `--dialect=${dialect}`, '--schema=schema/tables.ts'].concat(`--out=${relative(repository, folder)}`),
      { cwd: repository, encoding: 'utf8', env: { ...process.env, MIGRATIONS_FOR: name } },
    )
    expect(said).toContain('No schema changes')
    expect(names()).toEqual(before)
  })

  test('are in the journal, in order', () => {
    const folder = join(repository, 'migrations', name)
    const journal = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8')) as {
      entries: { tag: string; when: number }[]
    }
    const files = readdirSync(folder).filter((file) => file.endsWith('.sql'))
    expect(journal.entries.map(({ tag }) => `${tag}.sql`)).toEqual(files.toSorted())
    const times = journal.entries.map(({ when }) => when)
    expect(times).toEqual(times.toSorted((one, two) => one - two))
  })

  test('are read as Drizzle reads them: databases hold its hashes and times', () => {
    const byDrizzle = readMigrationFiles({ migrationsFolder: join(repository, 'migrations', name) })
    const wanted = byDrizzle.map(({ sql, hash, folderMillis }) => ({ statements: sql, hash, madeAt: folderMillis }))
    expect(wanted.length).toBeGreaterThan(2)
    const { newest, after } = listMigrations(name)
    expect(after(0)).toEqual(wanted)
    expect(newest).toBe(wanted.at(-1)?.madeAt)
    const [first, ...later] = wanted
    expect(after(first?.madeAt ?? 0)).toEqual(later)
    expect(after(newest)).toEqual([])
  })
})

interface Found {
  name: string
  type: string
  isNullable: boolean
}

/** The columns of a table, by name, as a database of this kind tells them. */
function compareColumns(table: Table, found: Found[], types: Record<Kind, string>): void {
  const wanted = Object.entries(table.columns).map(([name, { kind, isNullable }]): Found => ({
    name: name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    type: types[kind],
    isNullable,
  }))
  const byName = (one: Found, other: Found) => (one.name < other.name ? -1 : 1)
  expect(found.toSorted(byName), table.name).toEqual(wanted.toSorted(byName))
}

test('tables.ts and SQLite agree: each column is there, with its kind and its nulls', async () => {
  const file = newFile()
  await openFile(file)
  const raw = new SqliteDatabase(file, { readonly: true })
  const types = { text: 'TEXT', json: 'TEXT', integer: 'INTEGER', boolean: 'INTEGER', bytes: 'BLOB' }
  for (const table of TABLES as readonly Table[]) {
    const columns = raw.pragma(`table_info(${table.name})`) as { name: string; type: string; notnull: number }[]
    const found = columns.map(({ name, type, notnull }) => ({ name, type: type.toUpperCase(), isNullable: !notnull }))
    compareColumns(table, found, types)
  }
  raw.close()
})

test.runIf(hasPostgres)(
  'tables.ts and PostgreSQL agree: each column is there, with its kind and its nulls',
  async () => {
    const url = await newDatabase()
    await openUrl(url)
    const client = new Client({ connectionString: url })
    await client.connect()
    onTestFinished(() => client.end())
    const types = { text: 'text C', json: 'text C', integer: 'bigint ', boolean: 'boolean ', bytes: 'bytea ' }
    for (const table of TABLES as readonly Table[]) {
      const { rows } = await client.query<Found>(
        `SELECT column_name AS name, data_type || ' ' || coalesce(collation_name, '') AS type, is_nullable = 'YES' AS "isNullable"
      FROM information_schema.columns WHERE table_schema = 'signet' AND table_name = $1`,
        [table.name],
      )
      compareColumns(table, rows, types)
    }
  },
)

test('rows of an older version find a value in every column that was added', async () => {
  const file = newFile()
  await openFile(file)
  const raw = new SqliteDatabase(file)
  raw
    .prepare('INSERT INTO audit_events (id, at, actor, action, target, details) VALUES (?, 1, ?, ?, ?, ?)')
    .run('e', 'cli', 'a', 't', '{}')
  raw.close()
  const events = await (await openFile(file)).listAudit({ limit: 1 })
  expect(events).toMatchObject([{ id: 'e', actorKind: '' }])
})
