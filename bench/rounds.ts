/**
 * The protocol of a comparison: every round loads every side, one after the other, in an order that changes, so that
 * other work of the machine disturbs all sides alike. The first, shorter round only warms up.
 */
import type { Bench } from './bench.ts'
import type { MeasuredRound, Row } from './finding.ts'
import type { Work } from './load/work.ts'
import type { Side } from './sides/side.ts'

export interface Contender {
  side: Side
  work: Work
  /** Prepares a round of so many seconds, such as by making the tokens that it uses up. */
  prepare?: (seconds: number) => Promise<void>
}

const WARM_UP_SHARE = 0.5
const LEAST_WARM_UP_SECONDS = 0.3
const MOST_WARM_UP_SECONDS = 2

export interface Comparison {
  work: string
  contenders: Contender[]
  /** Index of the contender that the ratios are to; left out where ratios would mean nothing. */
  base?: number
  /** Instead of the values in the options. */
  rounds?: number
  seconds?: number
}

/** Rows in the order of the contenders. */
export async function compare(bench: Bench, { work, contenders, base = -1, ...given }: Comparison): Promise<Row[]> {
  const { rounds, seconds } = { ...bench.options, ...given }
  const measured = contenders.map((): MeasuredRound[] => [])
  const warmUp = Math.min(MOST_WARM_UP_SECONDS, Math.max(LEAST_WARM_UP_SECONDS, seconds * WARM_UP_SHARE))
  for (let round = -1; round < rounds; round++) {
    bench.say(`${work}: ${round < 0 ? 'warming up' : `round ${round + 1} of ${rounds}`}`)
    for (const index of turned(contenders.length, round)) {
      const contender = contenders[index]
      const result = contender && (await measure(bench, contender, round < 0 ? warmUp : seconds))
      if (result && round >= 0) measured[index]?.push(result)
    }
  }
  return contenders.map(({ side }, index) => ({
    work,
    side: side.name,
    rounds: measured[index] ?? [],
    base: measured[base],
    isBase: index === base,
  }))
}

/** Rotated by one each round, and every other round backwards, so that no side always follows the same side. */
function turned(count: number, round: number): number[] {
  const order = Array.from({ length: count }, (_, index) => (index + round + 1) % count)
  return round % 2 === 0 ? order : order.toReversed()
}

/** Measures a load on a side, with the processor time that the side took for it. */
async function measure(bench: Bench, contender: Contender, seconds: number): Promise<MeasuredRound> {
  const { side, work, prepare } = contender
  await prepare?.(seconds)
  const before = side.cpuMs()
  const round = await bench.run(`${work.method} ${work.path} of ${side.name}`, work, seconds)
  return { ...round, cpuMicros: ((side.cpuMs() - before) * 1000) / round.requests }
}
