/** SQLite's own check of a database file, outside Signet. */
import SqliteDatabase from 'better-sqlite3'

/** @returns `ok`, or the fault that `PRAGMA integrity_check` or the opening found */
export function integrityOf(file: string): string {
  try {
    const database = new SqliteDatabase(file, { fileMustExist: true, timeout: 5000 })
    try {
      return String(database.pragma('integrity_check(1)', { simple: true }))
    } finally {
      database.close()
    }
  } catch (error) {
    return String(error)
  }
}
