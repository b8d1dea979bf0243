/** How deep a value out of a token may go: whatever walks it after the check may do so by recursion. */

export const MOST_LEVELS = 32

/** Goes level by level, so that no depth can overflow the stack. */
export function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MOST_LEVELS) return true
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []))
  }
  return false
}
