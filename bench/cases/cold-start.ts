/** From the start of the process to the first token, beside a Node that does nothing. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Bench } from '../bench.ts'
import { goalOf, type Finding } from '../finding.ts'
import { copyOf, startSignet, type Place } from '../sides/signet.ts'
import { SCOPE } from '../sides/terms.ts'
import { describe } from '../ratio-goal.ts'
import { median, ratioOf } from '../statistics.ts'

const MOST_TIMES_NODE = 5

export async function coldStart(bench: Bench): Promise<Finding> {
  const place = copyOf(bench.model, 'cold-start')
  const [signet, node] = await inTurn(bench, 'cold start', [() => timeToFirstToken(bench, place), timeOfNode])
  const ratio = ratioOf(signet, node)
  return {
    rows: [],
    goals: [
      goalOf(
        5,
        `cold start to the first token ≤ ${MOST_TIMES_NODE} × node -e 0`,
        describe(ratio),
        ratio.median <= MOST_TIMES_NODE,
      ),
    ],
    facts: [
      { what: 'cold start to the first token', found: `${median(signet).toFixed(0)} ms` },
      { what: 'node -e 0', found: `${median(node).toFixed(0)} ms` },
    ],
  }
}

/** Two things timed one after the other, as often as there are rounds; the first time only fills the caches. */
export async function inTurn(
  { options, say }: Bench,
  what: string,
  [one, other]: [() => Promise<number>, () => Promise<number>],
): Promise<[number[], number[]]> {
  const times: [number[], number[]] = [[], []]
  for (let round = -1; round < options.rounds; round++) {
    say(`${what}: ${Math.max(0, round + 1)} of ${options.rounds}`)
    const first = await one()
    const second = await other()
    if (round < 0) continue
    times[0].push(first)
    times[1].push(second)
  }
  return times
}

/** Milliseconds. */
export async function timeToFirstToken(bench: Bench, place: Place): Promise<number> {
  const began = performance.now()
  const side = await startSignet('Signet', place)
  const form = { grant_type: 'client_credentials', scope: SCOPE }
  await bench.run('first token', { ...bench.post(side, '/token', form), connections: 1, requests: 1 }, 10)
  const time = performance.now() - began
  await side.stop()
  return time
}

async function timeOfNode(): Promise<number> {
  const began = performance.now()
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit')
  return performance.now() - began
}
