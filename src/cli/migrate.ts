/** `signet migrate`: opens the database, which brings it up to date, and does nothing else. */
import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { withNewIssuer } from './open-issuer.ts'
import { answer, visible } from './output.ts'

export function defineMigrate(command: Command): void {
  command
    .addHelpText('after', '\nEvery start does this too; here it is a step of its own.\n\nExample:\n  signet migrate')
    .action(migrate)
}

const migrate = (_options: object, command: Command): Promise<void> =>
  withNewIssuer(async ({ store }) => {
    const { location } = await store.facts({ integrity: false })
    answer(command, { database: location, up_to_date: true }, () =>
      visible(`${location} is up to date with this version`),
    )
  }, readConfig(process.env))
