/**
 * Loaded before Signet by `--import`, to show what `synchronous=FULL` costs, and in `torture/` what it is for: the driver
 * is made to set NORMAL where FULL is asked for, and to say FULL where it is read back. The product has no such switch.
 */
import Database from 'better-sqlite3'

const setOrRead = Database.prototype.pragma
const ASKS_FOR_FULL = /^synchronous\s*=\s*(2|full)$/i
const READS = /^synchronous$/i
const NORMAL = 1
const FULL = 2

/** A Signet that sets it another way than this would run with FULL, and the comparison would be of a thing with itself. */
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
