/** Durations as configuration writes them: `15m`, `30d`, `3600` (seconds). */

const UNIT_SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** A century. A longer duration is a mistake, and dates would overflow. */
const LONGEST_SECONDS = 100 * 365 * 86_400

const EXAMPLES = ['30s', '15m', '12h', '30d']

/** The form of a duration between two bounds in seconds, for error messages. No example lies outside. */
export function durationForm(least = 0, most = Infinity): string {
  const isInside = (seconds: number): boolean => seconds >= least && seconds <= most
  const examples = EXAMPLES.filter((each) => isInside(parseDuration(each) ?? Infinity))
  const inSeconds = [3600, 60].find(isInside) ?? least
  const form = `a duration such as ${examples.join(', ')} or ${inSeconds} (seconds)`
  if (most >= LONGEST_SECONDS)
    return `${form}, ${least > 0 ? `at least ${spell(least)}, ` : ''}at most ${spell(LONGEST_SECONDS)}`
  return `${form}, ${least > 0 ? `from ${spell(least)} to` : 'at most'} ${spell(most)}`
}

/** In the largest unit that divides it. */
function spell(seconds: number): string {
  const unit = Object.entries(UNIT_SECONDS).findLast(([, each]) => seconds % each === 0)
  return unit ? `${seconds / unit[1]}${unit[0]}` : `${seconds}s`
}

/** The form of a duration without bounds of its own. */
export const DURATION_FORM = durationForm()

/** Parses a duration to whole seconds; `undefined` if the text is not a duration. */
export function parseDuration(text: string | number): number | undefined {
  const match = /^(\d{1,12})([smhd]?)$/.exec(String(text).trim())
  if (!match) return undefined
  const unit = (match[2] || 's') as keyof typeof UNIT_SECONDS // the expression allows no other letter
  const seconds = Number(match[1]) * UNIT_SECONDS[unit]
  return seconds <= LONGEST_SECONDS ? seconds : undefined
}
