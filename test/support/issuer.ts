/** An issuer for a test, in its process: it is stopped and its folder is gone when the test ends. */
import { onTestFinished } from 'vitest'
import { movableClock, type MovableClock } from '../../harness/clock.ts'
import * as folders from '../../harness/folder.ts'
import { startInProcess, type InProcess } from '../../harness/in-process.ts'
import { startIssuer } from '../../src/index.ts'
import { REPLICAS, startPair } from './replicas.ts'

export { movableClock, type MovableClock as TestClock } from '../../harness/clock.ts'
export { environmentOf, type OnEnd } from '../../harness/folder.ts'
export { rememberingLog } from '../../harness/in-process.ts'

/** A folder that is gone after the test. @param onEnd the end of the test, unless a whole file shares the folder */
export const temporaryFolder = (onEnd: folders.OnEnd = onTestFinished): string => folders.temporaryFolder(onEnd)

export interface TestIssuer extends InProcess {
  clock: MovableClock
  folder: string
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
  }: { folder?: string; clock?: MovableClock; onEnd?: folders.OnEnd } = {},
): Promise<TestIssuer> {
  const start = REPLICAS > 1 ? startPair : startIssuer
  const running = await startInProcess(folders.environmentOf(folder, env), { clock, start })
  onEnd(() => running.stop())
  return {
    ...running,
    clock,
    folder,
    async restart() {
      await running.stop()
      return startTestIssuer({ ...env, SIGNET_PORT: String(running.port) }, { folder, clock, onEnd })
    },
  }
}
