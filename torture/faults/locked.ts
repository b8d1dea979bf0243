/** Another process holds the lock on the database: what needs no write goes on as before, writes are refused soon. */
import SqliteDatabase from 'better-sqlite3'
import { setTimeout as pause } from 'node:timers/promises'
import { Caller, orNothing, type Answer } from '../caller.ts'
import type { Context, Fault } from '../fault.ts'
import { allOf, below, control, exactly, type Finding } from '../finding.ts'
import { percentile, probe, unshakable, type Probe } from '../latency.ts'
import { preparePlace, type Place } from '../place.ts'
import type { ServerProcess } from '../server-process.ts'

const EVERY_MS = 10
const P99_MS = 50
const REFUSED_WITHIN_MS = 2500
/** A refresh every so often, so that some wait from every moment of the lock. */
const REFRESH_EVERY_MS = 100
/** For the control: the whole server stands still, twice. */
const STILL_MS = 300

export const locked: Fault = {
  name: 'locked',
  title: 'another process holds the database lock',
  async run(context) {
    const lockMs = context.count(4, 10) * 1000
    const place = preparePlace(context)
    const server = await place.start()
    const app = new Caller(server.url, place.app)
    const grants = await Promise.all(Array.from({ length: lockMs / REFRESH_EVERY_MS }, () => app.grant()))
    await warmUp(app)
    const unlock = lock(place, context)
    const until = performance.now() + lockMs
    const probes = probeAll(app, () => performance.now() > until - 100)
    const refreshes = await refreshEach(
      app,
      grants.map(({ refreshToken }) => refreshToken),
      until,
    )
    const [jwks, , livez] = await probes
    unlock()
    const after = await Promise.all(grants.map(({ refreshToken }) => orNothing(app.refresh(refreshToken))))
    return [
      ...p99Of('JWKS', jwks),
      ...p99Of('/livez', livez),
      ...refusalsOf(refreshes, lockMs),
      allOf(
        'the same tokens refresh once it is released',
        after.filter((each) => each?.status === 200).length,
        after.length,
      ),
      await controlOf(app, server),
    ]
  },
}

/** First requests of a process are slower whatever the lock; the bound is on the lock. */
async function warmUp(app: Caller): Promise<void> {
  for (let time = 0; time < 50; time++) await Promise.all(Object.values(unshakable(app)).map((send) => send()))
}

function lock({ database }: Place, context: Context): () => void {
  const other = new SqliteDatabase(database)
  context.onEnd(() => void other.close())
  other.exec('BEGIN IMMEDIATE')
  return () => void other.exec('ROLLBACK')
}

const probeAll = (app: Caller, isOver: () => boolean): Promise<[Probe, Probe, Probe]> => {
  const { JWKS, metadata, '/livez': livez } = unshakable(app)
  const of = (send: (() => Promise<Answer>) | undefined) => probe(send ?? (() => app.send('/livez')), EVERY_MS, isOver)
  return Promise.all([of(JWKS), of(metadata), of(livez)])
}

/** Begins no refresh so late that the lock could be gone before it is refused. */
async function refreshEach(app: Caller, tokens: string[], until: number): Promise<(Answer | undefined)[]> {
  const running: Promise<Answer | undefined>[] = []
  for (const token of tokens) {
    if (performance.now() > until - REFUSED_WITHIN_MS) break
    running.push(orNothing(app.refresh(token)))
    await pause(REFRESH_EVERY_MS)
  }
  const answers = await Promise.all(running)
  await pause(Math.max(0, until - performance.now()))
  return answers
}

const p99Of = (what: string, { tookMs, failures }: Probe): Finding[] => [
  below(`p99 of ${what}`, percentile(tookMs, 99), P99_MS, 'ms', `${tookMs.length} requests, ${failures} failed`),
  exactly(`${what} not answered`, failures, 0),
]

function refusalsOf(answers: (Answer | undefined)[], lockMs: number): Finding[] {
  const refused = answers.filter((each) => each?.status === 503 && Number(each.headers['retry-after']) > 0)
  const slowest = Math.max(...answers.map((each) => each?.tookMs ?? Infinity))
  return [
    allOf('refreshes answered 503 with `Retry-After`', refused.length, answers.length, `lock of ${lockMs / 1000} s`),
    below('… the slowest after', slowest / 1000, REFUSED_WITHIN_MS / 1000, 's'),
  ]
}

/** A server that stands still is what the p99 must show. */
async function controlOf(app: Caller, { pid }: ServerProcess): Promise<Finding> {
  let over = false
  const probing = probe(
    () => app.send('/livez'),
    EVERY_MS,
    () => over,
  )
  for (const signal of ['SIGSTOP', 'SIGCONT', 'SIGSTOP', 'SIGCONT'] as const) {
    process.kill(pid, signal)
    await pause(STILL_MS)
  }
  over = true
  const p99 = percentile((await probing).tookMs, 99)
  return control(
    `a server that stands still for ${STILL_MS} ms`,
    `p99 ${p99.toFixed(0)} ms`,
    `< ${P99_MS} ms`,
    p99 >= P99_MS,
  )
}
