/** The command line as people have it: a process of its own, in a folder of its own. */
import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Client as Connection } from 'pg'
import type { TestContext } from 'vitest'
import { post } from '../../harness/call.ts'
import { databaseIn, environmentOf, postgresOfRun, temporaryFolder, type OnEnd } from '../../harness/folder.ts'
import { runHosted } from '../../harness/command-host.ts'
import { startServer } from '../../harness/program.ts'

/** A running server notices within a second; a busy machine that runs many processes gets longer. */
export const SOON = { timeout: 5000 }

export interface Outcome {
  code: number
  stdout: string
  stderr: string
}

export interface Client {
  client_id: string
  client_secret: string
}

export interface Server {
  url: string
  /** All that was printed on stdout up to now. */
  stdout: () => string
  process: ChildProcess
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** From the test's own context: tests that run beside each other cannot be told apart otherwise. */
export type OnTestFinished = TestContext['onTestFinished']

export type Variables = Record<string, string>

/** A folder with its own keys and its own database, or a schema of its name; gone when the test is. */
export class Place {
  readonly folder: string
  /** The file of SQLite. */
  readonly database: string
  readonly keysDir: string
  readonly variables: Variables
  readonly #onEnd: OnEnd

  constructor(onTestFinished: OnTestFinished, variables: Variables = {}) {
    this.#onEnd = (work) => onTestFinished(work)
    this.folder = temporaryFolder(this.#onEnd)
    this.database = databaseIn(this.folder)
    this.keysDir = join(this.folder, 'keys')
    this.variables = {
      ...environmentOf(this.folder),
      ...variables,
    }
  }

  /** Whether there is a database. */
  async hasDatabase(): Promise<boolean> {
    if (postgresOfRun === undefined) return existsSync(this.database)
    const url = new URL(this.variables.SIGNET_DATABASE_URL ?? '')
    const connection = new Connection({ connectionString: url.href })
    await connection.connect()
    try {
      const standing = 'SELECT FROM pg_namespace WHERE nspname = $1'
      const { rowCount } = await connection.query(standing, [url.searchParams.get('schema')])
      return rowCount === 1
    } finally {
      await connection.end()
    }
  }

  /** Makes the database and its keys. */
  async migrate(variables: Variables = {}): Promise<this> {
    const { code, stderr } = await this.run(['migrate', '--new'], variables)
    if (code !== 0) throw new Error(stderr)
    return this
  }

  file(name: string): string {
    return join(this.folder, name)
  }

  async run(args: string[], variables: Variables = {}, input = ''): Promise<Outcome> {
    const { code, ...printed } = await runHosted(args, { ...this.variables, ...variables }, input)
    return { code: numberOf(code) ?? -1, ...printed }
  }

  /** Runs a command that must succeed; its JSON. */
  async json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.run([...args, '--json'])
    if (code !== 0) throw new Error(`signet ${args.join(' ')} ended with ${code}: ${stderr}`)
    return JSON.parse(stdout) as T // the test says which shape it expects, and looks at it
  }

  /** An access token from `token mint`. @param line its options, as typed */
  async mint(line: string): Promise<string> {
    return (await this.json<{ access_token: string }>('token', 'mint', ...line.split(' '))).access_token
  }

  /** A client from `client create`. @param line its options, as typed */
  createClient(line: string): Promise<Client> {
    return this.json<Client>('client', 'create', ...line.split(' '))
  }

  /** Starts a server on a free port; stopped with the test at the latest. */
  async serve(variables: Variables = {}): Promise<Server> {
    const serving = await startServer({ env: { ...this.variables, ...variables } }, this.#onEnd)
    const { url, stdout, child } = serving
    return { url, stdout, process: child, stop: async (signal) => numberOf(await serving.stop(signal)) }
  }
}

/** Nothing for a process that ended by a signal. */
const numberOf = (code: number | string): number | null => (typeof code === 'number' ? code : null)

/** A token request by client credentials. */
export async function requestToken(
  url: string,
  client: Client,
  parameters: Variables = {},
): Promise<Record<string, string>> {
  const credentials = { clientId: client.client_id, secret: client.client_secret }
  return (await post({ url }, '/token', { grant_type: 'client_credentials', ...parameters }, credentials)).body
}
