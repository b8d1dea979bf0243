/**
 * The key file: `master.key` in the keys folder, one key a line. It is created once, at the very first start. A change
 * writes a whole new file and renames it, so that a crash leaves the former file or the new one.
 */
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { draftBeside, removeAbandoned } from '../ground/draft.ts'
import { Fault } from '../ground/errors.ts'
import { codeOf, describeRefusal, giveToFolderOwner } from '../ground/file-access.ts'
import { isGone, newProcessName } from '../ground/process-name.ts'
import { splitKeyTexts } from '../ground/key-text.ts'
import { MOST_SECRET_BYTES, readTextFile } from '../ground/text-file.ts'
import { newMasterKey, parseMasterKey, type MasterKey } from './master-key.ts'

/** The path of the key file in a keys folder. */
export const masterKeyFile = (keysDir: string): string => join(keysDir, 'master.key')

/** The most keys of a file: what is read of a file has room for them. */
const MOST_KEYS = 50

/** The keys of the key file, in its order; `undefined` where there is no file. @throws Fault */
export function readMasterKeyFile(keysDir: string): MasterKey[] | undefined {
  const file = masterKeyFile(keysDir)
  const read = readTextFile(file, MOST_SECRET_BYTES)
  if ('text' in read) return parseMasterKeys(read.text, `SIGNET_KEYS_DIR: ${file}`)
  if (!isThere(file)) return undefined
  throw new Fault(`SIGNET_KEYS_DIR: ${file} ${read.why}`, 'make it readable for the user that runs Signet')
}

/** @param where the place of the text, for messages */
export function parseMasterKeys(text: string, where: string): MasterKey[] {
  const words = splitKeyTexts(text)
  const keys = new Map<string, MasterKey>()
  for (const [at, word] of (words.length === 0 ? [''] : words).entries()) {
    const key = parseMasterKey(word)
    if (!key) throw noKey(word, where, words.length > 1 ? `key ${at + 1} of ${words.length}` : 'it')
    keys.set(key.id, key)
  }
  return [...keys.values()]
}

const noKey = (word: string, where: string, which: string): Fault =>
  new Fault(
    `${where} does not hold a master key: found ${word.length} characters${which === 'it' ? '' : ` as ${which}`}, expected 32 bytes in base64url or base64 (43 characters, or 44 with the = at the end), one key a line`,
    'put the original file back from your backup; without it the signing keys in the database stay sealed',
  )

/** Whether the file is there, as far as can be told: a folder that may not be searched hides it. */
function isThere(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined
  } catch {
    return true
  }
}

/** The fault of a keys folder that cannot be made or written. */
export const keysFolderFault = (path: string, error: unknown): Fault =>
  new Fault(
    `SIGNET_KEYS_DIR: ${path} cannot be written (${describeRefusal(path, codeOf(error))})`,
    'give the user that runs Signet a folder of its own',
  )

/**
 * Makes sure that a key file can be made in the folder, by making and removing one under another name. Done before a
 * database is made, because a refused start leaves nothing behind.
 * @throws Fault
 */
export function requireKeysFolder(keysDir: string): void {
  const file = masterKeyFile(keysDir)
  const [draft, link] = [draftBeside(file), draftBeside(file)]
  try {
    writeDurably(draft, '')
    linkSync(draft, link)
  } catch (error) {
    throw keysFolderFault(file, error)
  } finally {
    for (const each of [draft, link]) rmSync(each, { force: true })
  }
}

/**
 * Creates the key file, mode 0600 and durable before it returns. Of two processes that start at once one creates it and
 * both read the same: the name appears by `link`, whole or not at all. The folder exists.
 * @returns the keys, and removes the file again where this process has made it: nothing was sealed under its key
 */
export function createMasterKeyFile(keysDir: string): { keys: MasterKey[]; unmake: () => void } {
  const file = masterKeyFile(keysDir)
  const draft = draftBeside(file)
  let isOurs = true
  try {
    closeToOthers(keysDir)
    writeDurably(draft, `${newMasterKey().text}\n`)
    giveToFolderOwner(draft)
    try {
      linkSync(draft, file)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      isOurs = false
    }
    unlinkSync(draft)
    syncFolder(dirname(file))
  } catch (error) {
    rmSync(draft, { force: true })
    throw keysFolderFault(file, error)
  }
  const keys = readMasterKeyFile(keysDir)
  if (!keys) throw new Fault(`SIGNET_KEYS_DIR: ${file} was removed while Signet started`, 'start again')
  return { keys, unmake: () => isOurs && rmSync(file, { force: true }) }
}

/** Bits of a folder that a platform prepared for several users or pods: setgid, sticky, writable by others. */
const PREPARED = 0o3022

/**
 * Sets an ordinary folder of our own to 0700, such as `keys/` of a checkout. The mode of any other folder is left alone:
 * volumes of Kubernetes are root's and writable by a group, and other pods may need them so.
 */
function closeToOthers(folder: string): void {
  if (!isOrdinary(folder)) return
  try {
    chmodSync(folder, 0o700)
  } catch {
    // File systems without modes. The key file itself is 0600 where modes exist.
  }
}

/** Whether a folder is our own, and no platform has prepared it: then it should be closed to others. */
export function isOrdinary(folder: string): boolean {
  const { uid, mode } = statSync(folder)
  return uid === process.geteuid?.() && (mode & PREPARED) === 0
}

/** Adds a key to the file; durable before it returns. @throws Fault; then the file is as it was */
export const addToMasterKeyFile = (keysDir: string, added: MasterKey): void =>
  changeFile(keysDir, (keys) => {
    if (keys.length >= MOST_KEYS)
      throw new Fault(
        `${masterKeyFile(keysDir)} holds ${keys.length} keys already`,
        'retire those that nothing needs any more: signet master-key list',
      )
    return [...keys, added]
  })

/** Takes a key out of the file. Another key stays in it. */
export const removeFromMasterKeyFile = (keysDir: string, id: string): void =>
  changeFile(keysDir, (keys) => keys.filter((key) => key.id !== id))

/** The lock of a command that was killed on another machine is ignored after this time. A change takes milliseconds. */
const LOCK_MS = 30_000

/** Two commands that change the file at once must not lose a key of each other, so they take turns. */
function changeFile(keysDir: string, change: (keys: MasterKey[]) => MasterKey[]): void {
  const named = masterKeyFile(keysDir)
  try {
    const file = realpathSync(named)
    const lock = `${file}.lock`
    const own = newProcessName()
    takeLock(lock, own)
    try {
      // A start that was killed while it made the file may have left its key under another name.
      removeAbandoned(dirname(file))
      replaceFile(file, change(readMasterKeyFile(keysDir) ?? []), () => requireOwn(lock, own))
    } finally {
      if (readLock(lock) === own) rmSync(lock, { force: true })
    }
  } catch (error) {
    throw error instanceof Fault ? error : keysFolderFault(named, error)
  }
}

function takeLock(lock: string, own: string): void {
  if (isTakenByNobody(lock)) rmSync(lock, { force: true })
  try {
    writeDurably(lock, own)
  } catch (error) {
    throw codeOf(error) === 'EEXIST' ? inTheWay(lock) : error
  }
}

function isTakenByNobody(lock: string): boolean {
  const stats = statSync(lock, { throwIfNoEntry: false })
  return stats !== undefined && (isGone(readLock(lock)) || Date.now() - stats.mtimeMs > LOCK_MS)
}

function readLock(lock: string): string {
  const read = readTextFile(lock, MOST_SECRET_BYTES)
  return 'text' in read ? read.text : ''
}

function requireOwn(lock: string, own: string): void {
  if (readLock(lock) !== own) throw inTheWay(lock)
}

const inTheWay = (lock: string): Fault =>
  new Fault('another command changes the key file', `nothing was changed; try again (its lock is ${lock})`)

/** The new file has the owner and the group of the former file, and the rights that its group had. Others have none. */
function replaceFile(file: string, keys: MasterKey[], requireLock: () => void): void {
  const { uid, gid, mode } = statSync(file)
  // Always the same name: the next change replaces what a killed one left.
  const draft = `${file}.next`
  rmSync(draft, { force: true })
  try {
    writeDurably(draft, keys.map(({ text }) => `${text}\n`).join(''), (descriptor) => {
      if (process.geteuid?.() === 0) fchownSync(descriptor, uid, gid)
      fchmodSync(descriptor, 0o600 | (mode & 0o040))
    })
    requireLock()
    renameSync(draft, file)
  } finally {
    rmSync(draft, { force: true })
  }
  syncFolder(dirname(file))
}

function writeDurably(file: string, content: string, prepare = (_descriptor: number): void => {}): void {
  const descriptor = openSync(file, 'wx', 0o600)
  try {
    prepare(descriptor)
    writeSync(descriptor, content)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}
