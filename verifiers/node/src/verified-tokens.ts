/**
 * Remembers tokens with a verified signature. They are kept by hash, never as text. Checks that depend on time,
 * expectations, keys or revocations are repeated each time.
 */
import { sha256 } from './digest.ts'
import type { SignedToken } from './verify.ts'

export class VerifiedTokens {
  readonly #most: number
  readonly #byHash = new Map<string, SignedToken>()

  /** @param most number of tokens; `0` remembers none */
  constructor(most: number) {
    this.#most = most
  }

  find(token: string, nowSeconds: number): SignedToken | undefined {
    if (this.#most === 0) return undefined
    const hash = sha256(token)
    const known = this.#byHash.get(hash)
    // After `exp` the token is verified again, because the tolerance depends on the call.
    if (!known || known.claims.exp > nowSeconds) return known
    this.#byHash.delete(hash)
    return undefined
  }

  /** Later requests with this token share its claims, so they are frozen. */
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
