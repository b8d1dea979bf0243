/** Whether requests for keys and for health become slow while RS256 signatures use all cores. */
import type { Bench } from '../bench.ts'
import { goalOf, type Finding } from '../finding.ts'
import { Load } from '../load/load.ts'
import type { Round, Work } from '../load/work.ts'
import type { Side } from '../sides/side.ts'
import { RS256_RESOURCE, SCOPE } from '../sides/terms.ts'

const MOST_MS = 50
const PROBES = { JWKS: '/.well-known/jwks.json', '/livez': '/livez' }
const LEAST_SECONDS = 1.5

export async function saturation(bench: Bench): Promise<Finding> {
  const side = await bench.side('signet')
  const seconds = Math.max(LEAST_SECONDS, bench.options.seconds * 4)
  // The probes run in a process of their own: in the process of the load they would wait for the load.
  const probe = new Load()
  bench.say('RS256 saturation')
  const quiet = await probeAll(bench, probe, side, seconds / 2)
  const form = { grant_type: 'client_credentials', scope: SCOPE, resource: RS256_RESOURCE }
  const [saturating, busy] = await Promise.all([
    bench.run('saturation', bench.post(side, '/token', form), seconds),
    probeAll(bench, probe, side, seconds),
  ])
  probe.stop()
  return {
    rows: [],
    goals: busy.map(({ name, round }) =>
      goalOf(
        1,
        `${name}: p99 while RS256 saturates < ${MOST_MS} ms`,
        `${round.p99.toFixed(1)} ms`,
        round.p99 < MOST_MS,
      ),
    ),
    facts: [
      { what: '/token RS256 meanwhile', found: `${saturating.requestsPerSecond.toFixed(0)} requests/s` },
      ...quiet.map(({ name, round }) => ({ what: `${name}: p99 at rest`, found: `${round.p99.toFixed(1)} ms` })),
    ],
  }
}

/** Sends a few requests at a time with pauses, so that the probes are no load themselves. */
function probeAll(
  bench: Bench,
  probe: Load,
  { port }: Side,
  seconds: number,
): Promise<{ name: string; round: Round }[]> {
  const look = async ([name, path]: [string, string]) => {
    const work: Work = { port, method: 'GET', path, connections: 4, pauseMs: 10 }
    return { name, round: await bench.run(`probe of ${name}`, work, seconds, probe) }
  }
  return Promise.all(Object.entries(PROBES).map(look))
}
