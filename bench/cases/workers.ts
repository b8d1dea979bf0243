/** Two workers on one database beside one process, where Signet has workers. */
import type { Bench } from '../bench.ts'
import { nothing, type Finding } from '../finding.ts'
import { ratioGoal } from '../ratio-goal.ts'
import { compare } from '../rounds.ts'
import type { Side } from '../sides/side.ts'
import { copyOf, startSignet } from '../sides/signet.ts'
import { RS256_RESOURCE, SCOPE } from '../sides/terms.ts'

const GOAL = '/token RS256 with SIGNET_WORKERS=2 to one process'
const LEAST = 1.5

export async function workers(bench: Bench): Promise<Finding> {
  const both = await startWorkers(bench)
  if (!both) {
    const found = 'Signet does not start with SIGNET_WORKERS=2'
    return {
      ...nothing(),
      goals: [{ number: 6, goal: `${GOAL} ≥ ${LEAST.toFixed(2)}`, found, verdict: 'not measured' }],
    }
  }
  const form = { grant_type: 'client_credentials', scope: SCOPE, resource: RS256_RESOURCE }
  const contenders = [both, await bench.side('signet')].map((side) => ({
    side,
    work: bench.post(side, '/token', form),
  }))
  const rows = await compare(bench, { work: '/token, RS256, by two workers', contenders, base: 1 })
  await both.stop()
  const [ours, theirs] = rows
  if (!ours || !theirs) throw new Error('two contenders give two rows')
  return { rows, goals: [ratioGoal(6, GOAL, ours, theirs, LEAST)], facts: [] }
}

async function startWorkers({ model }: Bench): Promise<Side | undefined> {
  const options = { env: { SIGNET_WORKERS: '2' }, stderr: 'null' } as const
  try {
    return await startSignet('Signet, 2 workers', copyOf(model, 'workers'), options)
  } catch {
    return undefined
  }
}
