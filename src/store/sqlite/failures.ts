/** What SQLite's failures mean: try again, not possible now, or a defect of ours. */
import SqliteDatabase from 'better-sqlite3'
import { Unavailable } from '../../ground/errors.ts'

/** Another process holds the lock (SQLITE_PROTOCOL: it holds the one on the journal's index). */
const BUSY = /^SQLITE_(BUSY|LOCKED|PROTOCOL)/
/** The disk, the file or the memory behind the database: better later, when somebody has seen to it. */
const OUTAGE = /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|NOMEM|CORRUPT|NOTADB|PERM|NOLFS)/

export const codeOf = (error: unknown): string =>
  error instanceof SqliteDatabase.SqliteError || isSystemError(error) ? error.code : ''

const isSystemError = (error: unknown): error is Error & { code: string } =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'

export const isBusy = (error: unknown): boolean => BUSY.test(codeOf(error))

/** No room, be it for the index of the journal, which every open makes (https://sqlite.org/rescode.html#ioerr_shmsize). */
export const isFull = (error: unknown): boolean =>
  /^(SQLITE_FULL|SQLITE_IOERR_SHMSIZE|ENOSPC|EDQUOT)$/.test(codeOf(error))

/** Whether the database is locked, full, damaged or gone: nobody's request is at fault. */
export const isOutage = (error: unknown): boolean => BUSY.test(codeOf(error)) || OUTAGE.test(codeOf(error))

/** What callers see of an outage: 503, with the cause for the log. */
export function unavailable(cause: unknown): Unavailable {
  if (cause instanceof Unavailable) return cause
  return new Unavailable(`${describeOutage(cause)} (${codeOf(cause) || String(cause)})`, { cause })
}

function describeOutage(cause: unknown): string {
  if (isBusy(cause)) return 'the database is locked by another process'
  return isFull(cause) ? 'the disk of the database is full' : 'the database cannot be used now'
}

/** Waits before another try: soon at first, then every 25 ms or so, never in step with another process. */
export function backOff(attempt: number): Promise<void> {
  const most = Math.min(2 ** attempt, 25)
  return new Promise((resolve) => setTimeout(resolve, 1 + most * (0.5 + Math.random() / 2)))
}
