/** The rules `expires` of tables.ts in SQL, and the times that they compare with. They are the same for every database. */
import type { Instant } from '../ground/clock.ts'
import { inSql } from './rows.ts'
import type { Expiry, Mark, Table } from './table.ts'
import { TABLES } from './tables.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** How long changes are kept. A process that has not looked for longer than this reads everything again. */
const NEWS = 5 * MINUTE

/** @param forgotten audit events before it are deleted */
export const marksAt = (now: Instant, forgotten: Instant): Record<Mark, Instant> => ({
  now,
  newsEnd: now - NEWS,
  missedEnd: now - 2 * NEWS,
  hourAgo: now - HOUR,
  dayAgo: now - DAY,
  monthAgo: now - 30 * DAY,
  forgotten,
})

export interface ExpiryRule {
  table: Table
  /** Of the rows that have expired. */
  condition: string
  /** The marks of its placeholders, in their order. */
  marks: Mark[]
}

/** @param place the placeholder of the nth mark, from 1 */
export const expiryRules = (place: (n: number) => string): ExpiryRule[] =>
  TABLES.flatMap((table: Table) => (table.expires ?? []).map((expiry) => ruleOf(table, expiry, place)))

function ruleOf(table: Table, { where = {}, before }: Expiry, place: (n: number) => string): ExpiryRule {
  const conditions = [
    ...Object.entries(where).map(([name, value]) => `${inSql(name)} = '${value}'`),
    ...Object.keys(before).map((name, at) => `${inSql(name)} < ${place(at + 1)}`),
  ]
  return { table, condition: conditions.join(' AND '), marks: Object.values(before) }
}
