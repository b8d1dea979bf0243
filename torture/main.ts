/**
 * `npm run torture`: breaks a real Signet in every way that it promises to survive, and prints each figure beside its
 * bound. The short form takes under three minutes; `-- --long` makes the full numbers. The exit status is 1 where a bound
 * is missed or a control does not fail. The table goes to stdout, progress to stderr.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parseDuration } from '../src/ground/duration.ts'
import type { Fault } from './fault.ts'
import { FAULTS } from './faults/index.ts'
import { REPLICA_FAULTS } from './faults/replicas/index.ts'
import { soakFor } from './faults/soak.ts'
import { runFault } from './run-fault.ts'
import { HEAD, rowsOf, summaryOf, type Result } from './table.ts'

const listOf = (faults: Fault[]): string => faults.map(({ name, title }) => `  ${name.padEnd(20)}  ${title}`).join('\n')

/** By the name of the database. */
const STORES: Record<string, Fault[]> = { sqlite: FAULTS, postgres: REPLICA_FAULTS }

const HELP = `npm run torture -- [options]

  --long        the full figures: 500 kills, 10,000 model sequences, …; takes an hour or so
  --soak TIME   soak for so long, such as 24h
  --store KIND  sqlite (one issuer, the default), or postgres (three replicas behind a proxy)
  --only NAME   one fault alone; may be repeated
  --skip NAME   all but this one; may be repeated
  --seed N      draw the same random figures again
  --json FILE   write the findings as JSON too
  --help        this text

Faults:
${listOf(FAULTS)}

Faults of --store postgres:
${listOf(REPLICA_FAULTS)}`

interface Options {
  faults: Fault[]
  long: boolean
  only: string[]
  skip: string[]
  seed: number
  json: string | undefined
  soakSeconds: number | undefined
  help: boolean
}

/** @throws Error in one line where an option is unknown or its value is not accepted */
function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      long: { type: 'boolean', default: false },
      store: { type: 'string', default: 'sqlite' },
      only: { type: 'string', multiple: true, default: [] },
      skip: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      json: { type: 'string' },
      soak: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const faults = STORES[values.store]
  if (!faults) throw new Error(`--store ${values.store}: expected one of ${Object.keys(STORES).join(', ')}`)
  for (const option of ['only', 'skip'] as const) {
    const unknown = values[option].find((name) => !faults.some((fault) => fault.name === name))
    if (unknown !== undefined) throw new Error(`--${option} ${unknown}: no such fault; --help lists them`)
  }
  if (!/^\d{1,9}$/.test(values.seed)) throw new Error(`--seed ${values.seed}: expected a whole number`)
  const soakSeconds = values.soak === undefined ? undefined : parseDuration(values.soak)
  if (values.soak !== undefined && !soakSeconds)
    throw new Error(`--soak ${values.soak}: expected a duration such as 24h`)
  return { ...values, faults, seed: Number(values.seed), json: values.json, soakSeconds }
}

async function torture({ faults, long, only, skip, seed, json, soakSeconds }: Options): Promise<number> {
  const chosen = faults
    .filter(({ name }) => (only.length === 0 || only.includes(name)) && !skip.includes(name))
    .map((fault) => (fault.name === 'soak' && soakSeconds ? soakFor(soakSeconds) : fault))
  console.log(
    `${long ? 'Long' : 'Short'} form, seed ${seed}, Node ${process.versions.node}, ${availableParallelism()} cores\n`,
  )
  console.log(HEAD)
  const results: Result[] = []
  for (const fault of chosen) {
    const result = await runFault(fault, { long, seed })
    console.log(rowsOf(result))
    results.push(result)
  }
  console.log(`\n${summaryOf(results)}`)
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ long, seed, results }, undefined, 2)}\n`)
  return results.every(({ findings }) => findings.every(({ holds }) => holds)) ? 0 : 1
}

// All starts share one cache of compiled code: compiling would take half of the time.
const compiled = mkdtempSync(join(tmpdir(), 'signet-torture-compiled-'))
process.env.NODE_COMPILE_CACHE = compiled
process.once('exit', () => rmSync(compiled, { recursive: true, force: true }))
// The exit of a broken off run removes its folders and processes.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

let options: Options | undefined
try {
  options = readOptions(process.argv.slice(2))
} catch (error) {
  console.error(`torture: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`)
  process.exit(2)
}
if (options.help) console.log(HELP)
// Exits at once, because an open handle of a fault must not keep a finished run alive. The folders are removed already.
else process.exit(await torture(options))
