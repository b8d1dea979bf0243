/**
 * A disk that can be filled: a small tmpfs if this user may mount one; else a limit on the file sizes of the process
 * (`prlimit`), which makes the same calls of SQLite fail.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Context } from './fault.ts'

export interface SmallDisk {
  folder: string
  /** For the table. */
  how: string
  /** From now on no file can grow. @param pid of the server @param files that it writes */
  fill(pid: number, files: string[]): void
  free(pid: number): void
}

const SIZE = '16m'

/** @returns `undefined` where neither is possible */
export function makeSmallDisk(context: Context): SmallDisk | undefined {
  const folder = context.folder()
  if (works('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', folder])) {
    // A lazy unmount works even while a dying process still uses the disk.
    context.onEnd(() => void works('umount', ['-l', folder]))
    return mounted(folder)
  }
  return works('prlimit', ['--version']) ? limited(folder) : undefined
}

function works(program: string, args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function mounted(folder: string): SmallDisk {
  const filler = join(folder, 'filler')
  return {
    folder,
    how: `tmpfs of ${SIZE}`,
    fill: () => fillUp(filler),
    free: () => rmSync(filler),
  }
}

/** Writes until no byte more fits. */
function fillUp(file: string): void {
  const descriptor = openSync(file, 'w')
  try {
    for (let size = 1_048_576; size >= 1;) {
      try {
        writeSync(descriptor, Buffer.alloc(size, 1))
      } catch {
        size = Math.floor(size / 2)
      }
    }
  } finally {
    closeSync(descriptor)
  }
}

function limited(folder: string): SmallDisk {
  const limit = (pid: number, bytes: string) => execFileSync('prlimit', [`--pid=${pid}`, `--fsize=${bytes}:unlimited`])
  return {
    folder,
    how: 'limit on file sizes',
    fill: (pid, files) => {
      const largest = Math.max(...files.map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0))
      limit(pid, String(largest))
    },
    free: (pid) => limit(pid, 'unlimited'),
  }
}
