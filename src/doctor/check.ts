/** The shape of every finding: the subject of a check, its result, and the step that helps. */
import { Fault, Unavailable } from '../ground/errors.ts'
import { digitsOf } from '../ground/exact-json.ts'
import type { Finding } from '../store/records/facts.ts'

/** A check and its result. */
export type Check = Finding

/** Header or claims of a token that is not verified yet. Numbers are as `readDigits` gives them. */
export type Members = Record<string, unknown>

export const good = (check: string, found: string): Check => ({ check, ok: true, found, fix: null })

export const bad = (check: string, found: string, fix: string | null = null): Check => ({
  check,
  ok: false,
  found,
  fix,
})

export const warn = (check: string, found: string, fix: string): Check => ({
  check,
  ok: true,
  found,
  fix,
  warning: true,
})

/** An error as a check. */
export function failed(check: string, error: unknown): Check {
  if (error instanceof Fault) return bad(check, error.message.replaceAll('\n', '; '), error.help ?? null)
  if (error instanceof Unavailable) return bad(check, error.message, error.help)
  throw error
}

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
