/** A JSON Web Key Set (RFC 7517 §5) as read from an issuer: public signature keys only, each imported once. */
import { importJWK, type CryptoKey, type JWK } from 'jose'
import { fits, publicPart } from './algorithms.ts'

/** A key that may verify a token, or why there is none. */
export type KeyChoice =
  | { outcome: 'found'; key: CryptoKey; kid: string | undefined }
  | { outcome: 'unknown' | 'ambiguous' }
  | { outcome: 'other-algorithm'; alg: string }

interface PublicKey {
  jwk: JWK
  kid: string | undefined
}

export class KeySet {
  readonly #keys: PublicKey[]
  /** By `kid`, then by `alg`. */
  readonly #imported = new Map<string | undefined, Map<string, KeyChoice>>()

  /** @param document parsed JSON; entries that are not usable keys are left out */
  constructor(document: unknown) {
    const keys = isRecord(document) && Array.isArray(document.keys) ? (document.keys as unknown[]) : []
    this.#keys = keys.filter(isRecord).flatMap((jwk) => {
      const usable = publicPart(jwk)
      return usable ? [{ jwk: usable, kid: typeof jwk.kid === 'string' ? jwk.kid : undefined }] : []
    })
  }

  get size(): number {
    return this.#keys.length
  }

  /** Whether a key has this name. */
  holds(kid: string | undefined): boolean {
    return this.#keys.some((key) => key.kid === kid)
  }

  /** An earlier choice, without waiting. */
  findImported(alg: string, kid: string | undefined): KeyChoice | undefined {
    return this.#imported.get(kid)?.get(alg)
  }

  /** A token without `kid` is verified only if the set has one key. */
  async choose(alg: string, kid: string | undefined): Promise<KeyChoice> {
    const named = kid === undefined ? this.#keys : this.#keys.filter((key) => key.kid === kid)
    if (kid === undefined && named.length > 1) return { outcome: 'ambiguous' }
    const [first] = named
    if (!first) return { outcome: 'unknown' }
    const fitting = named.find(({ jwk }) => fits(jwk, alg))
    if (!fitting) return { outcome: 'other-algorithm', alg: first.jwk.alg ?? first.jwk.kty ?? 'another' }
    const key = await importPublic(fitting.jwk, alg)
    if (!key) return { outcome: 'unknown' }
    const choice: KeyChoice = { outcome: 'found', key, kid: fitting.kid }
    this.#imported.set(kid, (this.#imported.get(kid) ?? new Map<string, KeyChoice>()).set(alg, choice))
    return choice
  }
}

/** A key that cannot be imported is treated as missing: the fault is in the issuer's document. */
async function importPublic(jwk: JWK, alg: string): Promise<CryptoKey | undefined> {
  if (jwk.kty === 'RSA' && !isExponent(jwk.e)) return undefined
  try {
    const key = await importJWK(jwk, alg)
    return key instanceof Uint8Array ? undefined : key
  } catch {
    return undefined
  }
}

const LEAST_EXPONENT = 3
/** Larger ones cost time, and some libraries take none. */
const MOST_EXPONENT = 2 ** 31 - 1

/** With the exponent 1 everybody can sign. */
function isExponent(e: string | undefined): boolean {
  const value = Number(`0x${Buffer.from(e ?? '', 'base64url').toString('hex') || '0'}`)
  return value >= LEAST_EXPONENT && value <= MOST_EXPONENT && value % 2 === 1
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
