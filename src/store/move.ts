/**
 * Moves all rows of one database into an empty one, whichever engines they have. Rows are moved as they are stored, so
 * that those which cannot be read arrive as well. The target is complete or not there.
 */
import { hash } from 'node:crypto'
import { Fault } from '../ground/errors.ts'
import type { Table } from './table.ts'
import { TABLES } from './tables.ts'

/** A column as it is stored: JSON as its text, an instant as its milliseconds. */
export type Value = string | number | boolean | Buffer | null

interface Rows {
  /** All rows of a table, some at a time and in any order. Values stand in the order of the table's columns. */
  pages(table: Table): AsyncIterable<Value[][]>
}

/** A database that is left. All its reads see one state. */
export interface MoveSource extends Rows {
  /** The highest key that the database has generated for a table; 0 for none. Rows of such keys may be gone. */
  lastGenerated(table: Table): Promise<number>
  /** From now on reads see the newest state. */
  lookAgain(): Promise<void>
  close(): Promise<void>
}

/** A place with empty tables. No other process can use it before it is finished. */
export interface MoveTarget extends Rows {
  insert(table: Table, rows: Value[][]): Promise<void>
  /** Keys up to this one are never generated. */
  raiseGenerated(table: Table, last: number): Promise<void>
  /** Makes it a database, durably and in one step. */
  finish(): Promise<void>
  /** Leaves nothing behind, unless it is finished. */
  close(): Promise<void>
}

/** The rows of each table. */
export type Moved = Record<string, number>

interface Stock {
  rows: number
  /** The sum of the digests of all rows: the same in any order. */
  digest: bigint
}

/** @throws Fault where the target does not hold the same afterwards, or the source has changed meanwhile */
export async function moveRows(source: MoveSource, target: MoveTarget): Promise<Moved> {
  const moved = new Map<Table, Stock>()
  for (const table of TABLES) moved.set(table, await copyTable(table, source, target))
  await compare(moved, target, differs)
  await source.lookAgain()
  await compare(moved, source, changed)
  await target.finish()
  return Object.fromEntries([...moved].map(([{ name }, { rows }]) => [name, rows]))
}

async function copyTable(table: Table, source: MoveSource, target: MoveTarget): Promise<Stock> {
  const stock = emptyStock()
  const generated = Object.values(table.columns).findIndex(({ isGenerated }) => isGenerated)
  let last = generated === -1 ? 0 : await source.lastGenerated(table)
  for await (const rows of source.pages(table)) {
    await target.insert(table, rows)
    for (const row of rows) {
      add(stock, row)
      last = Math.max(last, Number(row[generated] ?? 0))
    }
  }
  if (last > 0) await target.raiseGenerated(table, last)
  return stock
}

async function compare(moved: Map<Table, Stock>, rows: Rows, fault: (name: string) => Fault): Promise<void> {
  for (const [table, { rows: count, digest }] of moved) {
    const stock = emptyStock()
    for await (const page of rows.pages(table)) for (const row of page) add(stock, row)
    if (stock.rows !== count || stock.digest !== digest) throw fault(table.name)
  }
}

const emptyStock = (): Stock => ({ rows: 0, digest: 0n })

function add(stock: Stock, row: Value[]): void {
  const text = JSON.stringify(row.map((value) => (Buffer.isBuffer(value) ? { hex: value.toString('hex') } : value)))
  stock.rows += 1
  stock.digest = BigInt.asUintN(256, stock.digest + BigInt(`0x${hash('sha256', text, 'hex')}`))
}

const differs = (name: string): Fault =>
  new Fault(`the target does not hold the table ${name} as the source does`, 'nothing was moved; please report it')

const changed = (name: string): Fault =>
  new Fault(
    `the table ${name} of the source has changed during the move`,
    'nothing was moved; stop every server and command on the source, then move again',
  )
