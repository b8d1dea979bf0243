/** `signet group …`: what users belong to. */
import type { Command } from 'commander'
import { BY_CLI } from '../audit.ts'
import { shell } from '../ground/shell-word.ts'
import { blankGroup, changedGroup, requireSoundGroup } from '../users/group.ts'
import { GROUP_FIELDS, groupChangeSchema, groupView } from '../users/group-wire.ts'
import { readMetadata, withMetadata, type MetadataOptions } from './metadata.ts'
import { requireUser, withNamed } from './named.ts'
import { mayMakeDatabase, withIssuer, withIssuerOrNew } from './open-issuer.ts'
import { answer, answerDone, counted, fieldList, table } from './output.ts'
import { subcommand, withExample } from './subcommand.ts'
import { UsageError, requireSound } from './usage.ts'

export function defineGroup(group: Command): void {
  withExample(group, 'create engineering --role editor')
  const creation = subcommand(
    group,
    'create <name>',
    'make a group',
    'create engineering --role editor --permission orders.write --claim org_slug=acme',
  )
  mayMakeDatabase(withMetadata(creation, GROUP_FIELDS)).action(create)
  subcommand(group, 'list', 'all groups', 'list').action(list)
  subcommand(group, 'show <name>', 'one group', 'show engineering').action(show)
  const change = subcommand(
    group,
    'update <name>',
    'replace what is given; the rest stays',
    'update engineering --role editor --role reviewer',
  )
  withMetadata(change, GROUP_FIELDS).action(update)
  subcommand(group, 'delete <name>', 'delete a group; its members stay', 'delete engineering').action(remove)
  subcommand(group, 'add <name>', 'add users to a group', 'add signet-admins ada')
    .argument('<user...>', 'user names, addresses or ids')
    .action(members('add'))
  subcommand(group, 'remove <name>', 'take users out of a group', 'remove engineering ada')
    .argument('<user...>', 'user names, addresses or ids')
    .action(members('remove'))
}

const readChange = (options: MetadataOptions) => readMetadata(options, GROUP_FIELDS, groupChangeSchema)

async function create(name: string, options: MetadataOptions, command: Command): Promise<void> {
  const change = readChange(options)
  requireSound(() => requireSoundGroup(changedGroup(blankGroup(name, 0), change)))
  await withIssuerOrNew(command, async ({ groupRegistry }) => {
    const group = await groupRegistry.create(name, change, BY_CLI)
    answerDone(command, groupView(group), `group ${name} was made; add people: signet group add ${shell(name)} USER`)
  })
}

const list = (_options: object, command: Command): Promise<void> =>
  withIssuer(async ({ groupRegistry }) => {
    const views = (await groupRegistry.list()).map(groupView)
    const rows = views.map((each) => [each.name, each.members, each.roles, each.permissions])
    answer(command, views, () => table(['NAME', 'MEMBERS', 'ROLES', 'PERMISSIONS'], rows, 'no groups'))
  })

const show = (name: string, _options: object, command: Command): Promise<void> =>
  withNamed('group', name, async ({ groupRegistry }) => {
    const view = groupView(await groupRegistry.get(name))
    answer(command, view, () => fieldList(view))
  })

async function update(name: string, options: MetadataOptions, command: Command): Promise<void> {
  const change = readChange(options)
  if (Object.keys(change).length === 0) throw new UsageError('nothing to change was given')
  await withNamed('group', name, async ({ groupRegistry }) =>
    answerDone(command, groupView(await groupRegistry.update(name, change, BY_CLI)), `group ${name} was changed`),
  )
}

const remove = (name: string, _options: object, command: Command): Promise<void> =>
  withNamed('group', name, async ({ groupRegistry }) => {
    const group = await groupRegistry.get(name)
    await groupRegistry.delete(name, BY_CLI)
    answerDone(command, groupView(group), `group ${name} was deleted; its members stay`)
  })

const members =
  (act: 'add' | 'remove') =>
  (name: string, users: string[], _options: object, command: Command): Promise<void> =>
    withNamed('group', name, async (issuer) => {
      const persons = await Promise.all(users.map((each) => requireUser(each, issuer)))
      const ids = persons.map(({ user }) => user.id)
      const group = groupView(await issuer.groupRegistry[act](name, ids, BY_CLI))
      answerDone(command, group, `group ${name} has ${counted(group.members, 'member')} now`)
    })
