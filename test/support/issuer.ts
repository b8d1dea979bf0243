/**
 * A real issuer for a test: real port, real files in a folder of its own, a clock that the test moves.
 * Everything it logs is kept, so that a test can look for secrets in it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { readConfig, startIssuer, type Clock, type Log, type RunningIssuer } from '../../src/index.ts'
import { REPLICAS, withReplica } from './replicas.ts'

export interface TestClock extends Clock {
  /** Moves time by so many seconds. */
  advance(seconds: number): void
  /** Sets the clock forward or back by so many seconds, as no passing of time does. */
  jump(seconds: number): void
}

/** A clock that runs with the real one, shifted by what the test moved it. */
export function movableClock(): TestClock {
  let passed = 0
  let jumped = 0
  return {
    now: () => Date.now() + passed + jumped,
    elapsed: () => performance.now() + passed,
    advance(seconds) {
      passed += seconds * 1000
    },
    jump(seconds) {
      jumped += seconds * 1000
    },
  }
}

/** Takes what is to be done at the end: of the test, unless a whole file shares the issuer. */
export type OnEnd = (work: () => Promise<void> | void) => void

/** A folder that is gone after the test. */
export function temporaryFolder(onEnd: OnEnd = onTestFinished): string {
  const folder = mkdtempSync(join(tmpdir(), 'signet-test-'))
  onEnd(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A log that remembers its lines. */
export function rememberingLog(): { log: Log; lines: string[] } {
  const lines: string[] = []
  const at =
    (level: string) =>
    (message: string, fields: object = {}): void => {
      lines.push(JSON.stringify({ level, message, ...fields }))
    }
  return { log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, lines }
}

export interface TestIssuer extends RunningIssuer {
  clock: TestClock
  folder: string
  /** Lines of the log so far. */
  logged: string[]
  /** The environment that another process needs to work on the same database. */
  env: Record<string, string>
  /** Stops, and starts anew on the same files and port. */
  restart(): Promise<TestIssuer>
}

/** Starts an issuer; it is stopped when the test ends. @param env `SIGNET_…` variables beside the folder's */
export async function startTestIssuer(
  env: Record<string, string> = {},
  {
    onEnd = onTestFinished,
    folder = temporaryFolder(onEnd),
    clock = movableClock(),
  }: { folder?: string; clock?: TestClock; onEnd?: OnEnd } = {},
): Promise<TestIssuer> {
  const variables = environmentOf(folder, env)
  const { log, lines } = rememberingLog()
  const config = { ...readConfig(variables), ...(REPLICAS > 1 && { workers: REPLICAS }) }
  const first = await startIssuer(config, { clock, log })
  const running = REPLICAS > 1 ? await withReplica(first, config, { clock, log }) : first
  onEnd(() => running.stop())
  const known = { ...variables, SIGNET_PORT: String(running.port), SIGNET_ISSUER: running.issuer }
  return {
    ...running,
    clock,
    folder,
    logged: lines,
    env: known,
    async restart() {
      await running.stop()
      return startTestIssuer({ ...env, SIGNET_PORT: String(running.port) }, { folder, clock, onEnd })
    },
  }
}

/** Variables for an issuer that keeps everything in one folder. */
export const environmentOf = (folder: string, env: Record<string, string> = {}): Record<string, string> => ({
  SIGNET_PORT: '0',
  SIGNET_DATABASE_URL: `file:${join(folder, 'data/signet.db')}`,
  SIGNET_KEYS_DIR: join(folder, 'keys'),
  ...env,
})
