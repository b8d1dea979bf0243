/** The command line as people have it: a process of its own, in a folder of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { vi, type TestContext } from 'vitest'
import { REPLICAS } from '../support/replicas.ts'

const CHECKOUT = resolve(import.meta.dirname, '../..')
const NODE = join(CHECKOUT, 'node_modules/.bin/node')

// Every step is a process, and the machine may be busy with others.
vi.setConfig({ testTimeout: 60_000 })

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

/** A folder with its own database and keys; gone when the test is. */
export class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'signet-cli-'))
  readonly database = join(this.folder, 'data/signet.db')
  readonly keysDir = join(this.folder, 'keys')
  readonly variables: Variables
  readonly #children = new Set<ChildProcess>()

  constructor(onTestFinished: OnTestFinished, variables: Variables = {}) {
    this.variables = {
      SIGNET_DATABASE_URL: `file:${this.database}`,
      SIGNET_KEYS_DIR: this.keysDir,
      SIGNET_PORT: '0',
      ...(REPLICAS > 1 && { SIGNET_WORKERS: String(REPLICAS) }),
      NODE_COMPILE_CACHE: join(tmpdir(), 'signet-cli-compiled'),
      ...variables,
    }
    onTestFinished(() => this.#leave())
  }

  #leave(): void {
    for (const child of this.#children) child.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }

  file(name: string): string {
    return join(this.folder, name)
  }

  async run(args: string[], variables: Variables = {}, input = ''): Promise<Outcome> {
    const child = this.#spawn(args, variables)
    child.stdin?.end(input)
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
    const [code] = (await once(child, 'close')) as [number | null] // as child_process documents it
    return { code: code ?? -1, stdout: stdout(), stderr: stderr() }
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
    const child = this.#spawn(['serve'], variables)
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
    const closed = once(child, 'close')
    while (!stdout().includes('\n')) {
      if (child.exitCode !== null) throw new Error(`signet serve ended: ${stderr()}`)
      await new Promise((wake) => setTimeout(wake, 20))
    }
    const url = /^Signet serves (?:\S+ at )?(\S+)/.exec(stdout())?.[1]
    if (!url) throw new Error(`no address in: ${stdout()}`)
    const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
      child.kill(signal)
      const [code] = (await closed) as [number | null] // as child_process documents it
      return code
    }
    return { url, stdout, process: child, stop }
  }

  #spawn(args: string[], variables: Variables): ChildProcess {
    const outside = Object.entries(process.env).filter(([name]) => !name.startsWith('SIGNET_') && name !== 'PORT')
    const env = { ...Object.fromEntries(outside), ...this.variables, ...variables }
    const child = spawn(NODE, ['src/signet.js', ...args], { cwd: CHECKOUT, env, stdio: 'pipe' })
    this.#children.add(child)
    child.once('exit', () => this.#children.delete(child))
    return child
  }
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = ''
  stream?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return () => text
}

/** A token request by client credentials. */
export async function requestToken(
  url: string,
  client: Client,
  parameters: Variables = {},
): Promise<Record<string, string>> {
  const response = await fetch(`${url}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`,
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...parameters }),
  })
  return (await response.json()) as Record<string, string> // tests look at its members
}
