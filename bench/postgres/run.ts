/** `npm run bench -- --store postgres`: Signet on PostgreSQL beside Signet on SQLite, on the same disk, in the same rounds. */
import type { Bench } from '../bench.ts'
import { contenderOf, ENDPOINT_CASES, type EndpointLoad } from '../cases/endpoints.ts'
import { nothing, type Finding, type Row } from '../finding.ts'
import { describe, rateRatio, ratioGoal } from '../ratio-goal.ts'
import { compare } from '../rounds.ts'
import type { Side } from '../sides/side.ts'
import { peopleOnPostgres } from './people.ts'
import { bareOn, placeOn, replicasOn, serverOfRun } from './sides.ts'

interface Sides {
  sqlite: Side
  one: Side
  two: Side
  bare: Side
}

interface PostgresCase {
  load: EndpointLoad
  /** The ratios are to the first. */
  sides: (keyof Sides)[]
  goals: { goal: string; ours: keyof Sides; theirs: keyof Sides; least: number }[]
  /** What one replica could reach at most. */
  limit?: keyof Sides
}

const { refresh, 'token-es256': es256, 'token-rs256': rs256 } = ENDPOINT_CASES

const CASES: PostgresCase[] = [
  {
    load: es256,
    sides: ['sqlite', 'one', 'two'],
    goals: [{ goal: '/token ES256 to SQLite', ours: 'one', theirs: 'sqlite', least: 0.95 }],
  },
  {
    load: rs256,
    sides: ['one', 'sqlite', 'two'],
    goals: [{ goal: '/token RS256 of two replicas to one', ours: 'two', theirs: 'one', least: 1.6 }],
  },
  {
    load: refresh,
    sides: ['sqlite', 'one', 'two', 'bare'],
    goals: [{ goal: '/refresh to SQLite', ours: 'one', theirs: 'sqlite', least: 0.6 }],
    limit: 'bare',
  },
]

/** The number of these goals; those of the other runs come before. */
const NUMBER = 9

export async function runOnPostgres(bench: Bench): Promise<Finding> {
  const { server, end } = await serverOfRun()
  try {
    const [forOne, forTwo] = [await placeOn(server), await placeOn(server)]
    const sqlite = { ...(await bench.side('signet')), name: 'Signet, SQLite' }
    const [one, two, bare] = [await replicasOn(forOne, 1), await replicasOn(forTwo, 2), await bareOn(bench, server)]
    const whole = nothing()
    for (const each of CASES) {
      const { rows, goals, facts } = await runCase(bench, each, { sqlite, one, two, bare })
      whole.rows.push(...rows)
      whole.goals.push(...goals)
      whole.facts.push(...facts)
    }
    await Promise.all([one, two, bare].map((side) => side.stop()))
    const people = await peopleOnPostgres(bench, server)
    whole.rows.push(...people.rows)
    whole.facts.push(...people.facts)
    return whole
  } finally {
    await end()
  }
}

async function runCase(bench: Bench, { load, sides, goals, limit }: PostgresCase, all: Sides): Promise<Finding> {
  const contenders = []
  for (const name of sides) contenders.push(await contenderOf(bench, load, all[name]))
  const rows = await compare(bench, { work: load.work, contenders, base: 0 })
  const rowOf = (name: keyof Sides): Row => {
    const row = rows[sides.indexOf(name)]
    if (!row) throw new Error(`${load.work} has no side ${name}`)
    return row
  }
  return {
    rows,
    goals: goals.map(({ goal, ours, theirs, least }) => ratioGoal(NUMBER, goal, rowOf(ours), rowOf(theirs), least)),
    facts: limit
      ? [
          {
            what: `${load.work}: one replica to the ${all[limit].name}`,
            found: describe(rateRatio(rowOf('one'), rowOf(limit))),
          },
        ]
      : [],
  }
}
