/** An instant in words: near ones by their distance, far ones by their date. The exact time stands in the title. */
import { html } from 'hono/html'
import type { Frame } from './frame.ts'
import type { Instant } from '../ground/clock.ts'
import type { Markup } from './html.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

interface Here {
  now: Instant
  /** Of the person, IANA; UTC where it is not told. */
  zone?: string | undefined
}

export function whenOf({ lang }: Pick<Frame, 'lang'>, at: Instant, { now, zone }: Here): Markup {
  const exact = formatterOf(lang, zone)
  return html`<time datetime="${new Date(at).toISOString()}" title="${exact.long.format(at)}"
    >${near(lang, at - now) ?? exact.short.format(at)}</time
  >`
}

function near(lang: string, difference: number): string | undefined {
  const distance = Math.abs(difference)
  const words = wordsOf(lang)
  if (distance < MINUTE_MS) return words.format(0, 'second')
  if (distance < HOUR_MS) return words.format(Math.trunc(difference / MINUTE_MS), 'minute')
  if (distance < DAY_MS) return words.format(Math.trunc(difference / HOUR_MS), 'hour')
  if (distance < 7 * DAY_MS) return words.format(Math.trunc(difference / DAY_MS), 'day')
  return undefined
}

// Formatters are expensive to make. There are few languages, and a bounded number of zones.
const MOST_ZONES = 100
const relative = new Map<string, Intl.RelativeTimeFormat>()
const dates = new Map<string, { short: Intl.DateTimeFormat; long: Intl.DateTimeFormat }>()

function wordsOf(lang: string): Intl.RelativeTimeFormat {
  const known = relative.get(lang) ?? new Intl.RelativeTimeFormat(lang, { numeric: 'auto' })
  relative.set(lang, known)
  return known
}

function formatterOf(lang: string, zone: string | undefined) {
  const timeZone = zone !== undefined && isTimeZone(zone) ? zone : 'UTC'
  const name = `${lang} ${timeZone}`
  const known = dates.get(name)
  if (known) return known
  if (dates.size >= MOST_ZONES) dates.clear()
  const made = {
    short: new Intl.DateTimeFormat(lang, { timeZone, dateStyle: 'medium' }),
    long: new Intl.DateTimeFormat(lang, { timeZone, dateStyle: 'long', timeStyle: 'long' }),
  }
  dates.set(name, made)
  return made
}

/** Whether a value is a time zone that this machine knows. */
export function isTimeZone(value: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9+_/-]{1,60}$/.test(value)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: value }).format(0)
    return true
  } catch {
    return false
  }
}
