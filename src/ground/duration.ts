/** Durations as configuration writes them: `15m`, `30d`, `3600` (seconds). */

const UNIT_SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** The form of a duration, for error messages. */
export const DURATION_FORM = 'a duration such as 30s, 15m, 12h, 30d or 3600 (seconds)'

/** A century. A longer duration is a mistake, and dates would overflow. */
const LONGEST_SECONDS = 100 * 365 * 86_400

/** Parses a duration to whole seconds; `undefined` if the text is not a duration. */
export function parseDuration(text: string | number): number | undefined {
  const match = /^(\d{1,12})([smhd]?)$/.exec(String(text).trim())
  if (!match) return undefined
  const unit = (match[2] || 's') as keyof typeof UNIT_SECONDS // the expression allows no other letter
  const seconds = Number(match[1]) * UNIT_SECONDS[unit]
  return seconds <= LONGEST_SECONDS ? seconds : undefined
}
