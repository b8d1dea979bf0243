/**
 * The PostgreSQL of one run of the tests. It is started when the first test asks for it, and serves all test files. This
 * file runs once, before the workers, which ask it over HTTP for the name of a new database.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { findPostgres, startPostgres, type PostgresServer } from '../../harness/postgres-server.ts'

/**
 * No checkpoint in the run: it would flush some hundred files of each database of a test file, and a commit would wait for
 * longer than the two seconds that its caller waits.
 */
const WITHOUT_CHECKPOINTS = { checkpoint_timeout: '1d', max_wal_size: '16GB' }

export default async function setup(): Promise<() => Promise<void>> {
  const endings: (() => Promise<void> | void)[] = []
  let started: Promise<PostgresServer> | undefined
  const databases = createServer((_request, response) => {
    started ??= startPostgres((work) => void endings.unshift(work), WITHOUT_CHECKPOINTS)
    started
      .then(async (server) => server.url(await server.createDatabase()))
      .then(
        (url) => response.end(url),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
  })
  await new Promise<void>((listening) => databases.listen(0, '127.0.0.1', listening))
  if (findPostgres() !== undefined) {
    const { port } = databases.address() as AddressInfo // bound to a TCP port, so it is no path
    process.env.SIGNET_TEST_POSTGRES = `http://127.0.0.1:${port}`
  } else if (process.env.SIGNET_TEST_DATABASE === 'postgres') {
    throw new Error('SIGNET_TEST_DATABASE=postgres needs an installed PostgreSQL server (initdb, postgres)')
  } else {
    process.stderr.write('\nno PostgreSQL server is installed: everything on PostgreSQL is SKIPPED\n\n')
  }
  return async () => {
    databases.close()
    databases.closeAllConnections()
    for (const end of endings) await end()
  }
}
