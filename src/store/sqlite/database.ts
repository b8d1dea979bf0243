/** What every noun works with: queries to prepare, the time, and the two ways to run them. */
import type { Placeholder, SQL } from 'drizzle-orm'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Clock, Instant } from '../../ground/clock.ts'
import type { ChangedNoun } from '../store.ts'
import { getTableColumns, sql } from './drizzle.ts'
import { ChangeLog } from './changes.ts'
import type { Connection } from './connection.ts'
import { Unavailable } from '../../ground/errors.ts'
import { readPatiently, WriteQueue } from './write-queue.ts'

export interface Database {
  /** For preparing statements at open; a query built anew at each call is 15 times slower. */
  readonly sql: BetterSQLite3Database
  now(): Instant
  /** Runs a query. Rejects with `Unavailable` where the database is locked or gone. */
  read<T>(operation: () => T): Promise<T>
  /** Runs several queries that must see one state. */
  readTogether<T>(operation: () => T): Promise<T>
  /** Runs a synchronous operation in a transaction of the write queue. */
  write<T>(operation: () => T): Promise<T>
  /** Records inside a write what others keep in memory; returns the change's revision. */
  noteChange(noun: ChangedNoun, id: string | null): number
}

export interface OpenDatabase extends Database {
  readonly connection: Connection
  readonly changes: ChangeLog
  readonly commits: WriteQueue['commits']
  close(): Promise<void>
}

/** Starts the write queue and the change log of a migrated database. */
export async function startDatabase(connection: Connection, clock: Clock, mayLagMs?: number): Promise<OpenDatabase> {
  const { raw } = connection
  const changes = await readPatiently(() => new ChangeLog(connection, clock, mayLagMs))
  const queue = new WriteQueue(raw, changes)
  const read = async <T>(operation: () => T): Promise<T> => {
    if (!raw.open) throw new Unavailable('the database is closed')
    return readPatiently(operation)
  }
  const together = raw.transaction((operation: () => unknown) => operation())
  return {
    connection,
    changes,
    commits: queue.commits,
    sql: connection.sql,
    now: () => clock.now(),
    read,
    // A transaction returns what its function does; the driver's types do not carry that through.
    readTogether: (operation) => read(() => together(operation) as ReturnType<typeof operation>),
    write: (operation) => queue.write(operation),
    noteChange: (noun, id) => changes.note(noun, id),
    close: async () => {
      await queue.close()
      await changes.settled()
      raw.close()
    },
  }
}

/** A placeholder for every column of a table, each named as its column: an insert is run with a whole row. */
export function placeholdersFor<T extends SQLiteTable>(table: T): Record<keyof T['_']['columns'], Placeholder> {
  const names = Object.keys(getTableColumns(table))
  // The names are exactly the table's columns.
  return Object.fromEntries(names.map((name) => [name, sql.placeholder(name)])) as Record<
    keyof T['_']['columns'],
    Placeholder
  >
}

/** Assignments of an update: every named column becomes what the placeholder of its name is given. */
export function assignmentsFor<T extends SQLiteTable, K extends keyof T['_']['columns'] & string>(
  table: T,
  names: readonly K[],
): Record<K, SQL> {
  const columns = getTableColumns(table)
  const assign = (name: K): SQL => sql`${sql.param(sql.placeholder(name), columns[name])}`
  // The names are exactly K.
  return Object.fromEntries(names.map((name) => [name, assign(name)])) as Record<K, SQL>
}
