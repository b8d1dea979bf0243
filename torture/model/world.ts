/**
 * The issuer of a sequence: in this process, which is fast, or in a process of its own, which can be killed. Both begin
 * as a copy of one template, and their clocks stand still except when the sequence advances them.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Credentials } from '../../harness/call.ts'
import { movableClock } from '../../harness/clock.ts'
import { environmentOf } from '../../harness/folder.ts'
import { startInProcess } from '../../harness/in-process.ts'
import { CHECKOUT, largestQuotas } from '../../harness/version.ts'
import { Caller } from '../caller.ts'
import type { Context } from '../fault.ts'
import { preparePlace } from '../place.ts'

const PROGRAM = resolve(import.meta.dirname, 'killable-issuer.ts')
const ANSWERS_WITHIN_MS = 30_000

/** A whole second, so that no rounding comes in. Milliseconds. */
const BEGINS_MS = Date.UTC(2030, 0, 1)

/** Seconds since 1970 at the beginning of every sequence. */
export const BEGINS = BEGINS_MS / 1000

/** Seconds. No two sums of them are equal, so no verdict depends on whether an end is included. */
export const LIVES = { access: 397, refresh: 3001, grace: 101, prepublish: 601 }

export interface World {
  url(): string
  /** Seconds since the sequence began. */
  now(): number
  advance(seconds: number): Promise<void>
  /** Stops the issuer and starts it on the same files; `kill` kills it where it is a process of its own. */
  restart(how: 'stop' | 'kill'): Promise<void>
  end(): Promise<void>
}

export interface Template {
  folder: string
  client(clientId: string): Credentials
}

/** The metadata of each client beside `operator`; `watcher` is never ended. */
export const CLIENT_METADATA = {
  grant_types: ['client_credentials', 'refresh_token', 'urn:signet:params:oauth:grant-type:subject'],
  scope: 'read',
  resources: ['api'],
}

/** Starts an issuer once, so that keys and clients exist. */
export async function makeTemplate(context: Context): Promise<Template> {
  const declared = Object.fromEntries(['app-0', 'app-1', 'watcher'].map((name) => [name, CLIENT_METADATA]))
  const { folder, env, client } = preparePlace(context, { clients: declared })
  const issuer = await startInProcess(env, { clock: movableClock({ from: BEGINS_MS }) })
  const names = [...Object.keys(declared), 'operator']
  const secrets = await issuedSecrets(asAddress(issuer.url), client('operator'), names)
  await issuer.stop()
  return { folder, client: (clientId) => ({ clientId, secret: secrets.get(clientId) ?? '' }) }
}

/** Secrets that the issuer makes. A declared one is compared by argon2id, which takes longer than a sequence. */
async function issuedSecrets(url: string, operator: Credentials, clientIds: string[]): Promise<Map<string, string>> {
  const caller = new Caller(url, operator)
  const headers = { authorization: `Bearer ${await caller.accessToken()}` }
  const secrets = new Map<string, string>()
  for (const id of clientIds) {
    const path = `/admin/api/clients/${id}/rotate-secret`
    const { body, text } = await caller.send(path, { method: 'POST', headers, json: { overlap: 0 } })
    if (!body.client_secret) throw new Error(`no secret of ${id}: ${text}`)
    secrets.set(id, body.client_secret)
  }
  caller.close()
  return secrets
}

/** A copy of the template, without its declarative file: that would bring deleted clients back at a restart. */
function copyOf(template: Template, within: string): { folder: string; env: Record<string, string> } {
  const folder = mkdtempSync(join(within, 'world-'))
  for (const part of ['data', 'keys']) cpSync(join(template.folder, part), join(folder, part), { recursive: true })
  const env = environmentOf(folder, {
    ...largestQuotas(CHECKOUT),
    SIGNET_ISSUER: 'http://localhost',
    SIGNET_LOG_LEVEL: 'error',
    SIGNET_ACCESS_TOKEN_TTL: `${LIVES.access}s`,
    SIGNET_REFRESH_TOKEN_TTL: `${LIVES.refresh}s`,
    SIGNET_REFRESH_GRACE: `${LIVES.grace}s`,
    SIGNET_KEY_PREPUBLISH: `${LIVES.prepublish}s`,
    // No key rotates by itself in a sequence, because the model cannot know when the timetable runs.
    SIGNET_KEY_ROTATION: '3650d',
  })
  return { folder, env }
}

const remove = (folder: string): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })

const asAddress = (url: string): string => url.replace('localhost', '127.0.0.1')

export async function openInProcess(template: Template, within: string): Promise<World> {
  const { folder, env } = copyOf(template, within)
  const clock = movableClock({ from: BEGINS_MS })
  const start = () => startInProcess(env, { clock })
  let running = await start()
  return {
    url: () => asAddress(running.url),
    now: () => clock.elapsed() / 1000,
    advance: async (seconds) => clock.advance(seconds),
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
  let [passed, url] = [0, '']
  let child: ChildProcess | undefined
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (child?.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
  const start = async (): Promise<void> => {
    const from = String(BEGINS_MS + passed * 1000)
    child = fork(PROGRAM, { env: { ...env, PATH: process.env.PATH, CLOCK_FROM: from } })
    url = asAddress(await messageOf(child))
  }
  context.onEnd(() => stop('SIGKILL'))
  await start()
  return {
    url: () => url,
    now: () => passed,
    async advance(seconds) {
      passed += seconds
      const moved = child && messageOf(child)
      child?.send(seconds)
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
async function messageOf(child: ChildProcess): Promise<string> {
  const [message] = await once(child, 'message', { signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) })
  return String(message)
}
