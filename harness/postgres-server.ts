/**
 * A real PostgreSQL of one's own, from the server that is installed: in a folder of its own, on a free port, gone
 * afterwards. Its durability is that of production (`fsync` is on).
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Client } from 'pg'
import type { OnEnd } from './folder.ts'

/** Settings of the server by their names, beyond those that every server here has. */
type Settings = Readonly<Record<string, string>>

export interface PostgresServer {
  port: number
  /** The folder of its Unix socket. */
  folder: string
  /** The URL of a database. @param role the superuser where it is left out */
  url(database: string, parameters?: string, role?: string): string
  /** Makes an empty database with an unused name. @param owner the superuser where it is left out @returns its name */
  createDatabase(owner?: string): Promise<string>
  /** Makes a role that may log in, and nothing else. @returns its name */
  createRole(): Promise<string>
  /** Runs a statement as the superuser. */
  query(text: string, database?: string): Promise<Record<string, unknown>[]>
  /** Ends the server as an operator does, and waits for it. */
  halt(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on the same port and data. */
  resume(): Promise<void>
}

const SUPERUSER = 'owner'
/** With signs that a URL has to escape. */
const PASSWORD = 'p@ss:w/rd#%'

/** The folder of the server's programs; `undefined` where none is installed. */
export function findPostgres(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((one, other) => Number(other) - Number(one)) : []
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ]
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
}

/** Servers refuse to run as root, so they run as the user that its package made, or as nobody. */
export function serverUser(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const users = readFileSync('/etc/passwd', 'utf8')
  const found = /^(?:postgres):[^:]*:(\d+):(\d+):/m.exec(users) ?? /^(?:nobody):[^:]*:(\d+):(\d+):/m.exec(users)
  return { uid: Number(found?.[1] ?? 65_534), gid: Number(found?.[2] ?? 65_534) }
}

/** Starts a server. @throws Error where none is installed: ask `findPostgres` before */
export async function startPostgres(onEnd: OnEnd, settings: Settings = {}): Promise<PostgresServer> {
  const programs = findPostgres()
  if (programs === undefined) throw new Error('no PostgreSQL server is installed')
  const user = serverUser()
  const folder = ownFolder(user, onEnd)
  initialise(programs, folder, user)
  return serve({ programs, folder, user, settings }, onEnd)
}

interface Installation {
  programs: string
  folder: string
  user: { uid?: number; gid?: number }
  settings?: Settings
}

/** Starts a server on the data that stand in its folder, and waits until it answers. */
async function serve(installation: Installation, onEnd: OnEnd): Promise<PostgresServer> {
  const { folder } = installation
  const port = await freePort()
  let running = launch(installation, port)
  onEnd(async () => end(running, 'SIGQUIT'))
  let count = 0
  const server: PostgresServer = {
    port,
    folder,
    url: (database, parameters = '', role = SUPERUSER) =>
      `postgres://${role}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${database}${parameters}`,
    async createDatabase(owner = SUPERUSER) {
      const name = `test_${process.pid}_${(count += 1)}`
      await server.query(`CREATE DATABASE ${name} OWNER ${owner}`)
      return name
    },
    async createRole() {
      const name = `role_${process.pid}_${(count += 1)}`
      await server.query(`CREATE ROLE ${name} LOGIN PASSWORD '${PASSWORD}'`)
      return name
    },
    query: (text, database = 'postgres') => queryOnce(server.url(database), text),
    halt: (signal = 'SIGINT') => end(running, signal),
    async resume() {
      running = launch(installation, port)
      await untilReady(server)
    },
  }
  await untilReady(server)
  return server
}

/**
 * A hot standby that follows a server. The server waits for it at each commit, so nothing acknowledged is lost where it
 * takes over. It is promoted by `SELECT pg_promote()`.
 */
export async function startStandby(primary: PostgresServer, onEnd: OnEnd): Promise<PostgresServer> {
  const programs = findPostgres()
  if (programs === undefined) throw new Error('no PostgreSQL server is installed')
  const installation = { programs, user: serverUser(), folder: ownFolder(serverUser(), onEnd) }
  const { folder, user } = installation
  const args = ['-D', join(folder, 'data'), '-R', '-X', 'stream', '-c', 'fast', '-d', primary.url('postgres')]
  const copied = spawnSync(join(programs, 'pg_basebackup'), args, { ...user, cwd: folder, encoding: 'utf8' })
  if (copied.status !== 0) throw new Error(`pg_basebackup failed: ${copied.stderr}`)
  const standby = await serve(installation, onEnd)
  await primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
  await primary.query('SELECT pg_reload_conf()')
  const deadline = performance.now() + READY_WITHIN_MS
  while ((await primary.query("SELECT FROM pg_stat_replication WHERE sync_state = 'sync'")).length === 0) {
    if (performance.now() > deadline) throw new Error('the standby does not follow')
    await new Promise((wake) => setTimeout(wake, 25))
  }
  return standby
}

/** A temporary folder of the server's user. */
export function ownFolder(user: { uid?: number; gid?: number }, onEnd: OnEnd): string {
  const folder = mkdtempSync(join(tmpdir(), 'signet-postgres-'))
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid)
  onEnd(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** Texts are ordered by a language there, as in most databases, so that nothing rests on the order of bytes. */
function initialise(programs: string, folder: string, user: { uid?: number; gid?: number }): void {
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, PASSWORD, { mode: 0o644 })
  const made = spawnSync(
    join(programs, 'initdb'),
    [
      '-D',
      join(folder, 'data'),
      '-U',
      SUPERUSER,
      '-A',
      'scram-sha-256',
      `--pwfile=${passwordFile}`,
      '-E',
      'UTF8',
    ].concat(['--locale=C.UTF-8', '--locale-provider=icu', '--icu-locale=en-US', '--no-sync']),
    { ...user, cwd: folder, encoding: 'utf8' },
  )
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`)
}

function launch({ programs, folder, user, settings }: Installation, port: number): ChildProcess {
  const own = { listen_addresses: '127.0.0.1', unix_socket_directories: folder, max_connections: '300' }
  const options = Object.entries({ ...own, ...settings }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return spawn(join(programs, 'postgres'), ['-D', join(folder, 'data'), '-p', String(port), ...options], {
    ...user,
    cwd: folder,
    stdio: 'ignore',
  })
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await ended
}

const READY_WITHIN_MS = 30_000

async function untilReady(server: PostgresServer): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS
  for (;;) {
    try {
      await server.query('SELECT 1')
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
      await new Promise((wake) => setTimeout(wake, 25))
    }
  }
}

async function queryOnce(connectionString: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString })
  client.on('error', () => {})
  await client.connect()
  try {
    const results = await client.query<Record<string, unknown>>(text)
    return results.rows ?? []
  } finally {
    await client.end()
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  await new Promise((closed) => server.close(closed))
  if (address === null || typeof address === 'string') throw new Error('no port is free')
  return address.port
}
