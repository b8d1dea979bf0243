/** The part of the schema that is the same for both databases: conditions in SQL, and the look-up of built columns. */
import { inSql } from '../src/store/rows.ts'
import type { Index, Table } from '../src/store/table.ts'

/** The conditions that the database holds, by name. */
export function checksOf(table: Table): [name: string, rule: string][] {
  const closed = Object.entries(table.columns).flatMap(([name, { values }]): [string, string][] =>
    values ? [[`${table.name}_${inSql(name)}`, `${inSql(name)} IN (${values.map(quote).join(', ')})`]] : [],
  )
  return [...closed, ...Object.entries(table.checks ?? {})]
}

/** Which rows an index holds; `undefined` for all. */
export function conditionOf({ where }: Index): string | undefined {
  if (!where) return undefined
  const column = inSql(where.column)
  if (where.is === 'set') return `${column} IS NOT NULL`
  return where.is === 'null' ? `${column} IS NULL` : `${column} = ${quote(where.is.value)}`
}

/** The built columns of these names, of which there is at least one. @param holder names the index or key in an error */
export function columnsNamed<Built>(
  holder: string,
  names: readonly string[],
  columns: Readonly<Record<string, Built>>,
): [Built, ...Built[]] {
  const [first, ...rest] = names.map((name) => {
    const found = columns[name]
    if (!found) throw new Error(`${holder} names column ${name}, which is not there`)
    return found
  })
  if (!first) throw new Error(`${holder} names no column`)
  return [first, ...rest]
}

const quote = (value: string): string => `'${value}'`
