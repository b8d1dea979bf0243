/** The time between two attempts. */

const BACK_OFF_MS = { first: 200, most: 5_000 }

/** The time to wait after so many failures. Half of it is random, so that many followers do not come back at the same moment. */
export function backOffMs(failures: number): number {
  const most = Math.min(BACK_OFF_MS.first * 2 ** Math.min(failures, 10), BACK_OFF_MS.most)
  return most / 2 + Math.random() * (most / 2)
}

/** Waits until the time is over or the signal ends it. The timer keeps no process alive. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, milliseconds)
    timer.unref()
    signal.addEventListener('abort', end)
  })
}
