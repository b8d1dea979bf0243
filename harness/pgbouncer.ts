/** PgBouncer before a PostgreSQL of one's own, from the program that is installed. It is gone afterwards. */
import { spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import type { OnEnd } from './folder.ts'
import { freePort, ownFolder, serverUser, type PostgresServer } from './postgres-server.ts'

/** How long a connection to the server is lent: for a transaction, or for a statement. */
export type PoolMode = 'transaction' | 'statement'

/** The program; `undefined` where it is not installed. */
export const findPgBouncer = (): string | undefined =>
  ['/usr/sbin', ...(process.env.PATH ?? '').split(delimiter)]
    .map((folder) => join(folder, 'pgbouncer'))
    .find((file) => existsSync(file))

/** Starts it for one role. @returns its port @throws Error where it is not installed: ask `findPgBouncer` before */
export async function startPgBouncer(
  { postgres, role, mode }: { postgres: PostgresServer; role: string; mode: PoolMode },
  onEnd: OnEnd,
): Promise<number> {
  const program = findPgBouncer()
  if (program === undefined) throw new Error('PgBouncer is not installed')
  const user = serverUser()
  const folder = ownFolder(user, onEnd)
  const port = await freePort()
  const { password } = new URL(postgres.url('postgres', '', role))
  writeFileSync(join(folder, 'users'), `"${role}" "${decodeURIComponent(password)}"\n`)
  writeFileSync(join(folder, 'pgbouncer.ini'), settingsOf({ folder, port, to: postgres.port, mode }))
  const child = spawn(program, [join(folder, 'pgbouncer.ini')], { ...user, cwd: folder, stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  onEnd(async () => {
    child.kill('SIGQUIT')
    await ended
  })
  await untilOpen(port)
  return port
}

interface Settings {
  folder: string
  port: number
  to: number
  mode: PoolMode
}

/** Fewer connections to the server than the replicas have to the pooler, so that connections are really lent. */
const settingsOf = ({ folder, port, to, mode }: Settings): string => `[databases]
* = host=127.0.0.1 port=${to}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${join(folder, 'users')}
pool_mode = ${mode}
default_pool_size = 8
max_client_conn = 200
`

const OPEN_WITHIN_MS = 10_000

async function untilOpen(port: number): Promise<void> {
  const deadline = performance.now() + OPEN_WITHIN_MS
  while (!(await isOpen(port))) {
    if (performance.now() > deadline) throw new Error('PgBouncer does not listen')
    await new Promise((wake) => setTimeout(wake, 25))
  }
}

const isOpen = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      done(true)
    })
    socket.once('error', () => done(false))
  })
