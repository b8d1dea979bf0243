/** The tables of tables.ts as Drizzle knows them for SQLite. Only the generator of migrations reads this file. */
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
import * as people from '../src/store/people-tables.ts'
import { inSql } from '../src/store/rows.ts'
import * as described from '../src/store/tables.ts'
import type { Column, Index, Table } from '../src/store/table.ts'
import { checksOf, conditionOf } from './rules.ts'

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
    const key = columnNamed(owner, table.ownedBy.key)
    built = built.references(() => key, { onDelete: 'cascade' })
  }
  return built
}

function columnNamed(table: SQLiteTable, name: string): AnySQLiteColumn {
  const column = getTableColumns(table)[name]
  if (!column) throw new Error(`there is no column ${name}`)
  return column
}

function indexOf(each: Index, built: Record<string, AnySQLiteColumn>) {
  const { name, columns, isUnique } = each
  const [first, ...rest] = columns.map((column) => {
    const found = built[column]
    if (!found) throw new Error(`index ${name} names column ${column}`)
    return found
  })
  if (!first) throw new Error(`index ${name} names no column`)
  const made = (isUnique ? uniqueIndex(name) : index(name)).on(first, ...rest)
  const condition = conditionOf(each)
  return condition === undefined ? made : made.where(sql.raw(condition))
}

function build(table: Table, owner?: SQLiteTable): SQLiteTable {
  const columns = Object.entries(table.columns).map(([name, column]) => [name, columnOf(name, column, table, owner)])
  return sqliteTable(table.name, Object.fromEntries(columns), (made: Record<string, AnySQLiteColumn>) => {
    const [first, ...rest] = table.key.map((name) => made[name]).filter((each) => each !== undefined)
    const keys = first && rest.length > 0 ? [primaryKey({ columns: [first, ...rest] })] : []
    const checks = checksOf(table).map(([name, rule]) => check(name, sql.raw(rule)))
    return [...keys, ...checks, ...(table.indexes ?? []).map((each) => indexOf(each, made))]
  })
}

/** Each table is an export, since that is where Drizzle's generator of migrations looks. */
export const clients = build(described.clients)
export const clientSecrets = build(described.clientSecrets, clients)
export const endedSecrets = build(described.endedSecrets)
export const keyReaders = build(described.keyReaders)
export const deletedClients = build(described.deletedClients)
export const endedClients = build(described.endedClients)
export const deletedResources = build(described.deletedResources)
export const resources = build(described.resources)
export const signingKeys = build(described.signingKeys)
export const masterKeys = build(described.masterKeys)
export const keyHolders = build(described.keyHolders)
export const grants = build(described.grants)
export const blacklistEntries = build(described.blacklistEntries)
export const usedJtis = build(described.usedJtis)
export const auditEvents = build(described.auditEvents)
export const settings = build(described.settings)
export const changes = build(described.changes)
export const revision = build(described.revision)
export const replicas = build(described.replicas)
export const users = build(people.users)
export const endedUsers = build(people.endedUsers)
export const endedGroups = build(people.endedGroups)
export const groups = build(people.groups)
export const groupMembers = build(people.groupMembers, users)
export const passkeys = build(people.passkeys, users)
export const recoveryCodes = build(people.recoveryCodes, users)
export const sessions = build(people.sessions, users)
export const sessionClients = build(people.sessionClients, sessions)
export const signIns = build(people.signIns)
export const oneTimeValues = build(people.oneTimeValues)
export const consents = build(people.consents, users)
export const guesses = build(people.guesses)
export const knownBrowsers = build(people.knownBrowsers, users)
export const logoutDeliveries = build(people.logoutDeliveries)
