/** From the start of the process to the first token, beside a Node process that does nothing. */
import type { Bench } from '../bench.ts'
import { goalOf, type Finding } from '../finding.ts'
import { describe } from '../ratio-goal.ts'
import { copyOf } from '../sides/signet.ts'
import { median } from '../statistics.ts'
import { compareStarts, startNode, startToFirstToken } from './starts.ts'

const MOST_TIMES_NODE = 5

export async function coldStart(bench: Bench): Promise<Finding> {
  const place = copyOf(bench.model, 'cold-start')
  const starts = await compareStarts(bench, 'cold start', [() => startToFirstToken(bench, place), startNode])
  const goal = `cold start to the first token ≤ ${MOST_TIMES_NODE} × node -e 0`
  const isMet = starts.byTime.median <= MOST_TIMES_NODE
  return {
    rows: [],
    goals: [{ ...goalOf(5, goal, describe(starts.byTime), isMet), byCpu: describe(starts.byCpu) }],
    facts: [
      { what: 'cold start to the first token', found: `${median(starts.milliseconds[0]).toFixed(0)} ms` },
      { what: 'node -e 0', found: `${median(starts.milliseconds[1]).toFixed(0)} ms` },
    ],
  }
}
