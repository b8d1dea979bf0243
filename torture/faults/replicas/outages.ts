/** PostgreSQL is restarted, drops its connections, is cut off, has no connection left, and is replaced by its standby. */
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { startStandby } from '../../../harness/postgres-server.ts'
import type { Context, Fault } from '../../fault.ts'
import { allOf, atLeast, below, control, exactly, type Finding } from '../../finding.ts'
import { startCluster, type Cluster } from '../../replicas/cluster.ts'
import { Load } from '../../replicas/load.ts'

const RECOVERED_WITHIN_MS = 5000
/** How long the load goes on afterwards. */
const AFTER_MS = 6000

interface Outage {
  what: string
  /** Breaks the database and mends it; resolves when it is whole again. */
  make(cluster: Cluster, context: Context): Promise<void>
  /** Whether writes must have failed meanwhile: an outage that nobody notices shows nothing. */
  isFelt: boolean
}

const OUTAGES: Outage[] = [
  {
    what: 'restarted',
    isFelt: true,
    async make({ postgres }) {
      await postgres.halt()
      await pause(3000)
      await postgres.resume()
    },
  },
  {
    what: 'connections terminated every 2 s',
    isFelt: false,
    async make({ postgres, database }, context) {
      for (let time = 0; time < context.count(4, 30); time++) {
        await postgres.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`)
        await pause(2000)
      }
    },
  },
  {
    what: 'cut off',
    isFelt: true,
    async make({ network }, context) {
      network.swallow(true)
      await pause(context.count(5000, 30_000))
      network.swallow(false)
    },
  },
  { what: 'no connection left', isFelt: true, make: exhaust },
  {
    what: 'a promoted standby',
    isFelt: true,
    async make({ postgres, network }, context) {
      const standby = await startStandby(postgres, context.onEnd)
      await postgres.halt('SIGQUIT')
      await standby.query('SELECT pg_promote()')
      network.turnTo(standby.port)
    },
  },
]

export const outages: Fault = {
  name: 'replica-outages',
  title: 'PostgreSQL away',
  async run(context) {
    const findings: Finding[] = []
    for (const outage of OUTAGES) findings.push(...(await trial(context, outage)))
    return [...findings, controlOf()]
  },
}

async function trial(context: Context, { what, make, isFelt }: Outage): Promise<Finding[]> {
  const cluster = await startCluster(context, { env: { SIGNET_REFRESH_GRACE: '5m' } })
  const load = new Load(cluster.app, 50)
  await load.prepare()
  let isOver = false
  const running = load.run(() => isOver)
  await pause(1000)
  const began = performance.now()
  await make(cluster, context)
  const whole = performance.now()
  context.progress(`${what}: whole again after ${((whole - began) / 1000).toFixed(1)} s`)
  await pause(AFTER_MS)
  isOver = true
  await running
  const { lost, doublyValid } = await load.check()
  await Promise.all(cluster.replicas.map((replica) => replica.stop()))
  return findingsOf({ what, isFelt, load, began, whole, lost, doublyValid })
}

interface Outcome {
  what: string
  isFelt: boolean
  load: Load
  began: number
  whole: number
  lost: string[]
  doublyValid: number
}

function findingsOf({ what, isFelt, load, began, whole, lost, doublyValid }: Outcome): Finding[] {
  const before = load.unavailableAt.filter((at) => at < began).length
  const recovered = Math.max(0, ...load.unavailableAt.map((at) => at - whole))
  const { asked, answered } = load.keySets
  const broken = load.broken + load.wrong.length
  const note = `${load.sent} requests, ${load.unavailableAt.length} times 503, away for ${((whole - began) / 1000).toFixed(1)} s`
  return [
    exactly(`${what}: responses other than 200 and 503, or none`, broken, 0, load.wrong[0] ?? note),
    exactly('… 503 before it', before, 0),
    ...(isFelt ? [atLeast('… 503 meanwhile', load.unavailableAt.length, 1)] : []),
    below('… last 503 after the database was there again', recovered, RECOVERED_WITHIN_MS, 'ms'),
    allOf('… key sets answered', answered, asked),
    exactly('… families lost', lost.length, 0, lost[0]),
    exactly('… tokens doubly valid', doublyValid, 0),
  ]
}

/** Takes every connection of the server while the replicas have to make theirs anew. */
async function exhaust({ postgres, database }: Cluster): Promise<void> {
  const held: Client[] = []
  const one = async (): Promise<boolean> => {
    const client = new Client({ connectionString: postgres.url('postgres') })
    client.on('error', () => {})
    return client.connect().then(
      () => held.push(client) > 0,
      () => false,
    )
  }
  while (await one());
  const first = held[0]
  await first?.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`)
  while (await one());
  await pause(4000)
  await Promise.all(held.map((client) => client.end()))
}

/** A 503 that comes later than the bound is seen. */
function controlOf(): Finding {
  const late = below('', RECOVERED_WITHIN_MS + 1, RECOVERED_WITHIN_MS, 'ms')
  return control('a 503 after 5001 ms', late.found, late.bound, !late.holds)
}
