/** The options of `npm run bench`, and the messages for wrong ones. */
import { accessSync, constants, existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { CASE_NAMES, type CaseName } from './cases/names.ts'

export interface Options {
  store: 'sqlite' | 'postgres'
  isQuick: boolean
  rounds: number
  /** The length of one round of one side. */
  seconds: number
  only: ReadonlySet<CaseName>
  /** A revision of this checkout's history to compare Signet with, instead of its peers. */
  against: string | undefined
  /** Of each version. */
  processes: number
  /** Families of the large database. */
  growth: number
  /** Expired families that the sweep removes from it. */
  expired: number
  /** Entries of the blacklist. */
  blacklist: number
  tailRounds: number
  tailSeconds: number
  json: string | undefined
  markdown: string | undefined
}

/** A mistake in the arguments: one line, exit status 2. */
export class UsageError extends Error {}

export const HELP = `npm run bench -- [options]     Signet beside bare handlers and its peers, in one run
npm run bench -- --against REF this Signet beside an earlier commit, under the same loads
npm run bench -- --store postgres  Signet on PostgreSQL beside Signet on SQLite, one replica and two
npm run bench -- verify        the verifier beside jose.jwtVerify

  --quick            everything once over in under a minute; the figures are rough
  --full             the growth case with 10,000,000 families (some minutes and 10 GB more)
  --rounds N         interleaved rounds of each case (9; 3 with --quick)
  --seconds S        length of one round of one side (2; 0.15 with --quick)
  --only CASE        only this case; may be repeated, or a list with commas
  --against REF      no peers and bare handlers: each load on two processes of this version and two of that commit;
                     exit status 1 where this version is slower by more than the noise
  --processes N      of each version beside --against (2): more of them show the noise better
  --growth N         families of the large database (1000000; 50000 with --quick)
  --tail N           rounds of 30 s that look at the tail (2; one of 2 s with --quick)
  --json FILE        write every figure as JSON
  --markdown FILE    write the tables, which go to stdout, to a file too
  --help             this text

Cases: ${CASE_NAMES.join(', ')}.
The tables go to stdout and progress to stderr. An answer that is not 2xx ends the run with status 1.
Load goes to loopback only, and every file is in a temporary folder that goes away.`

const QUICK = {
  rounds: 3,
  seconds: 0.15,
  growth: 50_000,
  expired: 2000,
  blacklist: 20_000,
  tailRounds: 1,
  tailSeconds: 2,
}
const USUAL = {
  rounds: 9,
  seconds: 2,
  growth: 1_000_000,
  expired: 50_000,
  blacklist: 1_000_000,
  tailRounds: 2,
  tailSeconds: 30,
}
const FULL = { ...USUAL, growth: 10_000_000 }

/** @returns `undefined` where help was asked for. @throws UsageError */
export function readOptions(args: string[]): Options | undefined {
  const given = parse(args)
  if (given.help) return undefined
  if (given.quick && given.full) throw new UsageError('--quick and --full exclude each other')
  const standard = given.quick ? QUICK : given.full ? FULL : USUAL
  return {
    store: readStore(given.store, given),
    isQuick: given.quick ?? false,
    rounds: readNumber('--rounds', given.rounds, { least: 1, isWhole: true }) ?? standard.rounds,
    seconds: readNumber('--seconds', given.seconds, { least: 0.1, isWhole: false }) ?? standard.seconds,
    only: readCases(given.only),
    against: given.against,
    processes: readNumber('--processes', given.processes, { least: 2, isWhole: true }) ?? 2,
    growth: readNumber('--growth', given.growth, { least: 10_000, isWhole: true }) ?? standard.growth,
    expired: standard.expired,
    blacklist: standard.blacklist,
    tailRounds: readNumber('--tail', given.tail, { least: 1, isWhole: true }) ?? standard.tailRounds,
    tailSeconds: standard.tailSeconds,
    json: readFile('--json', given.json),
    markdown: readFile('--markdown', given.markdown),
  }
}

function parse(args: string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  try {
    return parseArgs({
      args,
      options: {
        quick: flag,
        full: flag,
        help: { ...flag, short: 'h' },
        rounds: text,
        seconds: text,
        only: { ...text, multiple: true },
        store: text,
        against: text,
        processes: text,
        growth: text,
        tail: text,
        json: text,
        markdown: text,
      },
    }).values
  } catch (error) {
    // The rest of Node's message is advice about arguments that begin with a dash.
    const [fault = ''] = (error instanceof Error ? error.message : String(error)).split(/[.\n]/)
    throw new UsageError(fault)
  }
}

function readNumber(name: string, text: string | undefined, { least, isWhole }: { least: number; isWhole: boolean }) {
  if (text === undefined) return undefined
  const number = Number(text.replaceAll('_', ''))
  if (number >= least && number < Infinity && (!isWhole || Number.isInteger(number))) return number
  throw new UsageError(`${name} is ${isWhole ? 'a whole number' : 'a number'} of at least ${least}, not "${text}"`)
}

function readStore(name: string | undefined, given: { against?: string; only?: string[] }): Options['store'] {
  if (name !== undefined && name !== 'sqlite' && name !== 'postgres')
    throw new UsageError(`--store "${name}" is no store; there are sqlite, postgres`)
  if (name === 'postgres' && (given.against ?? given.only) !== undefined)
    throw new UsageError('--store postgres has cases of its own, and goes with neither --only nor --against')
  return name ?? 'sqlite'
}

function readCases(lists: string[] | undefined): ReadonlySet<CaseName> {
  if (!lists) return new Set(CASE_NAMES)
  const names = lists.flatMap((list) => list.split(',')).map((name) => name.trim())
  return new Set(names.map(readCase))
}

function readCase(name: string): CaseName {
  const found = CASE_NAMES.find((each) => each === name)
  if (found) return found
  throw new UsageError(`--only "${name}" is no case; there are ${CASE_NAMES.join(', ')}`)
}

/** Checked at once, so that a run of a quarter of an hour does not fail at its end. */
function readFile(name: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  try {
    accessSync(existsSync(file) ? file : dirname(file), constants.W_OK)
    return file
  } catch {
    throw new UsageError(`${name} "${file}" cannot be written`)
  }
}
