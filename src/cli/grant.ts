/** `signet grant …`: grants, each with its family of refresh tokens. */
import { BY_CLI } from '../audit.ts'
import type { Command } from 'commander'
import { notFound } from '../ground/errors.ts'
import { grantView } from '../grants/wire.ts'
import { signInsEndedView } from '../store/records/session.ts'
import { everyPage } from './every-page.ts'
import { withIssuer } from './open-issuer.ts'
import { answer, answerDone, note, table } from './output.ts'
import { noteInvitations, signInsEndedText } from './sign-ins-ended.ts'
import { subcommand, withExample } from './subcommand.ts'
import { UsageError, readReason } from './usage.ts'

interface Filter {
  client?: string
  sub?: string
  session?: string
}

interface Ending {
  all?: boolean
  reason?: string
}

export function defineGrant(grant: Command): void {
  withExample(grant, 'list --client billing')
  subcommand(grant, 'list', 'grants, oldest first', 'list --client billing')
    .option('--client <id>', 'of one client')
    .option('--sub <sub>', 'of one person')
    .option('--session <id>', 'made in one session')
    .action(list)
  subcommand(
    grant,
    'revoke',
    'end a grant: its refresh tokens for good, its live access tokens here and wherever the feed is followed',
    'revoke 0192f0c1-2a3b-7c4d-8e5f-0123456789ab',
  )
    .argument('[sid]', 'its id, the sid of its tokens')
    .option('--all', 'end every grant, session, link and consent that was made so far, as after a restore')
    .option('--reason <text>', 'kept with the grant and in the audit trail')
    .action(revoke)
}

const list = ({ client, sub, session }: Filter, command: Command): Promise<void> =>
  withIssuer(async ({ store }) => {
    const grants = await everyPage(
      (page) => store.listGrants({ clientId: client, sub, sessionId: session }, page),
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

const revoke = async (sid: string | undefined, { all, reason: text }: Ending, command: Command): Promise<void> => {
  const reason = readReason(text)
  if (all && sid === undefined) return revokeAll(reason, command)
  if (sid !== undefined && !all) return revokeOne(sid, reason, command)
  throw new UsageError('name one grant, or say --all', 'signet grant list')
}

const revokeOne = (sid: string, reason: string | undefined, command: Command): Promise<void> =>
  withIssuer(async ({ store, revocation }) => {
    const outcome = await revocation.endGrant(sid, BY_CLI, reason)
    const grant = outcome === 'unknown' ? undefined : await store.findGrant(sid)
    if (!grant) throw notFound(`grant "${sid}"`)
    const view = grantView(grant, store.now())
    const now = `grant ${sid} was ended: its refresh tokens for good, and its live access tokens are denied`
    answerDone(command, view, outcome === 'already' ? `grant ${sid} had ended before` : now)
  })

const revokeAll = (reason: string | undefined, command: Command): Promise<void> =>
  withIssuer(async ({ revocation }) => {
    const ended = await revocation.endEverything(BY_CLI, reason)
    const result = { ended: ended.ended, denied: ended.denied, ...signInsEndedView(ended) }
    const done = ended.ended === 1 ? '1 grant was ended' : `${ended.ended} grants were ended`
    answerDone(command, result, `${done}; ${ended.denied} of them had a live access token; ${signInsEndedText(ended)}`)
    noteInvitations(ended)
    note('access tokens that belong to no grant are still good until they expire: signet blacklist add --client ID')
  })
