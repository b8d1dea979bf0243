/** A side of the comparison: a server in a process of its own, started, watched and stopped. */
import type { OnEnd } from '../../harness/folder.ts'
import { cpuMsOf, residentMiBOf } from '../../harness/proc.ts'
import { startServing, type Program } from '../../harness/program.ts'
import type { Credentials } from './terms.ts'

/** The paths of a side, which differ from issuer to issuer. */
export interface Paths {
  refresh: string
  /** Gives a refresh token of a new family. */
  family: string
  jwks: string
}

export interface Side {
  name: string
  port: number
  /** Present if a side is several servers. */
  otherPorts?: number[]
  paths: Paths
  /** The client that makes the load. */
  credentials: Credentials
  /** From the start of the process until it listened, in milliseconds. */
  startMs: number
  /** Processor time so far, in milliseconds, of all threads. */
  cpuMs(): number
  residentMiB(): number
  stop(): Promise<void>
}

export interface Start {
  name: string
  /** The server; it prints its address when it listens. */
  program: Program
  /** Finds the address in its output. */
  address?: RegExp
  paths: Paths
  credentials: Credentials
}

/** A side gets this long to end by itself. */
const PATIENCE_MS = 5000

/** A run that is broken off leaves no server behind. */
const ends = new Set<Parameters<OnEnd>[0]>()
process.once('exit', () => ends.forEach((end) => void end()))

const ADDRESS = /^listening on (http:\/\/localhost:\d+)\n/m

export async function startSide({ name, program, address = ADDRESS, paths, credentials }: Start): Promise<Side> {
  const { port, pid, startMs, child, stop } = await startServing(program, address, (end) => void ends.add(end))
  return {
    name,
    port,
    paths,
    credentials,
    startMs,
    cpuMs: () => cpuMsOf(pid),
    residentMiB: () => residentMiBOf(pid),
    async stop() {
      const impatience = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
      await stop()
      clearTimeout(impatience)
    },
  }
}

/** A server that is written for the bench, in a file of this folder. */
export const nodeProgram = (
  args: string[],
  options: Pick<Program, 'stderr'> & { env?: NodeJS.ProcessEnv } = {},
): Program => ({
  program: process.execPath,
  args,
  env: { ...process.env, ...options.env },
  stderr: options.stderr ?? 'inherit',
})
