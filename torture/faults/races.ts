/**
 * A refresh races against a revocation, and against disabling its client: both requests are sent at the same moment, in
 * any order. After the 200 of the revocation no token of the family may be valid.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Caller, orNothing, type Answer, type Credentials } from '../caller.ts'
import type { Context, Fault } from '../fault.ts'
import { atLeast, control, exactly, type Finding } from '../finding.ts'
import { MEMBERS, preparePlace } from '../place.ts'

const AT_ONCE = 5
/** The head start of each race differs at random by so much from the head start at which both won equally often. */
const SPREAD_MS = 3
/** The head start changes by so much after each race. */
const STEP_MS = 0.5

interface Tally {
  races: number
  /** Refreshes that got 200 nevertheless: they came first, or their response overtook the other. */
  refreshed: number
  refused: number
  /** Tokens of ended families that were still valid. */
  valid: number
  /** How much earlier the refresh is sent; negative for later. It adapts, so that either request can win on any machine. */
  headStartMs: number
}

type End = (caller: Caller, refreshToken: string, number: number) => Promise<Answer | undefined>

export const races: Fault = {
  name: 'races',
  title: 'revoke and disable client against refresh',
  async run(context) {
    const times = context.count(100, 1000)
    const place = preparePlace(context)
    const server = await place.start()
    const app = new Caller(server.url, place.app)
    const administration = await administrationOf(server.url, place.operator)

    const revoke: End = (caller, token) => caller.revoke(token)
    const disable: End = (_caller, _token, number) => administration(`/${nameOf(number)}/disable`)
    const same = async () => app
    // Each race that disables a client has a client of its own.
    const own = async (number: number) => {
      const { body } = await administration('', { client_id: nameOf(number), ...MEMBERS })
      return new Caller(server.url, { clientId: nameOf(number), secret: body.client_secret ?? '' })
    }
    const revoked = await runRaces(context, times, { callerFor: same, reader: app, end: revoke })
    const disabled = await runRaces(context, times, { callerFor: own, reader: app, end: disable })
    const nothing: End = (caller) => caller.send('/livez')
    const untouched = await runRaces(context, AT_ONCE, { callerFor: same, reader: app, end: nothing })
    return [
      ...findingsOf('revoke', revoked),
      ...findingsOf('disable client', disabled),
      control('nothing ends the family', `${untouched.valid} tokens valid`, '0', untouched.valid > 0),
    ]
  },
}

const nameOf = (number: number): string => `doomed-${number}`

/** Posts to the clients of the admin API. */
async function administrationOf(url: string, operator: Credentials) {
  const headers = { authorization: `Bearer ${await new Caller(url, operator).accessToken()}` }
  const caller = new Caller(url)
  return (path: string, json?: unknown): Promise<Answer> =>
    caller.send(`/admin/api/clients${path}`, { method: 'POST', headers, json })
}

interface Parties {
  callerFor: (number: number) => Promise<Caller>
  /** Introspects the access tokens; this client is never disabled. */
  reader: Caller
  end: End
}

async function runRaces(context: Context, times: number, parties: Parties): Promise<Tally> {
  const tally: Tally = { races: 0, refreshed: 0, refused: 0, valid: 0, headStartMs: 0 }
  for (let from = 0; from < times; from += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, times - from) }, (_, index) => from + index)
    await Promise.all(numbers.map((number) => race(context, number, parties, tally)))
    context.progress(`${tally.races} of ${times} races`)
  }
  return tally
}

async function race(context: Context, number: number, { callerFor, reader, end }: Parties, tally: Tally) {
  const caller = await callerFor(number)
  const { accessToken, refreshToken } = await caller.grant()
  const lead = tally.headStartMs + (context.random.next() - 0.5) * 2 * SPREAD_MS
  const [ended, refreshed] = await Promise.all([
    pause(Math.max(0, lead)).then(() => end(caller, refreshToken, number)),
    pause(Math.max(0, -lead)).then(() => orNothing(caller.refresh(refreshToken))),
  ])
  if (ended?.status !== 200) throw new Error(`the ending was answered with ${ended?.status} ${ended?.text}`)
  tally.races++
  const won = refreshed?.status === 200
  tally[won ? 'refreshed' : 'refused']++
  tally.headStartMs += won ? -STEP_MS : STEP_MS
  const { access_token: newAccess, refresh_token: newRefresh } = refreshed?.body ?? {}
  for (const token of [accessToken, newAccess]) {
    if (token !== undefined && (await reader.isActive(token))) tally.valid++
  }
  for (const token of [newRefresh, refreshToken]) {
    if (token !== undefined && (await caller.refresh(token)).status === 200) tally.valid++
  }
}

const findingsOf = (what: string, { races: run, refreshed, refused, valid }: Tally): Finding[] => [
  exactly(`${what}: tokens valid after its 200`, valid, 0, `${run} races`),
  // If one side always won, the race would show nothing.
  atLeast(
    `${what}: refreshes that came first, and that came second`,
    Math.min(refreshed, refused),
    1,
    '',
    `${refreshed} and ${refused}`,
  ),
]
