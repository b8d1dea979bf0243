/**
 * A new version migrates while replicas of the version before go on with their work.
 *
 * Not again on PostgreSQL: it opens one itself.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { openStore } from '../src/store/open.ts'
import { hasPostgres, newDatabase } from './support/postgres.ts'
import { clock } from './support/store-records.ts'

const FOLDER = join(import.meta.dirname, '../migrations/postgres')

/** A database as the first migration left it. */
async function firstTables(): Promise<string> {
  const url = await newDatabase()
  const client = await connected(url)
  // Drizzle's journal, and its separator between statements.
  const { entries } = JSON.parse(readFileSync(join(FOLDER, 'meta/_journal.json'), 'utf8')) as {
    entries: { tag: string; when: number }[]
  }
  const [first] = entries
  await client.query(`CREATE SCHEMA signet; SET search_path TO signet;
    CREATE TABLE signet_migrations (hash text NOT NULL, created_at bigint PRIMARY KEY);
    INSERT INTO signet_migrations VALUES ('first', ${first?.when})`)
  const tables = readFileSync(join(FOLDER, `${first?.tag}.sql`), 'utf8')
  await client.query(tables.replaceAll('"public".', '').replaceAll('--> statement-breakpoint', ''))
  return url
}

async function connected(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString })
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

/** Waits until a statement of another connection waits for a table. */
async function untilWaiting(client: Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query("SELECT FROM pg_locks WHERE NOT granted AND locktype = 'relation'")
    if (rows.length > 0) return
    await new Promise((wake) => setTimeout(wake, 5))
  }
}

test.runIf(hasPostgres)('work that holds tables in another order does not end the migration', async () => {
  const url = await firstTables()
  const [worker, observer] = [await connected(url), await connected(url)]
  await worker.query('BEGIN; SELECT FROM signet.grants')
  const opening = openStore(url, { clock, poolSize: 4 })
  opening.catch(() => {})
  await untilWaiting(observer)
  // The migration has this table, and waits for the other one.
  await worker.query('SELECT FROM signet.clients')
  await worker.query('COMMIT')
  const store = await opening
  onTestFinished(() => store.close())
  expect(await store.listKeys()).toEqual([])
})

test.runIf(hasPostgres)('a migration that waits for a table lets requests pass', async () => {
  const url = await firstTables()
  const [worker, observer, request] = [await connected(url), await connected(url), await connected(url)]
  await worker.query('BEGIN; SELECT FROM signet.grants')
  const opening = openStore(url, { clock, poolSize: 4 })
  opening.catch(() => {})
  await untilWaiting(observer)
  await request.query('SET statement_timeout = 10000; SELECT FROM signet.grants')
  await worker.query('COMMIT')
  const store = await opening
  onTestFinished(() => store.close())
  expect(await store.listKeys()).toEqual([])
})
