/** A process that makes load, so that the work of counting does not slow the measured requests down. */
import { Job } from './job.ts'
import { Pools } from './pools.ts'
import type { Order, Report, Round } from './work.ts'

const pools = new Pools()
const running = new Map<number, Job>()
const report = (what: Report): void => void process.send?.(what)

// The other end sends orders and nothing else.
process.on('message', (message) => void carryOut(message as Order))
process.on('disconnect', () => process.exit(0))

async function carryOut(order: Order): Promise<void> {
  if (order.kind === 'fill') pools.fill(order.pool, order.tokens)
  else if (order.kind === 'end') running.get(order.job)?.end()
  else report({ job: order.job, round: await run(order.job, new Job(order.work, pools), order.seconds) })
}

async function run(id: number, job: Job, seconds: number): Promise<Round> {
  running.set(id, job)
  const round = await job.run(seconds)
  running.delete(id)
  return round
}
