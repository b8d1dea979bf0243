/**
 * Loads on `/introspect`. An API asks about the same token at each request of its user, and an issuer may remember
 * what it has verified; what verifying costs shows where no token comes twice.
 */
import type { Bench } from '../bench.ts'
import type { Work } from '../load/work.ts'
import type { Side } from '../sides/side.ts'
import { SCOPE } from '../sides/terms.ts'

/** Distinct tokens that are asked about one after the other, again and again. */
export const INTROSPECTED = 2000

/** More than a second can verify; a round that finds no more ends earlier, and its rate is of the time it took. */
const TOKENS_A_SECOND = 15_000

export async function introspecting(bench: Bench, side: Side): Promise<Work> {
  const pool = `introspect ${side.name}`
  await issueTokens(bench, side, pool, INTROSPECTED)
  return { ...bench.post(side, '/introspect'), takes: { pool, as: 'token', putBack: true } }
}

const poolOf = (side: Side): string => `introspect once ${side.name}`

export const introspectingOnce = async (bench: Bench, side: Side): Promise<Work> => ({
  ...bench.post(side, '/introspect'),
  takes: { pool: poolOf(side), as: 'token' },
})

export const preparingTokens = (bench: Bench, side: Side) => async (seconds: number) => {
  bench.load.fill(poolOf(side), [])
  await issueTokens(bench, side, poolOf(side), Math.ceil(seconds * TOKENS_A_SECOND))
}

async function issueTokens(bench: Bench, side: Side, pool: string, count: number): Promise<void> {
  const issuing = bench.post(side, '/token', { grant_type: 'client_credentials', scope: SCOPE })
  const keeps = { pool, member: 'access_token' } as const
  await bench.run(`tokens of ${side.name}`, { ...issuing, keeps, requests: count }, 120)
}
