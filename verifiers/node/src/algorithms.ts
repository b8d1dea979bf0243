/** The signature algorithms for tokens, and the keys that belong to them (RFC 7518 §3.1, RFC 8037, RFC 9864). */
import type { JWK } from 'jose'

const KEY_OF = new Map<string, { kty: string; crv?: string }>([
  ['ES256', { kty: 'EC', crv: 'P-256' }],
  ['ES384', { kty: 'EC', crv: 'P-384' }],
  ['ES512', { kty: 'EC', crv: 'P-521' }],
  ['RS256', { kty: 'RSA' }],
  ['RS384', { kty: 'RSA' }],
  ['RS512', { kty: 'RSA' }],
  ['PS256', { kty: 'RSA' }],
  ['PS384', { kty: 'RSA' }],
  ['PS512', { kty: 'RSA' }],
  ['EdDSA', { kty: 'OKP', crv: 'Ed25519' }],
  ['Ed25519', { kty: 'OKP', crv: 'Ed25519' }],
])

/** All of them verify with a public key, so an API that can verify cannot sign. */
export const ASYMMETRIC_ALGORITHMS: readonly string[] = [...KEY_OF.keys()]

/** Whether a key may verify an algorithm. The key decides, never the token alone (RFC 8725 §3.1). */
export function fits(jwk: JWK, alg: string): boolean {
  const needed = KEY_OF.get(alg)
  if (!needed || jwk.kty !== needed.kty) return false
  if (needed.crv !== undefined && jwk.crv !== needed.crv) return false
  return jwk.alg === undefined || jwk.alg === alg || (isEd25519(jwk.alg) && isEd25519(alg))
}

/** The algorithm has two names (RFC 9864 §2.2). */
const isEd25519 = (alg: string): boolean => alg === 'EdDSA' || alg === 'Ed25519'

/** The public members of a key; `undefined` if the key does not verify signatures. */
export function publicPart(jwk: JWK): JWK | undefined {
  if (jwk.use !== undefined && jwk.use !== 'sig') return undefined
  if (Array.isArray(jwk.key_ops) && !jwk.key_ops.includes('verify')) return undefined
  const { kty, crv, x, y, n, e } = jwk
  const alg = typeof jwk.alg === 'string' ? { alg: jwk.alg } : {}
  if (kty === 'EC' && crv && x && y) return { kty, crv, x, y, ...alg }
  if (kty === 'OKP' && crv && x) return { kty, crv, x, ...alg }
  if (kty === 'RSA' && n && e) return { kty, n, e, ...alg }
  return undefined
}
