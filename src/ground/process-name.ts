/** Names of processes, by which one process can tell whether another one still runs. */
import { hash, randomBytes } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { codeOf } from './file-access.ts'

/**
 * A new name for what this process begins: `host/numbers-random/pid`. Containers may have one host name in common, and in
 * each of them the process may be number 1.
 */
export const newProcessName = (): string =>
  `${hostname()}/${numbering()}-${randomBytes(4).toString('hex')}/${process.pid}`

/** The name of a server, for operators and other servers: the port tells those of one machine apart. */
export const newServerName = (port: number): string => `${newProcessName()}:${port}`

/** Whether a process ran on this machine and does not exist any more. Of another machine nothing is known. */
export function isGone(name: string): boolean {
  const [host, numbered = '', last] = name.split('/')
  const [pid] = (last ?? '').split(':').map(Number)
  const isOfHere = host === hostname() && numbered.startsWith(`${numbering()}-`)
  if (!isOfHere || pid === undefined || !Number.isSafeInteger(pid) || pid < 1) return false
  return !isRunning(pid)
}

/** @param pid a process of this machine. A process of another user counts, too. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) !== 'ESRCH'
  }
}

/** Which numbers of processes mean the same as here: those of one start of a machine, in one of its containers. */
export function numbering(): string {
  const start = told(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
  const container = told(() => readlinkSync('/proc/self/ns/pid'))
  return hash('sha256', `${start} ${container}`).slice(0, 6)
}

/** Only Linux tells, and only Linux has containers. */
function told(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}
