/** From `SIGNET_DATABASE_URL` to a store: a SQLite file or PostgreSQL. */
import { existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Clock } from '../ground/clock.ts'
import { Fault } from '../ground/errors.ts'
import { readFileUrl } from '../ground/path-name.ts'
import {
  describeAddress,
  isPostgresUrl,
  readPostgresUrl,
  POSTGRES_FORM,
  type PostgresAddress,
} from '../ground/postgres-url.ts'
import { moveRows, type Moved, type MoveSource, type MoveTarget } from './move.ts'
import { BEGIN_ANEW, databaseFault, isTaken, missingDatabase as missingFault } from './sqlite/database-file.ts'
import type { LivesEnded } from './acts/restored.ts'
import { createSqliteTarget, openSqliteSource } from './sqlite/move.ts'
import { bringingBack, findSaved } from './sqlite/saved-name.ts'
import { restore, type RestoreOptions } from './sqlite/restore.ts'
import { openSqliteStore } from './sqlite/sqlite-store.ts'
import type { Store } from './store.ts'

export interface OpenOptions {
  clock: Clock
  /** Refuses a missing database instead of creating one. */
  mustExist?: boolean | undefined
  /** How far memory may be behind other processes' changes when a request is decided, in milliseconds. The default is 0. */
  mayLagMs?: number | undefined
  /** Connections to PostgreSQL. */
  poolSize?: number | undefined
}

const POOL_SIZE = 10

/**
 * Opens the store, creating and migrating the database as needed.
 * @throws Fault where the database cannot be used; then nothing was created or changed.
 * @throws Unavailable where another process keeps it locked.
 */
export async function openStore(url: string, options: OpenOptions): Promise<Store> {
  const { clock, mustExist = false, mayLagMs, poolSize: size = POOL_SIZE } = options
  if (isPostgresUrl(url)) {
    const { openPostgresStore } = await postgres()
    return openPostgresStore(requireAddress(url), { clock, mustExist, size })
  }
  return openSqliteStore(requireDatabaseFile(url), { clock, mustExist, mayLagMs })
}

/** Loaded only where it is used: the driver is no part of a start on a file. */
const postgres = () => import('./postgres/postgres-store.ts')

/** The name of a database for operators: the absolute path of a file, or an address without credentials. */
export const databaseName = (url: string): string =>
  isPostgresUrl(url) ? describeAddress(requireAddress(url)) : resolve(requireFileUrl(url))

/** The parameters of the URL that change nothing, by name. */
export const ignoredParameters = (url: string): string[] => (isPostgresUrl(url) ? requireAddress(url).ignored : [])

/**
 * The step by which a database that a server has saved gets back to its path: between the stop of that server and its next
 * start. `undefined` where no copy is found here.
 */
export function describeBringingBack(url: string): string | undefined {
  if (isPostgresUrl(url)) return undefined
  const file = databaseName(url)
  const saved = findSaved(file)
  return saved && bringingBack(file, saved.path)
}

/**
 * Whether there is something in the place of the database, valid or not.
 * @throws Fault where the place cannot be looked at, or is another application's
 */
export async function probeDatabase(url: string): Promise<'missing' | 'present'> {
  if (!isPostgresUrl(url)) return isTaken(requireDatabaseFile(url)) ? 'present' : 'missing'
  const { probePostgres } = await postgres()
  return probePostgres(requireAddress(url))
}

/** The fault of a start or command whose database existed before and is missing now. */
export function missingDatabase(url: string): Fault {
  if (!isPostgresUrl(url)) return missingFault(databaseName(url))
  return new Fault(
    `the database ${databaseName(url)} is missing`,
    `restore it by its own means (pg_restore), or name another one in SIGNET_DATABASE_URL; ${BEGIN_ANEW}`,
  )
}

/**
 * Makes a backup the database, where none is. Unless `keepGrants`, every refresh token family is ended, the live access
 * tokens that the backup knows of are denied, and everything by which somebody could sign in once more is ended.
 * @returns how much was ended
 * @throws Fault where the place is taken or the file is no sound backup; then nothing is left behind.
 */
export async function restoreBackup(url: string, file: string, options: RestoreOptions): Promise<LivesEnded> {
  if (isPostgresUrl(url))
    throw new Fault(
      'signet restore makes a SQLite file, and SIGNET_DATABASE_URL names PostgreSQL',
      'restore it by its own means (pg_restore), then run: signet grant revoke --all --reason restored',
    )
  return restore(file, requireDatabaseFile(url), options)
}

/**
 * Moves everything from one database into another place, where nothing is yet. Nothing of the source is changed but its
 * tables brought up to this version.
 * @returns the rows of each table
 * @throws Fault where that cannot be done; then nothing is left in the place
 */
export async function moveDatabase(from: string, to: string): Promise<Moved> {
  if (databaseName(from) === databaseName(to))
    throw new Fault(`--from and --to name the same place, ${databaseName(from)}`, 'name an empty place in --to')
  const source = await asNamed('--from', () => openSource(from))
  // The caller is told the outcome of the move, and not that of closing.
  try {
    const target = await asNamed('--to', () => openTarget(to))
    try {
      return await asMove(() => moveRows(source, target))
    } finally {
      await target.close().catch(() => {})
    }
  } finally {
    await source.close().catch(() => {})
  }
}

async function openSource(url: string): Promise<MoveSource> {
  if ((await probeDatabase(url)) === 'missing')
    throw new Fault(`--from: there is no database at ${databaseName(url)}`, 'name the one that was served until now')
  if (!isPostgresUrl(url)) return openSqliteSource(requireDatabaseFile(url))
  const { openPostgresSource } = await postgresMove()
  return openPostgresSource(requireAddress(url))
}

async function openTarget(url: string): Promise<MoveTarget> {
  if (!isPostgresUrl(url)) return createSqliteTarget(requireDatabaseFile(url))
  const { createPostgresTarget } = await postgresMove()
  return createPostgresTarget(requireAddress(url))
}

const postgresMove = () => import('./postgres/move.ts')

/** Faults of a database name the flag that led to it. */
async function asNamed<Result>(flag: string, open: () => Promise<Result>): Promise<Result> {
  const named = (text: string) => text.replaceAll('SIGNET_DATABASE_URL', flag)
  return open().catch((error: unknown) => {
    if (!(error instanceof Fault)) throw error
    throw new Fault(named(error.message), named(error.help ?? ''), { cause: error })
  })
}

/** Faults in the middle of a move name the place alone, which tells the two apart, and say that nothing was moved. */
async function asMove<Result>(move: () => Promise<Result>): Promise<Result> {
  return move().catch((error: unknown) => {
    if (!(error instanceof Fault)) throw error
    const { message, help = '' } = error
    const hasSaidSo = /nothing was|all or nothing/.test(help)
    throw new Fault(message.replace(/^SIGNET_DATABASE_URL: /, ''), hasSaidSo ? help : `nothing was moved; ${help}`, {
      cause: error,
    })
  })
}

function requireAddress(url: string): PostgresAddress {
  const read = readPostgresUrl(url)
  if ('value' in read) return read.value
  throw new Fault(`SIGNET_DATABASE_URL: ${read.why}; accepted: ${POSTGRES_FORM}`, 'docs/reference.md lists every form')
}

/** The path as it is written. */
function requireFileUrl(url: string): string {
  const read = readFileUrl(url)
  if ('why' in read) throw urlFault(url, read.why)
  return read.value
}

const requireDatabaseFile = (url: string): string => requirePlaceForFile(resolve(requireFileUrl(url)), url)

/** The configuration has checked the text of the URL already. Here the disk is checked. */
const urlFault = (url: string, why: string) =>
  new Fault(
    `SIGNET_DATABASE_URL: read ${JSON.stringify(url)}, but ${why}; accepted: file:<path> of a SQLite database, or ${POSTGRES_FORM}`,
    'name a file, in a folder that is there or can be made',
  )

/** Only a regular file in a folder can hold a database. This is told before anything is made. */
function requirePlaceForFile(file: string, url: string): string {
  try {
    let folder = dirname(file)
    while (!existsSync(folder)) folder = dirname(folder)
    if (!statSync(folder).isDirectory()) throw urlFault(url, `${folder} is no folder`)
    const stats = statSync(file, { throwIfNoEntry: false })
    if (stats?.isDirectory()) throw urlFault(url, `${file} is a folder`)
    if (stats && !stats.isFile()) throw urlFault(url, `${file} is no regular file`)
    return file
  } catch (error) {
    throw error instanceof Fault ? error : databaseFault('read', file, error)
  }
}
