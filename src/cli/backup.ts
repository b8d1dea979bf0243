/** `signet backup FILE`: copies the database, encrypted signing keys included, master key not. The server may run. */
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { toIso } from '../ground/clock.ts'
import { masterKeyFile } from '../keys/master-key-file.ts'
import { withIssuer } from './open-issuer.ts'
import { answer, note, visible } from './output.ts'
import { withExample } from './subcommand.ts'

export function defineBackup(command: Command): void {
  withExample(command, '/var/backups/signet-2030-01-31.db').argument('<file>', 'must not be there yet').action(backup)
}

const backup = (target: string, _options: object, command: Command): Promise<void> =>
  withIssuer(async ({ store, config }) => {
    const file = resolve(target)
    await store.backup(file)
    const result = { file, size_bytes: statSync(file).size, created_at: toIso(store.now()) }
    answer(command, result, () => visible(`${result.file}: ${result.size_bytes} bytes, checked`))
    const key = config.masterKeys === undefined ? masterKeyFile(config.keysDir) : 'SIGNET_MASTER_KEY'
    note(`the master key is not in it, and without it the backup opens nothing: keep ${key} safe, apart from it`)
  })
