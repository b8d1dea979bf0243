/**
 * Reads a compact JWS (RFC 7515 §7.1) that one of our own keys should have signed. The key decides the algorithm,
 * never the header (RFC 8725 §3.1). Keys in a header, and URLs of keys, are ignored.
 */
import { verify, type KeyObject } from 'node:crypto'
import { derSignature } from './algorithms.ts'
import type { SigningAlgorithm } from '../store/records/key.ts'

/** Only these letters are allowed. A decoder that skips other letters would accept many spellings of one token. */
const COMPACT = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/

export interface VerifyingKey {
  alg: SigningAlgorithm
  publicKey: KeyObject
}

export type ReadJws<Key> =
  | { valid: true; kid: string; typ: string; key: Key; payload: Record<string, unknown> }
  | { valid: false; reason: string }

/** @param findKey returns the public key of a `kid`, or `undefined` if the key is not trusted (any more) */
export function readJws<Key extends VerifyingKey>(
  token: string,
  findKey: (kid: string) => Key | undefined,
): ReadJws<Key> {
  const [, header64 = '', payload64 = '', signature64 = ''] = COMPACT.exec(token) ?? []
  if (signature64 === '') return invalid('not a JWT in compact form')
  const header = parseObject(header64)
  if (!header) return invalid('its header is no JSON object')
  // RFC 7515 §4.1.11: an unknown extension in crit must be refused, and Signet knows none.
  if (header.crit !== undefined) return invalid('its header has crit')
  const { kid, alg, typ } = header
  const key = typeof kid === 'string' ? findKey(kid) : undefined
  if (!key || typeof kid !== 'string' || key.alg !== alg) return invalid('no key of this kid and alg')
  if (!isSignedBy(key, `${header64}.${payload64}`, signature64)) return invalid('its signature is not by this key')
  const payload = parseObject(payload64)
  if (!payload) return invalid('its claims are no JSON object')
  return { valid: true, kid, typ: typeof typ === 'string' ? typ : '', key, payload }
}

const invalid = (reason: string): { valid: false; reason: string } => ({ valid: false, reason })

/** A signature has one spelling. Its last letter has bits that a decoder ignores, so another spelling is refused. */
function isSignedBy({ alg, publicKey }: VerifyingKey, input: string, signature64: string): boolean {
  const signature = Buffer.from(signature64, 'base64url')
  if (signature.toString('base64url') !== signature64) return false
  const data = Buffer.from(input)
  return alg === 'ES256'
    ? signature.length === 64 && verify('sha256', data, publicKey, derSignature(signature))
    : verify('RSA-SHA256', data, publicKey, signature)
}

function parseObject(segment: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(segment, 'base64url').toString('utf8'))
    return value && typeof value === 'object' && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}
