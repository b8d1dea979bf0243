/** `signet restore FILE`: makes a backup the database, only in an empty place. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { systemClock } from '../ground/clock.ts'
import { readConfig } from '../config/config.ts'
import type { Config } from '../config/setting.ts'
import { Fault } from '../ground/errors.ts'
import { rememberDatabase } from '../keys/known-databases.ts'
import { requireMasterKeys } from '../database.ts'
import type { MasterKey } from '../keys/master-key.ts'
import { masterKeyFile } from '../keys/master-key-file.ts'
import { readMasterKeySource } from '../keys/master-key-source.ts'
import { databaseName, restoreBackup } from '../store/open.ts'
import { signInsEndedView } from '../store/records/session.ts'
import { answer, note, visible } from './output.ts'
import { noteInvitations, signInsEndedText } from './sign-ins-ended.ts'

export function defineRestore(command: Command): void {
  command
    .argument('<file>', 'what signet backup wrote')
    .option(
      '--keep-grants',
      'leave refresh tokens and sessions alive: only where nothing was issued, used or ended since the backup',
    )
    .addHelpText(
      'after',
      '\nPut the master key in its place first.\n\nExample:\n  signet restore /var/backups/signet-2030-01-31.db',
    )
    .action(restore)
}

async function restore(
  backup: string,
  { keepGrants = false }: { keepGrants?: boolean },
  command: Command,
): Promise<void> {
  const config = readConfig(process.env)
  const found = requireMasterKey(config)
  const ended = await restoreBackup(config.databaseUrl, backup, {
    clock: systemClock,
    keepGrants,
    inspect: async (store) => {
      const state = await store.readMasterKeys()
      await requireMasterKeys(store, found, config, { state, subject: 'backup' })
    },
  })
  const name = databaseName(config.databaseUrl)
  if (existsSync(config.keysDir)) rememberDatabase(config.keysDir, name)
  const result = {
    database: name,
    backup: resolve(backup),
    grants_ended: ended.grants,
    grants_kept: keepGrants,
    ...signInsEndedView(ended),
  }
  answer(command, result, () =>
    visible(
      `${result.database} is restored from ${result.backup}; ${ended.grants} grants were ended; ${signInsEndedText(ended)}`,
    ),
  )
  noteInvitations(ended)
  if (keepGrants) note('refresh tokens, sessions and links that were used or ended after the backup may be good again')
}

/** Without it the database cannot be opened. */
function requireMasterKey(config: Config): MasterKey[] {
  const found = readMasterKeySource(config)
  if (found) return found
  throw new Fault(
    `${masterKeyFile(config.keysDir)} is missing, and a backup does not hold it`,
    'put the original file back first, or give the key in SIGNET_MASTER_KEY',
  )
}
