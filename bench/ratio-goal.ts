/** Goals of the form "at least this many times the rate of another side". */
import type { Goal, Row } from './finding.ts'
import { ratioOf, type Ratio } from './statistics.ts'

/** @param least the bound; the goal is met where the median of the rounds' ratios reaches it */
export function ratioGoal(number: number, goal: string, ours: Row, theirs: Row, least: number): Goal {
  const byRate = rateRatio(ours, theirs)
  return {
    number,
    goal: `${goal} ≥ ${least.toFixed(2)}`,
    found: describe(byRate),
    byCpu: describe(cpuRatio(ours, theirs)),
    verdict: byRate.median >= least ? 'met' : 'not met',
  }
}

type Rounds = Pick<Row, 'rounds'>

const figures = (row: Rounds, field: 'requestsPerSecond' | 'cpuMicros') => row.rounds.map((round) => round[field])

export const rateRatio = (ours: Rounds, theirs: Rounds): Ratio =>
  ratioOf(figures(ours, 'requestsPerSecond'), figures(theirs, 'requestsPerSecond'))

/** Theirs to ours: the side that needs less time for a request has the larger ratio. */
export const cpuRatio = (ours: Rounds, theirs: Rounds): Ratio =>
  ratioOf(figures(theirs, 'cpuMicros'), figures(ours, 'cpuMicros'))

export const describe = ({ median, least, most }: Ratio): string =>
  `${median.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`
