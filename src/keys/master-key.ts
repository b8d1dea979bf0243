/**
 * The master key: 32 bytes that live apart from the database. It seals the private signing keys at rest and
 * is the root of every derived secret (client secret digests, refresh token MACs). It is created once, on
 * the very first start; afterwards a missing or different one stops the start, and never makes new keys.
 */
import { hkdfSync, randomBytes } from 'node:crypto'
import { chmodSync, closeSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CompactEncrypt, compactDecrypt } from 'jose'
import { Fault } from '../ground/errors.ts'
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

/** Where the key file of a keys folder is. */
export const masterKeyFile = (keysDir: string): string => join(keysDir, 'master.key')

/** What the configuration says of the master key. */
export interface MasterKeySource {
  masterKey: string | undefined
  keysDir: string
}

/** The key of a deployment; `undefined` where it is to come from a file that is not there. */
export const readMasterKey = ({ masterKey, keysDir }: MasterKeySource): MasterKey | undefined =>
  masterKey === undefined ? readMasterKeyFile(keysDir) : parseMasterKey(masterKey, 'SIGNET_MASTER_KEY')

/** Where it has to be put right, for messages. */
export const describeMasterKeyPlace = ({ masterKey, keysDir }: MasterKeySource): string =>
  masterKey === undefined
    ? masterKeyFile(keysDir)
    : 'SIGNET_MASTER_KEY (or in the file that SIGNET_MASTER_KEY_FILE names)'

/** @param text 43 base64url characters, as in the file. */
function parseMasterKey(text: string, where: string): MasterKey {
  const trimmed = text.trim()
  if (!/^[A-Za-z0-9_-]{43}$/.test(trimmed)) {
    throw new Fault(
      `${where} does not hold a master key: found ${trimmed.length} characters, expected 32 bytes in base64url (43 characters)`,
      'put the original file back from your backup; without it the signing keys in the database stay sealed',
    )
  }
  return masterKeyOf(Buffer.from(trimmed, 'base64url'))
}

/** Reads the key file; `undefined` where there is none. */
export function readMasterKeyFile(keysDir: string): MasterKey | undefined {
  const file = masterKeyFile(keysDir)
  try {
    return parseMasterKey(readFileSync(file, 'utf8'), file)
  } catch (error) {
    if (error instanceof Fault) throw error
    const { code } = error as NodeJS.ErrnoException // readFileSync throws system errors only
    if (code === 'ENOENT') return undefined
    throw new Fault(
      `SIGNET_KEYS_DIR: ${file} cannot be read (${code})`,
      `make it readable for the user that runs Signet`,
    )
  }
}

/** What a keys folder that cannot be made or written is: better before there is a database than after. */
export const keysFolderFault = (path: string, error: unknown): Fault =>
  new Fault(
    `SIGNET_KEYS_DIR: ${path} cannot be written (${(error as NodeJS.ErrnoException).code})`, // system calls throw system errors only
    'give the user that runs Signet a folder of its own',
  )

/**
 * Creates the key file, durable before it returns, 0600 in a 0700 folder. Of two processes that start at
 * once one creates it and both read the same: the name appears by `link`, whole or not at all. The folder is there.
 */
export function createMasterKeyFile(keysDir: string): MasterKey {
  const file = masterKeyFile(keysDir)
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  try {
    chmodSync(keysDir, 0o700)
    writeDurably(draft, `${randomBytes(32).toString('base64url')}\n`)
    try {
      linkSync(draft, file)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error // linkSync throws system errors only
    }
    unlinkSync(draft)
    syncFolder(dirname(file))
  } catch (error) {
    throw keysFolderFault(file, error)
  }
  return parseMasterKey(readFileSync(file, 'utf8'), file)
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
