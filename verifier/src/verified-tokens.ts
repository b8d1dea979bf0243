/**
 * Tokens whose signature was verified before, by their hash, so that a token itself is never kept. What
 * depends on time, on the caller's expectations, on keys and on revocations is checked each time all the same.
 */
import { sha256 } from './digest.ts'
import type { SignedToken } from './verify.ts'

export class VerifiedTokens {
  readonly #most: number
  readonly #byHash = new Map<string, SignedToken>()

  /** @param most how many; none for `0` */
  constructor(most: number) {
    this.#most = most
  }

  find(token: string, nowSeconds: number): SignedToken | undefined {
    if (this.#most === 0) return undefined
    const hash = sha256(token)
    const known = this.#byHash.get(hash)
    // Past `exp` it takes the long way once more: the tolerance is the caller's.
    if (!known || known.claims.exp > nowSeconds) return known
    this.#byHash.delete(hash)
    return undefined
  }

  /** From now on the claims are shared by whoever brings this token, so nobody may change them. */
  remember(token: string, signed: SignedToken): void {
    if (this.#most === 0) return
    freeze(signed.claims)
    freeze(signed.header)
    if (this.#byHash.size >= this.#most) {
      const { value: oldest } = this.#byHash.keys().next()
      if (oldest !== undefined) this.#byHash.delete(oldest)
    }
    this.#byHash.set(sha256(token), signed)
  }

  forget(token: string): void {
    if (this.#most > 0) this.#byHash.delete(sha256(token))
  }

  clear(): void {
    this.#byHash.clear()
  }
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  Object.freeze(value)
  for (const member of Object.values(value)) freeze(member)
}
