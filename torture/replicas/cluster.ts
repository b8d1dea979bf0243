/** Replicas as processes on one PostgreSQL of the trial, behind a round-robin proxy. They connect as an ordinary role. */
import { startBalancer, type Balancer } from '../../harness/balancer.ts'
import { startPostgres, type PostgresServer } from '../../harness/postgres-server.ts'
import type { Launch } from '../../harness/program.ts'
import { Caller } from '../caller.ts'
import type { Context } from '../fault.ts'
import { preparePlace, type Place, type PlaceOptions } from '../place.ts'
import type { ServerProcess } from '../server-process.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

export interface Cluster {
  postgres: PostgresServer
  database: string
  /** The owner of the database, as which the replicas connect. */
  role: string
  place: Place
  /** All connections of the replicas to the database go through it. */
  network: TcpProxy
  balancer: Balancer
  replicas: ServerProcess[]
  /** Over all replicas, in turn. */
  app: Caller
  /** Starts a replica and gives it requests. It takes the place of the one at `index`. */
  replace(index: number, launch?: Partial<Launch>): Promise<void>
}

export interface ClusterOptions extends PlaceOptions {
  /** How many replicas; three unless a trial says otherwise. */
  size?: number
  /** For the first replicas, such as another version. @param index the place of the replica */
  launch?: (index: number) => Partial<Launch>
  /** Puts a pooler before the database. @returns the port of the pooler */
  pool?: (postgres: PostgresServer, role: string) => Promise<number>
}

export async function startCluster(
  context: Context,
  { env = {}, size = 3, launch = () => ({}), pool, ...options }: ClusterOptions = {},
): Promise<Cluster> {
  const postgres = await startPostgres(context.onEnd)
  const role = await postgres.createRole()
  const database = await postgres.createDatabase(role)
  const network = await startTcpProxy(context, (await pool?.(postgres, role)) ?? postgres.port)
  const url = postgres.url(database, '', role).replace(`:${postgres.port}/`, `:${network.port}/`)
  const place = preparePlace(context, { ...options, env: { SIGNET_DATABASE_URL: url, ...env } })
  const balancer = await startBalancer(context.onEnd)
  const replicas: ServerProcess[] = []
  const replace = async (index: number, given: Partial<Launch> = {}): Promise<void> => {
    const started = await place.start(given)
    replicas[index] = started
    balancer.add(started.url)
  }
  for (let index = 0; index < size; index++) await replace(index, launch(index))
  const app = new Caller(balancer.url, place.app)
  context.onEnd(() => app.close())
  return { postgres, database, role, place, network, balancer, replicas, app, replace }
}

/** Whom a trial asks as the administrator, at any replica. */
export async function operatorAt(url: string, { operator }: Place) {
  const headers = { authorization: `Bearer ${await new Caller(url, operator).accessToken()}` }
  const caller = new Caller(url)
  return (path: string, json?: unknown, method = 'POST') => caller.send(path, { method, headers, json })
}
