/** The names of copies that a process saves of a database that is gone from its path, and the commands that bring a copy back. */
import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Instant } from '../../ground/clock.ts'
import { shell } from '../../ground/shell-word.ts'

/** `signet.db.saved`, then `signet.db.saved-2` and so on: no copy ever takes the place of another. */
export const savedName = (file: string, count: number): string => `${file}.saved${count === 1 ? '' : `-${count}`}`

/** The newest copy beside the path of a database. */
export function findSaved(file: string): { path: string; at: Instant } | undefined {
  const isCopy = (name: string) => name.startsWith(`${basename(file)}.saved`) && /\.saved(-\d+)?$/.test(name)
  const dated = namesIn(dirname(file))
    .filter(isCopy)
    .map((name) => join(dirname(file), name))
    .map((path) => ({ path, at: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
  return dated.toSorted((one, other) => other.at - one.at)[0]
}

/**
 * The commands between the stop of the server and its next start. A journal that stays beside another file than its own is
 * replayed into that file, so the old one goes first.
 */
export const bringingBack = (file: string, saved: string): string =>
  `rm -f ${shell(`${file}-wal`)} ${shell(`${file}-shm`)} && mv ${shell(saved)} ${shell(file)}`

/** None of a folder that is missing or may not be read. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
