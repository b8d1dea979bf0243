/**
 * Files that are being written under another name, because the finished file appears in one step. A killed process cannot
 * remove its own: each new one removes those that were left in its folder.
 */
import { hash, randomBytes } from 'node:crypto'
import { lstatSync, readdirSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { isRunning, numbering } from './process-name.ts'

/** With what SQLite adds to the name of its own. */
const DRAFT = /\.partial-([\da-f]{12})-[\da-f]{8}-(\d+)(?:-wal|-shm|-journal)?$/

/** No file is written for so long. Its age decides for processes of another container, or of before a restart of the machine. */
const ABANDONED_MS = 86_400_000

/** An unused name in the same folder, which says what process writes it. */
export function draftBeside(file: string): string {
  removeAbandoned(dirname(file))
  return `${file}.partial-${here()}-${randomBytes(4).toString('hex')}-${process.pid}`
}

/** A file that cannot be removed hinders nothing. */
export function removeAbandoned(folder: string): void {
  for (const name of namesIn(folder)) {
    const [, place, pid] = DRAFT.exec(name) ?? []
    if (place === undefined) continue
    const path = join(folder, name)
    try {
      const isOfNobody = place === here() && !isRunning(Number(pid))
      if (isOfNobody || Date.now() - lstatSync(path).mtimeMs > ABANDONED_MS) rmSync(path, { force: true })
    } catch {
      // Another process has removed it already, or it is another user's.
    }
  }
}

/** None of a folder that is missing or may not be read. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** Names the place in which the number of a process means the same. It is a digest, so that the name of a file stays short. */
const here = (): string => hash('sha256', `${hostname()} ${numbering()}`).slice(0, 12)
