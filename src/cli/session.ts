/** `signet session …`: the sign-ins of persons in their browsers. */
import type { Command } from 'commander'
import { BY_CLI } from '../audit.ts'
import { Fault } from '../ground/errors.ts'
import type { Issuer } from '../issuer.ts'
import { browserNameOf } from '../ground/browser-name.ts'
import { sessionView } from '../sessions/wire.ts'
import { everyPage } from './every-page.ts'
import { withIssuer } from './open-issuer.ts'
import { answer, answerDone, table } from './output.ts'
import { subcommand, withExample } from './subcommand.ts'
import { UsageError } from './usage.ts'

interface Filter {
  user?: string
}

export function defineSession(session: Command): void {
  withExample(session, 'list --user ada')
  subcommand(session, 'list', 'live sessions, oldest first', 'list --user ada')
    .option('--user <name>', 'of one person: user name, e-mail address or id')
    .action(list)
  subcommand(
    session,
    'end',
    'end a session: its tokens are refused here and wherever the feed is followed, its apps are told',
    'end --user ada',
  )
    .argument('[id]', 'the id of a session, sid in ID tokens')
    .option('--user <name>', 'every session of this person')
    .action(end)
}

const list = ({ user }: Filter, command: Command): Promise<void> =>
  withIssuer(async (issuer) => {
    const userId = user === undefined ? undefined : await idOfPerson(user, issuer)
    const sessions = await everyPage(
      (page) => issuer.store.listSessions({ userId }, page),
      ({ id }) => id,
    )
    const views = sessions.map(sessionView)
    const names = await namesOf([...new Set(views.map((each) => each.user_id))], issuer)
    const rows = views.map((each) => [
      names.get(each.user_id),
      describeBrowser(each.user_agent),
      each.address,
      LEVELS[each.acr] ?? each.acr,
      each.clients,
      each.last_seen_at,
      each.id,
    ])
    const heading = ['USER', 'BROWSER', 'NETWORK', 'SIGNED IN BY', 'CLIENTS', 'LAST SEEN', 'ID']
    answer(command, views, () => table(heading, rows, 'nobody is signed in'))
  })

/** The levels of a sign-in (`acr`) in words. */
const LEVELS: Record<string, string> = { 1: 'one factor', 2: 'two factors', phr: 'passkey' }

function describeBrowser(userAgent: string): string {
  const { browser, system } = browserNameOf(userAgent)
  return [browser, system].filter((each) => each !== undefined).join(', ') || userAgent
}

/** The user names of some ids. */
async function namesOf(ids: string[], { store }: Issuer): Promise<Map<string, string>> {
  const persons = await Promise.all(ids.map((id) => store.findPerson({ id })))
  return new Map(persons.flatMap((person) => (person ? [[person.user.id, person.user.username]] : [])))
}

const end = (id: string | undefined, { user }: Filter, command: Command): Promise<void> => {
  if ((id === undefined) === (user === undefined))
    throw new UsageError('name one session, or a person by --user', 'signet session list')
  return withIssuer(async (issuer) => {
    const ended = id === undefined ? await endAll(user ?? '', issuer) : await endOne(id, issuer)
    const views = await Promise.all(ended.map((each) => viewOf(each, issuer)))
    answerDone(
      command,
      views.flat(),
      ended.length === 1 ? '1 session was ended' : `${ended.length} sessions were ended`,
    )
  })
}

/** The session as the list shows it; nothing where it was swept meanwhile. */
async function viewOf(id: string, { store }: Issuer): Promise<ReturnType<typeof sessionView>[]> {
  const found = await store.findSessionById(id)
  return found ? [sessionView({ ...found.session, clients: await store.listSessionClients(id) })] : []
}

/** The ids of the sessions that ended: none where it had ended before. */
const endOne = async (id: string, { sessionEnds }: Issuer): Promise<string[]> =>
  (await sessionEnds.end(id, BY_CLI)) === 'ended' ? [id] : []

const endAll = async (user: string, issuer: Issuer): Promise<string[]> =>
  issuer.sessionEnds.endAll(await idOfPerson(user, issuer), BY_CLI)

/** @throws Fault that names the person */
async function idOfPerson(name: string, { store }: Issuer): Promise<string> {
  const found = await store.findPersonNamed(name)
  if (!found) throw new Fault(`there is no user "${name}"`, 'see them all: signet user list')
  return found.user.id
}
