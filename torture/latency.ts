/** Sends requests at an even pace beside other work, and measures how long they take. */
import { setTimeout as pause } from 'node:timers/promises'
import { orNothing, type Answer, type Caller } from './caller.ts'

export interface Probe {
  /** Milliseconds of each request from the moment when it was due: a late sending counts, too (no coordinated omission). */
  tookMs: number[]
  /** Requests without a response, or with another status than 200. */
  failures: number
}

/**
 * Sends requests until `isOver`, each at its time, without waiting for earlier responses.
 * @param send sends one request @param everyMs the time between two requests
 */
export async function probe(send: () => Promise<Answer>, everyMs: number, isOver: () => boolean): Promise<Probe> {
  const result: Probe = { tookMs: [], failures: 0 }
  const running: Promise<void>[] = []
  const began = performance.now()
  for (let number = 0; !isOver(); number++) {
    const due = began + number * everyMs
    await pause(Math.max(0, due - performance.now()))
    const one = async (): Promise<void> => {
      const answer = await orNothing(send())
      result.tookMs.push(performance.now() - due)
      if (answer?.status !== 200) result.failures++
    }
    running.push(one())
  }
  await Promise.all(running)
  return result
}

/** The figure below which so many percent of all figures lie; NaN for an empty list. */
export function percentile(figures: number[], percent: number): number {
  const sorted = figures.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? NaN
}

/** Requests that must be served whatever state the database is in: key set, metadata and health. */
export const unshakable = (caller: Caller): Record<string, () => Promise<Answer>> => ({
  JWKS: () => caller.send('/.well-known/jwks.json'),
  metadata: () => caller.send('/.well-known/openid-configuration'),
  '/livez': () => caller.send('/livez'),
})
