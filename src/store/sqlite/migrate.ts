/**
 * Brings the tables up to this version. The list of applied migrations is Drizzle's, but its migrator is not used: it
 * begins a deferred transaction, and it blocks the process while it waits for a lock.
 */
import type { MigrationMeta } from 'drizzle-orm/migrator'
import { fileURLToPath } from 'node:url'
import { Fault } from '../../ground/errors.ts'
import { readMigrationFiles } from './drizzle.ts'
import type { Connection } from './connection.ts'
import { backOff } from '../patience.ts'
import { isBusy } from './failures.ts'

/** Right from `src/store/sqlite` and from `dist/store/sqlite`. */
const FOLDER = fileURLToPath(new URL('../../../migrations/sqlite', import.meta.url))

/** How long to wait for another process, which is most likely doing the same. */
const PATIENCE_MS = 30_000

/**
 * Applies what is pending, all or nothing. A database that a newer version has migrated is used as it is:
 * migrations only add, so that going back a version works.
 * @throws Fault where it fails or another process keeps the database locked.
 */
export async function migrate(connection: Connection): Promise<void> {
  const migrations = readMigrationFiles({ migrationsFolder: FOLDER })
  const started = performance.now()
  for (let attempt = 0; ; attempt++) {
    try {
      if (pending(connection, migrations).length > 0) applyPending(connection, migrations)
      return
    } catch (error) {
      const overdue = performance.now() - started > PATIENCE_MS
      if (!isBusy(error) || overdue) throw migrationFault(connection.file, error)
      await backOff(attempt)
    }
  }
}

/** Whether a newer version has migrated it: there may be columns that this version does not know. */
export function hasNewerTables({ raw }: Connection): boolean {
  const newest = readMigrationFiles({ migrationsFolder: FOLDER }).at(-1)?.folderMillis ?? 0
  return lastApplied(raw) > newest
}

function pending({ raw }: Connection, migrations: MigrationMeta[]): MigrationMeta[] {
  const last = lastApplied(raw)
  return migrations.filter(({ folderMillis }) => folderMillis > last)
}

function lastApplied(raw: Connection['raw']): number {
  const known = raw.prepare("SELECT 1 FROM sqlite_master WHERE name = '__drizzle_migrations'").get()
  return known ? Number(raw.prepare('SELECT max(created_at) FROM __drizzle_migrations').pluck().get() ?? 0) : 0
}

/** Reads the list again under the lock: another process may have applied the migrations meanwhile. */
function applyPending(connection: Connection, migrations: MigrationMeta[]): void {
  const { raw } = connection
  const apply = raw.transaction(() => {
    raw.exec(
      'CREATE TABLE IF NOT EXISTS __drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)',
    )
    const note = raw.prepare('INSERT INTO __drizzle_migrations (hash, created_at) VALUES (?, ?)')
    for (const migration of pending(connection, migrations)) {
      for (const statement of migration.sql) raw.exec(statement)
      note.run(migration.hash, migration.folderMillis)
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
