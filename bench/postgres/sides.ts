/** The sides of the comparison on PostgreSQL. All share one server, and each that stores has a database of its own. */
import { findPostgres, startPostgres, type PostgresServer } from '../../harness/postgres-server.ts'
import type { Bench } from '../bench.ts'
import { UsageError } from '../options.ts'
import { startBare } from '../sides/bare.ts'
import type { Side } from '../sides/side.ts'
import { makeModel, PRESENT, startSignet, type Place } from '../sides/signet.ts'

/** The server of a run, and what ends it. @throws UsageError where none is installed */
export async function serverOfRun(): Promise<{ server: PostgresServer; end: () => Promise<void> }> {
  if (findPostgres() === undefined)
    throw new UsageError('--store postgres needs an installed PostgreSQL server (initdb, postgres)')
  const endings: (() => Promise<void> | void)[] = []
  const end = async () => {
    for (const each of endings.splice(0)) await each()
  }
  process.once('exit', () => endings.forEach((each) => void each()))
  return { server: await startPostgres((each) => void endings.unshift(each)), end }
}

/** A place on a new database. All its replicas have the same keys. */
export async function placeOn(server: PostgresServer): Promise<Place> {
  const name = await server.createDatabase()
  return makeModel(PRESENT, name, { SIGNET_DATABASE_URL: server.url(name) })
}

export const replicasOn = (place: Place, count: number): Promise<Side> => {
  const names = Array.from({ length: count }, (_, index) => `${place.folder} ${index}`)
  return Promise.all(names.map((name) => startSignet(name, place))).then(asOne)
}

/** Several servers as one side, over which the load is spread. */
function asOne(sides: Side[]): Side {
  const [first, ...others] = sides
  if (!first) throw new Error('a side is at least one server')
  return {
    ...first,
    name: sides.length === 1 ? 'Signet, PostgreSQL' : `Signet, PostgreSQL, ${sides.length} replicas`,
    otherPorts: others.map(({ port }) => port),
    cpuMs: () => sides.reduce((sum, side) => sum + side.cpuMs(), 0),
    residentMiB: () => sides.reduce((sum, side) => sum + side.residentMiB(), 0),
    stop: async () => void (await Promise.all(sides.map((side) => side.stop()))),
  }
}

export const bareOn = async (bench: Bench, server: PostgresServer): Promise<Side> =>
  startBare('bare statements, PostgreSQL', bench.model.credentials, {}, server.url(await server.createDatabase()))
