/** `signet grant …`: grants, each with its family of refresh tokens. */
import { BY_CLI } from '../audit.ts'
import type { Command } from 'commander'
import { notFound } from '../ground/errors.ts'
import { grantView } from '../grants/wire.ts'
import { everyPage } from './every-page.ts'
import { withIssuer } from './open-issuer.ts'
import { answer, fieldList, note, table } from './output.ts'

interface Filter {
  client?: string
  sub?: string
}

export function defineGrant(grant: Command): void {
  grant.addHelpText('after', example('list --sub ada'))
  grant
    .command('list')
    .description('grants, oldest first')
    .option('--client <id>', 'of one client')
    .option('--sub <sub>', 'of one person')
    .addHelpText('after', example('list --sub ada'))
    .action(list)
  grant
    .command('revoke')
    .argument('<sid>', 'its id, the sid of its tokens')
    .description(
      'end a grant: its refresh tokens for good, its live access tokens here and wherever the feed is followed',
    )
    .addHelpText('after', example('revoke 0192f0c1-2a3b-7c4d-8e5f-0123456789ab'))
    .action(revoke)
}

const example = (line: string): string => `\nExample:\n  signet grant ${line}`

const list = ({ client, sub }: Filter, command: Command): Promise<void> =>
  withIssuer(async ({ store }) => {
    const grants = await everyPage(
      (page) => store.listGrants({ clientId: client, sub }, page),
      ({ sid }) => sid,
    )
    const views = grants.map((grant) => grantView(grant, store.now()))
    const rows = views.map((each) => [
      each.sid,
      each.client_id,
      each.sub,
      each.status,
      each.scope,
      each.refreshes,
      each.expires_at,
    ])
    answer(command, views, () =>
      table(['SID', 'CLIENT_ID', 'SUB', 'STATUS', 'SCOPE', 'REFRESHES', 'EXPIRES'], rows, 'no grants'),
    )
  })

const revoke = (sid: string, _options: object, command: Command): Promise<void> =>
  withIssuer(async ({ store, revocation }) => {
    const outcome = await revocation.endGrant(sid, BY_CLI)
    const grant = outcome === 'unknown' ? undefined : await store.findGrant(sid)
    if (!grant) throw notFound(`grant "${sid}"`)
    const view = grantView(grant, store.now())
    answer(command, view, () => fieldList(view))
    if (outcome === 'already') note('this grant had ended before')
  })
