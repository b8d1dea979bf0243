/**
 * Everything that is measured, as Prometheus reads it. Loaded at the first scrape. prom-client tells of the process;
 * our own numbers are written out by family.ts, since it takes no buckets that were counted by somebody else.
 */
import { collectDefaultMetrics, Registry } from 'prom-client'
import { readFamilies, type Measured } from './families.ts'
import { expose } from './family.ts'

/** The process is one, however many issuers run in it. */
const ofProcess = new Registry()
collectDefaultMetrics({ register: ofProcess })

export const CONTENT_TYPE = ofProcess.contentType

/** @param isServing whether traffic is taken now, and the database answers */
export async function exposition(rooms: Measured, isServing: boolean): Promise<string> {
  const families = await readFamilies(rooms, isServing)
  return `${expose(families)}\n${await ofProcess.metrics()}`
}
