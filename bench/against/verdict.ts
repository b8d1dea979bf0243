/**
 * Whether one version is slower than another. Each version runs as several processes in the same rounds, because two
 * processes of one program differ, too. That difference is the noise: a smaller difference between versions means nothing.
 */
import { goalOf, type Goal } from '../finding.ts'
import { describe } from '../ratio-goal.ts'
import { median, quartilesOf, ratioOf } from '../statistics.ts'

/** The figures of each process of a version, round by round. */
export type Processes = number[][]

export interface Figures {
  what: string
  present: Processes
  earlier: Processes
}

/** The number of these goals; the goals of the cases come before. */
const NUMBER = 8

/** @param earlierName the version to compare with @param byCpu the same work by processor time */
export function noSlower(earlierName: string, rates: Figures, byCpu: Figures): Goal {
  const found = compareRates(rates)
  const goal = `${rates.what}: no slower than ${earlierName}`
  return { ...goalOf(NUMBER, goal, found.text, found.isGood), byCpu: compareCosts(byCpu).text }
}

/** For milliseconds and bytes, of which less is better. The ratio is inverted, so that less than 1 is worse everywhere. */
export function noDearer(earlierName: string, costs: Figures): Goal {
  const found = compareCosts(costs)
  return goalOf(NUMBER, `${costs.what}: no more than ${earlierName}`, found.text, found.isGood)
}

const compareCosts = (costs: Figures) =>
  compareRates({ ...costs, present: turned(costs.present), earlier: turned(costs.earlier) })

const turned = (processes: Processes): Processes => processes.map((figures) => figures.map((each) => 1 / each))

function compareRates({ present, earlier }: Figures): { text: string; isGood: boolean } {
  const ratio = ratioOf(meanOf(present), meanOf(earlier))
  const noise = Math.max(differenceOf(present), differenceOf(earlier), spreadOf(present, earlier))
  return { text: `${describe(ratio)}, noise ${noise.toFixed(2)}`, isGood: ratio.median >= 1 - noise }
}

/** Of all processes, round by round. */
const meanOf = (processes: Processes): number[] =>
  (processes[0] ?? []).map(
    (_, round) => processes.reduce((sum, each) => sum + (each[round] ?? NaN), 0) / processes.length,
  )

/** By how much two processes of one version differ: the median of all pairs. */
const differenceOf = (processes: Processes): number =>
  median(
    processes.flatMap((one, at) => processes.slice(at + 1).map((other) => Math.abs(ratioOf(one, other).median - 1))),
  )

/** Half of the distance between the quartiles of the rounds' ratios. */
function spreadOf(present: Processes, earlier: Processes): number {
  const base = meanOf(earlier)
  const [lower, upper] = quartilesOf(meanOf(present).map((each, round) => each / (base[round] ?? NaN)))
  return (upper - lower) / 2
}

/** For a fact beside the verdict. */
export const mediansOf = (processes: Processes): string =>
  processes.map((each) => median(each).toFixed(0)).join(' and ')
