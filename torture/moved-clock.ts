/** The clock of a server process, in our hand. */
import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Place } from './place.ts'
import type { ServerProcess } from './server-process.ts'

const PRELOAD = resolve(import.meta.dirname, 'preload/movable-clock.ts')

const TAKEN_WITHIN_MS = 5000

export interface Movement {
  /** By so much the clock is wrong. */
  jumpMs?: number
  /** So much time has gone by since the start, beyond the real one. */
  passMs?: number
}

export interface MovableServer {
  server: ServerProcess
  /** Resolves when the process sees the new time. */
  move(movement: Movement): Promise<void>
}

export async function startWithMovableClock(place: Place): Promise<MovableServer> {
  const file = join(place.folder, 'clock.json')
  const server = await place.start({ nodeOptions: ['--import', PRELOAD], env: { TORTURE_CLOCK: file } })
  return {
    server,
    async move({ jumpMs = 0, passMs = 0 }) {
      writeFileSync(file, JSON.stringify({ jumpMs, passMs }))
      process.kill(server.pid, 'SIGUSR2')
      await untilTaken(file)
    },
  }
}

async function untilTaken(file: string): Promise<void> {
  const deadline = performance.now() + TAKEN_WITHIN_MS
  while (existsSync(file)) {
    if (performance.now() > deadline) throw new Error('the clock of the server did not move')
    await pause(5)
  }
}
