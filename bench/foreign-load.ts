/** The share of the machine that other programs used during a run: on a busy machine the figures are noisy. */
import { readFileSync } from 'node:fs'
import { cpuMsOf, treeOf } from '../harness/proc.ts'

/** proc(5): times in /proc/stat and /proc/[pid]/stat are in ticks of 10 ms. */
const TICK_MS = 10

/** Starts to watch. The returned function tells how many cores other programs used since then, on average. */
export function watchForeignLoad(): () => number {
  const [began, busy, own] = [performance.now(), busyMs(), ownMs()]
  return () => Math.max(0, (busyMs() - busy - (ownMs() - own)) / (performance.now() - began))
}

/** The busy time of all cores since the machine started: user, nice, system, irq and softirq. */
function busyMs(): number {
  const [, user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8').split(/\s+/, 8).map(Number)
  return [user, nice, system, irq, softirq].reduce<number>((sum, ticks) => sum + (ticks ?? 0), 0) * TICK_MS
}

/** The time of this process, of its running descendants, and of its descendants that have ended. */
function ownMs(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? []
  const ended = (Number(fields[13]) + Number(fields[14])) * TICK_MS
  return treeOf(process.pid).reduce((sum, pid) => sum + (cpuMsOf(pid) || 0), ended)
}
