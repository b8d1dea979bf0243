/** Names of processes, by which one process can tell whether another one still runs. */
import { hostname } from 'node:os'
import { codeOf } from './file-access.ts'

/** This process: `host/pid`. */
export const thisProcess = (): string => `${hostname()}/${process.pid}`

/** Whether a process ran on this machine and does not exist any more. Of another machine nothing is known. */
export function isGone(name: string): boolean {
  const at = name.lastIndexOf('/')
  const pid = Number(name.slice(at + 1))
  if (name.slice(0, at) !== hostname() || !Number.isSafeInteger(pid) || pid < 1) return false
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return codeOf(error) === 'ESRCH'
  }
}
