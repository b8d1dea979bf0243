/**
 * Replicas of a previous version are replaced by this one under load, one after another, and this one by the previous one
 * again. Each is taken out of the balancer before it stops, as an orchestrator does, so no request fails.
 */
import type { Launch } from '../../../harness/program.ts'
import type { Context, Fault } from '../../fault.ts'
import { atLeast, exactly, skipped, type Finding } from '../../finding.ts'
import { previousVersions, type OtherVersion } from '../../other-version.ts'
import { startCluster, type Cluster } from '../../replicas/cluster.ts'
import { controlOfRows } from '../../replicas/controls.ts'
import { Load } from '../../replicas/load.ts'

export const rollingUpgrade: Fault = {
  name: 'replica-upgrade',
  title: 'a rolling upgrade from a previous version under load, and back',
  async run(context) {
    // The last one has other tables. The short form takes it alone.
    const versions = previousVersions(context, 'postgres').slice(context.count(-1, 0))
    if (versions.length === 0) return [skipped('upgrade and back', 'there is no history here to take a version from')]
    const findings: Finding[] = []
    for (const version of versions) findings.push(...(await thereAndBack(context, version)))
    return findings
  },
}

async function thereAndBack(context: Context, { checkout, name }: OtherVersion): Promise<Finding[]> {
  if (checkout === undefined) return [skipped(name, 'it had no `signet serve` yet')]
  const cluster = await startCluster(context, { env: { SIGNET_REFRESH_GRACE: '5m' }, launch: () => ({ checkout }) })
  const load = new Load(cluster.app, context.count(50, 100))
  await load.prepare()
  let isOver = false
  const running = load.run(() => isOver)
  const rolled = await rollAll(cluster, {})
  const refreshesBefore = load.refreshes
  context.progress(`${name}: upgraded, ${load.sent} requests`)
  await rollAll(cluster, { checkout })
  isOver = true
  await running
  const { lost, doublyValid } = await load.check()
  const failed = [...load.wrong, ...load.unavailableAt.map(() => '503')]
  const note = `${load.sent} requests at ${load.perSecond.toFixed(0)}/s, ${rolled} replicas replaced each way`
  return [
    exactly(`${name}: failed requests, there and back`, failed.length + load.broken, 0, failed[0] ?? note),
    exactly('… families lost', lost.length, 0, lost[0]),
    exactly('… tokens doubly valid', doublyValid, 0),
    atLeast('… refreshes on the way back', load.refreshes - refreshesBefore, 1),
    await controlOfRows(cluster),
  ]
}

/** A new replica takes requests before the one that it replaces is taken out and stopped. @returns how many */
async function rollAll({ replicas, balancer, replace }: Cluster, launch: Partial<Launch>): Promise<number> {
  const leaving = [...replicas]
  for (const [index, replica] of leaving.entries()) {
    await replace(index, launch)
    await balancer.remove(replica.url)
    await replica.stop()
  }
  return leaving.length
}
