/** Reads that wait for a lock without blocking the process. */
import { PATIENCE_MS, backOff } from '../patience.ts'
import { isBusy, isOutage, unavailable } from './failures.ts'

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
