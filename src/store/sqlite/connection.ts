/** Opens the database file with the settings that durability depends on, and checks that SQLite has applied them. */
import SqliteDatabase, { type Database as RawDatabase } from 'better-sqlite3'
import { existsSync, statSync } from 'node:fs'
import { Displaced, Fault, Unavailable } from '../../ground/errors.ts'
import { codeOf } from '../../ground/file-access.ts'
import {
  checkFile,
  createFile,
  damaged,
  databaseFault,
  indexOf,
  journalOf,
  requireFile,
  requireWritable,
} from './database-file.ts'
import { backOff } from '../patience.ts'
import { isBusy, isOutage, unavailable } from './failures.ts'
import { readPatiently } from './patience.ts'

export interface Connection {
  file: string
  raw: RawDatabase
}

/**
 * Set at every open, since most are the connection's and not the file's. `synchronous`: in WAL mode anything
 * less loses acknowledged commits in a power cut. `busy_timeout`: waiting inside SQLite would freeze the
 * process; the write queue waits instead. The last two bound the journal, and the time one checkpoint takes.
 */
const SETTINGS = {
  journal_mode: 'wal',
  synchronous: 2,
  foreign_keys: 1,
  busy_timeout: 0,
  wal_autocheckpoint: 1000,
  journal_size_limit: 67_108_864,
} as const

/** How long an open waits for another process that is recovering, closing or copying the database. */
const PATIENCE_MS = 5000

/** Up to this size, opening compares all rows of the file with their indexes. That takes about 50 ms. */
const COMPARED = 4_194_304
/** Up to this size, opening reads every page. That takes about 50 ms, too. */
const LOOKED_AT = 33_554_432

interface OpenOptions {
  mustExist: boolean
  /** Opens it only where no other process has it open, and keeps others out until the connection is closed. */
  isAlone?: boolean
}

/**
 * Opens the database at `file`, creating it unless it must exist.
 * @throws Fault where it is missing, empty, damaged, another program's, or cannot be created.
 * @throws Unavailable where another process keeps it locked, or has it open without its journal.
 */
export async function openConnection(file: string, options: OpenOptions): Promise<Connection> {
  if (options.mustExist) requireFile(file)
  if (!existsSync(file)) createFile(file)
  checkFile(file, databaseFault)
  requireWritable(file)
  const started = performance.now()
  for (let attempt = 0; ; attempt++) {
    try {
      if (!options.isAlone && lacksJournal(file)) requireUnused(file)
      return open(file, options)
    } catch (error) {
      if (!isBusy(error)) throw openingFault(file, error)
      if (performance.now() - started > PATIENCE_MS) throw openElsewhere(file, error)
      await backOff(attempt)
    }
  }
}

/** Whether the journal or its index is missing. Both are there from the first read of a process to its close. */
const lacksJournal = (file: string): boolean => !existsSync(journalOf(file)) || !existsSync(indexOf(file))

/**
 * Checks that no process has the file open. This one would make a new journal, and the other would never read it.
 * It fails as busy while another process opens or closes the file.
 */
function requireUnused(file: string): void {
  const raw = new SqliteDatabase(file, { fileMustExist: true, timeout: SETTINGS.busy_timeout })
  try {
    raw.pragma('locking_mode = EXCLUSIVE')
    raw.pragma('user_version')
  } finally {
    raw.close()
  }
}

function openElsewhere(file: string, cause: unknown): Unavailable {
  if (existsSync(journalOf(file))) return unavailable(cause)
  return new Displaced(`the journal ${journalOf(file)} was removed beneath a running server`, {
    state: 'restartable',
    help: 'nothing was written; restart the server, unless its log says that it must not be stopped yet',
    cause,
  })
}

/**
 * Takes the lock that every write needs, and gives it back. A server holds it for milliseconds at a time.
 * @throws Unavailable where another process keeps it, or the file cannot be written.
 */
export async function requireWriteLock(file: string): Promise<void> {
  const raw = new SqliteDatabase(file, { fileMustExist: true, timeout: SETTINGS.busy_timeout })
  try {
    await readPatiently(() => raw.transaction(() => {}).immediate())
  } finally {
    raw.close()
  }
}

function open(file: string, { isAlone = false }: OpenOptions): Connection {
  const raw = new SqliteDatabase(file, { fileMustExist: true, timeout: SETTINGS.busy_timeout })
  try {
    // Before anything is read: then the lock is held from the first access on
    // (https://sqlite.org/pragma.html#pragma_locking_mode).
    if (isAlone) raw.pragma('locking_mode = EXCLUSIVE')
    for (const [name, value] of Object.entries(SETTINGS)) raw.pragma(`${name} = ${value}`)
    requireSettings(file, raw)
    requireSound(file, raw)
    return { file, raw }
  } catch (error) {
    raw.close()
    throw error
  }
}

/** The settings of the connection, as SQLite reports them. */
export const readSettings = (raw: RawDatabase): Record<string, string | number> =>
  Object.fromEntries(
    [...Object.keys(SETTINGS), 'application_id', 'page_size'].map((name) => [name, readPragma(raw, name)]),
  )

function readPragma(raw: RawDatabase, name: string): string | number {
  const value = raw.pragma(name, { simple: true })
  return typeof value === 'number' ? value : String(value)
}

function requireSettings(file: string, raw: RawDatabase): void {
  for (const [name, wanted] of Object.entries(SETTINGS)) {
    const value = readPragma(raw, name)
    if (value === wanted) continue
    throw new Fault(
      `the database ${file} does not take ${name} = ${wanted}: it stays ${value}`,
      'keep it on a local disk; network file systems cannot hold it safely',
    )
  }
}

function requireSound(file: string, raw: RawDatabase): void {
  raw.prepare('SELECT count(*) FROM sqlite_master').get()
  const { size } = statSync(file)
  if (size > LOOKED_AT) return
  const finding = readPragma(raw, size > COMPARED ? 'quick_check(1)' : 'integrity_check(1)')
  if (finding !== 'ok') throw damaged(file, String(finding))
}

/**
 * A database that was in use has signing keys. If they are missing, the file or its journal was lost or emptied, and no
 * new keys may be made in their place.
 * @throws Fault
 */
export function requireKeys({ file, raw }: Connection): void {
  const table = raw.prepare("SELECT 1 FROM sqlite_master WHERE name = 'signing_keys'").get()
  if (table && raw.prepare('SELECT 1 FROM signing_keys').get()) return
  throw damaged(file, 'its signing keys are missing, perhaps with its journal (the file beside it that ends in -wal)')
}

function openingFault(file: string, error: unknown): unknown {
  if (error instanceof Fault || error instanceof Unavailable) return error
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error))) return damaged(file, String(error), error)
  return isOutage(error) ? databaseFault('open', file, error) : error
}
