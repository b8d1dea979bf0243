/** Garbage at a high rate, beside the traffic of a well-behaved team. */
import { setTimeout as pause } from 'node:timers/promises'
import { watchMemory } from '../../harness/proc.ts'
import { Caller } from '../caller.ts'
import type { Context, Fault } from '../fault.ts'
import { atLeast, below, control, exactly, type Finding } from '../finding.ts'
import { answersOf, countOf, flood, isDefect, type FloodResult } from '../flood.ts'
import { garbageRequests } from '../garbage-requests.ts'
import { GoodTraffic, goodFindings } from '../good-traffic.ts'
import { percentile, type Probe } from '../latency.ts'
import { startLogging, type LoggingServer } from '../log-file.ts'
import { preparePlace } from '../place.ts'

const PER_SECOND = 10_000
const P99_MS = 250
const MEMORY_MB = 100
/**
 * The lines of 500 refused requests, 500 requests with refused credentials and 100 good ones in a second, each with ids,
 * route, verdict and reason: each kind of line has a budget of its own.
 */
const LOG_KB = 550
/** An attacker keeps so many connections open with ease. */
const CONNECTIONS = 256
const WARM_SECONDS = 1
const STILL_MS = 400

export const garbage: Fault = {
  name: 'garbage',
  title: 'garbage beside 100 good requests a second',
  async run(context) {
    const seconds = context.count(4, 60)
    const scene = await setUp(context)
    return [
      ...(await runOnce(context, scene, { what: 'from one network, behind a proxy', forwarded: true, seconds })),
      ...(await runOnce(context, scene, { what: 'from this machine', forwarded: false, seconds })),
      await standStill(scene),
    ]
  },
}

interface Scene {
  logging: LoggingServer
  traffic: GoodTraffic
}

async function setUp(context: Context): Promise<Scene> {
  const place = preparePlace(context)
  const logging = await startLogging(place)
  const traffic = new GoodTraffic(new Caller(logging.server.url, place.app))
  await traffic.prepare()
  return { logging, traffic }
}

interface Garbage {
  what: string
  /** Whether a proxy names the address of the sender. */
  forwarded: boolean
  seconds: number
}

interface Run {
  good: Probe
  flooded: FloodResult
  roseMb: number
  logBytes: number
}

async function runOnce(context: Context, { logging, traffic }: Scene, { what, forwarded, seconds }: Garbage) {
  context.progress(`garbage ${what}`)
  const { server, logged } = logging
  const roseMb = watchMemory(server.pid)
  const requests = garbageRequests(context.random, forwarded)
  const plan = { perSecond: PER_SECOND, connections: CONNECTIONS, requests }
  // A process is slow for some tenths of a second when it meets garbage for the first time. The p99 of a minute does not show that.
  await flood(context, server.url, { ...plan, seconds: WARM_SECONDS })
  const loggedBefore = logged()
  let over = false
  const running = traffic.run(() => over)
  const flooded = await flood(context, server.url, { ...plan, seconds })
  over = true
  const good = await running
  return findingsOf(what, { good, flooded, roseMb: roseMb(), logBytes: logged() - loggedBefore })
}

function findingsOf(what: string, { good, flooded, roseMb, logBytes }: Run): Finding[] {
  const { sent, heldBack, seconds, cut } = flooded
  const reached = `${answersOf(flooded)}; ${cut} cut off, ${heldBack} held back`
  return [
    atLeast(`garbage ${what}: requests a second`, sent / seconds, 1000, '', reached),
    ...goodFindings('beside it', good, P99_MS),
    exactly('… 5xx other than 503', countOf(flooded, isDefect), 0),
    exactly(
      '… garbage that was served',
      countOf(flooded, (status) => status < 400),
      0,
    ),
    below('… memory grew by', roseMb, MEMORY_MB, 'MB'),
    below('… log in a second', logBytes / 1000 / seconds, LOG_KB, 'kB', mbOf(logBytes)),
  ]
}

const mbOf = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB in all`

/** The p99 must show a server that stands still. */
async function standStill({ traffic, logging: { server } }: Scene): Promise<Finding> {
  let over = false
  const good = traffic.run(() => over)
  for (const signal of ['SIGSTOP', 'SIGCONT', 'SIGSTOP', 'SIGCONT'] as const) {
    process.kill(server.pid, signal)
    await pause(STILL_MS)
  }
  over = true
  const p99 = percentile((await good).tookMs, 99)
  const found = `p99 ${p99.toFixed(0)} ms`
  return control(`a server that stands still for ${STILL_MS} ms`, found, `< ${P99_MS} ms`, p99 >= P99_MS)
}
