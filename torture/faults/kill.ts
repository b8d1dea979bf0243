/**
 * `kill -9` at random moments while families are refreshed. After each kill the server starts again on the same files,
 * and must still know everything that it acknowledged before.
 */
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Caller } from '../caller.ts'
import type { Context, Fault } from '../fault.ts'
import { allOf, below, control, exactly, type Finding } from '../finding.ts'
import { integrityOf } from '../integrity.ts'
import { Journal, newest, type Family } from '../journal.ts'
import { preparePlace, type Place } from '../place.ts'

const FAMILIES = 8
/** The latest moment of a kill after the first refresh. */
const MOMENT_MS = 120
/** Longer than a restart, so that a use without a response can be repeated. */
const GRACE = '5m'

interface Tally {
  lost: string[]
  doublyValid: number
  unanswered: number
  ready: { ms: number; cpuMs: number }[]
  unsound: string[]
  replays: number
  replaysThatEnded: number
}

export const kill: Fault = {
  name: 'kill',
  title: '`kill -9` at random moments during refreshes',
  async run(context) {
    const kills = context.count(20, 500)
    const place = preparePlace(context, { env: { SIGNET_REFRESH_GRACE: GRACE } })
    const journal = new Journal()
    const tally: Tally = {
      lost: [],
      doublyValid: 0,
      unanswered: 0,
      ready: [],
      unsound: [],
      replays: 0,
      replaysThatEnded: 0,
    }
    for (let life = 0; life <= kills; life++) {
      await live(context, place, journal, tally, life < kills)
      context.progress(`${life} of ${kills} kills, ${journal.refreshes} refreshes`)
    }
    return [...findingsOf(kills, journal, tally), await controlOf(context)]
  },
}

/** A life of the server: first it is checked, then it is sent refreshes until it is killed. */
async function live(context: Context, place: Place, journal: Journal, tally: Tally, dies: boolean): Promise<void> {
  const server = await place.start({ cold: true })
  // The first start makes keys; the bound is on restarts.
  if (journal.families.length > 0) tally.ready.push({ ms: server.readyMs, cpuMs: server.readyCpuMs })
  const soundness = integrityOf(place.database)
  if (soundness !== 'ok') tally.unsound.push(soundness)
  const caller = new Caller(server.url, place.app)
  for (const family of journal.families) {
    const { lost, doublyValid } = await journal.check(family, caller)
    if (lost !== undefined) tally.lost.push(lost)
    tally.doublyValid += doublyValid
  }
  if (journal.families.length > 0) await replayOne(context, journal, caller, tally)
  await journal.open(caller, FAMILIES - journal.families.length)
  if (!dies) return void (await server.stop())
  const loops = journal.families.map((family) => journal.refreshOn(family, caller))
  await new Promise((wake) => setTimeout(wake, context.random.next() * MOMENT_MS))
  await server.stop('SIGKILL')
  await Promise.all(loops)
  tally.unanswered += journal.families.filter(({ unanswered }) => unanswered).length
}

/** Uses an old token of one family: it must be refused, and end its family. */
async function replayOne(context: Context, journal: Journal, caller: Caller, tally: Tally): Promise<void> {
  const family = context.random.pick(journal.families)
  const old = family.acknowledged.at(-3)
  if (old === undefined) return
  const answers = [await caller.refresh(old), await caller.refresh(newest(family))]
  tally.replays++
  if (answers.every(({ body }) => body.error === 'invalid_grant')) tally.replaysThatEnded++
  journal.families.splice(journal.families.indexOf(family), 1)
}

function findingsOf(kills: number, journal: Journal, tally: Tally): Finding[] {
  const note = `${kills} kills, ${journal.refreshes} refreshes answered, ${tally.unanswered} under way when it died`
  return [
    exactly('lost families', tally.lost.length, 0, [note, ...tally.lost.slice(0, 1)].join('; ')),
    exactly('doubly valid tokens', tally.doublyValid, 0),
    exactly('refreshes refused', journal.refusals.length, 0, journal.refusals[0]),
    allOf('old token used after a restart: refused, family over', tally.replaysThatEnded, tally.replays),
    readyAgain(tally),
    exactly('`integrity_check` not clean', tally.unsound.length, 0, tally.unsound[0]),
  ]
}

function readyAgain({ ready }: Tally): Finding {
  const [wall, cpu] = [ready.map(({ ms }) => ms / 1000), ready.map(({ cpuMs }) => cpuMs / 1000)]
  const note = `median ${median(wall).toFixed(2)} s, of which ${median(cpu).toFixed(2)} s of processor time`
  return below('ready again, slowest', Math.max(...wall), 2, 's', note)
}

/** The same check against an older database, in which later changes are missing. */
async function controlOf(context: Context): Promise<Finding> {
  const place = preparePlace(context, { env: { SIGNET_REFRESH_GRACE: GRACE } })
  const journal = new Journal()
  const first = await place.start()
  const caller = new Caller(first.url, place.app)
  await journal.open(caller, FAMILIES)
  await first.stop()
  const older = join(place.folder, 'older')
  cpSync(join(place.folder, 'data'), older, { recursive: true })
  const second = await place.start()
  const again = new Caller(second.url, place.app)
  for (const family of journal.families) await twice(() => journal.refresh(family, again))
  await second.stop('SIGKILL')
  rmSync(join(place.folder, 'data'), { recursive: true })
  cpSync(older, join(place.folder, 'data'), { recursive: true })
  const third = await place.start()
  const verdicts = await Promise.all(
    journal.families.map((family: Family) => journal.check(family, new Caller(third.url, place.app))),
  )
  const lost = verdicts.filter((verdict) => verdict.lost !== undefined).length
  const doubly = verdicts.reduce((sum, verdict) => sum + verdict.doublyValid, 0)
  return control(
    'an older database put back',
    `${lost} of ${FAMILIES} families lost, ${doubly} tokens doubly valid`,
    '0',
    lost === FAMILIES && doubly > 0,
  )
}

async function twice(work: () => Promise<unknown>): Promise<void> {
  await work()
  await work()
}

const median = (figures: number[]): number => figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? NaN
