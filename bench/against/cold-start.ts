/** Cold start and idle memory of two versions, each with two databases of its own. */
import type { Bench } from '../bench.ts'
import { startToFirstToken, takeTurns, type Start } from '../cases/starts.ts'
import type { Finding } from '../finding.ts'
import { copyOf, type Place } from '../sides/signet.ts'
import { mediansOf, noDearer, type Figures } from './verdict.ts'

export async function compareColdStarts(bench: Bench, earlier: Place): Promise<Finding> {
  const { processes } = bench.options
  const places = Array.from({ length: 2 * processes }, (_, at) =>
    copyOf(at < processes ? bench.model : earlier, `cold-start-${at}`),
  )
  const starts = await takeTurns(
    bench,
    'cold start',
    places.map((place) => () => startToFirstToken(bench, place)),
  )
  const figures = (what: string, figure: keyof Start): Figures => {
    const all = starts.map((each) => each.map((start) => start[figure]))
    return { what, present: all.slice(0, processes), earlier: all.slice(processes) }
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
