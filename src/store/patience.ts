/** How long reads and writes of every database are tried before the caller gets 503. */

/** Milliseconds. */
export const PATIENCE_MS = 2000

/** Waits before another try: short at first, then about 25 ms. The random part keeps two processes out of step. */
export function backOff(attempt: number): Promise<void> {
  const most = Math.min(2 ** attempt, 25)
  return new Promise((resolve) => setTimeout(resolve, 1 + most * (0.5 + Math.random() / 2)))
}
