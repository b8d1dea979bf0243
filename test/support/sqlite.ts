/**
 * Tests about the file of SQLite, its lock, its rows as bytes, or this machine's clock, which decides nothing where the
 * database is a server. A run on PostgreSQL skips them.
 */
import { test } from 'vitest'
import { postgresOfRun } from '../../harness/folder.ts'

export const sqliteTest = test.skipIf(postgresOfRun !== undefined)
