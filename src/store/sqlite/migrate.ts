/**
 * Brings the tables up to this version. The list of applied migrations has the name and the form of Drizzle's, whose
 * generator writes the migrations. Its migrator is not used: it begins a deferred transaction, and it blocks the process
 * while it waits for a lock.
 */
import { Fault } from '../../ground/errors.ts'
import { listMigrations, type Migrations } from '../migrations.ts'
import { backOff } from '../patience.ts'
import type { Connection } from './connection.ts'
import { isBusy } from './failures.ts'

/** How long to wait for another process, which is most likely doing the same. */
const PATIENCE_MS = 30_000

/**
 * Applies what is pending, all or nothing. A database that a newer version has migrated is used as it is:
 * migrations only add, so that going back a version works.
 * @throws Fault where it fails or another process keeps the database locked.
 */
export async function migrate(connection: Connection): Promise<void> {
  const migrations = listMigrations('sqlite')
  const started = performance.now()
  for (let attempt = 0; ; attempt++) {
    try {
      if (lastApplied(connection) < migrations.newest) applyPending(connection, migrations)
      return
    } catch (error) {
      const overdue = performance.now() - started > PATIENCE_MS
      if (!isBusy(error) || overdue) throw migrationFault(connection.file, error)
      await backOff(attempt)
    }
  }
}

/** Whether a newer version has migrated it: there may be columns that this version does not know. */
export const hasNewerTables = (connection: Connection): boolean =>
  lastApplied(connection) > listMigrations('sqlite').newest

function lastApplied({ raw }: Connection): number {
  const known = raw.prepare("SELECT 1 FROM sqlite_master WHERE name = '__drizzle_migrations'").get()
  return known ? Number(raw.prepare('SELECT max(created_at) FROM __drizzle_migrations').pluck().get() ?? 0) : 0
}

/** Reads the list again under the lock: another process may have applied the migrations meanwhile. */
function applyPending(connection: Connection, migrations: Migrations): void {
  const { raw } = connection
  const apply = raw.transaction(() => {
    raw.exec(
      'CREATE TABLE IF NOT EXISTS __drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)',
    )
    const note = raw.prepare('INSERT INTO __drizzle_migrations (hash, created_at) VALUES (?, ?)')
    for (const { statements, hash, madeAt } of migrations.after(lastApplied(connection))) {
      for (const statement of statements) raw.exec(statement)
      note.run(hash, madeAt)
    }
  })
  apply.immediate()
}

const migrationFault = (file: string, cause: unknown): Fault =>
  isBusy(cause)
    ? new Fault(`the database ${file} stays locked by another process`, 'stop what holds it, then start again', {
        cause,
      })
    : new Fault(
        `the tables of ${file} cannot be brought up to this version: ${String(cause)}`,
        'nothing was changed; free disk space or restore a backup, then start again',
        { cause },
      )
