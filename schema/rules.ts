/** The conditions of tables.ts in SQL, which is the same for both databases. */
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

const quote = (value: string): string => `'${value}'`
