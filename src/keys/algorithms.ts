/** The two signing algorithms: makes and names their keys, and signs with them (RFC 7518 §3.3, §3.4). */
import { createPublicKey, generateKeyPair, sign, type JsonWebKey, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { PublicJwk, SigningAlgorithm } from '../store/records/key.ts'

export const SIGNING_ALGORITHMS: readonly SigningAlgorithm[] = ['ES256', 'RS256']

export interface GeneratedKey {
  /** The algorithm and the key's RFC 7638 thumbprint: stable, usable as a file name, never with a dash first. */
  kid: string
  publicJwk: PublicJwk
  privateJwk: JsonWebKey
}

const generate = promisify(generateKeyPair)

/** Makes a key pair in the thread pool: P-256, or RSA with 2048 bits. */
export async function generateSigningKey(alg: SigningAlgorithm): Promise<GeneratedKey> {
  const { privateKey } =
    alg === 'ES256' ? await generate('ec', { namedCurve: 'P-256' }) : await generate('rsa', { modulusLength: 2048 })
  const privateJwk = privateKey.export({ format: 'jwk' })
  const publicJwk = publicPart(privateKey)
  const { calculateJwkThumbprint } = await import('jose/jwk/thumbprint')
  const thumbprint = await calculateJwkThumbprint(publicJwk)
  return { kid: `${alg.toLowerCase()}-${thumbprint.slice(0, 22)}`, publicJwk, privateJwk }
}

function publicPart(privateKey: KeyObject): PublicJwk {
  const { kty, crv, x, y, n, e } = createPublicKey(privateKey).export({ format: 'jwk' })
  if (kty === 'EC' && crv && x && y) return { kty, crv, x, y }
  if (kty === 'RSA' && n && e) return { kty, n, e }
  throw new Error(`unexpected key type ${kty}`)
}

const signInThreadPool = promisify(sign)

interface Waiting {
  input: string
  key: KeyObject
  resolve: (signature: string) => void
  reject: (cause: unknown) => void
}

/**
 * The ES256 signatures of one turn of the event loop are made together at its end. That is half again as fast
 * as making each one between other work. DER with a small conversion is much faster than the `ieee-p1363` mode
 * of node:crypto.
 */
let turn: Waiting[] = []

function signTogether(): void {
  const batch = turn
  turn = []
  for (const { input, key, resolve, reject } of batch) {
    try {
      resolve(joseSignature(sign('sha256', Buffer.from(input), key)).toString('base64url'))
    } catch (cause) {
      reject(cause)
    }
  }
}

/** Signs the ASCII input of a JWS. RSA is slow, so it runs in the thread pool. @returns the base64url signature */
export async function signJws(alg: SigningAlgorithm, input: string, key: KeyObject): Promise<string> {
  if (alg === 'RS256') return (await signInThreadPool('RSA-SHA256', Buffer.from(input), key)).toString('base64url')
  return new Promise((resolve, reject) => {
    if (turn.length === 0) setImmediate(signTogether)
    turn.push({ input, key, resolve, reject })
  })
}

/** Converts DER (SEQUENCE of two INTEGERs, X.690) to the fixed-width `r || s` of RFC 7518 §3.4. */
export function joseSignature(der: Buffer): Buffer {
  const signature = Buffer.alloc(64)
  // A P-256 signature is shorter than 128 bytes, so every DER length here is one byte.
  const rLength = der[3] ?? 0
  const sAt = 4 + rLength
  copyInteger(der.subarray(4, sAt), signature, 32)
  copyInteger(der.subarray(sAt + 2, sAt + 2 + (der[sAt + 1] ?? 0)), signature, 64)
  return signature
}

/** Copies a DER integer without its sign byte, so that it ends at `end`. */
function copyInteger(integer: Buffer, target: Buffer, end: number): void {
  const digits = integer.length > 32 ? integer.subarray(integer.length - 32) : integer
  digits.copy(target, end - digits.length)
}

/** Converts `r || s` to DER. node:crypto checks DER a third faster than its `ieee-p1363` mode. */
export function derSignature(signature: Buffer): Buffer {
  const integers = [derInteger(signature.subarray(0, 32)), derInteger(signature.subarray(32, 64))]
  const length = integers.reduce((sum, { length: bytes }) => sum + bytes, 0)
  return Buffer.concat([Buffer.from([0x30, length]), ...integers])
}

/** The shortest form of a positive number (X.690 §8.3). A leading zero stands before a set first bit. */
function derInteger(number: Buffer): Buffer {
  const first = number.findIndex((byte) => byte !== 0)
  const digits = first < 0 ? Buffer.from([0]) : number.subarray(first)
  const padding = (digits[0] ?? 0) >= 0x80 ? [0] : []
  return Buffer.concat([Buffer.from([0x02, digits.length + padding.length, ...padding]), digits])
}
