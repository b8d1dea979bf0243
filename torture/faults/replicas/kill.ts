/**
 * One replica after another is killed under load, and another one takes its place. Requests that were under way there may
 * break; every other one is served, and no family of refresh tokens is lost.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Fault } from '../../fault.ts'
import { atLeast, exactly } from '../../finding.ts'
import { startCluster, type Cluster } from '../../replicas/cluster.ts'
import { controlOfRows } from '../../replicas/controls.ts'
import { Load } from '../../replicas/load.ts'

export const replicaKill: Fault = {
  name: 'replica-kill',
  title: 'a replica killed again and again under load',
  async run(context) {
    const [everyMs, wanted] = [context.count(2000, 10_000), context.count(4, 18)]
    const cluster = await startCluster(context, { env: { SIGNET_REFRESH_GRACE: '5m' } })
    const load = new Load(cluster.app, context.count(100, 300))
    await load.prepare()
    let kills = 0
    // Chance decides whether a request is still under way when its replica dies, so a kill that met none may be repeated.
    const isWanting = (): boolean => kills < wanted || (cluster.balancer.broken.there === 0 && kills < 3 * wanted)
    const killing = (async () => {
      while (isWanting()) {
        await pause(everyMs)
        await killOne(cluster, kills)
        kills++
        context.progress(`${kills} kills, ${load.sent} requests`)
      }
    })()
    await Promise.all([load.run(() => !isWanting()), killing])
    const { lost, doublyValid } = await load.check()
    const { there, elsewhere } = cluster.balancer.broken
    const note = `${kills} kills, ${load.sent} requests at ${load.perSecond.toFixed(0)}/s, ${there} broken at a replica that died`
    return [
      exactly('errors of what was not under way there', load.wrong.length + elsewhere, 0, load.wrong[0] ?? note),
      exactly('broken requests beyond those', Math.max(0, load.broken - there), 0),
      exactly('families lost', lost.length, 0, lost[0] ?? `${load.refreshes} refreshes`),
      exactly('tokens doubly valid', doublyValid, 0),
      atLeast('requests broken at a replica that died', there, 1),
      await controlOfRows(cluster),
    ]
  },
}

/** The balancer knows nothing of the death: it finds out, as any does. */
async function killOne({ replicas, balancer, replace }: Cluster, number: number): Promise<void> {
  const index = number % replicas.length
  const killed = replicas[index]
  if (!killed) throw new Error('there is a replica')
  await balancer.nextWrite(killed.url)
  balancer.expectDeath(killed.url)
  await killed.stop('SIGKILL')
  await replace(index)
}
