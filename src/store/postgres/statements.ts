/** The plain steps of an act as SQL with placeholders. The text of each shape is made once. */
import { inSql } from '../rows.ts'
import type { Selection } from '../engine.ts'
import type { Kind, Table } from '../table.ts'

export type Row = Record<string, unknown>

/** A statement and its values. */
export interface Statement {
  text: string
  values: unknown[]
}

export class Statements {
  readonly #schema: string
  readonly #texts = new Map<string, string>()

  constructor(schema: string) {
    this.#schema = schema
  }

  /** The name of a table, with its schema: behind a pooler there is no search path to rely on. */
  name(table: Pick<Table, 'name'>): string {
    return `"${this.#schema}".${table.name}`
  }

  /** @param isLocking keeps the rows as they are until the transaction ends */
  select(table: Table, selection: Selection<Table>, isLocking = false): Statement {
    const { where = {}, orderBy, descending, after, limit } = selection
    const end = `${orderBy ?? ''}${descending ? '-' : ''}${after === undefined ? '' : '>'}${limit === undefined ? '' : '#'}${isLocking ? '!' : ''}`
    const text = this.#text(`select ${table.name} ${shapeOf(where)} ${end}`, () => {
      const place = counter()
      const conditions = conditionsOf(where, place)
      if (orderBy !== undefined && after !== undefined)
        conditions.push(`${inSql(orderBy)} ${descending ? '<' : '>'} ${place()}`)
      const order = orderBy === undefined ? '' : ` ORDER BY ${inSql(orderBy)}${descending ? ' DESC' : ''}`
      const most = limit === undefined ? '' : ` LIMIT ${place()}`
      return `SELECT ${columnsOf(table)} FROM ${this.name(table)}${whereOf(conditions)}${order}${most}${isLocking ? ' FOR UPDATE' : ''}`
    })
    const values = valuesOf(table, where)
    if (orderBy !== undefined && after !== undefined) values.push(after)
    if (limit !== undefined) values.push(limit)
    return { text, values }
  }

  /** A generated key that is not given is made by the database, and returned. */
  insert(table: Table, row: Row, ifAbsent: boolean): Statement {
    const generated = generatedOf(table)
    const given = Object.keys(table.columns).filter((name) => name !== generated || Boolean(row[name]))
    const text = this.#text(`insert ${table.name} ${given.length} ${String(ifAbsent)}`, () => {
      const place = counter()
      const places = given.map(place).join(', ')
      const otherwise = ifAbsent ? ' ON CONFLICT DO NOTHING' : ''
      const returning = generated === undefined ? '' : ` RETURNING ${inSql(generated)}`
      return `INSERT INTO ${this.name(table)} (${given.map(inSql).join(', ')}) VALUES (${places})${otherwise}${returning}`
    })
    return { text, values: given.map((name) => encode(table.columns[name]?.kind, row[name])) }
  }

  update(table: Table, where: Row, change: Row): Statement {
    const names = Object.keys(change)
    const text = this.#text(`update ${table.name} ${shapeOf(where)} ${names.join()}`, () => {
      const place = counter()
      const assignments = names.map((name) => `${inSql(name)} = ${place()}`).join(', ')
      return `UPDATE ${this.name(table)} SET ${assignments}${whereOf(conditionsOf(where, place))}`
    })
    return {
      text,
      values: [...names.map((name) => encode(table.columns[name]?.kind, change[name])), ...valuesOf(table, where)],
    }
  }

  delete(table: Table, where: Row): Statement {
    const text = this.#text(
      `delete ${table.name} ${shapeOf(where)}`,
      () => `DELETE FROM ${this.name(table)}${whereOf(conditionsOf(where, counter()))}`,
    )
    return { text, values: valuesOf(table, where) }
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

/** `$1`, `$2`, … */
function counter(): () => string {
  let count = 0
  return () => `$${++count}`
}

const whereOf = (conditions: string[]): string => (conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`)

/** Which columns are compared, and which of them with null: each combination is a text of its own. */
function shapeOf(where: Row): string {
  let shape = ''
  for (const name in where) shape += where[name] === null ? `${name}? ` : `${name} `
  return shape
}

const conditionsOf = (where: Row, place: () => string): string[] =>
  Object.entries(where).map(([name, value]) =>
    value === null ? `${inSql(name)} IS NULL` : `${inSql(name)} = ${place()}`,
  )

const valuesOf = (table: Table, where: Row): unknown[] =>
  Object.entries(where).flatMap(([name, value]) => (value === null ? [] : [encode(table.columns[name]?.kind, value)]))

function encode(kind: Kind | undefined, value: unknown): unknown {
  return kind === 'json' ? JSON.stringify(value) : value
}
