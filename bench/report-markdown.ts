/** The findings as Markdown tables. */
import type { Fact, Finding, Goal, MeasuredRound, Row } from './finding.ts'
import { cpuRatio, describe, rateRatio } from './ratio-goal.ts'
import { median } from './statistics.ts'

export function toMarkdown(preface: string[], { rows, goals, facts }: Finding): string {
  const parts = [
    preface.join('\n'),
    rows.length > 0 && rowTable(rows),
    goals.length > 0 && goalTable(goals),
    facts.length > 0 && factTable(facts),
  ]
  return parts.filter((part) => part !== false).join('\n\n')
}

const line = (cells: (string | number)[]): string => `| ${cells.join(' | ')} |`

function rowTable(rows: Row[]): string {
  const head = [
    line(['work', 'side', 'requests/s', 'p50 ms', 'p99 ms', 'CPU µs', 'cores', 'ratio', 'ratio by CPU', 'not 2xx']),
    '|---|---|---:|---:|---:|---:|---:|---:|---:|---:|',
  ]
  return [...head, ...rows.map(rowLine)].join('\n')
}

function rowLine(row: Row): string {
  const medianOf = (figure: (round: MeasuredRound) => number) => median(row.rounds.map(figure))
  return line([
    row.work,
    row.side,
    medianOf(({ requestsPerSecond }) => requestsPerSecond).toFixed(0),
    medianOf(({ p50 }) => p50).toFixed(1),
    medianOf(({ p99 }) => p99).toFixed(1),
    medianOf(({ cpuMicros }) => cpuMicros).toFixed(0),
    medianOf(({ cpuMicros, requestsPerSecond }) => (cpuMicros * requestsPerSecond) / 1e6).toFixed(2),
    ratioCell(row, rateRatio),
    ratioCell(row, cpuRatio),
    row.rounds.reduce((sum, { failures }) => sum + failures, 0),
  ])
}

function ratioCell(row: Row, ratio: typeof rateRatio): string {
  if (!row.base) return ''
  return row.isBase ? '1.00' : describe(ratio(row, { rounds: row.base }))
}

function goalTable(goals: Goal[]): string {
  const sorted = goals.toSorted((a, b) => a.number - b.number)
  const lines = sorted.map(({ number, goal, found, byCpu = '', verdict }) =>
    line([number, goal, found, byCpu, verdict === 'met' ? 'met' : `**${verdict}**`]),
  )
  return [line(['', 'goal', 'found', 'by CPU', '']), '|---|---|---|---|---|', ...lines].join('\n')
}

const factTable = (facts: Fact[]): string =>
  [line(['', 'found']), '|---|---|', ...facts.map(({ what, found }) => line([what, found]))].join('\n')
