/** `npm run bench`: runs the chosen cases and prints the tables. */
import { writeFileSync } from 'node:fs'
import { earlierVersion, runAgainst } from './against/run.ts'
import { Bench } from './bench.ts'
import { CASES } from './cases/index.ts'
import { CASE_NAMES } from './cases/names.ts'
import { nothing, type Finding } from './finding.ts'
import { CONNECTIONS } from './load/work.ts'
import { describeMachine, machine } from './machine.ts'
import { watchForeignLoad } from './foreign-load.ts'
import type { Options } from './options.ts'
import { runOnPostgres } from './postgres/run.ts'
import { progress } from './progress.ts'
import { toJson } from './report-json.ts'
import { toMarkdown } from './report-markdown.ts'
import { whyGlewlwydIsMissing } from './sides/glewlwyd.ts'
import { makeModel, PRESENT } from './sides/signet.ts'

/** The foreign load of a quiet machine. */
const QUIET_CORES = 0.1

/** @returns the exit status: 1 where requests failed, or this version is slower than the earlier one. @throws UsageError */
export async function runBench(options: Options): Promise<number> {
  const earlier = options.against === undefined ? undefined : earlierVersion(options.against)
  const bench = new Bench(options, await makeModel(PRESENT, 'model'), progress())
  try {
    const foreignCores = watchForeignLoad()
    const finding = earlier
      ? await runAgainst(bench, earlier)
      : options.store === 'postgres'
        ? await runOnPostgres(bench)
        : await runCases(bench)
    report(options, finding, foreignCores())
    const isSlower = earlier !== undefined && finding.goals.some(({ verdict }) => verdict === 'not met')
    return Math.max(complainOf(bench.failures), isSlower ? 1 : 0)
  } finally {
    await bench.stop()
  }
}

async function runCases(bench: Bench): Promise<Finding> {
  const whole = nothing()
  for (const name of CASE_NAMES.filter((each) => bench.options.only.has(each))) {
    const { rows, goals, facts } = await CASES[name](bench)
    whole.rows.push(...rows)
    whole.goals.push(...goals)
    whole.facts.push(...facts)
  }
  return whole
}

function report(options: Options, finding: Finding, foreignCores: number): void {
  const markdown = toMarkdown(preface(options, foreignCores), finding)
  console.log(markdown)
  if (options.markdown !== undefined) writeFileSync(options.markdown, `${markdown}\n`)
  if (options.json === undefined) return
  const { only, ...rest } = options
  writeFileSync(
    options.json,
    toJson({ machine: machine(), foreignCores, options: { ...rest, only: [...only] } }, finding),
  )
}

const preface = ({ store, isQuick, rounds, seconds, against }: Options, foreignCores: number): string[] => [
  `${describeMachine()}. The load shares the cores: only ratios count.`,
  `Other work on the machine had ${foreignCores.toFixed(2)} cores meanwhile${foreignCores > QUIET_CORES ? ': **not a quiet machine, the figures are noisy**' : ''}.`,
  '',
  `${CONNECTIONS} connections, ${rounds} interleaved rounds of ${seconds} s, order turned, medians; a ratio is the median of the rounds' own`,
  ...(store === 'postgres' ? BESIDE_SQLITE : against === undefined ? BESIDE_PEERS : BESIDE_EARLIER),
  ...(isQuick ? ['', '**Rough: run with --quick.** The rounds are few and too short for a verdict.'] : []),
  ...(store === 'sqlite' && against === undefined ? ['', whyGlewlwydIsMissing()] : []),
]

const BESIDE_PEERS = [
  '(least–most of them), to the bare handler that does the same work. CPU is the server’s, all threads, for one request;',
  'cores is how much of the machine the server had, and where it had less than one, the ratio by CPU says more.',
  'Signet and its peers log no requests, but in the row that says so; its limit for one client is off, since one client makes the load.',
]

const BESIDE_SQLITE = [
  '(least–most of them), to Signet on SQLite, or to one replica. PostgreSQL runs on the same cores and disk, with fsync. CPU is that of the',
  'issuers, all threads, for one request, and not PostgreSQL’s.',
]

const BESIDE_EARLIER = [
  '(least–most of them), to the first process of the earlier version. In the goals a ratio is of both processes of this version to both of the',
  'earlier one; more than 1 is better, also where less is wanted. Noise is the largest of: by how much two processes of one version differ, and',
  'half of what lies between the quartiles of the rounds. A goal is met where the ratio is at least 1 less the noise.',
]

function complainOf(failures: Bench['failures']): number {
  if (failures.length === 0) return 0
  for (const { what, count, first } of failures) console.error(`${what}: ${count} failed, the first with ${first}`)
  console.error('bench: requests failed, so the figures count for nothing')
  return 1
}
