/** Real databases for tests of the store: a place can be opened any number of times, as several processes would. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { afterAll, afterEach, beforeEach } from 'vitest'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { START, clock } from './store-records.ts'

/** Where one test keeps its database: any number of stores can be open on it at once. */
export interface Place {
  open(): Promise<Store>
  /** Holds the database's write lock until the returned function is called. */
  lock(): () => void
}

/** The folder of this file's databases; it is gone when the tests have run. */
export const root = mkdtempSync(join(tmpdir(), 'signet-store-'))
const opened: Store[] = []
let count = 0

/** A path at which nothing is yet. */
export const newFile = (): string => join(root, `${++count}`, 'signet.db')

/** Opens a store that is closed when the test ends. */
export async function openFile(file: string): Promise<Store> {
  const store = await openStore(`file:${file}`, { clock })
  opened.push(store)
  return store
}

export function sqlitePlace(): Place {
  const file = newFile()
  return { open: () => openFile(file), lock: () => lockFile(file) }
}

function lockFile(file: string): () => void {
  const other = new SqliteDatabase(file)
  other.exec('BEGIN IMMEDIATE')
  return () => other.close()
}

/** Every kind of database, by name: a promise of the store is tested on each. */
export const PLACES: [string, () => Place][] = [['SQLite', sqlitePlace]]

beforeEach(() => {
  clock.at = START
})
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})
afterAll(() => rmSync(root, { recursive: true, force: true }))
