/**
 * Runs the plain steps of an act by prepared statements. The driver runs them itself: a query builder between takes longer
 * than SQLite.
 */
import type { Database as RawDatabase, Statement as Prepared } from 'better-sqlite3'
import type { Selection, Unended } from '../engine.ts'
import { decodeRow } from '../rows.ts'
import { Statements, type Row, type Statement } from '../statements.ts'
import type { Table } from '../table.ts'

export class PreparedStatements {
  readonly #raw: RawDatabase
  readonly #statements = new Statements({
    nameOf: ({ name }) => `"${name}"`,
    stored: () => '?',
    // SQLite here is built with statistics of indexes (STAT4), so its planner takes the values of `= ?`, `> ?` and `LIMIT ?`
    // into account wherever an order or a limit leaves it a choice. Then it prepares the statement anew at each execution,
    // which takes 10 to 30 µs. The plus keeps compared values from it.
    compared: () => '+?',
    boolean: Number,
    returnsKey: false,
  })
  readonly #prepared = new Map<string, Prepared<unknown[], unknown[]>>()

  constructor(raw: RawDatabase) {
    this.#raw = raw
  }

  select(table: Table, selection: Selection<Table>): unknown[] {
    const { text, values } = this.#statements.select(table, selection)
    const rows = this.#get(text, true).all(...values)
    return rows.flatMap((row) => decodeRow(table, row, selection.onUnreadable) ?? [])
  }

  insert(table: Table, row: Row, ifAbsent: boolean): { changes: number; key: number } {
    const { changes, lastInsertRowid } = this.#run(this.#statements.insert(table, row, ifAbsent))
    return { changes, key: Number(lastInsertRowid) }
  }

  update(table: Table, where: Row, change: Row): number {
    return this.#run(this.#statements.update(table, where, change)).changes
  }

  delete(table: Table, where: Row, unended?: Unended): number {
    return this.#run(this.#statements.delete(table, where, unended)).changes
  }

  #run({ text, values }: Statement) {
    return this.#get(text, false).run(...values)
  }

  /** @param givesRows as lists of the values of columns */
  #get(text: string, givesRows: boolean): Prepared<unknown[], unknown[]> {
    let prepared = this.#prepared.get(text)
    if (!prepared) {
      prepared = this.#raw.prepare<unknown[], unknown[]>(text)
      this.#prepared.set(text, givesRows ? prepared.raw() : prepared)
    }
    return prepared
  }
}
