/** From `SIGNET_DATABASE_URL` to a store. Only `file:` is there yet. */
import { existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../ground/clock.ts'
import { Fault } from '../ground/errors.ts'
import { isTaken, missingDatabase } from './sqlite/database-file.ts'
import { makeFolders } from './sqlite/folders.ts'
import { requireWriteLock } from './sqlite/connection.ts'
import { readSealingKey, restore, type RestoreOptions } from './sqlite/restore.ts'
import { openSqliteStore } from './sqlite/sqlite-store.ts'
import type { Store } from './store.ts'

export { makeFolders, missingDatabase, readSealingKey }

export interface OpenOptions {
  clock: Clock
  /** Refuses a missing database instead of creating one. */
  mustExist?: boolean | undefined
  /** How old may be what is known of other processes' changes when a verdict is given; 0 unless said. */
  mayLagMs?: number | undefined
}

/**
 * Opens the store, creating and migrating the database as needed.
 * @throws Fault where the database cannot be used; then nothing was created or changed.
 * @throws Unavailable where another process keeps it locked.
 */
export async function openStore(url: string, { clock, mustExist = false, mayLagMs }: OpenOptions): Promise<Store> {
  return openSqliteStore(requireDatabaseFile(url), { clock, mustExist, mayLagMs })
}

/** The path of a `file:` database, absolute; `undefined` for any other. Relative ones start at the working directory. */
export function databaseFile(url: string): string | undefined {
  if (url.startsWith('file://')) return fileURLToPath(url)
  return url.startsWith('file:') && url.length > 5 ? resolve(url.slice(5)) : undefined
}

/** Whether there is something at the database's place, sound or not. */
export function probeDatabase(url: string): 'missing' | 'present' {
  return isTaken(requireDatabaseFile(url)) ? 'present' : 'missing'
}

/**
 * Takes the lock that every write needs, and gives it back.
 * @throws Unavailable where another process keeps it, or the database cannot be written.
 */
export const checkWriteLock = (url: string): Promise<void> => requireWriteLock(requireDatabaseFile(url))

/**
 * Makes a backup the database, where none is. Unless `keepGrants`, every refresh token family is ended and
 * the live access tokens that the backup knows of are denied.
 * @throws Fault where the place is taken or the file is no sound backup; then nothing is left behind.
 */
export async function restoreBackup(
  url: string,
  file: string,
  options: RestoreOptions,
): Promise<{ grantsEnded: number }> {
  return restore(file, requireDatabaseFile(url), options)
}

function requireDatabaseFile(url: string): string {
  const file = databaseFile(url)
  if (file !== undefined) return requirePlaceForFile(file, url)
  const scheme = url.split(':', 1)[0] ?? ''
  if (/^postgres(ql)?$/.test(scheme)) {
    throw new Fault('this version of Signet keeps its data in SQLite alone', 'set SIGNET_DATABASE_URL to file:<path>')
  }
  throw new Fault('SIGNET_DATABASE_URL is no database URL', 'set it to file:<path>, e.g. file:data/signet.db')
}

/** A folder, or a file where a folder has to be, can hold no database: told before anything is made. */
function requirePlaceForFile(file: string, url: string): string {
  const refuse = (why: string) =>
    new Fault(
      `SIGNET_DATABASE_URL: read ${JSON.stringify(url)}, but ${why}; accepted: file:<path> of a SQLite database`,
      'name a file, in a folder that is there or can be made',
    )
  let folder = dirname(file)
  while (!existsSync(folder)) folder = dirname(folder)
  if (!statSync(folder).isDirectory()) throw refuse(`${folder} is no folder`)
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw refuse(`${file} is a folder`)
  return file
}
