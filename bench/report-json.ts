/** The findings as JSON: every round of every side, and the medians and ratios that the tables show. */
import type { Finding, Row } from './finding.ts'
import { cpuRatio, rateRatio } from './ratio-goal.ts'
import { median } from './statistics.ts'

const FIGURES = ['requestsPerSecond', 'p50', 'p99', 'longest', 'cpuMicros', 'failures'] as const

export const toJson = (circumstances: object, { rows, goals, facts }: Finding): string =>
  `${JSON.stringify({ ...circumstances, rows: rows.map(summary), goals, facts }, null, 2)}\n`

function summary({ work, side, rounds, base, isBase }: Row): object {
  const medians = FIGURES.map((figure) => [figure, median(rounds.map((round) => round[figure]))])
  const row = { work, side, isBase, medians: Object.fromEntries(medians) as Record<string, number>, rounds } // pairs, as above
  if (!base || isBase) return row
  const [ours, theirs] = [{ rounds }, { rounds: base }]
  return { ...row, ratio: rateRatio(ours, theirs), ratioByCpu: cpuRatio(ours, theirs) }
}
