/**
 * Makes a backup the database, where no database is. The file is prepared under another name, so that no unfinished file
 * ever has the database's name. The changes that a restored backup needs are in acts/restored.ts.
 */
import { chmodSync, constants, copyFileSync, existsSync, statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import type { Clock } from '../../ground/clock.ts'
import { draftBeside } from '../../ground/draft.ts'
import { Fault } from '../../ground/errors.ts'
import { endLives, type LivesEnded } from '../acts/restored.ts'
import { storeOver } from '../acts/store.ts'
import type { Store } from '../store.ts'
import { openConnection, type Connection } from './connection.ts'
import { checkFile, damaged, fileFault, isTaken, makeFolder, placeFile, removeFile } from './database-file.ts'
import { startDatabase } from './database.ts'
import { sqliteEngine } from './engine.ts'
import { checkIntegrity } from './facts.ts'
import { migrate } from './migrate.ts'

export interface RestoreOptions {
  clock: Clock
  /** Leaves refresh tokens and sign-ins as the backup has them: only where nothing was issued or ended since. */
  keepGrants: boolean
  /** Looks at the restored database before it gets its place. If it rejects, nothing is left behind. */
  inspect: (store: Store) => Promise<void>
}

/**
 * @returns how much of the backup was ended
 * @throws Fault where the place is taken or the backup is not one; then nothing is left behind.
 */
export async function restore(backup: string, file: string, options: RestoreOptions): Promise<LivesEnded> {
  const source = resolve(backup)
  requireBackup(source)
  requireFree(file)
  const temporary = draftBeside(file)
  try {
    copyBackup(source, temporary)
    const connection = await openConnection(temporary, { mustExist: true })
    const restored = await prepare(connection, basename(source), options)
    requireFree(file)
    placeFile(temporary, file)
    return restored
  } catch (error) {
    throw error instanceof Error && 'syscall' in error ? fileFault('restore', file, error) : error
  } finally {
    removeFile(temporary)
  }
}

function requireBackup(source: string): void {
  if (!existsSync(source)) throw new Fault(`the backup ${source} is missing`, 'name a file that `signet backup` wrote')
  checkFile(source)
  if ((statSync(`${source}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) {
    throw new Fault(
      `${source} is a database in use, not a backup`,
      'make a backup of it with `signet backup FILE` first',
    )
  }
}

/** @throws Fault where something is in the place of a database already. */
export function requireFree(file: string): void {
  const taken = [file, `${file}-wal`, `${file}-shm`].find(isTaken)
  if (!taken) return
  throw new Fault(`${taken} exists already`, 'stop Signet and move the old database away, its -wal and -shm files too')
}

function copyBackup(source: string, temporary: string): void {
  makeFolder(temporary)
  copyFileSync(source, temporary, constants.COPYFILE_EXCL)
  chmodSync(temporary, 0o600)
}

/** Leaves the database migrated, checked, closed, and all in its one file. */
async function prepare(
  connection: Connection,
  name: string,
  { clock, keepGrants, inspect }: RestoreOptions,
): Promise<LivesEnded> {
  const { raw, file } = connection
  try {
    const findings = checkIntegrity(raw)
    if (findings !== 'ok') throw damaged(file, findings)
    await migrate(connection)
    const database = await startDatabase(connection, clock)
    const engine = sqliteEngine(database)
    const ended = await engine.act(() => endLives(name, keepGrants))
    await inspect(storeOver(engine))
    await database.close()
    return ended
  } finally {
    if (raw.open) raw.close()
  }
}
