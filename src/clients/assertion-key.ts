/**
 * What a key has to be to verify a client's assertions (RFC 7517 §4). A key that would verify nothing is refused when
 * it is registered, where somebody reads why; at authentication nobody may be told.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import type { ClientJwk } from '../store/store.ts'

/** RFC 7518 §3.3 */
const LEAST_RSA_BITS = 2048

/** What each kind of key can verify (RFC 7518 §3.1, RFC 8037 §3.1). */
const ALGORITHMS = new Map([
  ['EC P-256', ['ES256']],
  ['EC P-384', ['ES384']],
  ['EC P-521', ['ES512']],
  ['RSA', ['RS256', 'PS256']],
  ['OKP Ed25519', ['EdDSA', 'Ed25519']],
])

/** Why a public key cannot verify an assertion, if it cannot. */
export function findKeyFault(key: ClientJwk): string | undefined {
  const kind = key.kty === 'RSA' ? 'RSA' : `${key.kty} ${String(key.crv)}`
  const algorithms = ALGORITHMS.get(kind)
  if (!algorithms) return `a key is of one of these kinds: ${[...ALGORITHMS.keys()].join(', ')}`
  return findPurposeFault(key, algorithms) ?? findMaterialFault(key)
}

function findPurposeFault({ kid, use, key_ops: operations, alg }: ClientJwk, algorithms: string[]): string | undefined {
  if (kid !== undefined && typeof kid !== 'string') return 'kid is text'
  if (use !== undefined && use !== 'sig') return 'use is "sig", or left out: a key for anything else verifies nothing'
  if (operations !== undefined && JSON.stringify(operations) !== '["verify"]')
    return 'key_ops is ["verify"], or left out: a key for anything else verifies nothing'
  if (alg !== undefined && !algorithms.some((each) => each === alg))
    return `alg of such a key is ${algorithms.join(' or ')}, or left out`
  return undefined
}

function findMaterialFault(jwk: ClientJwk): string | undefined {
  const key = read(jwk)
  if (!key) return 'a key cannot be read: one of its members is missing, or is not what RFC 7518 §6 says'
  const bits = key.asymmetricKeyDetails?.modulusLength ?? Infinity
  return bits < LEAST_RSA_BITS ? `an RSA key has ${LEAST_RSA_BITS} bits at least; this one has ${bits}` : undefined
}

function read(jwk: ClientJwk): KeyObject | undefined {
  try {
    return createPublicKey({ key: { ...jwk }, format: 'jwk' })
  } catch {
    return undefined
  }
}

const isEdwards = (alg: unknown): boolean => alg === 'EdDSA' || alg === 'Ed25519'

/** Whether two names are of one algorithm: `Ed25519` is what RFC 9864 §2.2 calls `EdDSA` with that curve. */
export const isSameAlgorithm = (one: unknown, other: unknown): boolean =>
  one === other || (isEdwards(one) && isEdwards(other))
