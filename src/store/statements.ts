/** The plain steps of an act as SQL with placeholders, for every database. The text of each shape is made once. */
import type { Selection, Unended } from './engine.ts'
import { inSql } from './rows.ts'
import type { Kind, Table } from './table.ts'

export type Row = Record<string, unknown>

/** A statement and its values, in the order of its placeholders. */
export interface Statement {
  text: string
  values: unknown[]
}

/** The differences between the databases. */
export interface Dialect {
  nameOf(table: Pick<Table, 'name'>): string
  /** The placeholder of the nth value, from 1, which is stored. */
  stored(n: number): string
  /** The same of a value that rows are found by, and of a limit. */
  compared(n: number): string
  /** A boolean as the driver takes it. */
  boolean(value: unknown): unknown
  /** Whether the statement itself has to return a generated key. */
  returnsKey: boolean
}

/** The names of the columns, with the generated key and without. */
interface Columns {
  all: string[]
  generated: string | undefined
  given: string[]
}

const NOTHING: Row = {}

export class Statements {
  readonly #dialect: Dialect
  readonly #texts = new Map<string, string>()
  readonly #columns = new Map<Table, Columns>()

  constructor(dialect: Dialect) {
    this.#dialect = dialect
  }

  name(table: Pick<Table, 'name'>): string {
    return this.#dialect.nameOf(table)
  }

  /** @param isLocking keeps the rows as they are until the transaction ends */
  select(table: Table, selection: Selection<Table>, isLocking = false): Statement {
    const { where = NOTHING, unended, orderBy, descending, after, limit } = selection
    const end = `${unended ? `${unended.column}~ ` : ''}${orderBy ?? ''}${descending ? '-' : ''}${after === undefined ? '' : '>'}${limit === undefined ? '' : '#'}${isLocking ? '!' : ''}`
    const text = this.#text(`select ${table.name} ${shapeOf(where)} ${end}`, () => {
      const place = counter(this.#dialect)
      const conditions = conditionsOf(where, place, unended)
      if (orderBy !== undefined && after !== undefined)
        conditions.push(`${inSql(orderBy)} ${descending ? '<' : '>'} ${place.compared()}`)
      const order = orderBy === undefined ? '' : ` ORDER BY ${inSql(orderBy)}${descending ? ' DESC' : ''}`
      const most = limit === undefined ? '' : ` LIMIT ${place.compared()}`
      return `SELECT ${columnsOf(table)} FROM ${this.name(table)}${whereOf(conditions)}${order}${most}${isLocking ? ' FOR UPDATE' : ''}`
    })
    const values: unknown[] = []
    this.#addCompared(values, table, where, unended)
    if (orderBy !== undefined && after !== undefined) values.push(after)
    if (limit !== undefined) values.push(limit)
    return { text, values }
  }

  /** A generated key that is not given is made by the database. */
  insert(table: Table, row: Row, ifAbsent: boolean): Statement {
    const { all, generated, given: others } = this.#columnsOf(table)
    const isKeyMade = generated !== undefined && !row[generated]
    const given = isKeyMade ? others : all
    const text = this.#text(`insert ${table.name} ${isKeyMade ? 'made' : 'given'} ${String(ifAbsent)}`, () => {
      const { stored } = counter(this.#dialect)
      const places = given.map(stored).join(', ')
      const otherwise = ifAbsent ? ' ON CONFLICT DO NOTHING' : ''
      const returning = generated === undefined || !this.#dialect.returnsKey ? '' : ` RETURNING ${inSql(generated)}`
      return `INSERT INTO ${this.name(table)} (${given.map(inSql).join(', ')}) VALUES (${places})${otherwise}${returning}`
    })
    return { text, values: given.map((name) => this.#encode(table.columns[name]?.kind, row[name])) }
  }

  update(table: Table, where: Row, change: Row): Statement {
    const names = Object.keys(change)
    const text = this.#text(`update ${table.name} ${shapeOf(where)} ${names.join()}`, () => {
      const place = counter(this.#dialect)
      const assignments = names.map((name) => `${inSql(name)} = ${place.stored()}`).join(', ')
      return `UPDATE ${this.name(table)} SET ${assignments}${whereOf(conditionsOf(where, place))}`
    })
    const values = names.map((name) => this.#encode(table.columns[name]?.kind, change[name]))
    this.#addCompared(values, table, where)
    return { text, values }
  }

  delete(table: Table, where: Row, unended?: Unended): Statement {
    const text = this.#text(
      `delete ${table.name} ${shapeOf(where)} ${unended?.column ?? ''}`,
      () => `DELETE FROM ${this.name(table)}${whereOf(conditionsOf(where, counter(this.#dialect), unended))}`,
    )
    const values: unknown[] = []
    this.#addCompared(values, table, where, unended)
    return { text, values }
  }

  #addCompared(values: unknown[], table: Table, where: Row, unended?: Unended): void {
    for (const name in where)
      if (where[name] !== null) values.push(this.#encode(table.columns[name]?.kind, where[name]))
    if (unended) values.push(unended.at)
  }

  #encode(kind: Kind | undefined, value: unknown): unknown {
    if (kind === 'json') return JSON.stringify(value)
    return kind === 'boolean' ? this.#dialect.boolean(value) : value
  }

  #columnsOf(table: Table): Columns {
    let columns = this.#columns.get(table)
    if (!columns) {
      const all = Object.keys(table.columns)
      const generated = generatedOf(table)
      this.#columns.set(table, (columns = { all, generated, given: all.filter((name) => name !== generated) }))
    }
    return columns
  }

  #text(shape: string, make: () => string): string {
    let text = this.#texts.get(shape)
    if (text === undefined) this.#texts.set(shape, (text = make()))
    return text
  }
}

/** All columns in the order of tables.ts. */
export const columnsOf = (table: Table, of = ''): string =>
  Object.keys(table.columns)
    .map((name) => of + inSql(name))
    .join(', ')

export const generatedOf = (table: Table): string | undefined =>
  Object.entries(table.columns).find(([, { isGenerated }]) => isGenerated)?.[0]

/** The placeholders of a statement, in their order. */
interface Places {
  stored: () => string
  compared: () => string
}

function counter({ stored, compared }: Dialect): Places {
  let count = 0
  return { stored: () => stored(++count), compared: () => compared(++count) }
}

const whereOf = (conditions: string[]): string => (conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`)

/** Which columns are compared, and which of them with null: each combination is a text of its own. */
function shapeOf(where: Row): string {
  let shape = ''
  for (const name in where) shape += where[name] === null ? `${name}? ` : `${name} `
  return shape
}

function conditionsOf(where: Row, { compared }: Places, unended?: Unended): string[] {
  const conditions = Object.entries(where).map(([name, value]) =>
    value === null ? `${inSql(name)} IS NULL` : `${inSql(name)} = ${compared()}`,
  )
  if (unended) conditions.push(`(${inSql(unended.column)} IS NULL OR ${inSql(unended.column)} > ${compared()})`)
  return conditions
}
