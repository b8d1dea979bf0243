/** `signet master-key …`: the keys that everything secret in the database rests on. */
import type { Command } from 'commander'
import { BY_CLI } from '../audit.ts'
import { readConfig } from '../config/config.ts'
import { toIso } from '../ground/clock.ts'
import { shell } from '../ground/shell-word.ts'
import { listOtherDatabases } from '../database.ts'
import type { Issuer } from '../issuer.ts'
import { describeMasterKeyPlace } from '../keys/master-key-source.ts'
import { idArgument } from '../keys/master-key.ts'
import { MasterKeyChange, type ListedMasterKey } from '../keys/master-key-change.ts'
import { withMasterKeys } from './open-issuer.ts'
import { answer, note, table } from './output.ts'
import { subcommand, withExample } from './subcommand.ts'

export function defineMasterKey(masterKey: Command): void {
  withExample(masterKey, 'list')
  subcommand(masterKey, 'list', 'the master keys, what needs each of them, and until when', 'list').action(list)
  subcommand(
    masterKey,
    'rotate',
    'make a new master key and use it from now on; what was made under the former one goes on working',
    'rotate',
  ).action(rotate)
  subcommand(
    masterKey,
    'use <id>',
    'make a key current that stands in its place, and that all running servers have',
    'use 0123456789abcdef',
  ).action(use)
  subcommand(masterKey, 'retire <id>', 'forget a former key for good, once nothing needs it', 'retire 0123456789abcdef')
    .option('--force', 'end what needs it: grants with their tokens, and client secrets')
    .action(retire)
}

/** `users`: the persons with an authenticator app. */
const view = ({ id, status, dependents: { signingKeys, secrets, grants, apps, until } }: ListedMasterKey) => ({
  id,
  status,
  needed_by: { signing_keys: signingKeys, client_secrets: secrets.length, grants, users: apps },
  needed_until: status === 'previous' ? toIso(until) : null,
})

async function listViews(change: MasterKeyChange, { config }: Issuer): Promise<ReturnType<typeof view>[]> {
  for (const id of change.listLeftBehind())
    note(
      `master key ${id} is retired, and still stands in ${describeMasterKeyPlace(config)}: signet master-key retire ${idArgument(id)} takes it out of the file`,
    )
  const listed = await change.list()
  for (const { id, status } of listed) if (status === 'new') note(describeUnused(id))
  return listed.map(view)
}

const describeUnused = (id: string): string =>
  `master key ${id} is not used yet: signet master-key use ${idArgument(id)} makes it current, signet master-key retire ${idArgument(id)} takes it away`

const tableOf = (views: ReturnType<typeof view>[]): string =>
  table(
    ['ID', 'STATUS', 'SIGNING KEYS', 'CLIENT SECRETS', 'GRANTS', 'USERS', 'NEEDED UNTIL'],
    views.map(({ id, status, needed_by: by, needed_until }) => [
      id,
      status,
      by.signing_keys,
      by.client_secrets,
      by.grants,
      by.users,
      needed_until,
    ]),
    'no master key yet',
  )

const withChange = (work: (change: MasterKeyChange, issuer: Issuer) => Promise<void>): Promise<void> =>
  withMasterKeys(readConfig(process.env), async (issuer) => {
    const { store, masterKeys, audit, config, revocation } = issuer
    const endGrant = (sid: string) => revocation.endGrantOfMany(sid, BY_CLI, 'master key retired')
    const sharing = await listOtherDatabases(config, store)
    return work(new MasterKeyChange({ store, masterKeys, audit, source: config, sharing, endGrant }), issuer)
  })

const list = (_options: object, command: Command): Promise<void> =>
  withChange(async (change, issuer) => {
    const views = await listViews(change, issuer)
    answer(command, views, () => tableOf(views))
  })

const rotate = (_options: object, command: Command): Promise<void> =>
  withChange(async (change, issuer) => {
    const key = await change.rotate(BY_CLI)
    if (issuer.config.masterKeys) return answerNew(command, key, issuer)
    const keys = await listViews(change, issuer)
    answer(command, { id: key.id, keys }, () => `${key.id} is current.\n\n${tableOf(keys)}`)
    note(
      `copy ${describeMasterKeyPlace(issuer.config)} to where you keep it safe: no backup of before opens what is made now`,
    )
  })

/** A new key of a secret store can be put there by the operator only. */
function answerNew(command: Command, { id, text }: { id: string; text: string }, { config, masterKeys }: Issuer): void {
  const result = {
    id,
    key: text,
    next_steps: [
      `add the key to ${describeMasterKeyPlace(config)}, beside ${masterKeys.current.id}, separated by a comma or a blank`,
      'restart every server, so that each of them has both keys',
      `signet master-key use ${id}`,
    ],
  }
  const steps = result.next_steps.map((step, at) => `${at + 1}. ${step}`).join('\n')
  answer(
    command,
    result,
    () => `id   ${id}\nkey  ${text}\n\n${steps}`,
    'the key is lost, and nothing uses it; make another: signet master-key rotate',
  )
  note('the key is shown this once and is not kept')
}

const use = (id: string, _options: object, command: Command): Promise<void> =>
  withChange(async (change, issuer) => {
    await change.use(id, BY_CLI)
    const keys = await listViews(change, issuer)
    answer(command, { id, keys }, () => `${id} is current.\n\n${tableOf(keys)}`)
  })

const retire = (id: string, { force = false }: { force?: boolean }, command: Command): Promise<void> =>
  withChange(async (change, issuer) => {
    const { clients, grants } = await change.retire(id, BY_CLI, { force })
    const keys = (await change.list()).map(view)
    const ended = { client_secrets: clients, grants }
    answer(command, { id, ended, keys }, () => `${id} is retired.\n\n${tableOf(keys)}`)
    if (grants > 0) note(`${grants} grants were ended, with their tokens`)
    for (const client of clients)
      note(`secrets of client ${client} were ended; a new one: signet client rotate-secret ${shell(client)}`)
    const sharing = await listOtherDatabases(issuer.config, issuer.store)
    if (!issuer.config.masterKeys && sharing.length > 0)
      note(
        `it stays in ${describeMasterKeyPlace(issuer.config)}, because other databases use the file: ${sharing.join(', ')}`,
      )
    if (issuer.config.masterKeys) note(`take it out of ${describeMasterKeyPlace(issuer.config)} now`)
  })
