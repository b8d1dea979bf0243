/** The one shape of every finding: what was looked at, what is the case, and what helps. */
import { digitsOf } from '../ground/exact-json.ts'

/** One thing that was looked at. */
export interface Check {
  check: string
  ok: boolean
  /** What is the case. */
  found: string
  /** What helps, where something does. */
  fix: string | null
}

/** Header or claims of a token that nobody has vouched for yet. Numbers are as `readDigits` gives them. */
export type Members = Record<string, unknown>

export const good = (check: string, found: string): Check => ({ check, ok: true, found, fix: null })

export const bad = (check: string, found: string, fix: string | null = null): Check => ({
  check,
  ok: false,
  found,
  fix,
})

/** A member of a header or claim set, whatever somebody put there; a number digit by digit. */
export const shown = (value: unknown): string => {
  const digits = digitsOf(value)
  if (digits !== undefined) return digits
  if (typeof value === 'object' && value !== null && !isListOfPlain(value)) return 'an object'
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'absent')
}

const isListOfPlain = (value: object): boolean =>
  Array.isArray(value) &&
  value.every((each) => typeof each !== 'object' || each === null || digitsOf(each) !== undefined)
