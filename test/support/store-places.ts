/** Real databases for tests of the store: a place can be opened any number of times, as several processes would. */
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { Client } from 'pg'
import { onTestFinished } from 'vitest'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { temporaryFolder } from './issuer.ts'
import { hasPostgres, newDatabase } from './postgres.ts'
import { clock } from './store-records.ts'

/** Where one test keeps its database: any number of stores can be open on it at once. */
export interface Place {
  open(): Promise<Store>
  /** Holds the lock that every write needs until the returned function is called. */
  lock(): Promise<() => void>
  /** So many writes at once are not too many. */
  burst: number
}

/** A path at which nothing is yet, not even its folder. What is put there is gone when the test ends. */
export const newFile = (): string => join(temporaryFolder(), 'data', 'signet.db')

/** Opens a store that is closed when the test ends. */
export async function openFile(file: string): Promise<Store> {
  return openUrl(`file:${file}`)
}

export async function openUrl(url: string): Promise<Store> {
  const store = await openStore(url, { clock, poolSize: 4 })
  onTestFinished(() => store.close())
  return store
}

export function sqlitePlace(): Place {
  const file = newFile()
  return { open: () => openFile(file), lock: async () => lockFile(file), burst: 600 }
}

/** A new database on the PostgreSQL of this run. */
function postgresPlace(): Place {
  let url: Promise<string> | undefined
  const found = () => (url ??= newDatabase())
  return {
    open: async () => openUrl(await found()),
    lock: async () => {
      const client = new Client({ connectionString: await found() })
      await client.connect()
      await client.query('BEGIN; LOCK TABLE signet.revision IN EXCLUSIVE MODE')
      return () => void client.end()
    },
    burst: 100,
  }
}

function lockFile(file: string): () => void {
  const other = new SqliteDatabase(file)
  other.exec('BEGIN IMMEDIATE')
  return () => other.close()
}

/** Every kind of database, by name: a promise of the store is tested on each. */
export const PLACES: [string, () => Place][] = [
  ['SQLite', sqlitePlace],
  ...(hasPostgres ? ([['PostgreSQL', postgresPlace]] satisfies [string, () => Place][]) : []),
]
