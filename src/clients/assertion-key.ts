/**
 * Which keys verify a client's assertions (RFC 7517 §4). A key set is checked when it is registered. The operator reads
 * there why a key cannot be used. At authentication the caller must not learn it.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import type { ClientJwk } from '../store/records/client.ts'

/** Private or symmetric members; none belongs into a registration (RFC 7518 §6). */
export const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const

/** The members of a key that are kept: those that verifying reads. Other members may have any size and depth. */
const KEPT_MEMBERS = ['kty', 'kid', 'use', 'key_ops', 'alg', 'crv', 'x', 'y', 'n', 'e'] as const

/** RFC 7518 §3.3 */
const LEAST_RSA_BITS = 2048
/** Any caller can make Signet verify with a client's key, and the time grows with the square of the bits. */
const MOST_RSA_BITS = 4096
/** A long exponent makes verifying as expensive as signing. 65537 is what everybody uses. */
const MOST_EXPONENT = 2 ** 32
/** base64url of 4096 bits. Longer members are not decoded. */
const MOST_MEMBER_CHARACTERS = 683

/** Keys of a set as it comes. */
export const MOST_SENT_KEYS = 50
/** Keys that a client may register. */
const MOST_KEYS = 10

/** Algorithms that each kind of key can verify (RFC 7518 §3.1, RFC 8037 §3.1). */
const ALGORITHMS = new Map([
  ['EC P-256', ['ES256']],
  ['EC P-384', ['ES384']],
  ['EC P-521', ['ES512']],
  ['RSA', ['RS256', 'PS256']],
  ['OKP Ed25519', ['EdDSA', 'Ed25519']],
])

export interface ReadKeySet {
  /** The keys that serve. */
  keys: ClientJwk[]
  /** Why each of the other keys is ignored. */
  ignored: string[]
}

/**
 * Reads a key set that a client brings. Keys that cannot serve are ignored (RFC 7517 §5): partners publish keys for
 * encryption beside those for signatures.
 * @returns why the set is refused: a private key in it, no key that serves, or keys that cannot be told apart
 */
export function readKeySet(keys: readonly Record<string, unknown>[]): ReadKeySet | { fault: string } {
  if (keys.some(isPrivate))
    return { fault: 'a key has private members; register its public part only, and replace that key' }
  const { keys: serving, ignored } = sift(keys)
  const fault = serving.length === 0 ? (ignored[0] ?? NO_KEYS) : findSetFault(serving)
  return fault === undefined ? { keys: serving, ignored } : { fault }
}

/**
 * Reads a key set that a client publishes at its `jwks_uri`. Two keys may have one `kid` there, if their kinds differ (RFC
 * 7517 §4.5): the algorithm of the assertion tells them apart.
 * @returns why the set is refused: a private key in it, no key that serves, or too many keys
 */
export function readPublishedKeys(keys: readonly Record<string, unknown>[]): ReadKeySet | { fault: string } {
  if (keys.length > MOST_SENT_KEYS) return { fault: `it has ${keys.length} keys; at most ${MOST_SENT_KEYS} are read` }
  if (keys.some(isPrivate))
    return { fault: 'a key has private members; publish public keys only, and replace that key' }
  const sifted = sift(keys)
  return sifted.keys.length > 0 ? sifted : { fault: `no key in it serves: ${sifted.ignored[0] ?? 'it is empty'}` }
}

const isPrivate = (key: Record<string, unknown>): boolean =>
  PRIVATE_MEMBERS.some((member) => Object.hasOwn(key, member))

function sift(keys: readonly Record<string, unknown>[]): ReadKeySet {
  const judged = keys.map((key) => {
    const kept = keepMembers(key)
    return { kept, fault: findKeyFault(kept) }
  })
  return {
    keys: judged.flatMap(({ kept, fault }) => (fault === undefined ? [kept] : [])),
    ignored: judged.flatMap(({ fault }) => fault ?? []),
  }
}

const NO_KEYS = `private_key_jwt needs a key set with 1 to ${MOST_KEYS} public keys: on the command line --jwks FILE, or --jwks-uri URL where the client publishes one`

const keepMembers = (key: Record<string, unknown>): ClientJwk =>
  Object.fromEntries(KEPT_MEMBERS.filter((name) => Object.hasOwn(key, name)).map((name) => [name, key[name]]))

/** Why keys that serve one by one cannot serve together. */
export function findSetFault(keys: readonly ClientJwk[]): string | undefined {
  if (keys.length === 0 || keys.length > MOST_KEYS) return NO_KEYS
  if (keys.length > 1 && new Set(keys.map(({ kid }) => kid)).size < keys.length)
    return 'several keys need a kid each, all different'
  return undefined
}

/** Why a public key cannot verify an assertion, if it cannot. */
export function findKeyFault(key: ClientJwk): string | undefined {
  if (!['EC', 'RSA', 'OKP'].includes(String(key.kty))) return 'kty is EC, RSA or OKP; a symmetric key is no public key'
  const kind = key.kty === 'RSA' ? 'RSA' : `${key.kty} ${typeof key.crv === 'string' ? key.crv.slice(0, 20) : ''}`
  const algorithms = ALGORITHMS.get(kind)
  if (!algorithms) return `a key is of one of these kinds: ${[...ALGORITHMS.keys()].join(', ')}`
  return findPurposeFault(key, algorithms) ?? findMaterialFault(key)
}

function findPurposeFault({ kid, use, key_ops: operations, alg }: ClientJwk, algorithms: string[]): string | undefined {
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > 256)) return 'kid is text of at most 256 characters'
  if (use !== undefined && use !== 'sig') return 'use is "sig", or left out: a key for anything else verifies nothing'
  if (operations !== undefined && JSON.stringify(operations) !== '["verify"]')
    return 'key_ops is ["verify"], or left out: a key for anything else verifies nothing'
  if (alg !== undefined && !algorithms.some((each) => each === alg))
    return `alg of such a key is ${algorithms.join(' or ')}, or left out`
  return undefined
}

function findMaterialFault(jwk: ClientJwk): string | undefined {
  const members = [jwk.n, jwk.e, jwk.x, jwk.y]
  if (members.some((member) => typeof member === 'string' && member.length > MOST_MEMBER_CHARACTERS))
    return `an RSA key has ${LEAST_RSA_BITS} to ${MOST_RSA_BITS} bits; this one has more`
  const key = read(jwk)
  if (!key) return 'a key cannot be read: one of its members is missing, or is not what RFC 7518 §6 says'
  const { modulusLength: bits, publicExponent: exponent } = key.asymmetricKeyDetails ?? {}
  if (bits !== undefined && (bits < LEAST_RSA_BITS || bits > MOST_RSA_BITS))
    return `an RSA key has ${LEAST_RSA_BITS} bits at least and ${MOST_RSA_BITS} at most; this one has ${bits}`
  // With the exponent 1 every text is its own signature (RFC 8017 §3.1).
  if (exponent !== undefined && (exponent < 3n || exponent % 2n === 0n || exponent > MOST_EXPONENT))
    return 'the exponent of an RSA key is odd, from 3 to 4294967295, as 65537 is'
  return undefined
}

function read(jwk: ClientJwk): KeyObject | undefined {
  try {
    return createPublicKey({ key: { ...jwk }, format: 'jwk' })
  } catch {
    return undefined
  }
}

const isEdwards = (alg: unknown): boolean => alg === 'EdDSA' || alg === 'Ed25519'

/** Whether two names are of one algorithm: RFC 9864 §2.2 calls `EdDSA` with its usual curve `Ed25519`. */
export const isSameAlgorithm = (one: unknown, other: unknown): boolean =>
  one === other || (isEdwards(one) && isEdwards(other))
