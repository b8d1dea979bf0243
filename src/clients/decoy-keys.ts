/**
 * Keys of nobody. An assertion that no registered key fits is put to one of these, so that its refusal takes as long
 * as that of a wrong signature, and the time does not tell which clients there are.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { JWK } from 'jose'

type Algorithm = 'ES256' | 'ES384' | 'ES512' | 'RS256' | 'PS256' | 'EdDSA' | 'Ed25519'

const made = new Map<Algorithm, JWK>()

/** A public key that fits an algorithm; the same one each time. */
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

/** 2048 bits, odd: verifying works on it as on a product of two primes, and finding those takes a tenth of a second. */
function anyModulus(): string {
  const bytes = randomBytes(256)
  bytes[0] = (bytes[0] ?? 0) | 0x80
  bytes[255] = (bytes[255] ?? 0) | 1
  return bytes.toString('base64url')
}
