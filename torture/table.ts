/** The findings as a Markdown table. */
import type { Fault } from './fault.ts'
import type { Finding } from './finding.ts'

export interface Result {
  fault: Pick<Fault, 'name' | 'title'>
  seconds: number
  findings: Finding[]
}

export const HEAD = '| fault or load | what | figure found | bound | holds |\n|---|---|---|---|---|'

/** The rows of one fault; only the first row has its title. */
export const rowsOf = ({ fault, findings }: Result): string =>
  findings
    .map(({ what, found, bound, ...finding }, index) =>
      row(index === 0 ? `**${fault.title}**` : '', what, found, bound, verdict(finding)),
    )
    .join('\n')

const verdict = ({ holds, kind }: Pick<Finding, 'holds' | 'kind'>): string => {
  if (kind === 'skipped') return 'skipped'
  return holds ? 'yes' : '**NO**'
}

const row = (...cells: string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`

/** The line under the table. */
export function summaryOf(results: Result[]): string {
  const rows = results.flatMap(({ findings }) => findings)
  const of = (kind: Finding['kind']) => rows.filter((each) => each.kind === kind)
  const missed = rows.filter(({ holds }) => !holds).length
  const seconds = results.reduce((sum, each) => sum + each.seconds, 0)
  const parts = [
    `${of('figure').length} figures`,
    `${of('control').length} controls`,
    `${of('skipped').length} skipped`,
  ]
  return `${parts.join(', ')}; ${missed === 0 ? 'all hold' : `${missed} do NOT hold`}; ${seconds.toFixed(0)} s`
}
