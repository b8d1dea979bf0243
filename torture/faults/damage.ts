/**
 * The database or its journal is damaged while Signet is down. Signet may refuse to start, in one line, or serve a file
 * that passes the integrity check. It must never begin anew, with other keys and no clients.
 */
import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Caller } from '../caller.ts'
import type { Context, Fault } from '../fault.ts'
import { atLeast, control, exactly, type Finding } from '../finding.ts'
import { DAMAGES } from '../file-damage.ts'
import { integrityOf } from '../integrity.ts'
import { preparePlace, type Place } from '../place.ts'
import type { Random } from '../random.ts'
import { Refusal, type ServerProcess } from '../server-process.ts'

const REFRESHES = 30

/** The states in which a stopped Signet can leave its files. */
const STATES = ['killed young, all in the journal', 'killed later, some in the journal', 'stopped, no journal'] as const
type State = (typeof STATES)[number]

interface Subject {
  place: Place
  /** Copies of `data`, by state. */
  copies: Record<State, string>
  kids: string[]
  accessToken: string
}

type Outcome = 'refused' | 'works' | 'began anew' | 'unsound' | 'refused in other words' | 'answers with 500'

interface Trial {
  outcome: Outcome
  what: string
}

export const damage: Fault = {
  name: 'damage',
  title: 'database or WAL damaged',
  async run(context) {
    const cases = context.count(40, 200)
    const subject = await prepareSubject(context)
    const trials: Trial[] = []
    while (trials.length < cases) {
      const plan = PLANS[trials.length % PLANS.length]
      if (plan) trials.push(await tryOut(subject, plan, context.random))
      context.progress(`${trials.length} of ${cases} damages`)
    }
    return [...findingsOf(trials), await controlOf(subject)]
  },
}

/** Makes one database and keeps its files as they are in each state. */
async function prepareSubject(context: Context): Promise<Subject> {
  const place = preparePlace(context)
  const copies = Object.fromEntries(STATES.map((state) => [state, join(place.folder, state)])) as Record<State, string> // every state, by its name
  const keep = (state: State) => cpSync(join(place.folder, 'data'), copies[state], { recursive: true })
  const use = async (): Promise<{ server: ServerProcess; app: Caller }> => {
    const server = await place.start()
    const app = new Caller(server.url, place.app)
    let { refreshToken } = await app.grant()
    for (let time = 0; time < REFRESHES; time++) {
      refreshToken = (await app.refresh(refreshToken)).body.refresh_token ?? refreshToken
    }
    return { server, app }
  }
  const young = await use()
  const accessToken = await young.app.accessToken()
  const kids = await kidsOf(young.app)
  await young.server.stop('SIGKILL')
  keep('killed young, all in the journal')
  await (await use()).server.stop()
  keep('stopped, no journal')
  await (await use()).server.stop('SIGKILL')
  keep('killed later, some in the journal')
  return { place, copies, kids, accessToken }
}

async function kidsOf(caller: Caller): Promise<string[]> {
  const { text } = await caller.send('/.well-known/jwks.json')
  const { keys } = JSON.parse(text) as { keys: { kid: string }[] } // RFC 7517 §5, served by Signet
  return keys.map(({ kid }) => kid)
}

interface Plan {
  state: State
  kind: string
  suffix: '' | '-wal'
}

/** Every damage, in every state, to every file. */
const PLANS: Plan[] = STATES.flatMap((state) =>
  Object.keys(DAMAGES).flatMap((kind) => {
    const suffixes = state === 'stopped, no journal' ? ([''] as const) : (['', '-wal'] as const)
    return suffixes.map((suffix) => ({ state, kind, suffix }))
  }),
)

async function tryOut(subject: Subject, { state, kind, suffix }: Plan, random: Random): Promise<Trial> {
  const { place, copies } = subject
  rmSync(join(place.folder, 'data'), { recursive: true })
  cpSync(copies[state], join(place.folder, 'data'), { recursive: true })
  const detail = DAMAGES[kind]?.(place.database + suffix, random) ?? ''
  const what = `${state}: ${suffix === '' ? 'database' : 'WAL'} ${kind} ${detail}`.trim()
  try {
    const server = await place.start()
    const outcome = await judge(server, subject)
    await server.stop('SIGKILL')
    return { outcome: outcome === 'works' && integrityOf(place.database) !== 'ok' ? 'unsound' : outcome, what }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const { code, stderr } = error.ended
    const inOneLine = code === 1 && stderr.trimEnd().split('\n').length <= 2 && !/\n\s+at /.test(stderr)
    return { outcome: inOneLine ? 'refused' : 'refused in other words', what: inOneLine ? what : `${what}: ${stderr}` }
  }
}

/** Whether a server that started still has its keys and its data. */
async function judge(server: ServerProcess, { place, kids, accessToken }: Subject): Promise<Outcome> {
  const app = new Caller(server.url, place.app)
  const now = await kidsOf(app)
  if (!kids.some((kid) => now.includes(kid))) return 'began anew'
  const answers = [
    await app.send('/token', { form: { grant_type: 'client_credentials', scope: 'read offline_access' } }),
    await app.send('/introspect', { form: { token: accessToken } }),
  ]
  return answers.some(({ status }) => status === 500) ? 'answers with 500' : 'works'
}

function findingsOf(trials: Trial[]): Finding[] {
  const of = (outcome: Outcome) => trials.filter((each) => each.outcome === outcome)
  const none = (what: string, outcome: Outcome) => exactly(what, of(outcome).length, 0, of(outcome)[0]?.what)
  const note = `${of('refused').length} refused, ${of('works').length} work`
  return [
    atLeast('damages tried', trials.length, 1, '', note),
    none('began anew in place of a damaged file', 'began anew'),
    none('refused in more than one line and one of help', 'refused in other words'),
    none('served a file that `integrity_check` finds fault with', 'unsound'),
    none('served with 500', 'answers with 500'),
  ]
}

/** If no file shows that there ever was a database, a start begins anew. The trial must notice that. */
async function controlOf(subject: Subject): Promise<Finding> {
  const { place } = subject
  rmSync(join(place.folder, 'data'), { recursive: true })
  if (existsSync(join(place.folder, 'keys/databases'))) rmSync(join(place.folder, 'keys/databases'))
  const server = await place.start()
  const outcome = await judge(server, subject)
  await server.stop('SIGKILL')
  return control('the list of known databases lost as well', outcome, 'never anew', outcome === 'began anew')
}
