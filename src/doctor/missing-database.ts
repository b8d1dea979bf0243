/**
 * The messages of a command that finds no database. A database that was there and is gone gets the message of the start.
 * If the keys folder belongs to other databases, the path is probably wrong, and the command creates nothing there.
 */
import type { Config } from '../config/config.ts'
import { Fault } from '../ground/errors.ts'
import { isKnownDatabase, listKnownDatabases } from '../keys/known-databases.ts'
import { databaseName, missingDatabase, probeDatabase } from '../store/open.ts'

/** The name of a missing database; `undefined` if the database is there. */
export const findMissing = async ({ databaseUrl }: Config): Promise<string | undefined> =>
  (await probeDatabase(databaseUrl)) === 'missing' ? databaseName(databaseUrl) : undefined

/** The fault that ends a command that only reads. */
export function describeMissing(file: string, config: Config): Fault {
  if (isKnownDatabase(config.keysDir, file)) return missingDatabase(config.databaseUrl)
  return (
    describeStranger(file, config) ??
    new Fault(
      `there is no database at ${file}`,
      'signet serve creates one; or set SIGNET_DATABASE_URL to where it is, or signet restore FILE',
    )
  )
}

/** A path that the keys folder does not know, where it knows others. */
export function describeStranger(file: string, { keysDir }: Config): Fault | undefined {
  const known = listKnownDatabases(keysDir)
  if (known.length === 0 || isKnownDatabase(keysDir, file)) return undefined
  return new Fault(
    `there is no database at ${file}, and the keys in ${keysDir} belong to ${known.join(', ')}`,
    'set SIGNET_DATABASE_URL to the one that is meant; where a new one is wanted, signet serve or signet migrate makes it',
  )
}

/** Said before all else by a command that made an issuer in passing. */
export const describeNew = (file: string): string =>
  `there was no database at ${file}: a new one was made, with keys of its own; if yours is elsewhere, set SIGNET_DATABASE_URL`
