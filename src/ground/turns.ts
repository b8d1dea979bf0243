/** Runs a piece of work for many callers, once at a time. */
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * A function whose callers share runs of `work`. Each caller waits for a run that begins after its call, so the run has
 * seen everything that the caller knows of. Between two runs there is a pause, whatever the number of callers.
 */
export function inTurns(work: () => Promise<void>, pauseMs: number): () => Promise<void> {
  let last: Promise<unknown> | undefined
  let next: Promise<void> | undefined
  const begin = async (before: Promise<unknown> | undefined): Promise<void> => {
    await before
    next = undefined
    const running = work()
    last = running.catch(() => {}).then(() => sleep(pauseMs, undefined, { ref: false }))
    return running
  }
  return () => (next ??= begin(last))
}
