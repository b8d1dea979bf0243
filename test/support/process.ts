/** Signet as processes: the command line, and the server as a user starts it. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import type { OnEnd } from './issuer.ts'
import { REPLICAS } from './replicas.ts'

const LAUNCHER = resolve(import.meta.dirname, '../../src/signet.js')

export interface Finished {
  code: number
  stdout: string
  stderr: string
  /** stdout as the one JSON value that `--json` promises. */
  json: <T = Record<string, unknown>>() => T
}

/** Runs a command to its end. The environment is the given one alone, beside PATH and HOME. */
export function signet(args: string[], env: Record<string, string>): Promise<Finished> {
  return new Promise((finish) => {
    execFile(
      process.execPath,
      [LAUNCHER, ...args],
      { env: inherited(env), timeout: 60_000 },
      (error, stdout, stderr) => {
        const code = typeof error?.code === 'number' ? error.code : error ? 1 : 0
        finish({ code, stdout, stderr, json: <T>() => JSON.parse(stdout) as T })
      },
    )
  })
}

export interface ServerProcess {
  url: string
  child: ChildProcess
  stdout: () => string
  stderr: () => string
  /** Resolves with the exit code, or the signal's name. */
  exited: Promise<number | string>
}

/** Starts `signet serve` and waits until it says where it serves; killed when the test ends. */
export async function serve(env: Record<string, string>, onEnd: OnEnd = onTestFinished): Promise<ServerProcess> {
  const child = spawn(process.execPath, [LAUNCHER, 'serve'], { env: inherited(env), stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  const exited = new Promise<number | string>((done) =>
    child.on('exit', (code, signal) => done(code ?? signal ?? 'unknown')),
  )
  onEnd(() => void child.kill('SIGKILL'))
  const url = await new Promise<string>((found, failed) => {
    child.stdout.on('data', () => {
      const place = /https?:\/\/(?:localhost|127\.0\.0\.1):\d+/.exec(stdout)
      if (place) found(place[0])
    })
    void exited.then((code) => failed(new Error(`serve ended with ${code}: ${stderr}`)))
  })
  return { url, child, stdout: () => stdout, stderr: () => stderr, exited }
}

const inherited = (env: Record<string, string>): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  HOME: process.env.HOME ?? '',
  ...(REPLICAS > 1 && { SIGNET_WORKERS: String(REPLICAS) }),
  ...env,
})
