/** `npm run bench -- --against REF`: this version beside an earlier one, under the same load, in the same rounds. */
import { rmSync } from 'node:fs'
import { commitOf, unpack } from '../../harness/version.ts'
import type { Bench } from '../bench.ts'
import { contenderOf } from '../cases/endpoints.ts'
import { CASE_NAMES } from '../cases/names.ts'
import { nothing, type Fact, type Finding, type MeasuredRound, type Row } from '../finding.ts'
import { inFolder } from '../folder.ts'
import { UsageError } from '../options.ts'
import { compare, type Contender } from '../rounds.ts'
import type { Side } from '../sides/side.ts'
import { copyOf, makeModel, startSignet, type Place, type Version } from '../sides/signet.ts'
import { AGAINST_LOADS, type AgainstLoad } from './loads.ts'
import { compareColdStarts } from './cold-start.ts'
import { noSlower } from './verdict.ts'

/** @throws UsageError where the history has no such version, or none that serves */
export function earlierVersion(ref: string): Version {
  const commit = commitOf(ref)
  if (commit === undefined) throw new UsageError(`--against ${ref}: the history of this checkout has no such commit`)
  const checkout = unpack(commit, inFolder(`checkout-${commit}`))
  if (checkout === undefined) throw new UsageError(`--against ${ref}: that commit has no "signet serve"`)
  return { name: `Signet at ${commit.slice(0, 7)}`, checkout }
}

export async function runAgainst(bench: Bench, version: Version): Promise<Finding> {
  const earlier = await makeModel(version, 'earlier-model')
  const whole = nothing()
  const add = ({ rows, goals, facts }: Finding) => {
    whole.rows.push(...rows)
    whole.goals.push(...goals)
    whole.facts.push(...facts)
  }
  for (const name of CASE_NAMES.filter((each) => bench.options.only.has(each))) {
    if (name === 'cold-start') add(await compareColdStarts(bench, earlier))
    for (const load of AGAINST_LOADS[name] ?? []) add(await compareUnder(bench, load, earlier))
  }
  return whole
}

/** Each load gets new processes: the state of a process after an earlier load would be noise. */
async function compareUnder(bench: Bench, load: AgainstLoad, earlierModel: Place): Promise<Finding> {
  const contenders: Contender[] = []
  const { processes } = bench.options
  for (const model of [bench.model, earlierModel]) contenders.push(...(await severalOf(bench, load, model)))
  const rows = await compare(bench, { work: load.work, contenders, base: processes })
  const facts = contenders.map(({ side }) => memoryOf(load, side))
  await Promise.all(contenders.map(({ side }) => side.stop()))
  for (const at of contenders.keys()) rmSync(inFolder(folderOf(at)), { recursive: true, force: true })
  return { rows, goals: [verdictOn(rows, load.work, earlierModel)], facts }
}

const folderOf = (at: number): string => `against-${at}`

/** The processes of one version, each on a database of its own. */
async function severalOf(bench: Bench, load: AgainstLoad, model: Place): Promise<Contender[]> {
  const filled = await load.fill?.(bench, model, 'against-filled')
  const { processes } = bench.options
  const first = model === bench.model ? 0 : processes
  const contenders: Contender[] = []
  for (let at = 0; at < processes; at++) {
    const place = copyOf(filled?.place ?? model, folderOf(first + at))
    const side = await startSignet(`${model.version.name}, process ${at + 1}`, place, load.start)
    const definition = {
      ...load,
      workOn: (_: Bench, each: Side) => load.workOn(bench, each, filled?.tokens ?? []),
    }
    contenders.push(await contenderOf(bench, definition, side))
  }
  if (filled) rmSync(filled.place.folder, { recursive: true })
  return contenders
}

const memoryOf = ({ work }: AgainstLoad, side: Side): Fact => ({
  what: `${side.name}: resident memory after ${work}; start`,
  found: `${side.residentMiB().toFixed(0)} MiB; ${side.startMs.toFixed(0)} ms`,
})

function verdictOn(rows: Row[], what: string, { version }: Place) {
  const figures = (figure: (round: MeasuredRound) => number) => {
    const all = rows.map(({ rounds }) => rounds.map(figure))
    return { what, present: all.slice(0, all.length / 2), earlier: all.slice(all.length / 2) }
  }
  return noSlower(
    version.name,
    figures(({ requestsPerSecond }) => requestsPerSecond),
    figures(({ cpuMicros }) => cpuMicros),
  )
}
