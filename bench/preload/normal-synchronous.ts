/**
 * Loaded before Signet by `--import`, to show the cost of `synchronous=FULL`, and in `torture/` its purpose: the driver
 * sets NORMAL where Signet asks for FULL, and reports FULL where Signet reads the setting. The product has no such switch.
 */
import Database from 'better-sqlite3'

const setOrRead = Database.prototype.pragma
const ASKS_FOR_FULL = /^synchronous\s*=\s*(2|full)$/i
const READS = /^synchronous$/i
const NORMAL = 1
const FULL = 2

/** If Signet set FULL in another way than this, both sides of the comparison would be the same. */
const patience = setTimeout(() => {
  throw new Error('synchronous = FULL was asked for in a way that bench/preload/normal-synchronous.ts does not see')
}, 10_000).unref()

Database.prototype.pragma = function pragma(this: Database.Database, source, options) {
  if (ASKS_FOR_FULL.test(source)) {
    clearTimeout(patience)
    return setOrRead.call(this, `synchronous = ${NORMAL}`, options)
  }
  const value = setOrRead.call(this, source, options)
  if (!READS.test(source)) return value
  if (value !== NORMAL) throw new Error(`synchronous is ${String(value)} and was to be ${NORMAL}`)
  return FULL
}
