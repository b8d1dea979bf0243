/**
 * Keys and signatures for vectors. A library would refuse to write most of these tokens, so the parts of a token are
 * joined here by hand, and each may be any text.
 */
import { constants, createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

/** Seconds: every vector is judged at this time, unless it says otherwise. */
export const NOW = 1_800_000_000
export const ISSUER = 'https://issuer.example'
export const API = 'https://api.example'

export interface Key {
  kid: string
  alg: string
  privateKey: KeyObject
  /** As the issuer publishes it. */
  jwk: Record<string, unknown>
}

const CURVES: Record<string, string> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }

function pairFor(alg: string, modulusLength: number) {
  const namedCurve = CURVES[alg]
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve })
  return alg === 'EdDSA' ? generateKeyPairSync('ed25519') : generateKeyPairSync('rsa', { modulusLength })
}

export function makeKey(alg: string, kid: string, { modulusLength = 2048 } = {}): Key {
  const { privateKey, publicKey } = pairFor(alg, modulusLength)
  return { kid, alg, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } }
}

export const base64url = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString('base64url')

/** The signature of a text, as RFC 7518 §3 has it. */
function signature(text: string, { alg, privateKey }: Key): Buffer {
  const bytes = Buffer.from(text)
  if (alg === 'EdDSA' || alg === 'Ed25519') return sign(null, bytes, privateKey)
  const hash = `sha${alg.slice(2)}`
  if (alg.startsWith('ES')) return sign(hash, bytes, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  const padding = alg.startsWith('PS') ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST
  return sign(hash, bytes, { key: privateKey, padding, ...(alg.startsWith('PS') && { saltLength }) })
}

/** Signs two segments as they are, whatever they hold. */
export const signSegments = (header: string, payload: string, key: Key): string =>
  `${header}.${payload}.${base64url(signature(`${header}.${payload}`, key))}`

/** Signs a header and a payload that are given as JSON text. */
export const signText = (header: string, payload: string | Uint8Array, key: Key): string =>
  signSegments(base64url(header), base64url(payload), key)

export const headerOf = (key: Key, changes: Record<string, unknown> = {}): string =>
  JSON.stringify({ alg: key.alg, kid: key.kid, typ: 'at+jwt', ...changes })

const GOOD_CLAIMS = {
  iss: ISSUER,
  sub: 'ada',
  aud: API,
  client_id: 'shop',
  iat: NOW - 10,
  exp: NOW + 600,
  jti: 'token-1',
  sid: 'grant-1',
  scope: 'orders:read',
}

/** The claims of a good token with changes; `undefined` leaves a claim out. */
export const claimsOf = (changes: Record<string, unknown> = {}): string =>
  JSON.stringify({ ...GOOD_CLAIMS, ...changes })

/** The claims of a good token, and members whose JSON text is given. */
export const claimsWith = (members: string, changes: Record<string, unknown> = {}): string =>
  `${claimsOf(changes).slice(0, -1)},${members}}`

/** A token, good but for the changes. */
export const token = (
  key: Key,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  signedBy: Key = key,
): string => signText(headerOf(key, header), claimsOf(claims), { ...key, privateKey: signedBy.privateKey })

/** The hash of a feed entry. */
export const hashOf = (kind: string, value: string): string =>
  createHash('sha256').update(`${kind}:${value}`).digest('base64url')

/** Lists in lists as JSON. */
export const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
