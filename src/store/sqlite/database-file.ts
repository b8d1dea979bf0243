/**
 * The database as a file. It is checked before SQLite opens it, and it is created completely or not at all. A foreign,
 * empty or damaged file is refused and is not changed.
 */
import SqliteDatabase from 'better-sqlite3'
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { toIso } from '../../ground/clock.ts'
import { draftBeside } from '../../ground/draft.ts'
import { Fault } from '../../ground/errors.ts'
import { codeOf, describeRefusal, giveToFolderOwner } from '../../ground/file-access.ts'
import { isFull } from './failures.ts'
import { makeFolders } from '../../ground/folders.ts'
import { bringingBack, findSaved } from './saved-name.ts'

/** "Sgnt" in the header tells our databases from others (https://sqlite.org/pragma.html#pragma_application_id). */
const APPLICATION_ID = 0x53676e74

const RESTORE_HELP =
  'restore a backup with `signet restore FILE`, after moving away what is there, or name another file in SIGNET_DATABASE_URL'

export const BEGIN_ANEW = 'to begin anew, without everything that was in it: signet serve --new'

/** Whether a path is taken. A dangling link takes it, too. */
export function isTaken(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    // Nothing can be in a folder that is a file.
    if (codeOf(error) === 'ENOTDIR') return false
    throw fileFault('read', path, error)
  }
}

/** The fault of a start or command whose database existed before and is missing now. */
export const missingDatabase = (file: string): Fault => new Fault(`the database ${file} is missing`, missingHelp(file))

/** A server that has the removed file open saves a copy beside its path. Only without one is a backup the newest state. */
function missingHelp(file: string): string {
  const saved = findSaved(file)
  return saved === undefined
    ? `if a server still has it open, do not stop that server: it saves a copy beside it, and its log names the step; else ${RESTORE_HELP}; ${BEGIN_ANEW}`
    : `a server has saved it in ${saved.path} at ${toIso(saved.at)}: stop the server; ${bringingBack(file, saved.path)}; start the server`
}

/** @throws Fault where the file is missing. */
export function requireFile(file: string): void {
  if (!existsSync(file)) throw missingDatabase(file)
}

/**
 * Judges a file without opening it as a database.
 * @param fault words the failure to read it
 * @throws Fault where it is no Signet database.
 */
export function checkFile(file: string, fault: typeof fileFault = fileFault): void {
  const { header, size } = readHeader(file, fault)
  if (size === 0) throw new Fault(`the database ${file} is empty`, RESTORE_HELP)
  if (header.toString('latin1', 0, 16) !== 'SQLite format 3\0')
    throw new Fault(`${file} is no SQLite database`, RESTORE_HELP)
  if (header.length < 100) throw damaged(file, 'its header is cut off')
  if (header.readUInt32BE(68) !== APPLICATION_ID) {
    throw new Fault(`${file} is a SQLite database of another program`, 'name another file in SIGNET_DATABASE_URL')
  }
  if (!hasJournal(file) && size < expectedSize(header)) throw damaged(file, 'its end is missing')
}

/** SQLite's message may repeat damaged content with line ends, so the text is put on one line. */
export const damaged = (file: string, finding: string, cause?: unknown): Fault =>
  new Fault(`the database ${file} is damaged: ${finding.replaceAll(/[\s\p{Cc}]+/gu, ' ')}`, RESTORE_HELP, { cause })

/** Turns the failure of a system call on `path` into a line for the operator. */
export const fileFault = (verb: string, path: string, cause: unknown): Fault =>
  new Fault(
    `cannot ${verb} ${path}${isFull(cause) ? ': its disk is full' : ''} (${describeRefusal(path, codeOf(cause) || String(cause))})`,
    helpFor(cause),
    { cause },
  )

function helpFor(cause: unknown): string {
  if (isFull(cause)) return 'make room on it, then try again; nothing was changed'
  return codeOf(cause) === 'EROFS'
    ? 'its file system is mounted read-only: mount it for writing, or name another place; after an error of the disk the kernel does this by itself, so see its log too'
    : 'check that the folder exists, is writable by this user, and that the disk is not full'
}

/** The same for the database itself: the line begins with the variable that names it. */
export function databaseFault(verb: string, file: string, cause: unknown): Fault {
  const { message, help } = fileFault(verb, file, cause)
  return new Fault(`SIGNET_DATABASE_URL: ${message}`, help, { cause })
}

/**
 * Checks that this user may write the database, its journal and their folder. SQLite opens a read-only database without
 * an error; it fails at the first write, and the error names no file.
 * @throws Fault
 */
export function requireWritable(file: string): void {
  for (const part of [file, `${file}-wal`, `${file}-shm`, dirname(file)]) {
    try {
      accessSync(part, constants.R_OK | constants.W_OK)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw databaseFault('write', part, error)
    }
  }
}

function readHeader(file: string, fault: typeof fileFault): { header: Buffer; size: number } {
  try {
    const descriptor = openSync(file, 'r')
    try {
      const header = Buffer.alloc(100)
      const length = readSync(descriptor, header, 0, 100, 0)
      return { header: header.subarray(0, length), size: statSync(file).size }
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    throw fault('read', file, error)
  }
}

/** Pages may wait in the journal after a crash; only without one must the file be complete. */
const hasJournal = (file: string): boolean => (statSync(journalOf(file), { throwIfNoEntry: false })?.size ?? 0) > 0

/** The journal of a file that is there. SQLite keeps it beside the file that a link leads to. */
export const journalOf = (file: string): string => `${realpathSync(file)}-wal`

/** The index that processes share of the journal (https://sqlite.org/walformat.html). */
export const indexOf = (file: string): string => `${realpathSync(file)}-shm`

/** https://sqlite.org/fileformat2.html#the_database_header: page size at 16 (1 means 65536), pages at 28. */
function expectedSize(header: Buffer): number {
  const pageSize = header.readUInt16BE(16)
  return (pageSize === 1 ? 65_536 : pageSize) * header.readUInt32BE(28)
}

/**
 * Creates a database that holds only our mark, folder 0700 and file 0600. The complete file gets its name in one step:
 * if two processes start together, the second finds the file of the first.
 */
export function createFile(file: string): void {
  if (isTaken(`${file}-wal`))
    throw new Fault(`the database ${file} is missing, but its journal ${file}-wal is there`, missingHelp(file))
  const temporary = draftBeside(file)
  const unmakeFolder = makeFolder(file)
  try {
    closeSync(openSync(temporary, 'wx', 0o600))
    markDatabase(temporary)
    placeFile(temporary, file)
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && existsSync(file)) return
    removeFile(temporary)
    unmakeFolder()
    throw databaseFault('create', file, error)
  } finally {
    removeFile(temporary)
  }
}

/** Makes the folder of a file if it is missing. The result removes the folder again if it is empty. */
export function makeFolder(file: string): () => void {
  try {
    return makeFolders(dirname(file))
  } catch (error) {
    throw databaseFault('create', file, error)
  }
}

function markDatabase(file: string): void {
  const database = new SqliteDatabase(file)
  try {
    database.pragma(`application_id = ${APPLICATION_ID}`)
    database.pragma('journal_mode = WAL')
  } finally {
    database.close()
  }
}

/** Gives a finished file its name durably. Fails with `EEXIST` if the name is taken. */
export function placeFile(temporary: string, file: string): void {
  flush(temporary)
  giveToFolderOwner(temporary)
  linkSync(temporary, file)
  rmSync(temporary)
  flush(dirname(file))
}

function flush(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Removes a database file that never got its name, with its journal. */
export function removeFile(temporary: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(temporary + suffix, { force: true })
}
