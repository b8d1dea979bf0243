/** A table as Drizzle knows it for PostgreSQL. */
import { getTableColumns, sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  customType,
  index,
  pgTable,
  primaryKey,
  uniqueIndex,
  type AnyPgColumn,
  type PgTable,
} from 'drizzle-orm/pg-core'
import { inSql } from '../src/store/rows.ts'
import type { Column, Index, Table } from '../src/store/table.ts'
import { checksOf, columnsNamed, conditionOf } from './rules.ts'

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
/** Ordered by code points, as everywhere in Signet, and not by the language of the database. */
const text = customType<{ data: string }>({ dataType: () => 'text COLLATE "C"' })

function baseOf(name: string, { kind }: Column) {
  switch (kind) {
    case 'text':
    case 'json':
      return text(inSql(name))
    case 'integer':
      return bigint(inSql(name), { mode: 'number' })
    case 'boolean':
      return boolean(inSql(name))
    case 'bytes':
      return bytea(inSql(name))
  }
}

function columnOf(name: string, column: Column, table: Table, owner: PgTable | undefined) {
  if (column.isGenerated) return bigint(inSql(name), { mode: 'number' }).primaryKey().generatedByDefaultAsIdentity()
  let built = baseOf(name, column)
  if (!column.isNullable) built = built.notNull()
  // The value is of the column's own kind.
  if (column.fallback !== undefined) built = built.default(column.fallback as never)
  if (table.key.length === 1 && table.key[0] === name) built = built.primaryKey()
  if (owner && table.ownedBy?.column === name) {
    const [key] = columnsNamed(table.name, [table.ownedBy.key], getTableColumns(owner))
    built = built.references(() => key, { onDelete: 'cascade' })
  }
  return built
}

function indexOf(each: Index, built: Record<string, AnyPgColumn>) {
  const { name, isUnique } = each
  const made = (isUnique ? uniqueIndex(name) : index(name)).on(...columnsNamed(`index ${name}`, each.columns, built))
  const condition = conditionOf(each)
  return condition === undefined ? made : made.where(sql.raw(condition))
}

/** @param owner the table whose rows own its rows, where there is such a table */
export function postgresTable(table: Table, owner: PgTable | undefined): PgTable {
  const columns = Object.entries(table.columns).map(([name, column]) => [name, columnOf(name, column, table, owner)])
  return pgTable(table.name, Object.fromEntries(columns), (made: Record<string, AnyPgColumn>) => {
    // A key of one column stands with its column.
    const keys =
      table.key.length > 1 ? [primaryKey({ columns: columnsNamed(`key of ${table.name}`, table.key, made) })] : []
    const checks = checksOf(table).map(([name, rule]) => check(name, sql.raw(rule)))
    return [...keys, ...checks, ...(table.indexes ?? []).map((each) => indexOf(each, made))]
  })
}
