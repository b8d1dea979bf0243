/**
 * Keys that belong to no client. An assertion that fits no registered key is checked by one of these. So its refusal
 * takes as long as the refusal of a wrong signature, and the time does not tell which clients exist.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { JWK } from 'jose'

type Algorithm = 'ES256' | 'ES384' | 'ES512' | 'RS256' | 'PS256' | 'EdDSA' | 'Ed25519'

const made = new Map<Algorithm, JWK>()

/** A public key for an algorithm. Each call returns the same key. */
export function decoyFor(algorithm: Algorithm): JWK {
  const key = made.get(algorithm) ?? make(algorithm)
  made.set(algorithm, key)
  return key
}

function make(algorithm: Algorithm): JWK {
  switch (algorithm) {
    case 'ES256':
      return ellipticCurve('P-256')
    case 'ES384':
      return ellipticCurve('P-384')
    case 'ES512':
      return ellipticCurve('P-521')
    case 'RS256':
    case 'PS256':
      return { kty: 'RSA', n: anyModulus(), e: 'AQAB' }
    case 'EdDSA':
    case 'Ed25519':
      return generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }) // RFC 8037 §2
  }
}

const ellipticCurve = (namedCurve: string): JWK =>
  generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'jwk' }) // RFC 7518 §6.2

/**
 * An odd number of 2048 bits. Verifying takes the same time as with a product of two primes, and two primes take a tenth of
 * a second to find.
 */
function anyModulus(): string {
  const bytes = randomBytes(256)
  bytes[0] = (bytes[0] ?? 0) | 0x80
  bytes[255] = (bytes[255] ?? 0) | 1
  return bytes.toString('base64url')
}
