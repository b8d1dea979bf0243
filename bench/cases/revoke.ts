/**
 * `/revoke` of live refresh tokens, beside `/refresh` of the same Signet. Other cases use another Signet, because
 * each revocation leaves an entry on the blacklist for a while.
 */
import type { Bench } from '../bench.ts'
import type { Finding } from '../finding.ts'
import { ratioGoal } from '../ratio-goal.ts'
import { compare } from '../rounds.ts'
import type { Side } from '../sides/side.ts'
import { contenderOf, refreshing, type EndpointLoad } from './endpoints.ts'

/** More tokens than a second can revoke. A round that finds no more tokens ends early, and its rate is of its real length. */
const TOKENS_A_SECOND = 6000

const poolOf = (side: Side): string => `revoke ${side.name}`

export const REVOKING: EndpointLoad = {
  work: '/revoke of live refresh tokens',
  workOn: async (bench, side) => ({ ...bench.post(side, '/revoke'), takes: { pool: poolOf(side), as: 'token' } }),
  prepareOn: (bench, side) => async (seconds) => {
    bench.load.fill(poolOf(side), [])
    await bench.createFamilies(side, poolOf(side), Math.ceil(seconds * TOKENS_A_SECOND))
  },
}

export async function revoke(bench: Bench): Promise<Finding> {
  const side = await bench.side('secondSignet')
  const contenders = [
    await contenderOf(bench, REVOKING, side, 'Signet, /revoke'),
    { side: { ...side, name: 'Signet, /refresh' }, work: await refreshing(bench, side) },
  ]
  const rows = await compare(bench, { work: REVOKING.work, contenders, base: 1 })
  const [ours, theirs] = rows
  if (!ours || !theirs) throw new Error('two contenders give two rows')
  return { rows, goals: [ratioGoal(3, '/revoke to /refresh', ours, theirs, 0.8)], facts: [] }
}
