/**
 * The lock of all processes, which every act of a kind takes at its beginning. It is two locks. The lock on the table
 * `revision` is given in the order in which acts ask for it, so an exclusive act waits only for acts that were before it. The
 * lock on the table's one row is for databases that lock no tables, and for processes of an earlier version. It has no
 * order: those that share it pass by an act that waits for it alone.
 */
import type { Client } from 'pg'
import type { ActKind } from '../engine.ts'
import { revision } from '../tables/service.ts'
import { sortFailure } from './failures.ts'
import type { Statements } from '../statements.ts'

export interface LockNeeds {
  statements: Statements
  /** Whether the database locks tables. */
  locksTables: boolean
}

/**
 * Plain readings conflict with none of these (https://www.postgresql.org/docs/current/explicit-locking.html). Nor does
 * a refresh, which takes no lock.
 */
const MODES = {
  exclusive: { table: 'EXCLUSIVE', row: ' FOR UPDATE' },
  guarded: { table: 'ROW SHARE', row: ' FOR SHARE' },
  free: undefined,
} as const satisfies Record<ActKind, { table: string; row: string } | undefined>

/**
 * Statements that take the lock; the last one reads the revision. LOCK TABLE needs no snapshot, so the transaction's
 * snapshot is taken after it has waited. An advisory lock is taken by a function in a query, which has its snapshot already.
 */
export function lockingFor(kind: ActKind, { statements, locksTables }: LockNeeds): string {
  const table = statements.name(revision)
  const mode = MODES[kind]
  const inOrder = mode && locksTables ? `LOCK TABLE ${table} IN ${mode.table} MODE; ` : ''
  return `${inOrder}SELECT value FROM ${table} WHERE id = 1${mode?.row ?? ''}`
}

/** Not everything that speaks like PostgreSQL locks tables. A lock that is held is a lock that the database has. */
export async function canLockTables(client: Client, statements: Statements): Promise<boolean> {
  try {
    await client.query(`BEGIN; LOCK TABLE ${statements.name(revision)} IN ROW SHARE MODE NOWAIT; ROLLBACK`)
    return true
  } catch (error) {
    await client.query('ROLLBACK')
    if (UNKNOWN.test(sortFailure(error).code)) return false
    if (sortFailure(error).code === TAKEN) return true
    throw error
  }
}

/** Classes 0A, feature not supported, and 42601, syntax error. */
const UNKNOWN = /^(0A|42601)/
/** lock_not_available */
const TAKEN = '55P03'
