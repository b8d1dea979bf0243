/** Cold start and idle memory of two versions, each with two databases of its own. */
import type { Bench } from '../bench.ts'
import { startToFirstToken, takeTurns, type Start } from '../cases/starts.ts'
import type { Finding } from '../finding.ts'
import { copyOf, type Place } from '../sides/signet.ts'
import { mediansOf, noDearer, type Figures } from './verdict.ts'

export async function compareColdStarts(bench: Bench, earlier: Place): Promise<Finding> {
  const places = [bench.model, bench.model, earlier, earlier].map((model, index) =>
    copyOf(model, `cold-start-${index}`),
  )
  const starts = await takeTurns(
    bench,
    'cold start',
    places.map((place) => () => startToFirstToken(bench, place)),
  )
  const figures = (what: string, figure: keyof Start): Figures => {
    const of = (index: number): number[] => starts[index]?.map((start) => start[figure]) ?? []
    return { what, present: [of(0), of(1)], earlier: [of(2), of(3)] }
  }
  const all = [
    figures('cold start to the first token, ms', 'milliseconds'),
    figures('cold start to the first token, ms of processor time', 'cpuMs'),
    figures('resident memory after the first token, MiB', 'residentMiB'),
  ]
  const { name } = earlier.version
  return {
    rows: [],
    goals: all.map((each) => noDearer(name, each)),
    facts: all.flatMap(({ what, present, earlier: before }) => [
      { what: `Signet: ${what}`, found: mediansOf(present) },
      { what: `${name}: ${what}`, found: mediansOf(before) },
    ]),
  }
}
