/**
 * PgBouncer lends a connection for one transaction: prepared statements are not where they were made, and nobody is notified.
 * Everything works, and entries are found by polling.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { findPgBouncer, startPgBouncer, type PoolMode } from '../../../harness/pgbouncer.ts'
import type { Context, Fault } from '../../fault.ts'
import { control, exactly, skipped, type Finding } from '../../finding.ts'
import { startCluster, type Cluster } from '../../replicas/cluster.ts'
import { Load } from '../../replicas/load.ts'
import { denyEach, heardBy } from './news.ts'

const TITLE = 'PgBouncer in transaction mode'

export const pooler: Fault = {
  name: 'replica-pooler',
  title: TITLE,
  async run(context) {
    if (findPgBouncer() === undefined) return [skipped(TITLE, 'PgBouncer is not installed')]
    const cluster = await startBehind(context, 'transaction')
    const load = await loadFor(cluster, context.count(8000, 60_000))
    const { lost, doublyValid } = await load.check()
    const tookMs = await denyEach(context, cluster, context.count(20, 200))
    const note = `${load.sent} requests at ${load.perSecond.toFixed(0)}/s`
    return [
      exactly('failed requests', failedOf(load), 0, load.wrong[0] ?? note),
      exactly('families lost', lost.length, 0, lost[0]),
      exactly('tokens doubly valid', doublyValid, 0),
      heardBy('an entry refused by all replicas, slowest', tookMs),
      await controlOf(context),
    ]
  },
}

const startBehind = (context: Context, mode: PoolMode): Promise<Cluster> =>
  startCluster(context, { pool: (postgres, role) => startPgBouncer({ postgres, role, mode }, context.onEnd) })

async function loadFor({ app }: Cluster, ms: number): Promise<Load> {
  const load = new Load(app, 50)
  await load.prepare()
  let isOver = false
  const running = load.run(() => isOver)
  await pause(ms)
  isOver = true
  await running
  return load
}

const failedOf = (load: Load): number => load.wrong.length + load.unavailableAt.length + load.broken

/** A pooler that lends a connection for one statement has no transactions. */
async function controlOf(context: Context): Promise<Finding> {
  const found = await startBehind(context, 'statement')
    .then((cluster) => loadFor(cluster, 2000))
    .then(
      (load) => `${failedOf(load)} failed requests`,
      (error: unknown) => `no start: ${String(error).split('\n')[0]?.slice(0, 120)}`,
    )
  return control('statement mode', found, '0', !found.startsWith('0 '))
}
