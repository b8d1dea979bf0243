/** Whether a long blacklist makes introspection slower. */
import type { Bench } from '../bench.ts'
import type { Finding } from '../finding.ts'
import { fillBlacklist } from '../fill/blacklist.ts'
import { ratioGoal } from '../ratio-goal.ts'
import { compare } from '../rounds.ts'
import { copyOf, startSignet } from '../sides/signet.ts'
import { introspecting } from './introspecting.ts'

const LEAST = 0.95

export async function blacklist(bench: Bench): Promise<Finding> {
  await bench.stopSides()
  const { blacklist: count } = bench.options
  const filled = copyOf(bench.model, 'blacklist')
  await fillBlacklist(filled, count, bench.say)
  const full = await startSignet(`Signet, ${count} live entries`, filled)
  const empty = await startSignet('Signet, no entries', copyOf(bench.model, 'no-blacklist'))
  const contenders = []
  for (const side of [full, empty]) contenders.push({ side, work: await introspecting(bench, side) })
  const rows = await compare(bench, { work: '/introspect beside a blacklist', contenders, base: 1 })
  const facts = [full, empty].flatMap((side) => [
    { what: `start: ${side.name}`, found: `${side.startMs.toFixed(0)} ms` },
    { what: `resident memory: ${side.name}`, found: `${side.residentMiB().toFixed(0)} MiB` },
  ])
  await Promise.all([full.stop(), empty.stop()])
  const [ours, theirs] = rows
  if (!ours || !theirs) throw new Error('two contenders give two rows')
  return { rows, goals: [ratioGoal(4, `/introspect with ${count} live entries to none`, ours, theirs, LEAST)], facts }
}
