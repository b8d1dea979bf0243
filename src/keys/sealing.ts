/**
 * Seals JSON values under a key of 32 bytes, as a compact JWE (RFC 7516 §7.1): `A256GCMKW` with `A256GCM` (RFC 7518 §4.7,
 * §5.3). A fresh key encrypts each value, and the given key encrypts that one. No other algorithm is read or written.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const CIPHER = 'aes-256-gcm'
const ALGORITHMS = { alg: 'A256GCMKW', enc: 'A256GCM' }
const KEY_BYTES = 32
/** NIST SP 800-38D §8.2.2: random, and of this length alone. */
const IV_BYTES = 12
const TAG_BYTES = 16

interface Encrypted {
  iv: Buffer
  ciphertext: Buffer
  tag: Buffer
}

/** @param kid names the sealing key, in the header that everybody reads */
export function sealJson(value: unknown, key: Buffer, kid: string): string {
  const contentKey = randomBytes(KEY_BYTES)
  const wrapped = encrypt(contentKey, key, '')
  const header = text64({ ...ALGORITHMS, kid, iv: base64url(wrapped.iv), tag: base64url(wrapped.tag) })
  const { iv, ciphertext, tag } = encrypt(Buffer.from(JSON.stringify(value)), contentKey, header)
  return [header, ...[wrapped.ciphertext, iv, ciphertext, tag].map(base64url)].join('.')
}

/** The sealed value. @throws Error where this key did not seal it, or a part of it was changed */
export function unsealJson(jwe: string, key: Buffer): unknown {
  const [header = '', ...parts] = jwe.split('.')
  const [wrapped, iv, ciphertext, tag, ...more] = parts.map(bytes)
  if (!wrapped || !iv || !ciphertext || !tag || more.length > 0) throw new Error('not five parts')
  const contentKey = decrypt({ ...wrapTermsOf(header), ciphertext: wrapped }, key, '')
  return JSON.parse(decrypt({ iv, ciphertext, tag }, contentKey, header).toString('utf8'))
}

/** An unknown `crit` and a compression change the meaning of the rest (RFC 7516 §4.1.3, §4.1.13). */
function wrapTermsOf(header: string): Omit<Encrypted, 'ciphertext'> {
  const terms: unknown = JSON.parse(bytes(header).toString('utf8'))
  if (typeof terms !== 'object' || terms === null || 'crit' in terms || 'zip' in terms) throw new Error('header')
  const { alg, enc, iv, tag }: Record<string, unknown> = { ...terms }
  if (alg !== ALGORITHMS.alg || enc !== ALGORITHMS.enc) throw new Error('another algorithm')
  if (typeof iv !== 'string' || typeof tag !== 'string') throw new Error('no iv and tag')
  return { iv: bytes(iv), tag: bytes(tag) }
}

function encrypt(plaintext: Buffer, key: Buffer, authenticated: string): Encrypted {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(authenticated))
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return { iv, ciphertext, tag: cipher.getAuthTag() }
}

/** @throws Error where key, text, tag or `authenticated` is another one */
function decrypt({ iv, ciphertext, tag }: Encrypted, key: Buffer, authenticated: string): Buffer {
  if (iv.length !== IV_BYTES || tag.length !== TAG_BYTES) throw new Error('lengths')
  const decipher = createDecipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(authenticated)).setAuthTag(tag)
  return Buffer.concat([decipher.update(ciphertext), decipher.final()])
}

const text64 = (value: object): string => base64url(Buffer.from(JSON.stringify(value)))
const base64url = (value: Buffer): string => value.toString('base64url')

/** A value has one spelling: a decoder that ignores letters would take changed ones. @throws Error for another spelling */
function bytes(encoded: string): Buffer {
  const decoded = Buffer.from(encoded, 'base64url')
  if (base64url(decoded) !== encoded) throw new Error('spelling')
  return decoded
}
