/** A metric as Prometheus understands it, and its text form (exposition format 0.0.4). */
import type { Counts, Histogram } from '../ground/counts.ts'

type Labels = Record<string, string>

export interface Sample {
  /** The suffix of a histogram's series. */
  suffix?: '' | '_bucket' | '_sum' | '_count'
  labels: Labels
  value: number
}

export interface Family {
  name: string
  help: string
  type: 'counter' | 'gauge' | 'histogram'
  samples: Sample[]
}

type Described = Pick<Family, 'name' | 'help'>

export const gauge = (name: string, help: string, ...samples: Sample[]): Family => ({
  name,
  help,
  type: 'gauge',
  samples,
})

export const counter = (name: string, help: string, ...samples: Sample[]): Family => ({
  name,
  help,
  type: 'counter',
  samples,
})

/** A counter with one sample for each combination of labels. */
export const counted = (name: string, help: string, counts: Counts): Family => counter(name, help, ...counts.rows())

/** Makes a sample for each key of a record. The key is the value of the label. */
export const labelled = (label: string, values: Record<string, number>): Sample[] =>
  Object.entries(values).map(([key, value]) => ({ labels: { [label]: key }, value }))

/** @param spread histograms with their labels */
export const histogram = ({ name, help }: Described, spread: Iterable<[Labels, Histogram]>): Family => ({
  name,
  help,
  type: 'histogram',
  samples: [...spread].flatMap(([labels, values]) => seriesOf(labels, values)),
})

/** Each bucket counts all values up to its bound `le`, so it includes the buckets below. */
function seriesOf(labels: Labels, { bounds, counts, sum }: Histogram): Sample[] {
  let below = 0
  const buckets = counts.map((count, at): Sample => {
    below += count
    return { suffix: '_bucket', labels: { ...labels, le: formatNumber(bounds[at] ?? Infinity) }, value: below }
  })
  return [...buckets, { suffix: '_sum', labels, value: sum }, { suffix: '_count', labels, value: below }]
}

/** The metrics as text, each with its help and type. */
export const expose = (families: Family[]): string => families.map(exposeOne).join('\n')

function exposeOne({ name, help, type, samples }: Family): string {
  const lines = samples.map(
    ({ suffix = '', labels, value }) => `${name}${suffix}${formatLabels(labels)} ${formatNumber(value)}\n`,
  )
  return `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escaped(value).replaceAll('"', '\\"')}"`)
  return pairs.length > 0 ? `{${pairs.join(',')}}` : ''
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')

function formatNumber(value: number): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value)
}
