/** Opens the issuer for one command, without listening, and always closes it. */
import type { Command } from 'commander'
import { systemClock } from '../ground/clock.ts'
import { readConfig } from '../config/config.ts'
import type { Config } from '../config/setting.ts'
import type { Issuer } from '../issuer.ts'
import { logOnDemand, type Log } from '../ground/log.ts'
import { note } from './output.ts'

/** Runs `work` on the issuer that there is. No database is made. */
export async function withIssuer<T>(work: (issuer: Issuer) => Promise<T>): Promise<T> {
  const config = readConfig(process.env)
  await requireDatabase(config)
  return onIssuer(work, config)
}

/** Adds `--new` to a command that makes a database in passing. */
export const mayMakeDatabase = (command: Command): Command =>
  command.option('--new', 'where there is no database: make one, at the default place too')

/** @param command has `--new` by `mayMakeDatabase` */
export const wantsNew = (command: Command): boolean => command.opts<{ new?: boolean }>().new === true

/**
 * The same for a command that can be the first one. If there is no database, it is made with its keys, and a note says
 * so: at a place that SIGNET_DATABASE_URL names, or if the command is told `--new`. Beside keys of another database only
 * `--new` makes one.
 * @param command has `--new` by `mayMakeDatabase`
 */
export async function withIssuerOrNew<T>(command: Command, work: (issuer: Issuer) => Promise<T>): Promise<T> {
  const config = readConfig(process.env)
  const isNewWanted = wantsNew(command)
  const { describeNew, findToMake } = await import('../doctor/missing-database.ts')
  const file = await findToMake(config, isNewWanted)
  return onIssuer(
    (issuer) => {
      if (file !== undefined) note(describeNew(file))
      return work(issuer)
    },
    config,
    { isNewWanted },
  )
}

async function requireDatabase(config: Config): Promise<void> {
  const { describeMissing, findMissing } = await import('../doctor/missing-database.ts')
  const file = await findMissing(config)
  if (file !== undefined) throw describeMissing(file, config)
}

/** For the commands about master keys: a former key may be missing, and no new database is made. */
export async function withMasterKeys<T>(config: Config, work: (issuer: Issuer) => Promise<T>): Promise<T> {
  await requireDatabase(config)
  return onIssuer(work, config, { mayLackFormer: true })
}

/** Opens, works and closes, without any question about the database file. */
export async function onIssuer<T>(
  work: (issuer: Issuer) => Promise<T>,
  config: Config,
  terms: { mayLackFormer?: boolean; isNewWanted?: boolean } = {},
): Promise<T> {
  // Loaded only now: a help text or a usage error must not wait for the database driver.
  const { openDatabase } = await import('../database.ts')
  const { issuerUrl, wireIssuer } = await import('../issuer.ts')
  const surroundings = { clock: systemClock, log: commandLog(config), isCommand: true }
  const opened = await openDatabase(config, { ...surroundings, ...terms })
  try {
    const issuer = await wireIssuer(opened, await issuerUrl(opened.store, config), config, surroundings)
    try {
      const result = await work(issuer)
      await tellClients(issuer)
      return result
    } finally {
      await issuer.finish()
    }
  } finally {
    await opened.store.close()
  }
}

/** Sends the logout tokens that the act of a command has brought about. */
async function tellClients({ backChannel }: Issuer): Promise<void> {
  const left = await backChannel.settle()
  if (left.length > 0)
    note(
      `not told of the end yet: ${left.join(', ')}; SIGNET_OUTBOUND_ALLOW of this shell does not name them, and a running server tells them only where its own does`,
    )
}

/** Commands log only warnings, unless the operator set a log level. */
function commandLog(config: Config): Log {
  const chosen = process.env.SIGNET_LOG_LEVEL || process.env.SIGNET_LOG_LEVEL_FILE
  return logOnDemand({ level: chosen ? config.logLevel : 'warn', format: config.logFormat })
}
