/** `signet user …`: the persons who sign in. */
import type { Command } from 'commander'
import { BY_CLI } from '../audit.ts'
import { toIso } from '../ground/clock.ts'
import { Fault } from '../ground/errors.ts'
import { readArgument } from '../ground/standard-input.ts'
import type { Issuer } from '../issuer.ts'
import type { Person } from '../store/records/user.ts'
import { USUAL_LINK } from '../users/registration.ts'
import { blankUser, changedUser, requireSoundUser } from '../users/user.ts'
import { canonicalName, findEmailFault, findNameFault } from '../users/username.ts'
import { USER_FIELDS, userChangeSchema, userView, type UserView } from '../users/wire.ts'
import { everyPage } from './every-page.ts'
import { readMetadata, withMetadata, type MetadataOptions } from './metadata.ts'
import { requireUser } from './named.ts'
import { mayMakeDatabase, withIssuer, withIssuerOrNew } from './open-issuer.ts'
import { answer, answerDone, counted, fieldList, note, table, visible } from './output.ts'
import { noteStillRefused } from './still-refused.ts'
import { subcommand, withExample } from './subcommand.ts'
import { UsageError, requireFaultless, requireSound, ttlOption } from './usage.ts'

const { username: _, ...NEW_FIELDS } = USER_FIELDS

export function defineUser(user: Command): void {
  withExample(user, 'create ada --email ada@example.com --invite')
  defineCreation(user)
  subcommand(user, 'list', 'all users, or some', 'list --group engineering')
    .option('--search <text>', 'whose user name, address or name holds this text')
    .option('--group <name>', 'of one group')
    .action(list)
  named(user, 'show', 'one user', 'show ada').action(show)
  withMetadata(
    named(user, 'update', 'replace what is given; the rest stays', 'update ada --name "Ada King"'),
    USER_FIELDS,
  ).action(update)
  named(user, 'disable', 'refuse the person everything, and end what the person has', 'disable ada').action(disable)
  named(user, 'enable', 'undo disable', 'enable ada').action(enable)
  named(user, 'delete', 'delete the person with sessions and grants; the id is never given again', 'delete ada').action(
    remove,
  )
  defineFactors(user)
}

function defineCreation(user: Command): void {
  const command = subcommand(
    user,
    'create',
    'make a user',
    'create ada --email ada@example.com --group engineering --invite',
  ).argument('<name>', 'user name: 1 to 64 of a-z 0-9 . _ -')
  mayMakeDatabase(withMetadata(command, NEW_FIELDS))
    .option('--id <sub>', 'the id, which becomes sub; made up when absent')
    .option('--password-stdin', 'read the password from standard input')
    .option('--invite', 'make a link by which the person chooses a password or a passkey; shown this once')
    .action(create)
}

function defineFactors(user: Command): void {
  named(
    user,
    'set-password',
    'set a password; sessions and grants of the person end',
    'set-password ada --password-stdin',
  )
    .option('--password-stdin', 'read the password from standard input')
    .option('--must-change', 'ask for another password at the next sign-in')
    .action(setPassword)
  named(user, 'remove-factor', 'take factors away; the password stays', 'remove-factor ada --totp')
    .option('--passkey <id>', 'one passkey')
    .option('--totp', 'the codes of an app, with the recovery codes')
    .option('--all', 'both')
    .action(removeFactor)
  named(user, 'link', 'make a one-time link that signs the person in, for the locked-out', 'link ada --ttl 1h')
    .addOption(ttlOption(USUAL_LINK, '15m'))
    .action(link)
}

const named = (user: Command, command: string, says: string, line: string): Command =>
  subcommand(user, command, says, line).argument('<name>', 'user name, address or id')

interface CreationOptions {
  id?: string
  passwordStdin?: boolean
  invite?: boolean
}

async function create(
  username: string,
  { id, passwordStdin, invite, ...options }: MetadataOptions & CreationOptions,
  command: Command,
): Promise<void> {
  if (passwordStdin && invite) throw new UsageError('--invite lets the person choose: leave --password-stdin out')
  const metadata = readMetadata(options, NEW_FIELDS, userChangeSchema)
  requireSoundNames({ ...metadata, username })
  requireSound(() => requireSoundUser(changedUser(blankUser(id, 0), { ...metadata, username })))
  const password = passwordStdin ? await readPassword() : undefined
  await withIssuerOrNew(command, async ({ userRegistry }) => {
    const wanted = { ...metadata, username, id, password }
    const { person, link: invitation } = invite
      ? await userRegistry.createInvited(wanted, BY_CLI)
      : { person: await userRegistry.create(wanted, BY_CLI), link: undefined }
    const view = { ...userView(person), ...(invitation && { invite_url: invitation.url }) }
    const made = visible(`user ${view.username} was made; the id, which is the sub: ${view.id}`)
    answer(
      command,
      view,
      () => [made, ...(invitation ? [invitation.url] : [])].join('\n'),
      invitation && anotherLink(view.username),
    )
    if (invitation) note(`the link is good once, until ${toIso(invitation.expiresAt)}`)
    else if (password === undefined) note(`the person has no way to sign in yet: signet user link ${view.username}`)
  })
}

/** @throws UsageError that names what was read */
function requireSoundNames({ username, email }: { username?: string | undefined; email?: string | null | undefined }) {
  if (username !== undefined) requireFaultless('user name', username, findNameFault(canonicalName(username)))
  if (typeof email === 'string') requireFaultless('--email', email, findEmailFault(email))
}

/** Reads one line, without its line end. An empty password is a mistake. */
async function readPassword(): Promise<string> {
  const password = (await readArgument('-')).replace(/\r?\n$/, '')
  if (password === '' || /[\r\n]/.test(password))
    throw new UsageError(
      '--password-stdin: the password is one line on standard input',
      "echo 'four words' | signet user …",
    )
  return password
}

const list = ({ search, group }: { search?: string; group?: string }, command: Command): Promise<void> =>
  withIssuer(async ({ userRegistry, groupRegistry }) => {
    if (group !== undefined) await groupRegistry.get(group)
    const persons = await everyPage(
      (page) => userRegistry.list({ search, group }, page),
      ({ user }) => user.id,
    )
    const views = persons.map(userView)
    const rows = views.map((each) => [
      each.username,
      each.email,
      each.name,
      each.groups,
      each.disabled ? 'disabled' : 'enabled',
      each.last_login_at,
      each.id,
    ])
    answer(command, views, () =>
      table(
        ['USERNAME', 'EMAIL', 'NAME', 'GROUPS', 'STATUS', 'LAST SIGN-IN', 'ID'],
        rows,
        'no such users; make one with: signet user create NAME --invite',
      ),
    )
  })

/** @throws Fault that names the user, if there is none */
const withUser = (name: string, work: (person: Person, issuer: Issuer) => Promise<void>): Promise<void> =>
  withIssuer(async (issuer) => work(await requireUser(name, issuer), issuer))

/** @param done what was done to the user, as the end of a sentence about the user */
const answerUser = (command: Command, person: Person, done: string): void =>
  answerDone(command, userView(person), `user ${person.user.username} ${done}`)

/** The factors of a person in words. */
function describeFactors({ password, passkeys, totp, recovery_codes: codes }: UserView['factors']): string {
  const words = [
    ...(password ? ['password'] : []),
    ...(passkeys > 0 ? [counted(passkeys, 'passkey')] : []),
    ...(totp ? ['codes of an app'] : []),
    ...(codes > 0 ? [counted(codes, 'recovery code')] : []),
  ]
  return words.length === 0 ? 'nothing' : words.join(', ')
}

const show = (name: string, _options: object, command: Command): Promise<void> =>
  withUser(name, async (person, { userRegistry }) => {
    const { factors, ...view } = userView(person)
    answer(command, { ...view, factors }, () => fieldList({ ...view, factors: describeFactors(factors) }))
    for (const passkey of await userRegistry.listPasskeys(person.user.id))
      note(`passkey ${passkey.id}: ${passkey.name}, since ${toIso(passkey.createdAt)}`)
  })

async function update(name: string, options: MetadataOptions, command: Command): Promise<void> {
  const metadata = readMetadata(options, USER_FIELDS, userChangeSchema)
  if (Object.keys(metadata).length === 0) throw new UsageError('nothing to change was given')
  requireSoundNames(metadata)
  await withUser(name, async ({ user }, { userRegistry }) =>
    answerUser(command, await userRegistry.update(user.id, metadata, BY_CLI), 'was changed'),
  )
}

const disable = (name: string, _options: object, command: Command): Promise<void> =>
  withUser(name, async ({ user }, issuer) => {
    const disabled = await issuer.userRegistry.disable(user.id, BY_CLI)
    answerUser(command, disabled, 'is disabled: sessions have ended, and live tokens are denied')
  })

const enable = (name: string, _options: object, command: Command): Promise<void> =>
  withUser(name, async ({ user }, issuer) => {
    answerUser(command, await issuer.userRegistry.enable(user.id, BY_CLI), 'is enabled')
    noteStillRefused('sub', user.id, issuer)
  })

const remove = (name: string, _options: object, command: Command): Promise<void> =>
  withUser(name, async ({ user }, issuer) => {
    const deleted = await issuer.userRegistry.delete(user.id, BY_CLI)
    answerUser(command, deleted, 'was deleted; live tokens are denied')
  })

async function setPassword(
  name: string,
  { passwordStdin, mustChange = false }: { passwordStdin?: boolean; mustChange?: boolean },
  command: Command,
): Promise<void> {
  if (!passwordStdin) throw new UsageError('--password-stdin is missing: a password does not stand on a command line')
  const password = await readPassword()
  await withUser(name, async ({ user }, issuer) => {
    const changed = await issuer.userRegistry.setPassword(user.id, password, BY_CLI, { mustChange })
    answerUser(command, changed, 'has a new password; sessions and grants have ended')
  })
}

async function removeFactor(
  name: string,
  factors: { passkey?: string; totp?: boolean; all?: boolean },
  command: Command,
): Promise<void> {
  const given = Object.keys(factors)
  if (given.length !== 1) throw new UsageError('name one factor: --passkey ID, --totp or --all')
  const { passkey: passkeyId, all } = factors
  await withUser(name, async ({ user }, { userRegistry }) => {
    const known = (await userRegistry.listPasskeys(user.id)).map(({ id }) => id)
    if (passkeyId !== undefined && !known.includes(passkeyId))
      throw new Fault(
        `user ${user.username} has no passkey ${JSON.stringify(passkeyId)}`,
        known.length === 0 ? 'the person has none' : `the passkeys are: ${known.join(', ')}`,
      )
    const lost = passkeyId !== undefined ? { passkeyId } : all ? ({ all: true } as const) : ({ totp: true } as const)
    const changed = await userRegistry.removeFactors(user.id, lost, BY_CLI)
    answerUser(command, changed, `signs in by ${describeFactors(userView(changed).factors)} now`)
  })
}

const anotherLink = (username: string): string => `the link is lost; another: signet user link ${username}`

const link = (name: string, { ttl }: { ttl: number }, command: Command): Promise<void> =>
  withUser(name, async ({ user }, { userRegistry }) => {
    const { url, expiresAt } = await userRegistry.link(user.id, BY_CLI, ttl)
    answer(command, { url, expires_at: toIso(expiresAt) }, () => url, anotherLink(user.username))
    note(`the link is good once, until ${toIso(expiresAt)}; it ends the links before it`)
  })
