/** How soon an entry of the blacklist on one replica is heard of by all: with notifications, and without them. */
import { setTimeout as pause } from 'node:timers/promises'
import { claimsOf } from '../../../harness/call.ts'
import { Caller } from '../../caller.ts'
import type { Context, Fault } from '../../fault.ts'
import { atLeast, below, control, type Finding } from '../../finding.ts'
import { percentile } from '../../latency.ts'
import { operatorAt, startCluster, type Cluster } from '../../replicas/cluster.ts'
import { startTcpProxy } from '../../replicas/tcp-proxy.ts'

/** The bound of the contract. Milliseconds. */
const HEARD_WITHIN_MS = 1000
/** A replica that has not heard by then never will. It still answers, as far as its silence is concerned. */
const NEVER_MS = 3000
const LISTENING_WITHIN_MS = 60_000

export const denials: Fault = {
  name: 'replica-denials',
  title: 'an entry of the blacklist on one replica',
  async run(context) {
    const times = context.count(100, 1000)
    const cluster = await startCluster(context)
    const tookMs = await denyEach(context, cluster, times)
    return [heardBy('refused by all replicas, slowest', tookMs), await controlOf(context, cluster)]
  },
}

export const lostNews: Fault = {
  name: 'replica-lost-news',
  title: 'notifications that are lost',
  async run(context) {
    const times = context.count(20, 200)
    const cluster = await startCluster(context)
    let ended = 0
    const deafened = await denyEach(context, cluster, times, async () => {
      await untilListening(cluster, 1)
      ended += await endListeners(cluster)
    })
    await untilListening(cluster, cluster.replicas.length)
    // Listening connections stand, and hear nothing: a notification names its channel and a NUL (PostgreSQL's protocol).
    cluster.network.drop('signet_changes\0')
    const silenced = await denyEach(context, cluster, times)
    return [
      heardBy('listening connections ended: refused by all, slowest', deafened),
      atLeast('… listening connections ended', ended, times),
      heardBy('NOTIFY never arrives: refused by all, slowest', silenced),
      atLeast('… notifications dropped', cluster.network.dropped(), times),
      await controlOf(context, cluster),
    ]
  },
}

export const heardBy = (what: string, tookMs: number[]): Finding =>
  below(
    what,
    Math.max(...tookMs),
    HEARD_WITHIN_MS,
    'ms',
    `${tookMs.length} entries, median ${percentile(tookMs, 50).toFixed(0)} ms`,
  )

/** Denies tokens one by one at replicas in turn. @returns how long each took to be refused by all, from the answer on */
export async function denyEach(
  context: Context,
  { replicas, place, app }: Pick<Cluster, 'replicas' | 'place' | 'app'>,
  times: number,
  before: () => Promise<void> = async () => {},
): Promise<number[]> {
  const operators = await Promise.all(replicas.map(({ url }) => operatorAt(url, place)))
  const callers = replicas.map(({ url }) => new Caller(url, place.app))
  const tookMs: number[] = []
  for (let time = 0; time < times; time++) {
    const token = await app.accessToken()
    await before()
    const deny = operators[time % operators.length]
    const answer = await deny?.('/blacklist', { jti: claimsOf(token).jti })
    if (answer?.status !== 201) throw new Error(`no entry: ${answer?.status} ${answer?.text}`)
    const began = performance.now()
    await Promise.all(callers.map((caller) => untilRefused(caller, token, began)))
    tookMs.push(performance.now() - began)
    // So that entries come at any moment between two polls.
    await pause(context.random.next() * 50)
    context.progress(`${time + 1} of ${times} entries`)
  }
  return tookMs
}

async function untilRefused(caller: Caller, token: string, began: number): Promise<void> {
  while (await caller.isActive(token)) {
    if (performance.now() - began > NEVER_MS) return
    await pause(5)
  }
}

/** @returns how many there were */
async function endListeners({ postgres, database }: Cluster): Promise<number> {
  const ended = await postgres.query(`SELECT pg_terminate_backend(pid) ${listenersOf(database)}`)
  return ended.length
}

/** A listener that was ended waits before it listens again, and a replica that does not listen has nothing to lose. */
async function untilListening({ postgres, database }: Cluster, count: number): Promise<void> {
  const deadline = performance.now() + LISTENING_WITHIN_MS
  while ((await postgres.query(`SELECT pid ${listenersOf(database)}`)).length < count) {
    if (performance.now() > deadline) throw new Error('the replicas do not listen again')
    await pause(50)
  }
}

const listenersOf = (database: string): string =>
  `FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND state = 'idle' AND datname = '${database}'`

/** A replica that is cut off hears of no entry, and says for ten seconds what it knew. */
async function controlOf(context: Context, { place, app, network, replicas }: Cluster): Promise<Finding> {
  const cut = await startTcpProxy(context, network.port)
  const url = place.env.SIGNET_DATABASE_URL?.replace(`:${network.port}/`, `:${cut.port}/`) ?? ''
  const deaf = await place.start({ env: { SIGNET_DATABASE_URL: url } })
  const all = { place, app, replicas: [...replicas, deaf] }
  const [tookMs = NaN] = await denyEach(context, all, 1, async () => cut.swallow(true))
  const found = `${tookMs.toFixed(0)} ms until it was given up`
  return control('a replica that is cut off', found, `< ${HEARD_WITHIN_MS} ms`, tookMs > HEARD_WITHIN_MS)
}
