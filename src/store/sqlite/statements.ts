/**
 * Prepared statements for the plain steps of an act, each made when its shape is first seen: building a query anew at
 * every call would take 15 times as long.
 */
import type { SQL, SQLWrapper } from 'drizzle-orm'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Selection } from '../engine.ts'
import { decodeRow } from '../rows.ts'
import type { Table } from '../table.ts'
import { and, asc, desc, getTableColumns, gt, isNull, lt, sql } from './drizzle.ts'
import { columnNamed, sqliteTableOf } from './schema.ts'

type Row = Record<string, unknown>
interface Prepared {
  /** Values in the order of the table's columns, as the driver gives them. */
  rows?: (values: Row) => unknown[][]
  run?: (values: Row) => { changes: number; lastInsertRowid: number | bigint }
}

const NOTHING: Row = {}

export class Statements {
  readonly #sql: BetterSQLite3Database
  readonly #prepared = new Map<string, Prepared>()

  constructor(database: BetterSQLite3Database) {
    this.#sql = database
  }

  select(table: Table, selection: Selection<Table>): unknown[] {
    const { where = NOTHING, orderBy, descending, after, limit } = selection
    const end = `${orderBy ?? ''}${descending ? '-' : ''}${after === undefined ? '' : '>'}${limit === undefined ? '' : '#'}`
    const shape = `select ${table.name} ${shapeOf(where)} ${end}`
    const values = { ...prefixed('is', where), after, limit }
    const rows = this.#get(shape, () => this.#prepareSelect(table, where, selection)).rows?.(values) ?? []
    return rows.flatMap((row) => decodeRow(table, row, selection.onUnreadable) ?? [])
  }

  insert(table: Table, row: Row, ifAbsent: boolean): { changes: number; key: number } {
    const prepared = this.#get(`insert ${table.name} ${String(ifAbsent)}`, () => {
      const built = sqliteTableOf(table)
      const query = this.#sql.insert(built).values(placeholdersOf(table, built))
      return { run: runOf((ifAbsent ? query.onConflictDoNothing() : query).prepare()) }
    })
    const generated = Object.entries(table.columns).find(([, { isGenerated }]) => isGenerated)?.[0]
    const result = prepared.run?.(generated === undefined ? row : { ...row, [generated]: row[generated] || null })
    return { changes: result?.changes ?? 0, key: Number(result?.lastInsertRowid ?? 0) }
  }

  update(table: Table, where: Row, change: Row): number {
    const names = Object.keys(change)
    const prepared = this.#get(`update ${table.name} ${shapeOf(where)} ${names.join()}`, () => {
      const built = sqliteTableOf(table)
      const assignments = names.map((name) => [name, placeholderFor(built, name, `to_${name}`)])
      return {
        run: runOf(
          this.#sql.update(built).set(Object.fromEntries(assignments)).where(conditionOf(built, where)).prepare(),
        ),
      }
    })
    return prepared.run?.({ ...prefixed('is', where), ...prefixed('to', change) }).changes ?? 0
  }

  delete(table: Table, where: Row): number {
    const prepared = this.#get(`delete ${table.name} ${shapeOf(where)}`, () => {
      const built = sqliteTableOf(table)
      return { run: runOf(this.#sql.delete(built).where(conditionOf(built, where)).prepare()) }
    })
    return prepared.run?.(prefixed('is', where)).changes ?? 0
  }

  #get(shape: string, prepare: () => Prepared): Prepared {
    let prepared = this.#prepared.get(shape)
    if (!prepared) this.#prepared.set(shape, (prepared = prepare()))
    return prepared
  }

  #prepareSelect(table: Table, where: Row, { orderBy, descending, after, limit }: Selection<Table>): Prepared {
    const built = sqliteTableOf(table)
    const query = this.#sql.select().from(built).$dynamic()
    const column = orderBy === undefined ? undefined : columnNamed(built, orderBy)
    const behind = column && after !== undefined && (descending ? lt : gt)(column, unseen(sql.placeholder('after')))
    query.where(and(conditionOf(built, where), behind || undefined))
    if (column) query.orderBy(descending ? desc(column) : asc(column))
    // Sound: Drizzle writes any expression there, whatever its types say.
    if (limit !== undefined) query.limit(unseen(sql.placeholder('limit')) as never)
    const prepared = query.prepare()
    return { rows: (values) => prepared.values(values) as unknown[][] }
  }
}

/** Keeps the driver's result, whatever its types say of a table that they do not know. */
const runOf =
  (prepared: { run: (values?: Row) => unknown }): NonNullable<Prepared['run']> =>
  (values) =>
    prepared.run(values) as ReturnType<NonNullable<Prepared['run']>>

/** Which columns are compared, and which of them with null: each combination is a statement of its own. */
function shapeOf(where: Row): string {
  let shape = ''
  for (const name in where) shape += where[name] === null ? `${name}? ` : `${name} `
  return shape
}

function prefixed(prefix: 'is' | 'to', row: Row): Row {
  const values: Row = {}
  for (const name in row) values[`${prefix}_${name}`] = row[name]
  return values
}

/**
 * A bound value that the planner does not look at. SQLite here is built with statistics of indexes (STAT4), so its planner
 * takes the values of `= ?`, `> ?` and `LIMIT ?` into account wherever an order or a limit leaves it a choice. Then it
 * prepares the statement anew at each execution, which takes 10 to 30 µs. The plus keeps the value from it.
 */
const unseen = (value: SQLWrapper): SQL => sql`+${value}`

const placeholderFor = (table: SQLiteTable, name: string, placeholder: string): SQL =>
  sql`${sql.param(sql.placeholder(placeholder), columnNamed(table, name))}`

function conditionOf(table: SQLiteTable, where: Row): SQL | undefined {
  return and(
    ...Object.entries(where).map(([name, value]) => {
      const column = columnNamed(table, name)
      return value === null ? isNull(column) : sql`${column} = ${unseen(placeholderFor(table, name, `is_${name}`))}`
    }),
  )
}

function placeholdersOf(table: Table, built: SQLiteTable): Record<string, SQL> {
  const names = Object.keys(getTableColumns(built))
  if (names.length !== Object.keys(table.columns).length) throw new Error(`table ${table.name} is built otherwise`)
  return Object.fromEntries(names.map((name) => [name, placeholderFor(built, name, name)]))
}
