/** The allowed depth of a value in a token. Code that handles the value later may use recursion. */

export const MOST_LEVELS = 32

/** It works level by level, so that no depth overflows the stack. */
export function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MOST_LEVELS) return true
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []))
  }
  return false
}
