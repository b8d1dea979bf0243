/** Facts about a process from Linux (proc(5)). On other systems figures are NaN, and no children are known. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** The processes that a process has started. */
export const childrenOf = (pid: number): number[] =>
  readOrNothing(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)

/** A process, its children, their children, and so on. */
export const treeOf = (pid: number): number[] => [pid, ...childrenOf(pid).flatMap(treeOf)]

/** Processor time so far of all threads, in milliseconds; the scheduler counts it in nanoseconds. */
export function cpuMsOf(pid: number): number {
  const folder = `/proc/${pid}/task`
  if (!existsSync(folder)) return NaN
  const nanoseconds = namesIn(folder).map((thread) =>
    Number(readOrNothing(`${folder}/${thread}/schedstat`).split(' ')[0]),
  )
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6
}

/** Resident memory in MiB. */
export function residentMiBOf(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readOrNothing(`/proc/${pid}/status`))?.[1]
  return kibibytes === undefined ? NaN : Number(kibibytes) / 1024
}

const LOOK_EVERY_MS = 50

/** Watches the memory of a process. @returns a function that stops and gives the highest rise since the beginning, in MiB */
export function watchMemory(pid: number): () => number {
  const before = residentMiBOf(pid)
  let highest = before
  const look = (): void => void (highest = Math.max(highest, residentMiBOf(pid)))
  const timer = setInterval(look, LOOK_EVERY_MS)
  timer.unref()
  return () => {
    clearInterval(timer)
    look()
    return highest - before
  }
}

/** A process may end between two looks. */
function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
