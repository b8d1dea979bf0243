/** Resident memory of a process, and how far it rises. Linux tells; NaN elsewhere. */
import { existsSync, readFileSync } from 'node:fs'

const EVERY_MS = 50

export function residentMb(pid: number): number {
  const file = `/proc/${pid}/status`
  const kb = existsSync(file) ? /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(file, 'utf8'))?.[1] : undefined
  return kb === undefined ? NaN : Number(kb) / 1024
}

/** Watches from now on; the answer is the highest rise above now, in MB. */
export function watchMemory(pid: number): () => number {
  const before = residentMb(pid)
  let highest = before
  const look = (): void => void (highest = Math.max(highest, residentMb(pid)))
  const timer = setInterval(look, EVERY_MS)
  timer.unref()
  return () => {
    clearInterval(timer)
    look()
    return highest - before
  }
}
