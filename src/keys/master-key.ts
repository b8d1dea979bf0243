/**
 * A master key: 32 bytes that are kept apart from the database. It seals the private signing keys at rest, and other
 * secret keys are derived from it (client secret digests, refresh token MACs). Its id is made from a key of its own, so it
 * helps nobody to find the master key.
 */
import { hkdfSync, randomBytes } from 'node:crypto'
import { Fault } from '../ground/errors.ts'
import { readKeyText } from '../ground/key-text.ts'
import { Mac } from './mac.ts'

export interface MasterKey {
  /** Names the key without telling it: 16 characters of base64url, the `kid` of every JWE that it sealed. */
  id: string
  /** The key itself in base64url, for its place and for the operator alone. */
  text: string
  /** Digests of generated client secrets. */
  clientSecrets: Mac
  /** The root of refresh token families. */
  refreshTokens: Mac
  /** Seals a JSON value as a compact JWE (RFC 7516), `A256GCMKW` with `A256GCM`. */
  seal(value: unknown): Promise<string>
  /** @throws Fault where this is not the key that sealed it. */
  unseal(jwe: string): Promise<unknown>
}

/** A fresh key. Its id does not look like an option of the command line. */
export function newMasterKey(): MasterKey {
  const key = masterKeyOf(randomBytes(32))
  return key.id.startsWith('-') ? newMasterKey() : key
}

/** The id as an argument of a command. Options stand before it. */
export const idArgument = (id: string): string => (id.startsWith('-') ? `-- ${id}` : id)

/** The key of a text in base64url or base64; `undefined` where it is none. */
export function parseMasterKey(text: string): MasterKey | undefined {
  const secret = readKeyText(text)
  return secret && masterKeyOf(secret)
}

function masterKeyOf(secret: Buffer): MasterKey {
  // A 32-byte key of its own for each purpose (HKDF, RFC 5869).
  const bytesFor = (purpose: string) => Buffer.from(hkdfSync('sha256', secret, '', `signet/${purpose}`, 32))
  const macFor = (purpose: string) => new Mac(bytesFor(purpose))
  const id = macFor('identity').digest(Buffer.from('id')).toString('base64url').slice(0, 16)
  const sealing = bytesFor('sealing')
  return {
    id,
    text: secret.toString('base64url'),
    clientSecrets: macFor('client-secret'),
    refreshTokens: macFor('refresh-token'),
    // Two modules of jose with what they need: the whole of it would double the time of a command that opens no seal.
    async seal(value) {
      const { CompactEncrypt } = await import('jose/jwe/compact/encrypt')
      return new CompactEncrypt(new TextEncoder().encode(JSON.stringify(value)))
        .setProtectedHeader({ alg: 'A256GCMKW', enc: 'A256GCM', kid: id })
        .encrypt(sealing)
    },
    async unseal(jwe) {
      const { compactDecrypt } = await import('jose/jwe/compact/decrypt')
      try {
        const { plaintext } = await compactDecrypt(jwe, sealing, {
          keyManagementAlgorithms: ['A256GCMKW'],
          contentEncryptionAlgorithms: ['A256GCM'],
        })
        return JSON.parse(new TextDecoder().decode(plaintext)) as unknown
      } catch (cause) {
        throw new Fault(
          `a value of the database that was sealed under master key ${id} cannot be opened with it`,
          'the value was damaged: restore a backup, see signet restore --help',
          { cause },
        )
      }
    },
  }
}
