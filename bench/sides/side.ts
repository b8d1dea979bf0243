/** A side of the comparison: a server in a process of its own, started, watched and stopped. */
import { spawn, type ChildProcess } from 'node:child_process'
import { openSync } from 'node:fs'
import { once } from 'node:events'
import { cpuMsOf, residentMiBOf } from '../process-figures.ts'
import type { Credentials } from './terms.ts'

/** Where a side has what others have elsewhere. */
export interface Paths {
  refresh: string
  /** Gives a refresh token of a new family. */
  family: string
  jwks: string
}

export interface Side {
  name: string
  port: number
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
  /** For `node`; the process prints `http://localhost:<port>` when it listens. */
  args: string[]
  env?: Record<string, string>
  /** Where its log goes; faults of a server that should be silent belong on the terminal. */
  stderr?: 'inherit' | 'null'
  paths: Paths
  credentials: Credentials
}

/** It gets this long to end by itself. */
const PATIENCE_MS = 5000

const running = new Set<ChildProcess>()
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')))

export async function startSide({ name, args, env, stderr = 'inherit', paths, credentials }: Start): Promise<Side> {
  const began = performance.now()
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', stderr === 'null' ? openSync('/dev/null', 'w') : 'inherit'],
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  const port = await portOf(child, name)
  const pid = child.pid ?? NaN
  return {
    name,
    port,
    paths,
    credentials,
    startMs: performance.now() - began,
    cpuMs: () => cpuMsOf(pid),
    residentMiB: () => residentMiBOf(pid),
    stop: () => stop(child),
  }
}

function portOf(child: ChildProcess, name: string): Promise<number> {
  let output = ''
  return new Promise((found, failed) => {
    child.stdout?.on('data', (chunk) => {
      output += String(chunk)
      const port = /http:\/\/localhost:(\d+)/.exec(output)?.[1]
      if (port) found(Number(port))
    })
    child.once('exit', (code) => failed(new Error(`${name} ended with ${code} before it listened\n${output}`)))
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (!running.has(child)) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const impatience = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
  await ended
  clearTimeout(impatience)
}
