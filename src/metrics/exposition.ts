/**
 * Everything that is measured, as Prometheus reads it. Loaded at the first scrape. prom-client tells of the process;
 * our own numbers are read by families.ts, since it takes no buckets that were counted by somebody else.
 */
import { collectDefaultMetrics, Registry, type MetricObjectWithValues, type MetricValueWithName } from 'prom-client'
import { readFamilies, type Measured } from './families.ts'
import { expose, type Family, type Sample } from './family.ts'

/** The process is one, however many issuers run in it. */
const ofProcess = new Registry()
collectDefaultMetrics({ register: ofProcess })

export const CONTENT_TYPE = ofProcess.contentType

/** @param isServing whether the service takes traffic now, and its database answers */
export async function exposition(measured: Measured, isServing: boolean): Promise<string> {
  const known = await ofProcess.getMetricsAsJSON()
  return expose([...(await readFamilies(measured, isServing)), ...known.map(familyOf)])
}

// Its type leaves out the name of a histogram's series, which it gives beside the value.
type Known = Omit<MetricObjectWithValues<MetricValueWithName<string>>, 'type'> & { type: unknown }

function familyOf({ name, help, type, values }: Known): Family {
  const kind = type === 'counter' || type === 'histogram' ? type : 'gauge'
  return { name, help, type: kind, samples: values.flatMap((value) => sampleOf(name, value)) }
}

/** A figure that was not measured yet is left out. */
function sampleOf(family: string, { metricName = family, labels, value }: MetricValueWithName<string>): Sample[] {
  if (Number.isNaN(value)) return []
  const named = Object.fromEntries(Object.entries(labels).map(([label, text]) => [label, String(text)]))
  // What it puts behind the name of a family is one of the three.
  return [{ suffix: metricName.slice(family.length) as NonNullable<Sample['suffix']>, labels: named, value }]
}
