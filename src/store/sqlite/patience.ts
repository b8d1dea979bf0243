/** Reads that wait for a lock without blocking the process. */
import { backOff, isBusy, isOutage, unavailable } from './failures.ts'

/** How long reads and writes wait for a lock of another process. */
export const PATIENCE_MS = 2000

/** Runs a read. While another process holds a lock, the read is tried again for two seconds. */
export async function readPatiently<T>(operation: () => T): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS
  for (let attempt = 0; ; attempt++) {
    try {
      return operation()
    } catch (error) {
      if (!isOutage(error)) throw error
      if (!isBusy(error) || performance.now() > deadline) throw unavailable(error)
    }
    await backOff(attempt)
  }
}
