/**
 * An issuer in the hand of a sequence: in this process, since that is fast, or as a process of its own, which can
 * be killed. Both begin as a copy of one template and have a clock that stands still but for what is let pass.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readConfig, startIssuer, type Log, type RunningIssuer } from '../../src/index.ts'
import type { Context } from '../fault.ts'
import { preparePlace, type Credentials } from '../place.ts'
import { HeldClock } from './held-clock.ts'

const PROGRAM = resolve(import.meta.dirname, 'killable-issuer.ts')
const ANSWERS_WITHIN_MS = 30_000

/** Seconds. Their sums never meet, so no verdict hangs on whether an end is included. */
export const LIVES = { access: 397, refresh: 3001, grace: 101, prepublish: 601 }

export interface World {
  url(): string
  /** Seconds since the sequence began. */
  now(): number
  advance(seconds: number): Promise<void>
  /** Stops and starts on the same files; kills where that is possible and asked for. */
  restart(how: 'stop' | 'kill'): Promise<void>
  end(): Promise<void>
}

export interface Template {
  folder: string
  client(clientId: string): Credentials
}

/** Each client that takes part, beside `operator`; `watcher` is never ended. */
export const CLIENT_METADATA = {
  grant_types: ['client_credentials', 'refresh_token', 'urn:signet:params:oauth:grant-type:subject'],
  scope: 'read',
  resources: ['api'],
}

const nothing = (): void => {}
const SILENT: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** Starts once, so that the keys are there and the clients are known. */
export async function makeTemplate(context: Context): Promise<Template> {
  const declared = Object.fromEntries(['app-0', 'app-1', 'watcher'].map((name) => [name, CLIENT_METADATA]))
  const { folder, env, client } = preparePlace(context, { clients: declared })
  const issuer = await startIssuer(readConfig(env), { clock: new HeldClock(), log: SILENT })
  await issuer.stop()
  return { folder, client }
}

/** A copy of the template, without its declarative file: that would bring deleted clients back at a restart. */
function copyOf(template: Template, within: string): { folder: string; env: Record<string, string> } {
  const folder = mkdtempSync(join(within, 'world-'))
  for (const part of ['data', 'keys']) cpSync(join(template.folder, part), join(folder, part), { recursive: true })
  const env = {
    SIGNET_PORT: '0',
    SIGNET_ISSUER: 'http://localhost',
    SIGNET_DATABASE_URL: `file:${join(folder, 'data/signet.db')}`,
    SIGNET_KEYS_DIR: join(folder, 'keys'),
    SIGNET_ACCESS_TOKEN_TTL: `${LIVES.access}s`,
    SIGNET_REFRESH_TOKEN_TTL: `${LIVES.refresh}s`,
    SIGNET_REFRESH_GRACE: `${LIVES.grace}s`,
    SIGNET_KEY_PREPUBLISH: `${LIVES.prepublish}s`,
    // By itself nothing rotates in a sequence: when the timetable comes round is nothing that a model can know.
    SIGNET_KEY_ROTATION: '3650d',
  }
  return { folder, env }
}

const remove = (folder: string): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })

const asAddress = (url: string): string => url.replace('localhost', '127.0.0.1')

export async function openInProcess(template: Template, within: string): Promise<World> {
  const { folder, env } = copyOf(template, within)
  const clock = new HeldClock()
  const start = (): Promise<RunningIssuer> => startIssuer(readConfig(env), { clock, log: SILENT })
  let running = await start()
  return {
    url: () => asAddress(running.url),
    now: () => clock.passed,
    async advance(seconds) {
      clock.passed += seconds
    },
    async restart() {
      await running.stop()
      running = await start()
    },
    async end() {
      await running.stop()
      remove(folder)
    },
  }
}

export async function openAsProcess(context: Context, template: Template, within: string): Promise<World> {
  const { folder, env } = copyOf(template, within)
  let passed = 0
  let url = ''
  let child: ChildProcess | undefined
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (child?.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
  const start = async (): Promise<void> => {
    child = fork(PROGRAM, { env: { ...env, PATH: process.env.PATH, CLOCK_PASSED: String(passed) } })
    url = asAddress(await answerOf(child))
  }
  context.onEnd(() => stop('SIGKILL'))
  await start()
  return {
    url: () => url,
    now: () => passed,
    async advance(seconds) {
      passed += seconds
      const moved = child && answerOf(child)
      child?.send(passed)
      await moved
    },
    async restart(how) {
      await stop(how === 'kill' ? 'SIGKILL' : 'SIGTERM')
      await start()
    },
    async end() {
      await stop('SIGKILL')
      remove(folder)
    },
  }
}

/** The next message. @throws Error where none comes in time */
async function answerOf(child: ChildProcess): Promise<string> {
  const [message] = await once(child, 'message', { signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) })
  return String(message)
}
