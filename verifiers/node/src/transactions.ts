/**
 * Sign-ins under way. A sign-in is bound to the browser that began it by a sealed cookie, so that another replica of the
 * app can finish it. Each is finished once.
 */
import { hkdfSync, randomBytes } from 'node:crypto'
import { CompactEncrypt, compactDecrypt } from 'jose'
import { momentOf, type Clock } from './clock.ts'
import { ExpiringSet } from './expiring-set.ts'
import { SignInFault } from './sign-in-fault.ts'

export interface Transaction {
  state: string
  nonce: string
  /** The PKCE code verifier (RFC 7636 §4.1). */
  verifier: string
  returnPath: string
  /** Whether the tokens are handed over as JSON. */
  isJson: boolean
  /** Milliseconds since the epoch. */
  endsAt: number
}

/** Longer than an issuer's own sign-in pages are open. */
export const SIGN_IN_SECONDS = 3600

/** 256 random bits. */
export const randomText = (): string => randomBytes(32).toString('base64url')

export class Transactions {
  readonly #key: Uint8Array
  readonly #clock: Clock
  readonly #spent = new ExpiringSet()

  /** @param secret of the client: replicas have the same one. Without it, the cookie is read by this process only. */
  constructor(secret: string | undefined, clock: Clock) {
    const material = secret ?? randomBytes(32)
    this.#key = new Uint8Array(hkdfSync('sha256', material, '', 'signet-verify: a sign-in under way', 32))
    this.#clock = clock
  }

  begin(returnPath: string, isJson: boolean): Transaction {
    const endsAt = this.#clock.now() + SIGN_IN_SECONDS * 1000
    return { state: randomText(), nonce: randomText(), verifier: randomText(), returnPath, isJson, endsAt }
  }

  seal(transaction: Transaction): Promise<string> {
    return new CompactEncrypt(new TextEncoder().encode(JSON.stringify(transaction)))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .encrypt(this.#key)
  }

  /**
   * The sign-in that an answer belongs to. The answer counts once.
   * @param sealed the cookie of the browser
   * @throws SignInFault `unknown_sign_in`
   */
  async finish(state: string, sealed: string | undefined): Promise<Transaction> {
    const transaction = sealed === undefined ? undefined : await this.#open(sealed)
    if (!transaction || transaction.state !== state)
      throw new SignInFault('unknown_sign_in', 'this browser has no such sign-in under way: start again at /auth/login')
    const now = momentOf(this.#clock)
    const left = transaction.endsAt - now.wallMs
    if (left <= 0) throw new SignInFault('unknown_sign_in', 'the sign-in took too long: start again at /auth/login')
    if (!this.#spent.add(state, left, now))
      throw new SignInFault('unknown_sign_in', 'this sign-in is finished already: start again at /auth/login')
    return transaction
  }

  async #open(sealed: string): Promise<Transaction | undefined> {
    try {
      const { plaintext } = await compactDecrypt(sealed, this.#key, {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
      })
      // Whatever decrypts was sealed above.
      return JSON.parse(new TextDecoder().decode(plaintext)) as Transaction
    } catch {
      return undefined
    }
  }
}
