/** `signet invite …`: links by which people make accounts of their own. */
import { Option, type Command } from 'commander'
import { BY_CLI } from '../audit.ts'
import { toIso } from '../ground/clock.ts'
import { MOST_USES, USUAL_INVITATION } from '../users/invitation.ts'
import { findEmailFault } from '../users/username.ts'
import { invitationView, linkView } from '../users/link-wire.ts'
import { everyPage } from './every-page.ts'
import { requireNamed } from './named.ts'
import { mayMakeDatabase, withIssuer, withIssuerOrNew } from './open-issuer.ts'
import { answer, answerDone, note, table } from './output.ts'
import { subcommand, withExample } from './subcommand.ts'
import { UsageError, collect, requireFaultless, ttlOption } from './usage.ts'

interface Wanted {
  group?: string[]
  uses: number
  ttl: number
  admin?: boolean
  send?: boolean
}

export function defineInvite(invite: Command): void {
  withExample(mayMakeDatabase(invite), 'ada@example.com --group engineering')
    .argument('[email]', 'the address of the new account')
    .option('--group <name>', 'a group of the new account (repeatable)', collect)
    .option('--uses <number>', 'how many accounts it makes', readUses, 1)
    .addOption(ttlOption(USUAL_INVITATION, '7d'))
    .option('--admin', 'make the new person an operator')
    .addOption(new Option('--send', 'send it by mail').hideHelp())
    .action(create)
  subcommand(invite, 'list', 'invitations that can be used', 'list').action(list)
  subcommand(invite, 'revoke <id>', 'take an invitation back', 'revoke 0192f0c1-2a3b-7c4d-8e5f-0123456789ab').action(
    revoke,
  )
}

function readUses(text: string): number {
  const uses = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (uses < 1 || uses > MOST_USES)
    throw new UsageError(`--uses: read ${JSON.stringify(text)}; accepted: a number from 1 to ${MOST_USES}`)
  return uses
}

async function create(
  email: string | undefined,
  { group: groups, uses, ttl: ttlSeconds, admin, send }: Wanted,
  command: Command,
): Promise<void> {
  if (send) throw new UsageError('--send: this version sends no mail', 'hand the link over that the command prints')
  if (email !== undefined) requireFaultless('e-mail address', email, findEmailFault(email))
  await withIssuerOrNew(command, async (issuer) => {
    const { invitations } = issuer
    for (const name of groups ?? []) await requireNamed('group', name, issuer)
    const made = await invitations.create({ email, groups, admin, uses, ttlSeconds }, BY_CLI)
    answer(
      command,
      linkView(made),
      () => made.url,
      `the link is lost; take it back, then make another: signet invite revoke ${made.id}`,
    )
    note(`the link is good until ${toIso(made.expiresAt)}; take it back with: signet invite revoke ${made.id}`)
  })
}

const list = (_options: object, command: Command): Promise<void> =>
  withIssuer(async ({ invitations }) => {
    const found = await everyPage(
      (page) => invitations.list(page),
      ({ id }) => id,
    )
    const views = found.map(invitationView)
    const rows = views.map((each) => [each.id, each.email, each.groups, each.uses_left, each.expires_at])
    answer(command, views, () => table(['ID', 'EMAIL', 'GROUPS', 'USES LEFT', 'EXPIRES'], rows, 'no invitations'))
  })

const revoke = (id: string, _options: object, command: Command): Promise<void> =>
  withIssuer(async ({ invitations }) => {
    const view = invitationView(await invitations.revoke(id, BY_CLI))
    answerDone(command, view, `invitation ${id} was taken back; its link makes no account`)
  })
