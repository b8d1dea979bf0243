/** Folders for our files, for their owner alone; taken back where what they were made for failed. */
import { existsSync, mkdirSync, rmdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { codeOf } from './failures.ts'

/**
 * Makes a folder and those above it that are missing, for their owner alone; the result takes back what is empty of
 * them. One by one, since Node's own `recursive` tries for ever below /proc.
 */
export function makeFolders(folder: string): () => void {
  const made: string[] = []
  const unmake = () => made.splice(0).forEach(removeEmpty)
  try {
    for (const each of missingFolders(folder)) if (makeOne(each)) made.unshift(each)
    return unmake
  } catch (error) {
    unmake()
    throw error
  }
}

/** From the highest down. */
function missingFolders(folder: string): string[] {
  const missing: string[] = []
  for (let each = resolve(folder); !existsSync(each); each = dirname(each)) missing.unshift(each)
  return missing
}

/** Another process may be faster, which is as good. */
function makeOne(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && existsSync(folder)) return false
    throw error
  }
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder)
  } catch {
    // Something is in it by now, or another process has removed it.
  }
}
