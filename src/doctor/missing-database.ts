/** The messages of a command that finds no database. A database that was there and is gone gets the message of the start. */
import type { Config } from '../config/config.ts'
import { Fault } from '../ground/errors.ts'
import { findStranger, isKnownDatabase } from '../keys/known-databases.ts'
import { databaseName, missingDatabase, probeDatabase } from '../store/open.ts'

/** The name of a missing database; `undefined` if the database is there. */
export const findMissing = async ({ databaseUrl }: Config): Promise<string | undefined> =>
  (await probeDatabase(databaseUrl)) === 'missing' ? databaseName(databaseUrl) : undefined

/**
 * The fault that ends a command.
 * @param mayBeNew whether the command makes a database when it is told to
 */
export function describeMissing(file: string, config: Config, mayBeNew = false): Fault {
  if (isKnownDatabase(config.keysDir, file)) return missingDatabase(config.databaseUrl)
  const makes = mayBeNew ? 'signet serve or --new makes one' : 'signet serve makes one'
  return (
    findStranger(config.keysDir, file) ??
    new Fault(
      `there is no database at ${file}`,
      `${makes}; or set SIGNET_DATABASE_URL and SIGNET_KEYS_DIR to where database and keys are, or signet restore FILE`,
    )
  )
}

/** Said before all else by a command that made an issuer in passing. */
export const describeNew = (file: string): string =>
  `there was no database at ${file}: a new one was made, with keys of its own; if yours is elsewhere, set SIGNET_DATABASE_URL`
