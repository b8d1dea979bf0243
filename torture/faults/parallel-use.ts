/** One refresh token, used fifty times at once, each over a connection of its own. */
import { Caller } from '../caller.ts'
import type { Context, Fault } from '../fault.ts'
import { control, exactly, type Finding } from '../finding.ts'
import { preparePlace } from '../place.ts'

const PARALLEL = 50

interface Tally {
  rounds: number
  /** Rounds in which not all answers were 200 with one and the same successor. */
  disagreed: number
  /** Rounds that did not end with exactly one active generation, the successor. */
  notOneLive: number
}

export const parallelUse: Fault = {
  name: 'parallel-use',
  title: '50 parallel uses of one refresh token',
  async run(context) {
    const rounds = context.count(30, 500)
    const place = preparePlace(context, { clients: { strict: { refresh_grace: 0 } } })
    const server = await place.start()
    const tally = await play(context, new Caller(server.url, place.app), rounds)
    const strict = await play(context, new Caller(server.url, place.client('strict')), 5)
    return [
      exactly('rounds whose answers disagree', tally.disagreed, 0, `${tally.rounds} rounds`),
      exactly('rounds without exactly one live generation', tally.notOneLive, 0),
      controlOf(strict),
    ]
  },
}

async function play(context: Context, caller: Caller, rounds: number): Promise<Tally> {
  const tally: Tally = { rounds: 0, disagreed: 0, notOneLive: 0 }
  for (; tally.rounds < rounds; tally.rounds++) {
    const { refreshToken } = await caller.grant()
    const answers = await Promise.all(Array.from({ length: PARALLEL }, () => caller.refresh(refreshToken)))
    const successors = new Set(answers.flatMap(({ body }) => body.refresh_token ?? []))
    if (successors.size !== 1 || answers.some(({ status }) => status !== 200)) tally.disagreed++
    const seen = [refreshToken, ...successors]
    const active = await Promise.all(seen.map((token) => caller.isActive(token)))
    const [successor = ''] = successors
    const isOne = active.filter(Boolean).length === 1 && !active[0]
    // The one that looks active has to be good for another, and nothing else.
    if (!isOne || (await caller.refresh(successor)).status !== 200) tally.notOneLive++
    context.progress(`${tally.rounds} of ${rounds} rounds`)
  }
  return tally
}

/** Without a grace the second use is reuse, whoever made it: answers differ and the family is over. */
const controlOf = ({ rounds, disagreed, notOneLive }: Tally): Finding =>
  control(
    'a client with a grace of 0',
    `${disagreed} of ${rounds} rounds disagree, ${notOneLive} have no live generation`,
    '0',
    disagreed === rounds && notOneLive === rounds,
  )
