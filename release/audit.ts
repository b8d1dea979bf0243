/**
 * Known vulnerabilities of the packages in a release, by `npm audit`. "high" and "critical" fail. A registry that does not
 * answer audits (mirrors often do not) is reported, and is no failure: nothing is known either way.
 */
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { z } from 'zod'

const Report = z.object({
  auditReportVersion: z.literal(2),
  vulnerabilities: z.record(z.string(), z.object({ severity: z.string(), range: z.string() })),
})

/** Reads the output of `npm audit --json`. */
export function verdictOn(answer: string): { failed: boolean; lines: string[] } {
  const report = Report.safeParse(parse(answer))
  if (!report.success)
    return { failed: false, lines: ['NOT AUDITED: the registry answers no audits; run this where it does'] }
  const found = Object.entries(report.data.vulnerabilities)
  return {
    failed: found.some(([, { severity }]) => severity === 'high' || severity === 'critical'),
    lines: [
      ...found.map(([name, { severity, range }]) => `${severity}: ${name} ${range}`),
      `${found.length} vulnerable packages`,
    ],
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // npm writes prose where an audit fails
  }
}

if (import.meta.main) {
  const { stdout } = spawnSync('npm', ['audit', '--json', '--omit=dev'], {
    cwd: resolve(import.meta.dirname, '..'),
    encoding: 'utf8',
  })
  const { failed, lines } = verdictOn(stdout)
  console.log(lines.join('\n'))
  process.exitCode = failed ? 1 : 0
}
