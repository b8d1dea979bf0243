/** What the system knows of a process and those below it (proc(5)): processor time and resident memory. */
import { readFileSync, readdirSync } from 'node:fs'

/** A process with its descendants: an issuer may work with several. */
function treeOf(root: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) && readOrNothing(`/proc/${name}/stat`).split(') ')[1]?.split(' ')[1]
    if (parent) parents.set(Number(name), Number(parent))
  }
  const below = (pid: number): number[] => [
    pid,
    ...[...parents].filter(([, parent]) => parent === pid).flatMap(([child]) => below(child)),
  ]
  return below(root)
}

/** Processor time so far of all threads, in milliseconds; the scheduler counts it in nanoseconds. */
export function cpuMsOf(root: number): number {
  let nanoseconds = 0
  for (const pid of treeOf(root)) {
    for (const thread of namesIn(`/proc/${pid}/task`)) {
      nanoseconds += Number(readOrNothing(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0])
    }
  }
  return nanoseconds / 1e6
}

/** Resident memory in MiB. */
export function residentMiBOf(root: number): number {
  const kibibytes = treeOf(root).map((pid) =>
    Number(/VmRSS:\s+(\d+)/.exec(readOrNothing(`/proc/${pid}/status`))?.[1] ?? 0),
  )
  return kibibytes.reduce((sum, each) => sum + each, 0) / 1024
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
