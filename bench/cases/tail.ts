/** The slowest of many requests, in rounds long enough that the journal is written back many times. */
import { statSync } from 'node:fs'
import type { Bench } from '../bench.ts'
import { goalOf, type Finding, type Goal, type Row } from '../finding.ts'
import { compare } from '../rounds.ts'
import { inFolder } from '../folder.ts'
import { SCOPE } from '../sides/terms.ts'
import { median } from '../statistics.ts'
import { refreshing } from './endpoints.ts'

const MOST_TIMES_P50 = 3
const LOOK_EVERY_MS = 50
const journal = inFolder('signet', 'signet.db-wal')

export async function tail(bench: Bench): Promise<Finding> {
  const { tailRounds: rounds, tailSeconds: seconds } = bench.options
  const [signet, bare] = [await bench.side('signet'), await bench.side('bare')]
  const newGrant = { grant_type: 'client_credentials', scope: `${SCOPE} offline_access` }
  const watch = watchJournal()
  const rows = await compare(bench, {
    work: `/refresh for ${seconds} s`,
    contenders: [
      { side: signet, work: await refreshing(bench, signet) },
      { side: bare, work: await refreshing(bench, bare) },
    ],
    base: 1,
    rounds,
    seconds,
  })
  const contenders = [{ side: signet, work: bench.post(signet, '/token', newGrant) }]
  rows.push(
    ...(await compare(bench, { work: `/token with a new family for ${seconds} s`, contenders, rounds, seconds })),
  )
  return { rows, goals: rows.filter(({ side }) => side === signet.name).map(tailGoal), facts: watch() }
}

function tailGoal({ work, rounds }: Row): Goal {
  const times = rounds.map(({ p50, p99 }) => p99 / p50)
  const longest = Math.max(...rounds.map((round) => round.longest))
  const found = `${median(times).toFixed(2)}; longest ${longest.toFixed(0)} ms`
  return goalOf(7, `${work}: p99 ≤ ${MOST_TIMES_P50} × p50`, found, median(times) <= MOST_TIMES_P50)
}

/** Watches the size of the journal until the returned function is called. */
function watchJournal(): () => { what: string; found: string }[] {
  let largest = 0
  const look = () => (largest = Math.max(largest, sizeOf(journal)))
  const timer = setInterval(look, LOOK_EVERY_MS)
  return () => {
    clearInterval(timer)
    return [
      { what: 'journal (WAL) of Signet, largest', found: mebibytes(largest) },
      { what: 'journal (WAL) of Signet, at the end of the tail rounds', found: mebibytes(sizeOf(journal)) },
    ]
  }
}

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`
