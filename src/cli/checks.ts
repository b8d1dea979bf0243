/** The text of checks, and their exit code. */
import { styleText } from 'node:util'
import type { Check } from '../doctor/check.ts'
import { visible } from './output.ts'
import { ChecksFailed } from './usage.ts'

export function describeChecks(checks: Check[]): string {
  const width = Math.max(0, ...checks.map(({ check }) => check.length))
  return checks
    .map(({ check, ok, found, fix }) => {
      const sign = styleText(ok ? 'green' : 'red', ok ? 'ok  ' : 'FAIL', { stream: process.stdout })
      const line = `${sign}  ${check.padEnd(width)}  ${visible(found)}`
      return fix === null ? line : `${line}\n${' '.repeat(width + 8)}fix: ${visible(fix)}`
    })
    .join('\n')
}

/** @throws ChecksFailed if a check failed; the printed answer names it */
export function requireAllGood(checks: Check[]): void {
  if (checks.some(({ ok }) => !ok)) throw new ChecksFailed()
}
