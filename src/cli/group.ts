/** `signet group …`: what users belong to. */
import type { Command } from 'commander'
import { BY_CLI } from '../audit.ts'
import { Fault } from '../ground/errors.ts'
import { nearest } from '../ground/nearest.ts'
import { shell } from '../ground/shell-word.ts'
import type { Issuer } from '../issuer.ts'
import { blankGroup, changedGroup, requireSoundGroup } from '../users/group.ts'
import { GROUP_FIELDS, groupChangeSchema, groupView } from '../users/wire.ts'
import { readMetadata, withMetadata, type MetadataOptions } from './metadata.ts'
import { requireUser } from './named.ts'
import { mayMakeDatabase, withIssuer, withIssuerOrNew } from './open-issuer.ts'
import { answer, answerDone, counted, fieldList, table } from './output.ts'
import { UsageError, requireSound } from './usage.ts'

const example = (line: string): string => `\nExample:\n  signet group ${line}`

export function defineGroup(group: Command): void {
  group.addHelpText('after', example('create engineering --role editor'))
  mayMakeDatabase(withMetadata(group.command('create').argument('<name>'), GROUP_FIELDS))
    .description('make a group')
    .addHelpText('after', example('create engineering --role editor --permission orders.write --claim org_slug=acme'))
    .action(create)
  group.command('list').description('all groups').addHelpText('after', example('list')).action(list)
  const one = (name: string, says: string) => group.command(name).argument('<name>').description(says)
  one('show', 'one group').addHelpText('after', example('show engineering')).action(show)
  withMetadata(one('update', 'replace what is given; the rest stays'), GROUP_FIELDS)
    .addHelpText('after', example('update engineering --role editor --role reviewer'))
    .action(update)
  one('delete', 'delete a group; its members stay').addHelpText('after', example('delete engineering')).action(remove)
  one('add', 'add users to a group')
    .argument('<user...>', 'user names, addresses or ids')
    .addHelpText('after', example('add signet-admins ada'))
    .action(members('add'))
  one('remove', 'take users out of a group')
    .argument('<user...>', 'user names, addresses or ids')
    .addHelpText('after', example('remove engineering ada'))
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

/** @throws Fault that names the group, if there is none */
const withGroup = (name: string, work: (issuer: Issuer) => Promise<void>): Promise<void> =>
  withIssuer(async (issuer) => {
    const known = (await issuer.groupRegistry.list()).map((each) => each.name)
    if (!known.includes(name))
      throw new Fault(
        `group ${JSON.stringify(name)} does not exist${nearest(name, known)}`,
        `see: signet group list; make it with: signet group create ${shell(name)}`,
      )
    await work(issuer)
  })

const show = (name: string, _options: object, command: Command): Promise<void> =>
  withGroup(name, async ({ groupRegistry }) => {
    const view = groupView(await groupRegistry.get(name))
    answer(command, view, () => fieldList(view))
  })

async function update(name: string, options: MetadataOptions, command: Command): Promise<void> {
  const change = readChange(options)
  if (Object.keys(change).length === 0) throw new UsageError('nothing to change was given')
  await withGroup(name, async ({ groupRegistry }) =>
    answerDone(command, groupView(await groupRegistry.update(name, change, BY_CLI)), `group ${name} was changed`),
  )
}

const remove = (name: string, _options: object, command: Command): Promise<void> =>
  withGroup(name, async ({ groupRegistry }) => {
    const group = await groupRegistry.get(name)
    await groupRegistry.delete(name, BY_CLI)
    answerDone(command, groupView(group), `group ${name} was deleted; its members stay`)
  })

const members =
  (act: 'add' | 'remove') =>
  (name: string, users: string[], _options: object, command: Command): Promise<void> =>
    withGroup(name, async (issuer) => {
      const persons = await Promise.all(users.map((each) => requireUser(each, issuer)))
      const ids = persons.map(({ user }) => user.id)
      const group = groupView(await issuer.groupRegistry[act](name, ids, BY_CLI))
      answerDone(command, group, `group ${name} has ${counted(group.members, 'member')} now`)
    })
