/** A table as Drizzle knows it for SQLite. */
import { getTableColumns, sql } from 'drizzle-orm'
import {
  blob,
  check,
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
  uniqueIndex,
  type AnySQLiteColumn,
  type SQLiteTable,
} from 'drizzle-orm/sqlite-core'
import { inSql } from '../src/store/rows.ts'
import type { Column, Index, Table } from '../src/store/table.ts'
import { checksOf, columnsNamed, conditionOf } from './rules.ts'

function baseOf(name: string, { kind }: Column) {
  switch (kind) {
    case 'text':
      return text(inSql(name))
    case 'json':
      return text(inSql(name), { mode: 'json' })
    case 'integer':
      return integer(inSql(name))
    case 'boolean':
      return integer(inSql(name), { mode: 'boolean' })
    case 'bytes':
      return blob(inSql(name), { mode: 'buffer' })
  }
}

function columnOf(name: string, column: Column, table: Table, owner: SQLiteTable | undefined) {
  let built = baseOf(name, column)
  if (!column.isNullable) built = built.notNull()
  // The value is of the column's own kind.
  if (column.fallback !== undefined) built = built.default(column.fallback as never)
  if (table.key.length === 1 && table.key[0] === name) {
    built = column.isGenerated ? integer(inSql(name)).primaryKey({ autoIncrement: true }) : built.primaryKey()
  }
  if (owner && table.ownedBy?.column === name) {
    const [key] = columnsNamed(table.name, [table.ownedBy.key], getTableColumns(owner))
    built = built.references(() => key, { onDelete: 'cascade' })
  }
  return built
}

function indexOf(each: Index, built: Record<string, AnySQLiteColumn>) {
  const { name, isUnique } = each
  const made = (isUnique ? uniqueIndex(name) : index(name)).on(...columnsNamed(`index ${name}`, each.columns, built))
  const condition = conditionOf(each)
  return condition === undefined ? made : made.where(sql.raw(condition))
}

/** @param owner the table whose rows own its rows, where there is such a table */
export function sqliteTableOf(table: Table, owner: SQLiteTable | undefined): SQLiteTable {
  const columns = Object.entries(table.columns).map(([name, column]) => [name, columnOf(name, column, table, owner)])
  return sqliteTable(table.name, Object.fromEntries(columns), (made: Record<string, AnySQLiteColumn>) => {
    // A key of one column stands with its column.
    const keys =
      table.key.length > 1 ? [primaryKey({ columns: columnsNamed(`key of ${table.name}`, table.key, made) })] : []
    const checks = checksOf(table).map(([name, rule]) => check(name, sql.raw(rule)))
    return [...keys, ...checks, ...(table.indexes ?? []).map((each) => indexOf(each, made))]
  })
}
