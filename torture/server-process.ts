/**
 * `signet serve` as a process: started as a user starts it, stopped by its pid, gone when the run ends however
 * it ends. Other commands of the command line run to their end.
 */
import manifest from '../package.json' with { type: 'json' }
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { resolve } from 'node:path'
import type { Context } from './fault.ts'
import { childrenOf, cpuMsOf } from './process-facts.ts'

const CHECKOUT = resolve(import.meta.dirname, '..')

/** A start that takes longer has failed; it is far beyond every bound on starts. Milliseconds. */
const STARTED_WITHIN_MS = 30_000
/** Of each stream; enough for every oracle that reads the log. */
const KEPT_CHARACTERS = 1_000_000

export interface StartOptions {
  env: Record<string, string>
  /** For Node itself, before the program, such as `--import`. */
  nodeOptions?: string[]
  /** A program that runs Node, such as `strace`, with its arguments. */
  under?: string[]
  /** Another version of Signet. */
  checkout?: string
  /** Compiles everything anew, as the start of a user does; else what earlier starts compiled is used. */
  cold?: boolean
}

export interface ServerProcess {
  /** With an address, not a name, so that no resolver takes part. */
  url: string
  /** Of Signet itself, where it runs under another program too. */
  pid: number
  /** From the start of the process until `GET /readyz` answered 200. */
  readyMs: number
  /** Processor time of it, all threads: holds where others use the cores as well; NaN but on Linux. */
  readyCpuMs: number
  stderr(): string
  /** Sends a signal and waits for the end; resolves with exit code or signal. */
  stop(signal?: NodeJS.Signals): Promise<number | string>
  exited: Promise<number | string>
}

/** What a process that ended, ended with. */
export interface Ended {
  code: number | string
  stdout: string
  stderr: string
}

/** Starts a server and waits until it takes traffic. @throws Refusal where it ends instead */
export async function startServer(context: Context, options: StartOptions): Promise<ServerProcess> {
  const began = performance.now()
  const child = spawnSignet(['serve'], options)
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  const exited = new Promise<number | string>((done) =>
    child.once('exit', (code, signal) => done(code ?? signal ?? 'unknown')),
  )
  let isRunning = true
  void exited.then(() => (isRunning = false))
  context.onEnd(async () => {
    if (isRunning) killAll(child)
    await exited
  })
  const refused = exited.then((code) => {
    throw new Refusal({ code, stdout: stdout(), stderr: stderr() })
  })
  refused.catch(() => {}) // looked at below, and only until the server is up
  const url = await Promise.race([refused, addressIn(child, stdout)])
  await Promise.race([refused, untilReady(url)])
  const readyMs = performance.now() - began
  const pid = options.under ? childrenOf(pidOf(child))[0] : pidOf(child)
  if (pid === undefined) throw new Error('the program under which Signet runs has started nothing')
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    process.kill(pid, signal)
    return exited
  }
  return { url, pid, readyMs, readyCpuMs: cpuMsOf(pid), stderr, stop, exited }
}

/** A start that was refused: the process ended before it served. */
export class Refusal extends Error {
  readonly ended: Ended
  constructor(ended: Ended) {
    super(`signet serve ended with ${ended.code}: ${ended.stderr.slice(0, 500)}`)
    this.ended = ended
  }
}

/** Runs a command to its end. */
export function runSignet(args: string[], options: StartOptions): Promise<Ended> {
  return new Promise((finish) => {
    const { program, programArgs, env } = commandLine(args, options)
    execFile(program, programArgs, { env, timeout: 60_000 }, (error, stdout, stderr) =>
      finish({ code: error ? (error.code ?? 'killed') : 0, stdout, stderr }),
    )
  })
}

function spawnSignet(args: string[], options: StartOptions): ChildProcess {
  const { program, programArgs, env } = commandLine(args, options)
  return spawn(program, programArgs, { env, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** What `npm start` tells Node before the program. */
const NPM_START = manifest.scripts.start.split(' ').filter((word) => word.startsWith('--'))

/** The environment is the given one alone, beside what Node itself needs. */
function commandLine(
  args: string[],
  { env, nodeOptions = [], under = [], checkout = CHECKOUT, cold = false }: StartOptions,
) {
  const [program = process.execPath, ...programArgs] = [
    ...under,
    process.execPath,
    ...NPM_START,
    ...nodeOptions,
    resolve(checkout, 'src/signet.js'),
    ...args,
  ]
  const outside = ['PATH', 'HOME', ...(cold ? [] : ['NODE_COMPILE_CACHE'])]
  const inherited = Object.fromEntries(outside.map((name) => [name, process.env[name] ?? '']))
  return { program, programArgs, env: { ...inherited, ...env } }
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = ''
  stream?.on('data', (chunk: Buffer) => (text = (text + chunk.toString()).slice(-KEPT_CHARACTERS)))
  return () => text
}

function addressIn(child: ChildProcess, stdout: () => string): Promise<string> {
  return new Promise((found, failed) => {
    const timer = setTimeout(() => failed(new Error('signet serve did not say where it serves')), STARTED_WITHIN_MS)
    child.once('exit', () => clearTimeout(timer))
    child.stdout?.on('data', () => {
      const port = /http:\/\/localhost:(\d+)\n/.exec(stdout())?.[1]
      if (port === undefined) return
      clearTimeout(timer)
      found(`http://127.0.0.1:${port}`)
    })
  })
}

async function untilReady(url: string): Promise<void> {
  const deadline = performance.now() + STARTED_WITHIN_MS
  for (;;) {
    const answer = await fetch(`${url}/readyz`, { headers: { connection: 'close' } }).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer?.status === 200) return
    if (performance.now() > deadline) throw new Error(`not ready: ${answer?.status ?? 'no answer'}`)
    await new Promise((wake) => setTimeout(wake, 5))
  }
}

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('the process did not start')
  return pid
}

/** With what it has started: a program that only watches ends without its child. */
function killAll(child: ChildProcess): void {
  for (const pid of childrenOf(pidOf(child))) process.kill(pid, 'SIGKILL')
  child.kill('SIGKILL')
}
