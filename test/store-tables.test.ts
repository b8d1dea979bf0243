/** One page describes every table (src/store/tables.ts); schema, migrations and the database say the same. */
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, readdirSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { expect, test } from 'vitest'
import { TABLES, type Table } from '../src/store/tables.ts'
import { newFile, openFile, root } from './support/store-places.ts'

test('tables.ts and the migrations agree: there is nothing to generate', () => {
  const repository = resolve(import.meta.dirname, '..')
  const folder = join(root, 'migrations')
  cpSync(join(repository, 'migrations/sqlite'), folder, { recursive: true })
  const names = () => readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()
  const before = names()
  const said = execFileSync(
    join(repository, 'node_modules/.bin/drizzle-kit'),
    ['generate', '--dialect=sqlite', '--schema=src/store/sqlite/schema.ts', `--out=${relative(repository, folder)}`],
    { cwd: repository, encoding: 'utf8' },
  )
  expect(said).toContain('No schema changes')
  expect(names()).toEqual(before)
})

test('tables.ts and the database agree: each column is there, with its kind and its nulls', async () => {
  const file = newFile()
  await openFile(file)
  const raw = new SqliteDatabase(file, { readonly: true })
  const TYPES = { text: 'TEXT', json: 'TEXT', integer: 'INTEGER', boolean: 'INTEGER', bytes: 'BLOB' } as const
  for (const table of TABLES as readonly Table[]) {
    const columns = raw.pragma(`table_info(${table.name})`) as { name: string; type: string; notnull: number }[]
    const found = columns.map(({ name, type, notnull }) => [name, type.toUpperCase(), notnull === 0])
    const wanted = Object.entries(table.columns).map(([name, { kind, isNullable }]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      TYPES[kind],
      isNullable,
    ])
    expect(found.toSorted(), table.name).toEqual(wanted.toSorted())
  }
  raw.close()
})

test('each migration is in the journal, in order', () => {
  const folder = resolve(import.meta.dirname, '../migrations/sqlite')
  const journal = JSON.parse(readFileSync(join(folder, 'meta/_journal.json'), 'utf8')) as {
    entries: { tag: string; when: number }[]
  }
  const files = readdirSync(folder).filter((name) => name.endsWith('.sql'))
  expect(journal.entries.map(({ tag }) => `${tag}.sql`)).toEqual(files.toSorted())
  const times = journal.entries.map(({ when }) => when)
  expect(times).toEqual(times.toSorted((one, two) => one - two))
})

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
