/** From the columns of a row, as a driver gives them, to the values of a record. */
import type { Kind, RowOf, Table } from './table.ts'
import type { Unreadable } from './engine.ts'

/**
 * The record of a row. A row that cannot be read makes the selection fail, or is left out and told to `onUnreadable`.
 * @param values in the order of the table's columns
 */
export function decodeRow<T extends Table>(table: T, values: unknown[]): RowOf<T>
export function decodeRow<T extends Table>(
  table: T,
  values: unknown[],
  onUnreadable: Unreadable | undefined,
): RowOf<T> | undefined
export function decodeRow(
  table: Table,
  values: unknown[],
  onUnreadable?: Unreadable,
): Record<string, unknown> | undefined {
  const row: Record<string, unknown> = {}
  let at = 0
  for (const name in table.columns) {
    const value = values[at++]
    try {
      row[name] = decode(table.columns[name]?.kind, value)
    } catch (error) {
      if (!onUnreadable) throw error
      onUnreadable(`${table.name} ${table.key.map((key) => String(row[key])).join(' ')}`)
      return undefined
    }
  }
  return row
}

/** SQLite gives truth as a number. */
function decode(kind: Kind | undefined, value: unknown): unknown {
  if (kind === 'json') return JSON.parse(String(value)) as unknown
  return kind === 'boolean' ? value === 1 || value === true : value
}

/** A name in SQL is the name in tables.ts in snake_case. */
export const inSql = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
