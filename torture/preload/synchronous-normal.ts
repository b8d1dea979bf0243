/**
 * For `node --import`, before Signet: the database says `synchronous=FULL` and does NORMAL, as a disk or a driver
 * that lies would. A negative control: what counts syncs has to find them missing.
 */
import SqliteDatabase from 'better-sqlite3'

const FULL = 2
const { pragma } = SqliteDatabase.prototype

SqliteDatabase.prototype.pragma = function lyingPragma(source, options) {
  if (/^synchronous\s*=/i.test(source)) return pragma.call(this, 'synchronous = NORMAL', options)
  // Signet reads its settings back.
  if (/^synchronous$/i.test(source)) return FULL
  return pragma.call(this, source, options)
}
