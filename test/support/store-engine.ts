/** The engine under the store, on real databases, and rows as acts write them. */
import SqliteDatabase from 'better-sqlite3'
import { Client } from 'pg'
import { onTestFinished } from 'vitest'
import { readPostgresUrl } from '../../src/ground/postgres-url.ts'
import { toClientRow } from '../../src/store/acts/clients.ts'
import { toResourceRow } from '../../src/store/acts/resources.ts'
import type { Act, Engine } from '../../src/store/engine.ts'
import { openPostgresEngine } from '../../src/store/postgres/postgres-store.ts'
import { openConnection } from '../../src/store/sqlite/connection.ts'
import { startDatabase } from '../../src/store/sqlite/database.ts'
import { sqliteEngine } from '../../src/store/sqlite/engine.ts'
import { migrate } from '../../src/store/sqlite/migrate.ts'
import type { Change } from '../../src/store/records/change.ts'
import type { RowOf } from '../../src/store/table.ts'
import type { blacklistEntries } from '../../src/store/tables/blacklist.ts'
import type { clients } from '../../src/store/tables/clients.ts'
import type { grants } from '../../src/store/tables/grants.ts'
import type { resources } from '../../src/store/tables/resources.ts'
import { clientOf, clock, entryOf, grantOf, resourceOf } from './store-records.ts'
import { hasPostgres, newDatabase } from './postgres.ts'
import { newFile } from './store-places.ts'

export interface OpenEngine {
  engine: Engine
  heard: Change[]
  /** Another process on the same database. */
  again(): Promise<OpenEngine>
  /** The first column of what another connection reads, which is what is committed. */
  query(sql: string): Promise<unknown[]>
  revision(): Promise<number>
  /** Runs a statement in a transaction of another connection. @returns commits it */
  hold(sql: string): Promise<() => Promise<void>>
}

type Opening = () => Promise<Engine>

async function listenTo(opening: Opening, direct: Pick<OpenEngine, 'query' | 'hold'>): Promise<OpenEngine> {
  const engine = await opening()
  onTestFinished(() => engine.close())
  const heard: Change[] = []
  engine.onChange(async (changes) => void heard.push(...changes))
  const revision = async () => Number((await direct.query('SELECT value FROM revision'))[0])
  return { engine, heard, again: () => listenTo(opening, direct), revision, ...direct }
}

function openSqlite(): Promise<OpenEngine> {
  const file = newFile()
  const opening = async () => {
    const connection = await openConnection(file, { mustExist: false })
    await migrate(connection)
    return sqliteEngine(await startDatabase(connection, clock))
  }
  return listenTo(opening, { query: async (sql) => querySqlite(file, sql), hold: async (sql) => holdSqlite(file, sql) })
}

function querySqlite(file: string, sql: string): unknown[] {
  const raw = new SqliteDatabase(file, { readonly: true })
  try {
    return raw.prepare(sql).pluck().all()
  } finally {
    raw.close()
  }
}

function holdSqlite(file: string, sql: string): () => Promise<void> {
  const raw = new SqliteDatabase(file)
  raw.exec(`BEGIN IMMEDIATE; ${sql}`)
  return async () => {
    raw.exec('COMMIT')
    raw.close()
  }
}

/** @param portOf the port to connect to, where something stands before the database's */
export async function openPostgres(portOf = async (port: number): Promise<number> => port): Promise<OpenEngine> {
  const url = await newDatabase()
  const read = readPostgresUrl(url)
  if ('why' in read) throw new Error(read.why)
  const address = { ...read.value, port: await portOf(read.value.port) }
  const opening = () => openPostgresEngine(address, { clock, mustExist: false, size: 4 })
  return listenTo(opening, { query: (sql) => queryPostgres(url, sql), hold: (sql) => holdPostgres(url, sql) })
}

/** Numbers of eight bytes come as numbers, as from SQLite. */
async function queryPostgres(connectionString: string, sql: string): Promise<unknown[]> {
  const types = { getTypeParser: (id: number) => (id === 20 ? Number : String) as never }
  const client = new Client({ connectionString, types })
  await client.connect()
  try {
    await client.query('SET search_path TO signet')
    const { rows } = await client.query({ text: sql, rowMode: 'array' })
    return rows.map((row: unknown[]) => row[0])
  } finally {
    await client.end()
  }
}

async function holdPostgres(connectionString: string, sql: string): Promise<() => Promise<void>> {
  const client = new Client({ connectionString })
  await client.connect()
  await client.query(`BEGIN; SET LOCAL search_path TO signet; ${sql}`)
  return async () => {
    await client.query('COMMIT')
    await client.end()
  }
}

/** Every engine, by name. */
export const ENGINES: [string, () => Promise<OpenEngine>][] = [
  ['SQLite', openSqlite],
  ...(hasPostgres ? ([['PostgreSQL', () => openPostgres()]] satisfies [string, () => Promise<OpenEngine>][]) : []),
]

export const clientRow = (clientId: string, change: Partial<RowOf<typeof clients>> = {}): RowOf<typeof clients> => {
  return { ...toClientRow(clientOf(clientId)), ...change }
}

export const resourceRow = (id: string): RowOf<typeof resources> => {
  return toResourceRow(resourceOf(id))
}

export const grantRow = (sid: string, change: Partial<RowOf<typeof grants>> = {}): RowOf<typeof grants> => {
  const { clientId: _, ...row } = grantOf(sid)
  return { ...row, clientKey: 1, ...change }
}

export const entryRow = (value: string): RowOf<typeof blacklistEntries> => ({
  ...entryOf('jti', value),
  revision: 0,
  removedAt: null,
})

export const run = <Result>(engine: Engine, act: () => Act<Result>): Promise<Result> => engine.act(act)
