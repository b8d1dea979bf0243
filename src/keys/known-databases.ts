/**
 * A list beside the master key: the databases that it has sealed keys for. A database on the list that is missing was
 * lost. The start is refused then, instead of making a new database with other keys and no clients, unless `--new` asks for
 * one. The list guards against a slip, and nothing else rests on it: a keys folder that is read-only or another user's
 * works without it.
 *
 * A line is a name and, after a tab, the id of the place where the database told one. The later line of a name counts.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../ground/errors.ts'
import { giveToFolderOwner } from '../ground/file-access.ts'

const listFile = (keysDir: string): string => join(keysDir, 'databases')

/** A database that has used the keys. */
export interface KnownDatabase {
  /** An absolute path, or an address without credentials. */
  name: string
  /** The same for all names of one place; `undefined` for a note of an earlier version, and where the name says all. */
  placeId: string | undefined
}

/** Oldest first. */
export const listNotes = (keysDir: string): KnownDatabase[] => {
  const ids = new Map<string, string | undefined>()
  for (const line of readLines(keysDir)) {
    const [name = '', placeId] = line.split('\t')
    ids.set(name, placeId)
  }
  return [...ids].map(([name, placeId]) => ({ name, placeId }))
}

function readLines(keysDir: string): string[] {
  try {
    return readFileSync(listFile(keysDir), 'utf8').split('\n').filter(Boolean)
  } catch {
    return [] // no list yet, or one that this user may not read
  }
}

/** Absolute paths, and addresses without credentials; oldest first. */
export const listKnownDatabases = (keysDir: string): string[] => listNotes(keysDir).map(({ name }) => name)

export const isKnownDatabase = (keysDir: string, name: string): boolean => listKnownDatabases(keysDir).includes(name)

/** Why a missing database is not made: it was there before, others have the keys, or nothing says that one is wanted. */
export type Hindrance = 'lost' | 'stranger' | 'unasked'

interface Wish {
  /** The missing database: an absolute path, or an address without credentials. */
  name: string
  /** The databases that the keys folder knows. */
  known: readonly string[]
  /** Whether `--new` asks for a new database. */
  isNewWanted: boolean
  /** Whether a new database is expected at this place without `--new`. */
  isExpected: boolean
}

/** The one rule about making a missing database, for starts, commands and dry runs; `undefined` where it may be made. */
export function findHindrance({ name, known, isNewWanted, isExpected }: Wish): Hindrance | undefined {
  if (isNewWanted) return undefined
  if (known.includes(name)) return 'lost'
  if (known.length > 0) return 'stranger'
  return isExpected ? undefined : 'unasked'
}

/**
 * The fault of a missing database beside keys of others: the path is probably wrong.
 * @param maker the command that makes a new one
 */
export const strangerFault = (keysDir: string, name: string, maker: string): Fault =>
  new Fault(
    `there is no database at ${name}, and the keys in ${keysDir} belong to ${listKnownDatabases(keysDir).join(', ')}`,
    `set SIGNET_DATABASE_URL to the one that is meant; where a new one is wanted: ${maker}`,
  )

/** Puts a database on the list, where the list can be written. @param placeId replaces the one that is noted */
export function rememberDatabase(keysDir: string, name: string, placeId?: string): void {
  const noted = listNotes(keysDir).find((each) => each.name === name)
  if (noted && (placeId === undefined || noted.placeId === placeId)) return
  try {
    appendFileSync(listFile(keysDir), `${name}${placeId === undefined ? '' : `\t${placeId}`}\n`, { mode: 0o600 })
    giveToFolderOwner(listFile(keysDir))
  } catch {
    // A mounted Secret is read-only, and a list that root wrote is root's.
  }
}
