/**
 * The master key: 32 bytes that are kept apart from the database. It seals the private signing keys at rest, and every
 * other secret key is derived from it (client secret digests, refresh token MACs). It is created once, at the very first
 * start. Later, a missing or different master key stops the start, and new signing keys are never made in its place.
 */
import { hkdfSync, randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { CompactEncrypt, compactDecrypt } from 'jose'
import type { Config } from '../config.ts'
import { Fault } from '../ground/errors.ts'
import { codeOf, describeRefusal, giveToFolderOwner, modeOf } from '../ground/file-access.ts'
import { readKeyText } from '../ground/key-text.ts'
import { MOST_SECRET_BYTES, readTextFile } from '../ground/text-file.ts'
import { Mac } from './mac.ts'

type Purpose = 'client-secret' | 'refresh-token' | 'identity'

export interface MasterKey {
  /** Names the key without telling it: the `kid` of every JWE that it sealed. */
  id: string
  /** A 32-byte key of its own for each purpose (HKDF, RFC 5869). */
  derive(purpose: Purpose): Mac
  /** Seals a JSON value as a compact JWE (RFC 7516), `A256GCMKW` with `A256GCM`. */
  seal(value: unknown): Promise<string>
  /** @throws Fault where this is not the key that sealed it. */
  unseal(jwe: string): Promise<unknown>
}

/** The path of the key file in a keys folder. */
export const masterKeyFile = (keysDir: string): string => join(keysDir, 'master.key')

/** The master key in the configuration. */
export type MasterKeySource = Pick<Config, 'masterKey' | 'keysDir'>

/** The key of a deployment; `undefined` where it is to come from a file that is not there. */
export const readMasterKey = ({ masterKey, keysDir }: MasterKeySource): MasterKey | undefined =>
  masterKey === undefined ? readMasterKeyFile(keysDir) : parseMasterKey(masterKey, 'SIGNET_MASTER_KEY')

/** The place at which the operator puts the right key, for messages. */
export const describeMasterKeyPlace = ({ masterKey, keysDir }: MasterKeySource): string =>
  masterKey === undefined
    ? `${masterKeyFile(keysDir)} (SIGNET_KEYS_DIR)`
    : 'SIGNET_MASTER_KEY (or in the file that SIGNET_MASTER_KEY_FILE names)'

/** The variable that gives the key, directly or by its folder. */
export const masterKeyVariable = ({ masterKey, setBy }: Pick<Config, 'masterKey' | 'setBy'>): string =>
  masterKey === undefined ? 'SIGNET_KEYS_DIR' : (setBy.masterKey ?? 'SIGNET_MASTER_KEY')

/** @param text base64url, as in the file, or base64 */
function parseMasterKey(text: string, where: string): MasterKey {
  const trimmed = text.trim()
  const secret = readKeyText(trimmed)
  if (secret) return masterKeyOf(secret)
  throw new Fault(
    `${where} does not hold a master key: found ${trimmed.length} characters, expected 32 bytes in base64url or base64 (43 characters, or 44 with the = at the end)`,
    'put the original file back from your backup; without it the signing keys in the database stay sealed',
  )
}

/** Reads the key file; `undefined` where there is none. */
export function readMasterKeyFile(keysDir: string): MasterKey | undefined {
  const file = masterKeyFile(keysDir)
  const read = readTextFile(file, MOST_SECRET_BYTES)
  if ('text' in read) return parseMasterKey(read.text, `SIGNET_KEYS_DIR: ${file}`)
  if (!isThere(file)) return undefined
  throw new Fault(`SIGNET_KEYS_DIR: ${file} ${read.why}`, 'make it readable for the user that runs Signet')
}

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
  const draft = draftName(file)
  try {
    writeDurably(draft, '')
    linkSync(draft, `${draft}.link`)
  } catch (error) {
    throw keysFolderFault(file, error)
  } finally {
    for (const each of [draft, `${draft}.link`]) rmSync(each, { force: true })
  }
}

/**
 * Creates the key file, mode 0600 and durable before it returns. Of two processes that start at once one creates it and
 * both read the same: the name appears by `link`, whole or not at all. The folder exists.
 */
export function createMasterKeyFile(keysDir: string): MasterKey {
  const file = masterKeyFile(keysDir)
  const draft = draftName(file)
  try {
    closeToOthers(keysDir)
    writeDurably(draft, `${randomBytes(32).toString('base64url')}\n`)
    giveToFolderOwner(draft)
    try {
      linkSync(draft, file)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    unlinkSync(draft)
    syncFolder(dirname(file))
  } catch (error) {
    rmSync(draft, { force: true })
    throw keysFolderFault(file, error)
  }
  const created = readMasterKeyFile(keysDir)
  if (!created) throw new Fault(`SIGNET_KEYS_DIR: ${file} was removed while Signet started`)
  return created
}

const draftName = (file: string): string => `${file}.${randomBytes(6).toString('hex')}`

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

/** A key file or keys folder that other users of the machine can read or change. */
export interface LooseMode {
  /** Names file, mode and remedy. */
  warning: string
  /** Whether it belongs to the user that runs Signet, who can repair it. */
  isOurs: boolean
}

/** Looks at the mode of the key file and its folder. Access for a group is the operator's choice, and no finding. */
export function findLooseModes({ masterKey, keysDir }: MasterKeySource): LooseMode[] {
  const file = resolve(masterKeyFile(keysDir))
  if (masterKey !== undefined || !existsSync(file)) return []
  const folder = dirname(file)
  const [ofFile, ofFolder] = [statSync(file), statSync(folder)]
  const isOurs = (uid: number) => uid === process.geteuid?.()
  const found: LooseMode[] = []
  if ((ofFile.mode & 0o006) !== 0 && (ofFolder.mode & 0o001) !== 0)
    found.push({
      warning: `SIGNET_KEYS_DIR: every user of this machine can read ${file} (mode ${modeOf(ofFile)}): chmod 600 ${file}`,
      isOurs: isOurs(ofFile.uid),
    })
  const isSticky = (ofFolder.mode & 0o1000) !== 0
  if ((ofFolder.mode & 0o002) !== 0 && !isSticky)
    found.push({
      warning: `SIGNET_KEYS_DIR: every user of this machine can replace the master key in ${folder} (mode ${modeOf(ofFolder)}): chmod 700 ${folder}`,
      isOurs: isOurs(ofFolder.uid),
    })
  return found
}

function writeDurably(file: string, content: string): void {
  const descriptor = openSync(file, 'wx', 0o600)
  try {
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

function masterKeyOf(secret: Buffer): MasterKey {
  const bytesFor = (purpose: string) => Buffer.from(hkdfSync('sha256', secret, '', `signet/${purpose}`, 32))
  const derive = (purpose: Purpose) => new Mac(bytesFor(purpose))
  const id = derive('identity').digest(Buffer.from('id')).toString('base64url').slice(0, 16)
  const sealing = bytesFor('sealing')
  return {
    id,
    derive,
    seal: (value) =>
      new CompactEncrypt(new TextEncoder().encode(JSON.stringify(value)))
        .setProtectedHeader({ alg: 'A256GCMKW', enc: 'A256GCM', kid: id })
        .encrypt(sealing),
    async unseal(jwe) {
      try {
        const { plaintext } = await compactDecrypt(jwe, sealing, {
          keyManagementAlgorithms: ['A256GCMKW'],
          contentEncryptionAlgorithms: ['A256GCM'],
        })
        return JSON.parse(new TextDecoder().decode(plaintext)) as unknown
      } catch (cause) {
        throw new Fault('a private signing key in the database cannot be opened with this master key', undefined, {
          cause,
        })
      }
    },
  }
}
