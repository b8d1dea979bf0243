/** Opens the issuer for one command, without listening, and closes it whatever happens. */
import { systemClock } from '../ground/clock.ts'
import { readConfig, type Config } from '../config.ts'
import type { Issuer } from '../issuer.ts'
import { openLog, type Log } from '../ground/log.ts'
import { note } from './output.ts'

/**
 * Runs `work` on the wired issuer. Database and keys are created where this is the very first start, which is told; but
 * not beside keys that belong to other databases.
 */
export async function withIssuer<T>(work: (issuer: Issuer) => Promise<T>): Promise<T> {
  const config = readConfig(process.env)
  const { describeStranger, findMissing } = await import('../doctor/missing-database.ts')
  const file = findMissing(config)
  const stranger = file === undefined ? undefined : describeStranger(file, config)
  if (stranger) throw stranger
  return withNewIssuer(work, config)
}

/** The same at any path: for what makes a database on purpose. */
export async function withNewIssuer<T>(work: (issuer: Issuer) => Promise<T>, config: Config): Promise<T> {
  const { describeNew, findMissing } = await import('../doctor/missing-database.ts')
  const file = findMissing(config)
  return onIssuer((issuer) => {
    if (file !== undefined) note(describeNew(file))
    return work(issuer)
  }, config)
}

/** For commands about what there is: they make no new database. */
export async function withExistingIssuer<T>(work: (issuer: Issuer) => Promise<T>): Promise<T> {
  const config = readConfig(process.env)
  const { describeMissing, findMissing } = await import('../doctor/missing-database.ts')
  const file = findMissing(config)
  if (file !== undefined) throw describeMissing(file, config)
  return onIssuer(work, config)
}

/** Opens, works, closes, and asks nothing about what is there. */
export async function onIssuer<T>(work: (issuer: Issuer) => Promise<T>, config: Config): Promise<T> {
  // Loaded only now: the database driver takes longer to load than a help text or a slip should take to print.
  const { issuerUrl, openDatabase, wireIssuer } = await import('../issuer.ts')
  const surroundings = { clock: systemClock, log: commandLog(config) }
  const opened = await openDatabase(config, surroundings)
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

/** Commands keep quiet about what goes well, unless somebody asked for more. */
function commandLog(config: Config): Log {
  const chosen = process.env.SIGNET_LOG_LEVEL || process.env.SIGNET_LOG_LEVEL_FILE
  return openLog({ level: chosen ? config.logLevel : 'warn', format: config.logFormat })
}
