/** The text of checks, and their exit code. */
import { styleText } from 'node:util'
import type { Check } from '../doctor/check.ts'
import { visible } from './output.ts'
import { ChecksFailed } from './usage.ts'

export function describeChecks(checks: Check[]): string {
  const width = Math.max(0, ...checks.map(({ check }) => check.length))
  return checks
    .map(({ found, fix, check, ...verdict }) => {
      const sign = signOf(verdict)
      const line = `${sign}  ${check.padEnd(width)}  ${visible(found)}`
      return fix === null ? line : `${line}\n${' '.repeat(width + 8)}fix: ${visible(fix)}`
    })
    .join('\n')
}

function signOf({ ok, warning }: Pick<Check, 'ok' | 'warning'>): string {
  const [color, sign] = warning
    ? (['yellow', 'warn'] as const)
    : ok
      ? (['green', 'ok  '] as const)
      : (['red', 'FAIL'] as const)
  return styleText(color, sign, { stream: process.stdout })
}

/** @throws ChecksFailed if a check failed; the printed answer names it */
export function requireAllGood(checks: Check[]): void {
  if (checks.some(({ ok }) => !ok)) throw new ChecksFailed()
}
