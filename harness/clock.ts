/** Clocks that a test moves: one for a Signet in this process, one for a Signet in a process of its own. */
import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../src/index.ts'

export interface MovableClock extends Clock {
  /** Moves time by so many seconds. */
  advance(seconds: number): void
  /** Sets the clock forward or back by so many seconds, while no such time passes. */
  jump(seconds: number): void
}

/**
 * A clock for a Signet in this process.
 *
 * @param from the clock stands still at this time, in milliseconds since the epoch; without it, it runs with the real time
 */
export function movableClock({ from }: { from?: number } = {}): MovableClock {
  let passed = 0
  let jumped = 0
  const elapsed = () => passed + (from === undefined ? performance.now() : 0)
  return {
    now: () => (from === undefined ? Date.now() : from) + passed + jumped,
    elapsed,
    // The clock of another machine does not jump with this one.
    ofDatabase: (time) => (from ?? time) + passed,
    advance(seconds) {
      passed += seconds * 1000
    },
    jump(seconds) {
      jumped += seconds * 1000
    },
  }
}

/** The time that the clock of a process shows. */
export interface Movement {
  /** The clock is set forward or back by so much. Milliseconds. */
  jumpMs?: number
  /** So much time has passed since the start, beyond the real time. Milliseconds. */
  passMs?: number
}

export interface ProcessClock {
  /** The options and variables to start the process with. */
  nodeOptions: string[]
  env: Record<string, string>
  /** Resolves when the process shows the new time. */
  move(pid: number, movement: Movement): Promise<void>
}

/** Every pause of a second and more is a tenth as long. */
const SHORT_PAUSES = { HARNESS_SHORT_PAUSES: 'true' }

/**
 * A clock for a Signet in a process of its own.
 *
 * @param folder where the movements are written
 * @param shortPauses whether periodic work comes ten times as often
 */
export function processClock(folder: string, { shortPauses = false }: { shortPauses?: boolean } = {}): ProcessClock {
  const file = join(folder, 'clock.json')
  return {
    nodeOptions: ['--import', resolve(import.meta.dirname, 'moved-process.ts')],
    env: { HARNESS_CLOCK: file, ...(shortPauses && SHORT_PAUSES) },
    async move(pid, movement) {
      writeFileSync(file, JSON.stringify(movement))
      process.kill(pid, 'SIGUSR2')
      await untilTaken(file)
    },
  }
}

const TAKEN_WITHIN_MS = 10_000

async function untilTaken(file: string): Promise<void> {
  const deadline = performance.now() + TAKEN_WITHIN_MS
  while (existsSync(file)) {
    if (performance.now() > deadline) throw new Error('the clock of the process did not move')
    await pause(2)
  }
}
