/**
 * All metrics, as Prometheus reads them. Loaded at the first scrape. prom-client measures the process; families.ts reads
 * our own numbers, because prom-client takes no histogram that other code has counted.
 */
import { collectDefaultMetrics, Registry, type MetricObjectWithValues, type MetricValueWithName } from 'prom-client'
import { readFamilies, type Measured } from './families.ts'
import { expose, type Family, type Sample } from './family.ts'

/** Metrics of the process. It may run several issuers, and these metrics are the same for all of them. */
const ofProcess = new Registry()
collectDefaultMetrics({ register: ofProcess })

export const CONTENT_TYPE = ofProcess.contentType

/** @param isServing whether the service takes traffic now, and its database answers */
export async function exposition(measured: Measured, isServing: boolean): Promise<string> {
  const known = await ofProcess.getMetricsAsJSON()
  return expose([...(await readFamilies(measured, isServing)), ...known.map(familyOf)])
}

// The package's type leaves out the name of a histogram's series, which stands beside the value.
type Known = Omit<MetricObjectWithValues<MetricValueWithName<string>>, 'type'> & { type: unknown }

function familyOf({ name, help, type, values }: Known): Family {
  const kind = type === 'counter' || type === 'histogram' ? type : 'gauge'
  return { name, help, type: kind, samples: values.flatMap((value) => sampleOf(name, value)) }
}

/** A figure that was not measured yet is left out. */
function sampleOf(family: string, { metricName = family, labels, value }: MetricValueWithName<string>): Sample[] {
  if (Number.isNaN(value)) return []
  const named = Object.fromEntries(Object.entries(labels).map(([label, text]) => [label, String(text)]))
  // prom-client puts one of these three suffixes behind the name of a family.
  return [{ suffix: metricName.slice(family.length) as NonNullable<Sample['suffix']>, labels: named, value }]
}
