/** PostgreSQL is restarted, drops its connections, is cut off, has no connection left, and is replaced by its standby. */
import { setTimeout as pause } from 'node:timers/promises'
import { startStandby, type PostgresServer } from '../../../harness/postgres-server.ts'
import type { Context, Fault } from '../../fault.ts'
import { allOf, atLeast, below, control, exactly, type Finding } from '../../finding.ts'
import { startCluster, type Cluster } from '../../replicas/cluster.ts'
import { Load } from '../../replicas/load.ts'

const RECOVERED_WITHIN_MS = 5000
/** How long the load goes on afterwards. */
const AFTER_MS = 6000
/** A request waits so long for the database before its 503. */
const WAITS_MS = 2000
/** An outage of its own length is longer than a request waits, so that it is felt. */
const FELT_MS = 3000

interface Outage {
  what: string
  /** Work while all is well, before the load is measured. */
  prepare?(cluster: Cluster, context: Context): Promise<void>
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
      await pause(FELT_MS)
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
  { what: 'pool exhausted', isFelt: true, make: exhaust },
  promotion(),
]

/** The standby is there before the primary goes. */
function promotion(): Outage {
  let standby: PostgresServer | undefined
  return {
    what: 'a promoted standby',
    isFelt: true,
    async prepare({ postgres }, context) {
      standby = await startStandby(postgres, context.onEnd)
    },
    async make({ postgres, network }) {
      if (!standby) throw new Error('the standby was prepared')
      await postgres.halt('SIGQUIT')
      await pause(FELT_MS)
      await standby.query('SELECT pg_promote()')
      network.turnTo(standby.port)
    },
  }
}

export const outages: Fault = {
  name: 'replica-outages',
  title: 'PostgreSQL away',
  async run(context) {
    const cluster = await startOne(context)
    const findings: Finding[] = []
    for (const outage of OUTAGES) findings.push(...(await trial(context, outage, cluster)))
    return [...findings, await controlOf(context)]
  },
}

const startOne = (context: Context): Promise<Cluster> => startCluster(context, { env: { SIGNET_REFRESH_GRACE: '5m' } })

async function trial(context: Context, { what, prepare, make, isFelt }: Outage, cluster: Cluster): Promise<Finding[]> {
  await prepare?.(cluster, context)
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
  const note = `${load.sent} requests, away for ${((whole - began) / 1000).toFixed(1)} s`
  // Half of the load needs the database, so each second beyond the first two has its 503.
  const least = Math.max(1, Math.floor((whole - began - WAITS_MS) / 1000))
  return [
    exactly(`${what}: responses other than 200 and 503, or none`, broken, 0, load.wrong[0] ?? note),
    exactly('… 503 before it', before, 0),
    ...(isFelt ? [atLeast('… 503 meanwhile', load.unavailableAt.length, least)] : []),
    below(
      '… last 503 after the database was there again',
      recovered,
      RECOVERED_WITHIN_MS,
      'ms',
      recovered > 0 ? load.lastUnavailable : '',
    ),
    allOf('… key sets answered', answered, asked),
    exactly('… families lost', lost.length, 0, lost[0]),
    exactly('… tokens doubly valid', doublyValid, 0),
  ]
}

/** The role may have fewer connections than there are replicas, while they have to make theirs anew. */
async function exhaust({ postgres, database, role }: Cluster): Promise<void> {
  await postgres.query(`ALTER ROLE ${role} CONNECTION LIMIT 2`)
  await postgres.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`)
  await pause(4000)
  await postgres.query(`ALTER ROLE ${role} CONNECTION LIMIT -1`)
}

/** An outage that is longer than it says, in which a replica dies and rows are lost. */
const UNTOLD: Outage = {
  what: 'longer than it says, a replica killed, rows taken out',
  isFelt: true,
  async make({ network, replicas, postgres, database }) {
    network.swallow(true)
    setTimeout(() => network.swallow(false), RECOVERED_WITHIN_MS + 700)
    await replicas[0]?.stop('SIGKILL')
    await postgres.query('DELETE FROM signet.grants', database)
  },
}

async function controlOf(context: Context): Promise<Finding> {
  const findings = await trial(context, UNTOLD, await startOne(context))
  const missed = findings.filter(({ holds }) => !holds).map(({ what, found }) => `${what} ${found.split(' (')[0]}`)
  const wanted = ['responses other', 'last 503', 'families lost']
  const fails = wanted.every((name) => missed.some((what) => what.includes(name)))
  return control(UNTOLD.what, missed.join('; '), 'as above', fails)
}
