/** Whether Signet costs the same with millions of families as with ten thousand. */
import { rmSync, statSync } from 'node:fs'
import type { Bench } from '../bench.ts'
import { goalOf, type Fact, type Finding, type Goal } from '../finding.ts'
import { readFigure } from '../fill/copies.ts'
import { fillFamilies } from '../fill/families.ts'
import type { Work } from '../load/work.ts'
import { describe, ratioGoal } from '../ratio-goal.ts'
import { compare } from '../rounds.ts'
import type { Side } from '../sides/side.ts'
import { copyOf, startSignet, type Place } from '../sides/signet.ts'
import { median } from '../statistics.ts'
import { refreshingTokens } from './endpoints.ts'
import { compareStarts, startToFirstToken } from './starts.ts'
import { watchSweep } from './sweep.ts'

const FEW = 10_000
/** Families that are refreshed, one after the other: more than the caches of SQLite hold. */
export const REFRESHED = 100_000
const LEAST_RATE = 0.75
const MOST_TIMES_START = 1.2
/** Signet writes a few notes meanwhile, such as audit events, which need a page now and then. */
const MOST_PAGES = 1.01

export async function growth(bench: Bench): Promise<Finding> {
  await bench.stopSides()
  const empty = copyOf(bench.model, 'families-none')
  const seeded = await seed(bench)
  const few = fill(bench, copyOf(seeded, 'families-few'), FEW)
  const many = fill(bench, copyOf(seeded, 'families-many'), bench.options.growth)
  const refresh = await compareRefresh(bench, few, many)
  const start = await compareStart(bench, empty, many.place)
  const sweep = await watchSweep(bench, many.place)
  const bytes = statSync(many.place.database).size
  const size = { what: `database of ${bench.options.growth} families`, found: `${(bytes / 2 ** 20).toFixed(0)} MiB` }
  rmSync(many.place.folder, { recursive: true })
  return {
    rows: refresh.rows,
    goals: [...refresh.goals, start.goal, sweep.goal],
    facts: [size, ...start.facts, ...sweep.facts],
  }
}

/** Makes a database with one family: the model of all others. */
export async function seed(bench: Bench, model = bench.model, name = 'families-one'): Promise<Place> {
  const place = copyOf(model, name)
  const side = await startSignet(model.version.name, place)
  await bench.createFamilies(side, 'seed', 1)
  await side.stop()
  return place
}

interface Filled {
  place: Place
  count: number
  tokens: string[]
}

function fill({ say }: Bench, place: Place, count: number): Filled {
  return { place, count, tokens: fillFamilies({ place, count, tokens: REFRESHED, say }) }
}

async function compareRefresh(bench: Bench, few: Filled, many: Filled): Promise<Pick<Finding, 'rows' | 'goals'>> {
  const running: { side: Side; work: Work }[] = []
  for (const { place, count, tokens } of [many, few]) {
    const side = await startSignet(`Signet, ${count} families`, place)
    running.push({ side, work: refreshingTokens(bench, side, tokens) })
  }
  const before = extentOf(many)
  const rows = await compare(bench, { work: '/refresh all over the table', contenders: running, base: 1 })
  const after = extentOf(many)
  await Promise.all(running.map(({ side }) => side.stop()))
  const [ours, theirs] = rows
  if (!ours || !theirs) throw new Error('two contenders give two rows')
  const rotations = ours.rounds.reduce((sum, { requests }) => sum + requests, 0)
  return {
    rows,
    goals: [
      ratioGoal(4, `/refresh with ${many.count} families to ${few.count}`, ours, theirs, LEAST_RATE),
      goalOf(
        4,
        'one row a family, none by rotation',
        `${after.rows - before.rows} rows and ${after.pages - before.pages} of ${before.pages} pages more after ${rotations} rotations`,
        after.rows === before.rows && after.pages <= before.pages * MOST_PAGES && rotations > 0,
      ),
    ],
  }
}

const extentOf = ({ place: { database } }: Filled) => ({
  rows: readFigure(database, 'SELECT count(*) FROM grants'),
  pages: readFigure(database, 'SELECT page_count FROM pragma_page_count'),
})

async function compareStart(bench: Bench, empty: Place, many: Place): Promise<{ goal: Goal; facts: Fact[] }> {
  const starts = await compareStarts(bench, 'start with many families', [
    () => startToFirstToken(bench, many),
    () => startToFirstToken(bench, empty),
  ])
  const { growth: count } = bench.options
  const goal = `start with ${count} families < ${MOST_TIMES_START} × the start with none`
  const isMet = starts.byTime.median < MOST_TIMES_START
  const [withMany, withNone] = starts.milliseconds.map((times) => `${median(times).toFixed(0)} ms`)
  return {
    goal: { ...goalOf(4, goal, describe(starts.byTime), isMet), byCpu: describe(starts.byCpu) },
    facts: [
      { what: `start to first token with ${count} families`, found: withMany ?? '' },
      { what: 'start to first token with none', found: withNone ?? '' },
    ],
  }
}
