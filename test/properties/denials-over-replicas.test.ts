/**
 * The property of denials over three replicas as processes, behind a round-robin proxy: no token is accepted by any replica
 * after its denial was answered by another, once the news has had its time. The clock of a database cannot be moved, so
 * time does not pass here; the property of one issuer has it.
 *
 * Not again on PostgreSQL: it opens one itself.
 */
import * as fc from 'fast-check'
import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { startBalancer, type Balancer } from '../../harness/balancer.ts'
import { followerOf } from '../support/acceptance.ts'
import { createClient, declareOperator, operatorOf, type Operator } from '../support/admin.ts'
import type { Answer } from '../support/client.ts'
import { startProxy } from '../support/database-proxy.ts'
import { environmentOf, movableClock, temporaryFolder } from '../support/issuer.ts'
import { hasPostgres, newDatabase } from '../support/postgres.ts'
import { serve, type ServerProcess } from '../support/process.ts'
import { API } from '../support/shared.ts'
import type { WriteLock } from '../support/write-lock.ts'
import { DenialRun, type Step, type World } from './denial-run.ts'
import { steps, TELLING } from './denial-sequences.ts'

const REPLICAS = 3
/** A second by the contract; more on a machine that does much else. `npm run torture` measures the second. */
const HEARD_WITHIN_MS = 5000

/** The suite runs the telling sequences alone; `SIGNET_TEST_DENIAL_RUNS=500` runs that many. */
const RUNS = Number(process.env.SIGNET_TEST_DENIAL_RUNS ?? TELLING.length)

interface Replicas extends World {
  /** The environment of another one. */
  env: Record<string, string>
}

async function startReplicas(): Promise<Replicas> {
  const folder = temporaryFolder()
  const balancer = await startBalancer(onTestFinished)
  const { file, credentials } = declareOperator(folder, `resources:\n  - id: ${API}`)
  const url = await newDatabase()
  const env = environmentOf(folder, {
    SIGNET_DATABASE_URL: url,
    SIGNET_CONFIG: file,
    SIGNET_ISSUER: balancer.url,
    SIGNET_LOG_LEVEL: 'warn',
  })
  const replicas: ServerProcess[] = []
  for (let index = 0; index < REPLICAS; index++) replicas.push(await join(balancer, env))
  const issuer = { url: balancer.url, issuer: balancer.url, clock: movableClock() }
  const operator = patient(operatorOf(issuer, credentials))
  return {
    env,
    issuer,
    addresses: () => replicas.map((replica) => addressOf(replica)),
    operator,
    follower: followerOf(issuer),
    observer: await createClient(operator, { client_id: 'observer', resources: [API] }),
    async restart() {
      const killed = replicas.shift()
      if (!killed) return
      balancer.expectDeath(addressOf(killed))
      await killed.stop('SIGKILL')
      replicas.push(await join(balancer, env))
    },
    lock: () => holdRevision(url),
    pass() {},
    heardWithinMs: HEARD_WITHIN_MS,
  }
}

/** By an address, not a name, so that no resolver takes part. */
const addressOf = ({ port }: ServerProcess): string => `http://127.0.0.1:${port}`

async function join(balancer: Balancer, env: Record<string, string>): Promise<ServerProcess> {
  const replica = await serve(env)
  balancer.add(addressOf(replica))
  return replica
}

/** An operator tries again while a replica has not heard which key was revoked, or which client made. */
function patient(operator: Operator): Operator {
  const call = async (...what: Parameters<Operator['call']>): Promise<Answer> => {
    const deadline = performance.now() + HEARD_WITHIN_MS
    for (;;) {
      const answer = await operator.call(...what)
      if (answer.status !== 401 || performance.now() > deadline) return answer
    }
  }
  return { ...operator, call }
}

async function holdRevision(connectionString: string): Promise<WriteLock> {
  const client = new Client({ connectionString })
  await client.connect()
  onTestFinished(() => client.end())
  await client.query('BEGIN; SELECT value FROM signet.revision FOR UPDATE')
  return { release: () => void client.query('ROLLBACK') }
}

async function runOne(world: World, sequence: Step[]): Promise<void> {
  const run = await DenialRun.start(world)
  for (const step of sequence) await run.do(step)
  await run.finish()
}

test.runIf(hasPostgres)(
  'no replica accepts a token after its denial was answered by another',
  async () => {
    const world = await startReplicas()
    const property = fc.asyncProperty(steps, (sequence) => runOne(world, sequence))
    await fc.assert(property, { numRuns: RUNS, examples: TELLING.map((each) => [each]), endOnFailure: true })
  },
  RUNS * 20_000 + 60_000,
)

test.runIf(hasPostgres)('a replica that hears of nothing is found', async () => {
  const world = await startReplicas()
  const url = new URL(world.env.SIGNET_DATABASE_URL ?? '')
  const proxy = await startProxy(Number(url.port))
  url.port = String(proxy.port)
  const deaf = await serve({ ...world.env, SIGNET_DATABASE_URL: url.href })
  const addresses = () => [...world.addresses(), addressOf(deaf)]
  const withDeaf = { ...world, addresses }
  const run = await DenialRun.start(withDeaf)
  await run.do({ step: 'together', acts: [mintOne], lock: false, pass: 0 })
  // A replica that has not heard of the client accepts none of its tokens.
  await run.expectGood()
  proxy.swallow(true)
  // It answers for ten seconds without its database.
  withDeaf.heardWithinMs = 1000
  const denying = run.do({ step: 'together', acts: [{ act: 'deny', by: 'jti', pick: 0 }], lock: false, pass: 0 })
  await expect(denying).rejects.toThrow(`replica ${REPLICAS}`)
})

const mintOne = { act: 'mint', client: 0, person: null, offline: false } as const
