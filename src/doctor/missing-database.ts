/** The messages of a command that finds no database. A database that was there and is gone gets the message of the start. */
import type { Config } from '../config/setting.ts'
import { Fault } from '../ground/errors.ts'
import { findHindrance, listKnownDatabases, strangerFault } from '../keys/known-databases.ts'
import { databaseName, missingDatabase, probeDatabase } from '../store/open.ts'

/** The name of a missing database; `undefined` if the database is there. */
export const findMissing = async ({ databaseUrl }: Config): Promise<string | undefined> =>
  (await probeDatabase(databaseUrl)) === 'missing' ? databaseName(databaseUrl) : undefined

/**
 * The name of a missing database that a command may make; `undefined` if the database is there. Without `--new`, one is
 * made at a place that SIGNET_DATABASE_URL names, and never beside keys of another database.
 * @throws Fault where the database is missing and may not be made
 */
export async function findToMake(config: Config, isNewWanted: boolean): Promise<string | undefined> {
  const name = await findMissing(config)
  if (name === undefined) return undefined
  const isExpected = config.setBy.databaseUrl !== undefined
  const known = listKnownDatabases(config.keysDir)
  if (findHindrance({ name, known, isNewWanted, isExpected }) === undefined) return name
  throw describeMissing(name, config, { takesNew: true })
}

/**
 * The fault that ends a command.
 * @param takesNew whether the command itself has `--new`
 */
export function describeMissing(name: string, config: Config, { takesNew = false } = {}): Fault {
  const known = listKnownDatabases(config.keysDir)
  const hindrance = findHindrance({ name, known, isNewWanted: false, isExpected: false })
  if (hindrance === 'lost') return missingDatabase(config.databaseUrl)
  if (hindrance === 'stranger')
    return strangerFault(config.keysDir, name, takesNew ? 'the same command with --new' : 'signet serve --new')
  const makes = takesNew ? 'signet serve, or the same command with --new, makes one' : 'signet serve makes one'
  return new Fault(
    `there is no database at ${name}`,
    `${makes}; or set SIGNET_DATABASE_URL and SIGNET_KEYS_DIR to where database and keys are, or signet restore FILE`,
  )
}

/** Said before all else by a command that made an issuer in passing. */
export const describeNew = (file: string): string =>
  `there was no database at ${file}: a new one was made, with keys of its own; if yours is elsewhere, set SIGNET_DATABASE_URL`
