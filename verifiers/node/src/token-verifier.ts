/** The verifier that an API creates once: it combines keys, checks and revocations. */
import { BlacklistFollower, type RevocationStatus } from './blacklist-follower.ts'
import { findCredentials } from './credentials.ts'
import { webRequest } from './incoming-request.ts'
import { ProofChecker } from './dpop.ts'
import { TokenError } from './errors.ts'
import { requireKnown } from './known-options.ts'
import {
  applyExpectations,
  OVERRIDES,
  readOptions,
  requireNamedAudience,
  readPolicy,
  type RemoteSettings,
  type Settings,
  type TokenVerifierOptions,
  type VerifyOverrides,
} from './options.ts'
import { RemoteKeys, type FoundKey, type KeySource } from './remote-keys.ts'
import type { Auth, VerifiedToken } from './token.ts'
import { VerifiedTokens } from './verified-tokens.ts'
import { checkClaims, requireForm, verifySignature, type SignedToken } from './verify.ts'

export interface TokenVerifier {
  /** Whether the options name an audience or `anyAudience`. If not, each call has to. */
  readonly namesAudience: boolean
  /**
   * Verifies a token.
   * @param overrides expectations that differ for this token
   * @throws TokenError for every fault of the token; TypeError for a wrong override
   */
  verifyToken(token: string, overrides?: VerifyOverrides): Promise<VerifiedToken>
  /** Verifies the token in the `Authorization` header of a Web-standard request, its DPoP proof included. */
  verifyRequest(request: Request, overrides?: VerifyOverrides): Promise<Auth>
  /** The state and age of the revocation data; `undefined` if revocations are not followed. */
  revocationStatus(): RevocationStatus | undefined
  /** Ends all running requests at once. */
  close(): Promise<void>
}

/** Seconds that the issuer adds to the end of its entries. A larger tolerance needs an entry for longer than that. */
const SKEW_OF_ISSUER_SECONDS = 60

/**
 * Makes a verifier for the tokens of one issuer. Nothing is fetched before the first token.
 * @throws TypeError naming the option that is wrong
 */
export const createTokenVerifier = (options: TokenVerifierOptions): TokenVerifier => verifierOf(readOptions(options))

export const verifierOf = (settings: RemoteSettings): Verifier =>
  new Verifier(settings, keysOf(settings), followerOf(settings))

/** The keys of the issuer. Nothing is fetched before the first token. */
export const keysOf = (settings: RemoteSettings): RemoteKeys =>
  new RemoteKeys({ ...settings, maxStaleSeconds: settings.maxStaleKeysSeconds })

/** The follower of the blacklist, if the options ask for one. */
export function followerOf({ revocations, maxClockTolerance, userAgent, clock }: RemoteSettings) {
  if (!revocations) return undefined
  const lingerSeconds = Math.max(0, maxClockTolerance - SKEW_OF_ISSUER_SECONDS)
  return new BlacklistFollower({ feedUrl: revocations.feedUrl, policy: revocations, lingerSeconds, userAgent, clock })
}

export class Verifier implements TokenVerifier {
  readonly #settings: Settings
  readonly #keys: KeySource
  readonly #follower: BlacklistFollower | undefined
  readonly #verified: VerifiedTokens
  readonly #findingKeys: Pick<KeySource, 'keyFor'> = { keyFor: (alg, kid) => this.#keyFor(alg, kid) }
  readonly #proofs = new ProofChecker()
  #isClosed = false

  constructor(settings: Settings, keys: KeySource, follower?: BlacklistFollower) {
    this.#settings = settings
    this.#keys = keys
    this.#follower = follower
    this.#verified = new VerifiedTokens(settings.cacheSize)
    follower?.onChange((kinds) => {
      if (kinds.has('kid')) keys.suspectChange()
    })
  }

  get namesAudience(): boolean {
    return this.#settings.rules.audience !== 'unnamed'
  }

  async verifyToken(token: string, overrides?: VerifyOverrides): Promise<VerifiedToken> {
    try {
      return await this.#verify(token, overrides)
    } catch (error) {
      throw error instanceof TokenError ? error.pointTo(this.#settings.resourceMetadata) : error
    }
  }

  async verifyRequest(request: Request, overrides?: VerifyOverrides): Promise<Auth> {
    try {
      const incoming = webRequest(request)
      const { token, dpop } = findCredentials(incoming)
      const { claims, header } = await this.#verify(token, { ...overrides, ...(dpop && { dpop }) })
      return { claims, header, token }
    } catch (error) {
      throw error instanceof TokenError ? error.pointTo(this.#settings.resourceMetadata) : error
    }
  }

  revocationStatus(): RevocationStatus | undefined {
    return this.#follower?.status()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#keys.close()
    this.#follower?.close()
    this.#verified.clear()
  }

  async #verify(token: string, overrides: VerifyOverrides | undefined): Promise<VerifiedToken> {
    const { rules: standard, maxClockTolerance, clock } = this.#settings
    if (overrides) requireKnown('verifyToken', overrides, OVERRIDES)
    const rules = overrides ? applyExpectations(standard, overrides, maxClockTolerance) : standard
    if (rules.audience === 'unnamed') requireNamedAudience({})
    const policy = overrides?.revocations && readPolicy(overrides.revocations)
    requireForm(token)
    if (this.#isClosed) throw new TokenError('issuer_unavailable', 'this verifier is closed')
    const signed = await this.#signed(token)
    const { claims, header } = signed
    checkClaims(claims, header, rules, clock.now() / 1000)
    const waiting = this.#follower?.whenFresh(policy)
    if (waiting) {
      await waiting
      // The token may have expired meanwhile.
      checkClaims(claims, header, rules, clock.now() / 1000)
    }
    if (claims.cnf !== undefined || overrides?.dpop)
      await this.#proofs.check(token, claims, overrides?.dpop, {
        nowSeconds: clock.now() / 1000,
        evenMs: clock.elapsed(),
        toleranceSeconds: rules.clockToleranceSeconds,
      })
    // This check comes last and nothing is awaited after it, so that every revocation known by now counts.
    if (this.#follower) this.#requireNotRevoked(token, signed, this.#follower)
    return { claims, header }
  }

  #signed(token: string): Promise<SignedToken> {
    return this.#settings.cacheSize > 0 ? this.#remembered(token) : this.#verifySignature(token)
  }

  #verifySignature(token: string): Promise<SignedToken> {
    return verifySignature(token, this.#findingKeys, this.#settings.algorithms)
  }

  /** A revoked key leaves the key set at once. Its tokens are revoked, and nobody has to be asked for the key. */
  #keyFor(alg: string, kid: string | undefined): FoundKey | Promise<FoundKey> {
    if (!this.#keys.holds(kid)) this.#requireKeyNotRevoked(kid)
    const found = this.#keys.keyFor(alg, kid)
    return found instanceof Promise ? found.catch((error: unknown) => this.#explain(kid, error)) : found
  }

  /** A remembered token is valid only while the key that verified it is in the set. */
  async #remembered(token: string): Promise<SignedToken> {
    const known = this.#verified.find(token, this.#settings.clock.now() / 1000)
    if (known) {
      const key = this.#keyFor(known.header.alg, known.header.kid)
      if ((key instanceof Promise ? await key : key).key === known.verifiedBy.key) return known
    }
    const signed = await this.#verifySignature(token)
    this.#verified.remember(token, signed)
    return signed
  }

  /** The key may have been revoked while the set was fetched. */
  #explain(kid: string | undefined, error: unknown): never {
    if (error instanceof TokenError && error.code === 'unknown_key') this.#requireKeyNotRevoked(kid)
    throw error
  }

  #requireKeyNotRevoked(kid: string | undefined): void {
    const denying = this.#follower?.findDenying({ exp: 0 }, kid, this.#settings.clock.now() / 1000)
    if (denying) throw new TokenError('token_revoked', `the key of the token was revoked (entry ${denying.id})`)
  }

  #requireNotRevoked(token: string, signed: SignedToken, follower: BlacklistFollower): void {
    // The version is read first, so that a change during this check counts for the next one.
    const { version } = follower
    const nowSeconds = this.#settings.clock.now() / 1000
    // If the clock was set back, an entry that seemed to have ended may count again.
    if (signed.cleared?.version === version && signed.cleared.atSeconds <= nowSeconds) return
    const denying = follower.findDenying(signed.claims, signed.verifiedBy.kid, nowSeconds)
    if (!denying) {
      signed.cleared = { version, atSeconds: nowSeconds }
      return
    }
    this.#verified.forget(token)
    throw new TokenError('token_revoked', `the token was revoked (${denying.kind}, entry ${denying.id}): get a new one`)
  }
}
