/** What was looked at, what was found, and what helps: the one shape of every finding. */

/** One thing that was looked at. */
export interface Check {
  check: string
  ok: boolean
  /** What is the case. */
  found: string
  /** What helps, where something does. */
  fix: string | null
}

/** Header or claims of a token that nobody has vouched for yet. */
export type Members = Record<string, unknown>

export const good = (check: string, found: string): Check => ({ check, ok: true, found, fix: null })

export const bad = (check: string, found: string, fix: string | null = null): Check => ({
  check,
  ok: false,
  found,
  fix,
})

/** A member of a header or claim set, whatever somebody put there. */
export const shown = (value: unknown): string => {
  if (typeof value === 'object' && value !== null && !isListOfPlain(value)) return 'an object'
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'absent')
}

const isListOfPlain = (value: object): boolean =>
  Array.isArray(value) && value.every((each) => typeof each !== 'object' || each === null)
