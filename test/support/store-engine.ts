/** The engine under the store, on real SQLite files, and rows as acts write them. */
import SqliteDatabase from 'better-sqlite3'
import { afterEach } from 'vitest'
import type { Act, Engine } from '../../src/store/engine.ts'
import { openConnection } from '../../src/store/sqlite/connection.ts'
import { startDatabase } from '../../src/store/sqlite/database.ts'
import { sqliteEngine } from '../../src/store/sqlite/engine.ts'
import { migrate } from '../../src/store/sqlite/migrate.ts'
import type { Change } from '../../src/store/records/change.ts'
import type { blacklistEntries, clients, grants, resources, RowOf } from '../../src/store/tables.ts'
import { clientOf, clock, entryOf, grantOf, resourceOf } from './store-records.ts'
import { newFile } from './store-places.ts'

export interface OpenEngine {
  engine: Engine
  file: string
  heard: Change[]
}

const running: Engine[] = []
afterEach(async () => {
  for (const engine of running.splice(0)) await engine.close()
})

export async function open(file = newFile()): Promise<OpenEngine> {
  const connection = await openConnection(file, { mustExist: false })
  await migrate(connection)
  const engine = sqliteEngine(await startDatabase(connection, clock))
  running.push(engine)
  const heard: Change[] = []
  engine.onChange(async (changes) => void heard.push(...changes))
  return { engine, file, heard }
}

/** What another connection reads, which is what is committed. */
export function query(file: string, sql: string): unknown[] {
  const raw = new SqliteDatabase(file, { readonly: true })
  try {
    return raw.prepare(sql).pluck().all()
  } finally {
    raw.close()
  }
}

export const revisionIn = (file: string): number => Number(query(file, 'SELECT value FROM revision')[0])

export const clientRow = (clientId: string, change: Partial<RowOf<typeof clients>> = {}): RowOf<typeof clients> => {
  const { secrets: _, ...row } = clientOf(clientId)
  return { ...row, ...change }
}

export const resourceRow = (id: string): RowOf<typeof resources> => {
  const { predecessorEndedAt: _, ...row } = resourceOf(id)
  return row
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
