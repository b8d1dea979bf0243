/** Why a file cannot be used by this process, in words that name the file and its owner. */
import { statSync, type Stats } from 'node:fs'
import { dirname, resolve } from 'node:path'

/**
 * The code of a failed system call, and for a missing permission the file or folder that is in the way, its owner and
 * its mode. A caller puts the text in parentheses.
 */
export function describeRefusal(path: string, code: string): string {
  if (code !== 'EACCES' && code !== 'EPERM') return code
  const found = nearest(path)
  if (!found || process.geteuid === undefined) return code
  const { file, stats } = found
  return `${code}: ${file} belongs to ${user(stats.uid)}, mode ${modeOf(stats)}, and Signet runs as ${user(process.geteuid())}`
}

/** The permission bits as `chmod` takes them. */
const modeOf = ({ mode }: Stats): string => (mode & 0o7777).toString(8).padStart(4, '0')

/** A user as `chown` takes it; names are not looked up. */
const user = (uid: number): string => `uid ${uid}${uid === 0 ? ' (root)' : ''}`

/** The file itself, or the closest folder above it that can be looked at. */
function nearest(path: string): { file: string; stats: Stats } | undefined {
  for (let file = resolve(path); ; file = dirname(file)) {
    const stats = look(file)
    if (stats) return { file, stats }
    if (file === dirname(file)) return undefined
  }
}

function look(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false })
  } catch {
    return undefined // a folder above it may not be searched, or is no folder
  }
}
