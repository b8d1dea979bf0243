/** How long a request waits while expired families are swept from a large database. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Bench } from '../bench.ts'
import { goalOf, type Fact, type Goal } from '../finding.ts'
import { readFigure } from '../fill/copies.ts'
import { fillExpired } from '../fill/families.ts'
import type { Work } from '../load/work.ts'
import { startSignet, type Place } from '../sides/signet.ts'

const MOST_MS = 20
/** The sweep begins three seconds after the start; before that, only the noise of the machine is measured. */
const QUIET_SECONDS = 2
const LOOK_EVERY_MS = 500
const MOST_SECONDS = 900

export async function watchSweep(bench: Bench, place: Place): Promise<{ goal: Goal; facts: Fact[] }> {
  const { expired } = bench.options
  fillExpired({ place, count: expired, say: bench.say })
  const side = await startSignet('Signet', place, { preload: '../preload/early-sweep.ts' })
  const work: Work = { port: side.port, method: 'GET', path: '/livez', connections: 1, pauseMs: 1 }
  const quiet = await bench.run('/livez before a sweep', work, QUIET_SECONDS)
  const sweeping = bench.load.begin(work, MOST_SECONDS)
  const swept = await untilSwept(bench, place)
  sweeping.end()
  const busy = bench.noteFailures('/livez during a sweep', await sweeping.round)
  await side.stop()
  return {
    goal: goalOf(
      4,
      `longest /livez while ${expired} expired families are swept ≤ ${MOST_MS} ms`,
      `${busy.longest.toFixed(1)} ms, p99 ${busy.p99.toFixed(1)} ms${swept ? '' : '; the sweep did not end'}`,
      swept && busy.longest <= MOST_MS,
    ),
    facts: [
      { what: 'longest /livez without a sweep', found: `${quiet.longest.toFixed(1)} ms` },
      { what: `sweep of ${expired} expired families`, found: `${busy.seconds.toFixed(0)} s` },
    ],
  }
}

async function untilSwept({ say }: Bench, { database }: Place): Promise<boolean> {
  const began = performance.now()
  while (performance.now() - began < MOST_SECONDS * 1000) {
    await sleep(LOOK_EVERY_MS)
    const left = readFigure(database, `SELECT count(*) FROM grants WHERE expires_at < ${Date.now()}`)
    say(`sweeping: ${left} families left`)
    if (left === 0) return true
  }
  return false
}
