/** Folders for our files, closed to other users. They are removed again where the work that needed them failed. */
import { existsSync, mkdirSync, rmdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { codeOf, giveToFolderOwner } from './file-access.ts'

/**
 * Makes a folder and the missing folders above it, mode 0700. The result removes those of them that are empty. They are
 * made one by one, because Node's own `recursive` never ends below /proc.
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

/** The highest first. */
function missingFolders(folder: string): string[] {
  const missing: string[] = []
  for (let each = resolve(folder); !existsSync(each); each = dirname(each)) missing.unshift(each)
  return missing
}

/** Whether this process made the folder; another process may have been faster. */
function makeOne(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 })
    giveToFolderOwner(folder)
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
    // It has content by now, or another process has removed it.
  }
}
