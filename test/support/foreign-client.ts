/**
 * Clients in other languages that people sign in to. A client writes the URL of its authorization request as one line of
 * JSON, reads the URL of the answer, and writes what it has found out as another line.
 */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'

const run = promisify(execFile)

/** Where the programs stand. */
export const CLIENTS = resolve(import.meta.dirname, 'clients')

export function has(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export interface ForeignClient {
  program: string
  args: string[]
  env: Record<string, string>
}

/**
 * Plays a client to its end.
 * @param play brings the authorization request to the issuer; resolves with the URL to which the browser is sent
 */
export async function playClient(
  client: ForeignClient,
  play: (url: URL) => Promise<URL>,
): Promise<Record<string, any>> {
  const { next, child } = linesOf(client)
  const { url } = await next()
  child.stdin.end(`${(await play(new URL(url))).href}\n`)
  return next()
}

/** Starts a program that answers each line of JSON with another one. It is stopped at the end of the test. */
export function converse<Answer>(client: ForeignClient): (question: unknown) => Promise<Answer> {
  const { next, child } = linesOf(client)
  return async (question) => {
    child.stdin.write(`${JSON.stringify(question)}\n`)
    return (await next()) as Answer // the test knows its program
  }
}

/** Starts a program. `next` reads a line of its output as JSON. */
function linesOf({ program, args, env }: ForeignClient) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  stopAtEnd(child)
  let complaints = ''
  child.stderr.on('data', (chunk) => (complaints += String(chunk)))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async (): Promise<any> => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`the client ended: ${complaints}`)
    return JSON.parse(value)
  }
  return { child, next }
}

function stopAtEnd(child: ChildProcess): void {
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill()
    await once(child, 'exit')
  })
}

/** A virtual environment with these packages; an error where the registry is away. */
export async function installPython(folder: string, packages: string[]): Promise<string | Error> {
  const venv = join(folder, 'venv')
  await run('python3', ['-m', 'venv', venv])
  return run(join(venv, 'bin/pip'), ['install', '--quiet', ...packages]).then(
    () => join(venv, 'bin/python'),
    (error: Error) => error,
  )
}

/** Builds the program in Go; an error where its modules cannot be had. */
export function buildGo(folder: string): Promise<string | Error> {
  const program = join(folder, 'client')
  return run('go', ['build', '-o', program, '.'], { cwd: join(CLIENTS, 'go') }).then(
    () => program,
    (error: Error) => error,
  )
}

/** A port of the loopback address that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo // it listens on a port
  await new Promise((closed) => server.close(closed))
  return port
}

/** Starts a server and waits until it answers; it is stopped at the end of the test. */
export async function startForeign({ program, args, env }: ForeignClient, url: string): Promise<{ log(): string }> {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  stopAtEnd(child)
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (log += String(chunk)))
  const deadline = Date.now() + 30_000
  for (;;) {
    const answer = await fetch(url, { redirect: 'manual' }).catch(() => undefined)
    if (answer) return { log: () => log }
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${program} does not serve: ${log}`)
    await new Promise((done) => setTimeout(done, 50))
  }
}
