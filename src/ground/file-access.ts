/** The owner of a file: named when this process may not use the file, and set when root makes a file for another user. */
import { closeSync, constants, fchownSync, fstatSync, openSync, statSync, type Stats } from 'node:fs'
import { dirname, resolve } from 'node:path'

/**
 * The code of a failed system call, and for a missing permission the file or folder that is in the way, its owner and
 * its mode. A caller puts the text in parentheses.
 */
export function describeRefusal(path: string, code: string): string {
  return code === 'EACCES' || code === 'EPERM' ? `${code}${ownerOf(path)}` : code
}

/** The code of a system error or of SQLite, such as `ENOENT`; empty for any other error. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

function ownerOf(path: string): string {
  const found = nearest(path)
  if (!found || process.geteuid === undefined) return ''
  const { file, stats } = found
  return `: ${file} belongs to ${user(stats.uid)}, mode ${modeOf(stats)}, and Signet runs as ${user(process.geteuid())}`
}

/**
 * Gives a file or folder that root has just made to the owner of the folder around it. A command that root runs must not
 * leave files behind that the service cannot open. If the file system refuses, the file stays root's.
 */
export function giveToFolderOwner(path: string): void {
  if (process.geteuid?.() !== 0) return
  const { uid, gid } = statSync(dirname(path))
  if (uid === 0) return
  // By descriptor: the folder's owner may have put a link in its place meanwhile.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const made = fstatSync(descriptor)
    const isOurs = made.uid === 0 && (made.isDirectory() || (made.isFile() && made.nlink === 1))
    if (isOurs) fchownSync(descriptor, uid, gid)
  } catch {
    // Network file systems that do not believe root (root_squash).
  } finally {
    closeSync(descriptor)
  }
}

/** The permission bits as `chmod` takes them. */
export const modeOf = ({ mode }: Stats): string => (mode & 0o7777).toString(8).padStart(4, '0')

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
