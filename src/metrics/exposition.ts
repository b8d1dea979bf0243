/**
 * Everything that is measured, as Prometheus reads it. Loaded at the first scrape. prom-client tells of the process;
 * our own numbers are read by families.ts, since it takes no buckets that were counted by somebody else.
 */
import { collectDefaultMetrics, Registry, type MetricObjectWithValues, type MetricValueWithName } from 'prom-client'
import type { Rooms } from '../http/rooms.ts'
import { readFamilies, type Measured } from './families.ts'
import { expose, type Family, type Sample } from './family.ts'
import { putTogether } from './workers.ts'

/** The process is one, however many issuers run in it. */
const ofProcess = new Registry()
collectDefaultMetrics({ register: ofProcess })

export const CONTENT_TYPE = ofProcess.contentType

/** @param isServing whether traffic is taken now, and the database answers */
export async function exposition(rooms: Measured & Pick<Rooms, 'colleagues'>, isServing: boolean): Promise<string> {
  const families = await readFigures(rooms, isServing)
  if (!rooms.colleagues) return expose(families)
  const { place, others } = await rooms.colleagues.ask()
  // Sound: what a colleague tells is what `readFigures` returned to it.
  const told = others.flatMap(({ place: theirs, told: figures }) =>
    figures ? [{ place: theirs, families: figures as Family[] }] : [],
  )
  return expose(putTogether({ place, families }, told))
}

/** What this process tells of itself; plain data, so that it can be sent to another. */
export async function readFigures(rooms: Measured, isServing: boolean): Promise<Family[]> {
  const known = await ofProcess.getMetricsAsJSON()
  return [...(await readFamilies(rooms, isServing)), ...known.map(familyOf)]
}

// Its type leaves out the name of a histogram's series, which it gives beside the value.
type Known = Omit<MetricObjectWithValues<MetricValueWithName<string>>, 'type'> & { type: unknown }

function familyOf({ name, help, type, values }: Known): Family {
  const kind = type === 'counter' || type === 'histogram' ? type : 'gauge'
  return { name, help, type: kind, samples: values.flatMap((value) => sampleOf(name, value)) }
}

/** Nothing where nothing was measured yet: JSON has no word for it. */
function sampleOf(family: string, { metricName = family, labels, value }: MetricValueWithName<string>): Sample[] {
  if (Number.isNaN(value)) return []
  const named = Object.fromEntries(Object.entries(labels).map(([label, text]) => [label, String(text)]))
  // What it puts behind the name of a family is one of the three.
  return [{ suffix: metricName.slice(family.length) as NonNullable<Sample['suffix']>, labels: named, value }]
}
