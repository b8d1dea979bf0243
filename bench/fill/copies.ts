/**
 * Fills a table with copies of a row that Signet made, while no Signet has the database open. Every column holds the
 * value that the product wrote; only the columns that must differ are given.
 */
import Database from 'better-sqlite3'
import { closeSync, fsyncSync, openSync } from 'node:fs'

const ROWS_IN_A_TRANSACTION = 100_000

type Value = string | number | null | Buffer
export type Row = Record<string, Value>

export interface Copies {
  database: string
  table: string
  count: number
  /** The columns that differ in the copy with this number, counted from 0. */
  differing: (index: number, original: Row) => Row
  say: (line: string) => void
}

/** @returns the row that was copied. */
export function fillWithCopies({ database: file, table, count, differing, say }: Copies): Row {
  const database = new Database(file)
  // No sync is needed before the end: a crash would end the whole run anyway.
  database.pragma('synchronous = OFF')
  database.pragma('cache_size = -262144')
  const original = database.prepare<[], Row>(`SELECT * FROM ${table} LIMIT 1`).get()
  if (!original) throw new Error(`${table} has no row to copy`)
  const columns = Object.keys(original)
  const insert = database.prepare<Row>(
    `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map((column) => `@${column}`).join(', ')})`,
  )
  const insertSome = database.transaction((from: number, to: number) => {
    // The driver ignores the value of a column that this version's table lacks.
    for (let index = from; index < to; index++) insert.run({ ...original, ...differing(index, original) })
  })
  for (let from = 0; from < count; from += ROWS_IN_A_TRANSACTION) {
    insertSome(from, Math.min(count, from + ROWS_IN_A_TRANSACTION))
    say(`filling ${table}: ${Math.min(count, from + ROWS_IN_A_TRANSACTION)} of ${count}`)
  }
  database.pragma('wal_checkpoint(TRUNCATE)')
  database.close()
  sync(file)
  return original
}

/** Without this sync the system would write the rest of the file during the measurement. */
function sync(file: string): void {
  const descriptor = openSync(file, 'r+')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

/** Reads one figure of a database, by a connection of its own. */
export function readFigure(file: string, query: string): number {
  const database = new Database(file, { readonly: true })
  try {
    return database.prepare<[], number>(query).pluck().get() ?? NaN
  } finally {
    database.close()
  }
}
