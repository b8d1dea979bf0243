/** The times that the sweep compares with, which are the same for every database. */
import type { Instant } from '../ground/clock.ts'
import type { Mark } from './table.ts'

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
  monthAgo: now - 30 * DAY,
  forgotten,
})
