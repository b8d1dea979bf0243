/** The endpoints: each is measured beside a bare handler that does the same work, and beside the peers that have it. */
import type { Bench, SideName } from '../bench.ts'
import type { Finding, Goal, Row } from '../finding.ts'
import { CONNECTIONS, type Work } from '../load/work.ts'
import { describe, rateRatio, ratioGoal } from '../ratio-goal.ts'
import { compare, type Contender } from '../rounds.ts'
import type { Side } from '../sides/side.ts'
import { RS256_RESOURCE, SCOPE } from '../sides/terms.ts'
import { INTROSPECTED, introspecting, introspectingOnce, preparingTokens } from './introspecting.ts'

/** A load that any side can be put under. */
export interface EndpointLoad {
  work: string
  workOn: (bench: Bench, side: Side) => Promise<Work>
  /** Makes the tokens that each round uses up. */
  prepareOn?: (bench: Bench, side: Side) => (seconds: number) => Promise<void>
}

interface EndpointCase extends EndpointLoad {
  /** The ratios are to the bare handler, which comes second. */
  sides: SideName[]
  /** The least ratio of Signet's row to the row of another side. */
  goals: { number: number; goal: string; against: SideName; least: number }[]
  /** Two sides that run the same program: their difference is the noise. */
  pairs?: [SideName, SideName][]
}

export const clientCredentials = { grant_type: 'client_credentials', scope: SCOPE }

const BARE = 'to a bare handler with node:crypto and one map'

export const ENDPOINT_CASES = {
  'token-es256': {
    work: '/token, ES256',
    sides: ['signet', 'bare', 'secondSignet', 'secondBare', 'oidcMap', 'oauth2Server'],
    workOn: async (bench, side) => bench.post(side, '/token', clientCredentials),
    goals: [
      { number: 1, goal: '/token ES256 to the batched bare handler', against: 'bare', least: 0.9 },
      { number: 1, goal: '/token ES256 to oidc-provider in memory', against: 'oidcMap', least: 3.2 },
    ],
    pairs: [
      ['secondBare', 'bare'],
      ['secondSignet', 'signet'],
    ],
  },
  'token-rs256': {
    work: '/token, RS256',
    sides: ['signet', 'bare', 'oidcMap', 'oauth2Server'],
    workOn: async (bench, side) => bench.post(side, '/token', { ...clientCredentials, resource: RS256_RESOURCE }),
    goals: [{ number: 1, goal: '/token RS256 to oidc-provider in memory', against: 'oidcMap', least: 1.6 }],
  },
  refresh: {
    work: '/refresh, durable',
    sides: ['signet', 'bare', 'normalSignet', 'secondBare', 'oidcMap', 'oidcSqlite', 'oauth2Server'],
    workOn: refreshing,
    goals: [
      { number: 2, goal: '/refresh to the group-committing bare handler', against: 'bare', least: 0.85 },
      { number: 2, goal: '/refresh to oidc-provider on SQLite with FULL', against: 'oidcSqlite', least: 6 },
      { number: 2, goal: '/refresh to oidc-provider in memory', against: 'oidcMap', least: 2.5 },
      { number: 2, goal: '/refresh to Signet with synchronous=NORMAL', against: 'normalSignet', least: 0.75 },
    ],
    pairs: [['secondBare', 'bare']],
  },
  jwks: {
    work: 'JWKS',
    sides: ['signet', 'bare', 'oidcMap'],
    workOn: async (_bench, { port, paths }) => ({ port, method: 'GET', path: paths.jwks }),
    goals: [{ number: 3, goal: 'JWKS to a bare handler with the same body', against: 'bare', least: 0.95 }],
  },
  metadata: {
    work: 'metadata',
    sides: ['signet', 'bare'],
    workOn: async (_bench, { port }) => ({ port, method: 'GET', path: '/.well-known/openid-configuration' }),
    goals: [{ number: 3, goal: 'metadata to a bare handler with the same body', against: 'bare', least: 0.95 }],
  },
  introspect: {
    work: `/introspect, ${INTROSPECTED} tokens again and again`,
    sides: ['signet', 'bare'],
    workOn: introspecting,
    goals: [{ number: 3, goal: `/introspect ${BARE}, tokens asked about before`, against: 'bare', least: 1 }],
  },
  'introspect-once': {
    work: '/introspect, each token once',
    sides: ['signet', 'bare'],
    workOn: introspectingOnce,
    prepareOn: preparingTokens,
    goals: [{ number: 3, goal: `/introspect ${BARE}, each token for the first time`, against: 'bare', least: 1 }],
  },
} satisfies Record<string, EndpointCase>

const refreshPoolOf = (side: Side): string => `refresh ${side.name}`

/** Refresh tokens for every connection; the token of each response is used by the next request. */
export async function refreshing(bench: Bench, side: Side): Promise<Work> {
  bench.load.fill(refreshPoolOf(side), [])
  await bench.createFamilies(side, refreshPoolOf(side), CONNECTIONS)
  return refreshWork(bench, side)
}

/** The same load, with tokens of families that exist already. */
export function refreshingTokens(bench: Bench, side: Side, tokens: string[]): Work {
  bench.load.fill(refreshPoolOf(side), tokens)
  return refreshWork(bench, side)
}

const refreshWork = (bench: Bench, side: Side): Work => ({
  ...bench.post(side, side.paths.refresh, { grant_type: 'refresh_token' }),
  takes: { pool: refreshPoolOf(side), as: 'refresh_token' },
  keeps: { pool: refreshPoolOf(side), member: 'refresh_token' },
})

/** A side under a load. @param name for the table */
export async function contenderOf(
  bench: Bench,
  { workOn, prepareOn }: EndpointLoad,
  side: Side,
  name = side.name,
): Promise<Contender> {
  const prepare = prepareOn?.(bench, side)
  return { side: { ...side, name }, work: await workOn(bench, side), ...(prepare && { prepare }) }
}

/** Measures one endpoint on all its sides. */
export async function runEndpointCase(bench: Bench, definition: EndpointCase): Promise<Finding> {
  const { work, sides, goals, pairs = [] } = definition
  const running = await Promise.all(sides.map((name) => bench.side(name)))
  const contenders: Contender[] = []
  for (const side of running) contenders.push(await contenderOf(bench, definition, side))
  const rows = await compare(bench, { work, contenders, base: sides.indexOf('bare') })
  const rowOf = (name: SideName): Row => {
    const row = rows[sides.indexOf(name)]
    if (!row) throw new Error(`${work} has no side ${name}`)
    return row
  }
  const toGoal = ({ number, goal, against, least }: EndpointCase['goals'][number]): Goal =>
    ratioGoal(number, goal, rowOf('signet'), rowOf(against), least)
  const facts = pairs.map(([again, first]) => ({
    what: `noise floor, ${work}: ${rowOf(again).side} to ${rowOf(first).side}`,
    found: describe(rateRatio(rowOf(again), rowOf(first))),
  }))
  return { rows, goals: goals.map(toGoal), facts }
}
