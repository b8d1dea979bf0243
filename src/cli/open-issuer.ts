/** Opens the issuer for one command, without listening, and always closes it. */
import { systemClock } from '../ground/clock.ts'
import { readConfig, type Config } from '../config/config.ts'
import type { Issuer } from '../issuer.ts'
import { openLog, type Log } from '../ground/log.ts'
import { note } from './output.ts'

/**
 * Runs `work` on the issuer. If there is no database, database and keys are created, and a note says so. They are
 * not created beside keys that belong to other databases.
 */
export async function withIssuer<T>(work: (issuer: Issuer) => Promise<T>): Promise<T> {
  const config = readConfig(process.env)
  const { describeStranger, findMissing } = await import('../doctor/missing-database.ts')
  const file = await findMissing(config)
  const stranger = file === undefined ? undefined : describeStranger(file, config)
  if (stranger) throw stranger
  return withNewIssuer(work, config)
}

/** The same at any path, for commands that make a database on purpose. */
export async function withNewIssuer<T>(work: (issuer: Issuer) => Promise<T>, config: Config): Promise<T> {
  const { describeNew, findMissing } = await import('../doctor/missing-database.ts')
  const file = await findMissing(config)
  return onIssuer((issuer) => {
    if (file !== undefined) note(describeNew(file))
    return work(issuer)
  }, config)
}

/** For commands that read: they make no new database. */
export async function withExistingIssuer<T>(work: (issuer: Issuer) => Promise<T>): Promise<T> {
  const config = readConfig(process.env)
  const { describeMissing, findMissing } = await import('../doctor/missing-database.ts')
  const file = await findMissing(config)
  if (file !== undefined) throw describeMissing(file, config)
  return onIssuer(work, config)
}

/** For the commands about master keys: a former key may be missing, and no new database is made. */
export async function withMasterKeys<T>(config: Config, work: (issuer: Issuer) => Promise<T>): Promise<T> {
  const { describeMissing, findMissing } = await import('../doctor/missing-database.ts')
  const file = await findMissing(config)
  if (file !== undefined) throw describeMissing(file, config)
  return onIssuer(work, config, { mayLackFormer: true })
}

/** Opens, works and closes, without any question about the database file. */
export async function onIssuer<T>(
  work: (issuer: Issuer) => Promise<T>,
  config: Config,
  { mayLackFormer = false }: { mayLackFormer?: boolean } = {},
): Promise<T> {
  // Loaded only now: a help text or a usage error must not wait for the database driver.
  const { openDatabase } = await import('../database.ts')
  const { issuerUrl, wireIssuer } = await import('../issuer.ts')
  const surroundings = { clock: systemClock, log: commandLog(config) }
  const opened = await openDatabase(config, { ...surroundings, mayLackFormer })
  try {
    const issuer = await wireIssuer(opened, await issuerUrl(opened.store, config), config, surroundings)
    try {
      return await work(issuer)
    } finally {
      await issuer.audit.flush()
    }
  } finally {
    await opened.store.close()
  }
}

/** Commands log only warnings, unless the operator set a log level. */
function commandLog(config: Config): Log {
  const chosen = process.env.SIGNET_LOG_LEVEL || process.env.SIGNET_LOG_LEVEL_FILE
  return openLog({ level: chosen ? config.logLevel : 'warn', format: config.logFormat })
}
