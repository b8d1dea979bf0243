/** Sorts SQLite's failures: try again, not possible now, or a defect of ours. */
import { Unavailable } from '../../ground/errors.ts'
import { codeOf } from '../../ground/file-access.ts'

/** Another process holds the lock (SQLITE_PROTOCOL: it holds the one on the journal's index). */
const BUSY = /^SQLITE_(BUSY|LOCKED|PROTOCOL)/
/** The disk, the file or the memory of the database. It works again when the operator has repaired the cause. */
const OUTAGE = /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|NOMEM|CORRUPT|NOTADB|PERM|NOLFS)/

export const isBusy = (error: unknown): boolean => BUSY.test(codeOf(error))

/** The disk is full. Every open also needs room for the index of the journal (https://sqlite.org/rescode.html#ioerr_shmsize). */
export const isFull = (error: unknown): boolean =>
  /^(SQLITE_FULL|SQLITE_IOERR_SHMSIZE|ENOSPC|EDQUOT)$/.test(codeOf(error))

/** Whether the database is locked, full, damaged or gone. Then the request is not at fault. */
export const isOutage = (error: unknown): boolean => BUSY.test(codeOf(error)) || OUTAGE.test(codeOf(error))

/** The error for an outage: callers get 503, and the log gets the cause. @param file the database, where it is known */
export function unavailable(cause: unknown, file?: string): Unavailable {
  if (cause instanceof Unavailable) return cause
  const place = file === undefined ? '' : `: ${file}`
  return new Unavailable(`${describeOutage(cause)} (${codeOf(cause) || String(cause)})${place}`, { cause })
}

function describeOutage(cause: unknown): string {
  if (isBusy(cause)) return 'the database is locked by another process'
  return isFull(cause) ? 'the disk of the database is full' : 'the database cannot be used now'
}
