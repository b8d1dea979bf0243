/** Signet as a program: `signet serve` in a process of its own, and commands that run to their end. */
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { childrenOf } from './proc.ts'
import { CHECKOUT } from './version.ts'
import type { OnEnd } from './folder.ts'

/** How a command of Signet is run. */
export interface Launch {
  /** The whole environment, beside the variables that Node needs. */
  env: Record<string, string>
  /** Options for Node, such as `--import`. */
  nodeOptions?: string[]
  /** A program that runs Node, such as `strace`, with its arguments. */
  under?: string[]
  /** The folder of another version. */
  checkout?: string
  /** Compiles everything anew, as the first start of a user does. */
  cold?: boolean
}

/** A command line and its environment. */
export interface Program {
  program: string
  args: string[]
  env: NodeJS.ProcessEnv
  /** The folder in which it runs: the checkout, unless another is given. */
  cwd?: string
  /** Its standard error output: kept, shown on this terminal, or thrown away. */
  stderr?: 'keep' | 'inherit' | 'null'
}

export interface Running {
  child: ChildProcess
  stdout(): string
  stderr(): string
  /** Resolves with the exit code, or with the name of the signal. */
  exited: Promise<number | string>
}

export interface Serving extends Running {
  url: string
  port: number
  /** The process of the server itself, even where it runs under another program. */
  pid: number
  /** From the start of the process until it printed its address. */
  startMs: number
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<number | string>
}

/** A command that ended. */
export interface Ended {
  code: number | string
  stdout: string
  stderr: string
}

/** A server that ended instead of serving. */
export class Refusal extends Error {
  readonly ended: Ended
  constructor(ended: Ended) {
    super(`the server ended with ${ended.code}: ${ended.stderr.slice(0, 1000)}`)
    this.ended = ended
  }
}

/** `Signet serves https://id.example.com at http://localhost:3000`, or the latter address alone; or a line of JSON. */
export const SERVES = /^(?:Signet serves (?:\S+ at )?|\{.*?"url":")(https?:[^\s"]+)["\n]/m

/** Starts `signet serve` and waits until it prints its address. @throws Refusal if it ends instead */
export const startServer = (launch: Launch, onEnd: OnEnd): Promise<Serving> =>
  startServing(programOf(['serve'], launch), SERVES, onEnd)

/**
 * Runs a command of Signet to its end.
 *
 * @param input its standard input
 * @param onEnd kills a command that is still running then
 */
export async function runCommand(
  args: string[],
  launch: Launch,
  { input = '', onEnd }: { input?: string; onEnd?: OnEnd } = {},
): Promise<Ended> {
  const running = startProgram(programOf(args, launch), true)
  onEnd?.(() => killAll(running.child))
  const impatience = setTimeout(() => killAll(running.child), ENDED_WITHIN_MS)
  running.child.stdin?.on('error', () => {}) // a command that reads no input may end before this is written
  running.child.stdin?.end(input)
  const code = await running.exited
  clearTimeout(impatience)
  return { code, stdout: running.stdout(), stderr: running.stderr() }
}

/** Longer than any command takes on a busy machine. */
export const ENDED_WITHIN_MS = 90_000
/** A start that takes longer has failed. */
const STARTED_WITHIN_MS = 60_000
/** The length that is kept of each stream; enough for every question about a log. */
const KEPT_CHARACTERS = 1_000_000

/** Starts any server and waits until it prints its address. @param address finds the URL in its first group */
export async function startServing(program: Program, address: RegExp, onEnd: OnEnd): Promise<Serving> {
  const began = performance.now()
  const running = startProgram(program)
  const { child, stdout, stderr, exited } = running
  onEnd(async () => {
    killAll(child)
    await exited
  })
  const refused = exited.then((code): never => {
    throw new Refusal({ code, stdout: stdout(), stderr: stderr() })
  })
  refused.catch(() => {}) // it matters only until the server serves
  const found = await Promise.race([refused, addressIn(running, address)])
  const isUnder = program.program !== process.execPath
  const pid = (isUnder ? childrenOf(pidOf(child))[0] : undefined) ?? pidOf(child)
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) process.kill(pid, signal)
    return exited
  }
  return { ...running, url: found, port: Number(new URL(found).port), pid, startMs: performance.now() - began, stop }
}

/** Starts a program. @param stdin whether its standard input is a pipe */
export function startProgram({ program, args, env, cwd = CHECKOUT, stderr = 'keep' }: Program, stdin = false): Running {
  const errors = { keep: 'pipe', inherit: 'inherit', null: 'ignore' } as const
  const child = spawn(program, args, {
    env,
    cwd,
    stdio: [stdin ? 'pipe' : 'ignore', 'pipe', errors[stderr]],
  })
  const exited = new Promise<number | string>((done) =>
    child.once('close', (code, signal) => done(code ?? signal ?? 'unknown')),
  )
  return { child, stdout: collect(child.stdout), stderr: collect(child.stderr), exited }
}

/** A command line of Signet: the server as `npm start` starts it, everything else as `npm run signet` does. */
export function programOf(args: string[], launch: Launch): Program {
  const { nodeOptions = [], under = [], checkout = CHECKOUT, env, cold = false } = launch
  const options = args[0] === 'serve' ? npmStartOptions(checkout) : []
  const [program = '', ...rest] = [
    ...under,
    process.execPath,
    ...options,
    ...nodeOptions,
    join(checkout, 'src/signet.js'),
    ...args,
  ]
  return { program, args: rest, env: { ...inherited(cold), ...env } }
}

/** The variables that Node needs. */
export function inherited(cold = false): Record<string, string> {
  const outside = ['PATH', 'HOME', ...(cold ? [] : ['NODE_COMPILE_CACHE'])]
  const entries = outside.map((name) => [name, process.env[name]] as const)
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined))
}

/** The options that `npm start` of a version gives to Node. */
function npmStartOptions(checkout: string): string[] {
  // npm demands this shape, and every version has a start script.
  const { scripts } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { scripts: { start: string } }
  return scripts.start.split(' ').filter((word) => word.startsWith('--'))
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = ''
  stream?.on('data', (chunk: Buffer) => (text = (text + chunk.toString()).slice(-KEPT_CHARACTERS)))
  return () => text
}

function addressIn({ child, stdout }: Running, address: RegExp): Promise<string> {
  return new Promise((found, failed) => {
    const timer = setTimeout(() => failed(new Error('the server did not say where it serves')), STARTED_WITHIN_MS)
    child.once('exit', () => clearTimeout(timer))
    child.stdout?.on('data', () => {
      const url = address.exec(stdout())?.[1]
      if (url === undefined) return
      clearTimeout(timer)
      found(url)
    })
  })
}

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('the process did not start')
  return pid
}

/** Kills a program and the processes that it started: `strace` would end without its child. */
function killAll(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  for (const pid of childrenOf(child.pid)) process.kill(pid, 'SIGKILL')
  child.kill('SIGKILL')
}
