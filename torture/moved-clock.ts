/** A server whose clock the trial moves; its periodic work runs ten times as often. */
import { processClock, type Movement } from '../harness/clock.ts'
import type { Place } from './place.ts'
import type { ServerProcess } from './server-process.ts'

export interface MovableServer {
  server: ServerProcess
  /** Resolves when the process sees the new time. */
  move(movement: Movement): Promise<void>
}

export async function startWithMovableClock(place: Place): Promise<MovableServer> {
  const { nodeOptions, env, move } = processClock(place.folder, { shortPauses: true })
  const server = await place.start({ nodeOptions, env })
  return { server, move: (movement) => move(server.pid, movement) }
}
