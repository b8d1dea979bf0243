/**
 * A list beside the master key: the databases that it has sealed keys for. A database on the list that is missing was
 * lost. The start is refused then, instead of making a new database with other keys and no clients. The list guards
 * against a slip, and nothing else rests on it: a keys folder that is read-only or another user's works without it.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../ground/errors.ts'
import { giveToFolderOwner } from '../ground/file-access.ts'

const listFile = (keysDir: string): string => join(keysDir, 'databases')

/** Absolute paths, and addresses without credentials; oldest first. */
export const listKnownDatabases = (keysDir: string): string[] => {
  try {
    return readFileSync(listFile(keysDir), 'utf8').split('\n').filter(Boolean)
  } catch {
    return [] // no list yet, or one that this user may not read
  }
}

export const isKnownDatabase = (keysDir: string, name: string): boolean => listKnownDatabases(keysDir).includes(name)

/** The fault of a database that is missing, where the folder knows others and not this one: the path is probably wrong. */
export function findStranger(keysDir: string, name: string): Fault | undefined {
  const known = listKnownDatabases(keysDir)
  if (known.length === 0 || known.includes(name)) return undefined
  return new Fault(
    `there is no database at ${name}, and the keys in ${keysDir} belong to ${known.join(', ')}`,
    'set SIGNET_DATABASE_URL to the one that is meant; where a new one is wanted: signet serve --new',
  )
}

/** Puts a database on the list, where the list can be written. */
export function rememberDatabase(keysDir: string, name: string): void {
  if (isKnownDatabase(keysDir, name)) return
  try {
    appendFileSync(listFile(keysDir), `${name}\n`, { mode: 0o600 })
    giveToFolderOwner(listFile(keysDir))
  } catch {
    // A mounted Secret is read-only, and a list that root wrote is root's.
  }
}
