/** One refresh token is used fifty times at once over all replicas: one generation comes out, and all replicas agree. */
import { Caller } from '../../caller.ts'
import type { Context, Fault } from '../../fault.ts'
import { allOf, control, exactly, type Finding } from '../../finding.ts'
import { startCluster, type Cluster } from '../../replicas/cluster.ts'

const USES = 50

interface Tally {
  refused: string[]
  generations: number
  disagreed: number
  alive: number
}

export const sameToken: Fault = {
  name: 'replica-same-token',
  title: '50 parallel uses of one refresh token over three replicas',
  async run(context) {
    const rounds = context.count(15, 500)
    const cluster = await startCluster(context, { env: { SIGNET_REFRESH_GRACE: '1m' } })
    const callers = cluster.replicas.map(({ url }) => new Caller(url, cluster.place.app))
    const tally: Tally = { refused: [], generations: 0, disagreed: 0, alive: 0 }
    for (let round = 0; round < rounds; round++) {
      await useAtOnce(context, callers, tally)
      context.progress(`${round + 1} of ${rounds} rounds`)
    }
    const refused = tally.refused.filter((text) => !text.startsWith('503 '))
    return [
      exactly('uses refused', refused.length, 0, refused[0] ?? `${rounds * USES} uses`),
      exactly('uses with 503', tally.refused.length - refused.length, 0),
      allOf('generations given', tally.generations, rounds),
      allOf('live generations', tally.alive, rounds),
      exactly('rounds in which replicas disagree', tally.disagreed, 0),
      ...(await controlsOf(context, callers, cluster)),
    ]
  },
}

async function useAtOnce(context: Context, callers: Caller[], tally: Tally): Promise<void> {
  const { refreshToken } = await at(callers, 0).grant()
  const uses = Array.from({ length: USES }, (_, use) => context.random.pick([0, 1, 2]) + use)
  const answers = await Promise.all(uses.map((use) => at(callers, use).refresh(refreshToken)))
  tally.refused.push(...answers.filter(({ status }) => status !== 200).map(({ status, text }) => `${status} ${text}`))
  const given = new Set(answers.flatMap(({ body }) => body.refresh_token ?? []))
  tally.generations += given.size
  const seen = await seenBy(callers, [...given])
  tally.alive += seen[0]?.filter(Boolean).length ?? 0
  if (new Set(seen.map((each) => each.join())).size > 1) tally.disagreed++
}

const at = (callers: Caller[], index: number): Caller => {
  const caller = callers[index % callers.length]
  if (!caller) throw new Error('there are replicas')
  return caller
}

/** What each replica says of each token. */
const seenBy = (callers: Caller[], tokens: string[]): Promise<boolean[][]> =>
  Promise.all(callers.map((caller) => Promise.all(tokens.map((token) => caller.isActive(token)))))

/** Two tokens of two grants are two generations to this count, and a replica of another database agrees with no other. */
async function controlsOf(context: Context, callers: Caller[], { postgres, place, role }: Cluster): Promise<Finding[]> {
  const grants = [await at(callers, 0).grant(), await at(callers, 1).grant()]
  const tokens = grants.map(({ refreshToken }) => refreshToken)
  const alive = (await seenBy(callers, tokens))[0]?.filter(Boolean).length ?? 0
  const other = postgres.url(await postgres.createDatabase(role), '', role)
  // A new database beside the keys of another one would be refused.
  const stranger = await place.start({ env: { SIGNET_DATABASE_URL: other, SIGNET_KEYS_DIR: context.folder() } })
  const tally: Tally = { refused: [], generations: 0, disagreed: 0, alive: 0 }
  await useAtOnce(context, [at(callers, 0), new Caller(stranger.url, place.app)], tally)
  const { refused, disagreed } = tally
  return [
    control('tokens of two grants counted as one', `${alive} live generations`, '1', alive === 2),
    control(
      'a replica of another database',
      `${refused.length} uses refused, replicas disagree in ${disagreed} of 1 rounds`,
      '0',
      refused.length > 0 && disagreed === 1,
    ),
  ]
}
