/** Samples of the memory, files and rows that a server and its database use, and how they grow. */
import { readdirSync, statSync } from 'node:fs'
import SqliteDatabase from 'better-sqlite3'
import { residentMiBOf } from '../../harness/proc.ts'

export interface Sample {
  /** Since the first sample. */
  hours: number
  rssMb: number
  openFiles: number
  walMb: number
  databaseMb: number
  /** The rows of every table that traffic fills. Here they all expire within minutes. */
  rows: number
  /** Different signing keys since the first sample. */
  keys: number
}

const MB = 1_048_576
const HOUR_MS = 3_600_000
const FILLED = ['grants', 'used_jtis', 'blacklist_entries', 'audit_events', 'signing_keys', 'changes']

export class Gauge {
  readonly samples: Sample[] = []
  readonly #pid: number
  readonly #file: string
  readonly #database: SqliteDatabase.Database
  readonly #kids = new Set<unknown>()
  readonly #began = performance.now()

  constructor(pid: number, file: string) {
    this.#pid = pid
    this.#file = file
    this.#database = new SqliteDatabase(file, { readonly: true })
  }

  take(): void {
    this.samples.push({
      hours: (performance.now() - this.#began) / HOUR_MS,
      rssMb: residentMiBOf(this.#pid),
      openFiles: readdirSync(`/proc/${this.#pid}/fd`).length,
      walMb: sizeMb(`${this.#file}-wal`),
      databaseMb: sizeMb(this.#file),
      rows: FILLED.reduce((sum, table) => sum + this.#count(table), 0),
      keys: this.#countKeys(),
    })
  }

  close(): void {
    this.#database.close()
  }

  #count(table: string): number {
    return Number(this.#database.prepare(`SELECT count(*) FROM ${table}`).pluck().get())
  }

  #countKeys(): number {
    for (const kid of this.#database.prepare('SELECT kid FROM signing_keys').pluck().all()) this.#kids.add(kid)
    return this.#kids.size
  }
}

/** proc(5), in kB. */
const sizeMb = (file: string): number => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) / MB

/**
 * The growth of a figure in an hour: the median slope of all pairs (Theil and Sen), on which a single garbage
 * collection has no influence.
 */
export function slopePerHour(samples: Sample[], figure: keyof Sample): number {
  const slopes = samples.flatMap((to, index) =>
    samples.slice(0, index).map((from) => (to[figure] - from[figure]) / (to.hours - from.hours)),
  )
  return slopes.toSorted((a, b) => a - b)[Math.floor(slopes.length / 2)] ?? NaN
}

export const most = (samples: Sample[], figure: keyof Sample): number =>
  Math.max(...samples.map((each) => each[figure]))
