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
  const [present, earlier] = [await versionOf(bench, load, bench.model), await versionOf(bench, load, earlierModel)]
  for (let at = 0; at < bench.options.processes; at++) {
    // In turned order: processes that were started first are slower by some per cent, whatever their version.
    for (const version of at % 2 === 0 ? [present, earlier] : [earlier, present]) await addProcess(bench, load, version)
  }
  const contenders = [...present.contenders, ...earlier.contenders]
  const rows = await compare(bench, { work: load.work, contenders, base: present.contenders.length })
  const facts = contenders.map(({ side }) => memoryOf(load, side))
  await Promise.all(contenders.map(({ side }) => side.stop()))
  for (const folder of [...present.folders, ...earlier.folders]) rmSync(folder, { recursive: true, force: true })
  return { rows, goals: [verdictOn(rows, load.work, earlierModel)], facts }
}

/** A version under a load: what each of its processes begins with, and the processes so far. */
interface UnderLoad {
  place: Place
  tokens: string[]
  contenders: Contender[]
  folders: string[]
}

async function versionOf(bench: Bench, load: AgainstLoad, model: Place): Promise<UnderLoad> {
  const filled = await load.fill?.(bench, model, `filled-${model === bench.model ? 'present' : 'earlier'}`)
  const { place = model, tokens = [] } = filled ?? {}
  return { place, tokens, contenders: [], folders: filled ? [place.folder] : [] }
}

/** Each process has a database of its own. */
async function addProcess(bench: Bench, load: AgainstLoad, version: UnderLoad): Promise<void> {
  const { place: model, tokens, contenders, folders } = version
  const number = contenders.length + 1
  const { name, checkout } = model.version
  const place = copyOf(model, `against-${checkout === bench.model.version.checkout ? 'present' : 'earlier'}-${number}`)
  const side = await startSignet(`${name}, process ${number}`, place, load.start)
  contenders.push(await contenderOf(bench, { ...load, workOn: (_, each) => load.workOn(bench, each, tokens) }, side))
  folders.push(place.folder)
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
