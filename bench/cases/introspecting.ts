/**
 * Loads on `/introspect`. An API asks about the same token at each request of its user, and an issuer may remember
 * the tokens that it has verified. The cost of a verification shows only where no token comes twice.
 */
import type { Bench } from '../bench.ts'
import type { Work } from '../load/work.ts'
import type { Side } from '../sides/side.ts'
import { SCOPE } from '../sides/terms.ts'

/** Distinct tokens. Requests ask about one after the other, then begin again. */
export const INTROSPECTED = 2000

/** More tokens than a second can verify. A round that finds no more tokens ends early, and its rate is of its real length. */
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
