/**
 * `signet migrate`: opens the database, which brings it up to date, and does nothing else. With two URLs it moves everything
 * from one database into another.
 */
import { pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import { readConfig, readDatabaseUrl } from '../config/config.ts'
import type { Config } from '../config/setting.ts'
import { Fault } from '../ground/errors.ts'
import { isPostgresUrl } from '../ground/postgres-url.ts'
import { readArgument } from '../ground/standard-input.ts'
import { isKnownDatabase, rememberDatabase } from '../keys/known-databases.ts'
import { mayMakeDatabase, withIssuerOrNew } from './open-issuer.ts'
import { answer, note, table, visible } from './output.ts'
import { urlAtCaller } from './place.ts'
import { UsageError } from './usage.ts'

export function defineMigrate(command: Command): void {
  mayMakeDatabase(command)
    .option(
      '--from <url>',
      'move everything from this database; no server runs on it meanwhile; - reads the URL from standard input',
    )
    .option('--to <url>', 'into this place, where nothing is yet; - reads the URL from standard input')
    .addHelpText(
      'after',
      '\nWithout flags it does what every start does too, as a step of its own.\n\nExamples:\n  signet migrate\n' +
        '  signet migrate --from file:data/signet.db --to postgres://signet:password@db:5432/signet',
    )
    .action(migrate)
}

interface Places {
  from?: string
  to?: string
  new?: boolean
}

async function migrate({ from, to, new: isNew }: Places, command: Command): Promise<void> {
  const config = readConfig(process.env)
  if (from === undefined && to === undefined) return bringUpToDate(command)
  if (isNew) throw new UsageError('--new goes without --from and --to', 'a move makes the database in its new place')
  if (from === undefined || to === undefined)
    throw new UsageError(`--${from === undefined ? 'from' : 'to'} is missing`, 'a move needs both: --from URL --to URL')
  if (from === '-' && to === '-') throw new UsageError('--from and --to: one of them may be read from standard input')
  return move(await readUrl('--from', from), await readUrl('--to', to), config, command)
}

const bringUpToDate = (command: Command): Promise<void> =>
  withIssuerOrNew(command, async ({ store }) => {
    const { location } = await store.facts({ integrity: false })
    answer(command, { database: location, up_to_date: true }, () =>
      visible(`${location} is up to date with this version`),
    )
  })

/** A URL may hold a password, which does not belong on a command line. @throws UsageError */
async function readUrl(flag: string, text: string): Promise<string> {
  try {
    return readDatabaseUrl(flag, urlAtCaller((await readArgument(text)).trim()))
  } catch (error) {
    throw error instanceof Fault ? new UsageError(error.message, error.help) : error
  }
}

async function move(from: string, to: string, { keysDir }: Config, command: Command): Promise<void> {
  const { databaseName, moveDatabase } = await import('../store/open.ts')
  const tables = await moveDatabase(from, to)
  const [left, reached] = [databaseName(from), databaseName(to)]
  // From now on a start that finds nothing there is refused, as for the database that was left.
  if (isKnownDatabase(keysDir, left)) rememberDatabase(keysDir, reached)
  answer(command, { tables }, () => table(['table', 'rows'], Object.entries(tables), 'no tables'))
  note(`everything was moved and compared; set SIGNET_DATABASE_URL to ${urlOf(to, reached)}, with the same master keys`)
  note(`${left} is as it was: put it away, because a server that still runs on it would accept what was revoked here`)
}

/** A value that the variable takes; a URL with a password is not repeated. */
const urlOf = (url: string, name: string): string =>
  isPostgresUrl(url) ? `the URL of --to (${name})` : pathToFileURL(name).href
