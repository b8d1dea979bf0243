/**
 * ID tokens (OIDC Core §2) and signed answers of userinfo (§5.3.2). Both are signed by the shared ring of the client's
 * algorithm, and neither names a `client_id`, so that none of them is ever taken for an access token.
 */
import { hash } from 'node:crypto'
import { toSeconds, type Clock, type Instant } from '../ground/clock.ts'
import { sharedRing, type KeyRing } from '../keys/key-ring.ts'
import { signNow, type Unsigned } from '../keys/sign-now.ts'
import type { Authentication } from '../store/records/authentication.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { SigningAlgorithm } from '../store/records/key.ts'
import type { Store } from '../store/store.ts'

export interface IdTokenTerms {
  client: ClientRecord
  sub: string
  /** `sid`: the session in which the person signed in. */
  sessionId: string
  authentication: Authentication
  /** Of the person. Claims of the protocol win over them. */
  claims: Record<string, unknown>
  /** As the client sent it; a token of a refresh has none (OIDC Core §12.2). */
  nonce: string | null
  /** The access token beside it. */
  accessToken: string
}

/** OIDC Core §3.1.3.6: the left half of the hash that belongs to the algorithm, which is SHA-256 for both. */
const halfHashOf = (token: string): string => hash('sha256', token, 'buffer').subarray(0, 16).toString('base64url')

export class IdTokens {
  readonly #issuer: string
  readonly #keys: KeyRing
  readonly #clock: Clock
  readonly #store: Pick<Store, 'catchUp'>
  readonly #ttlSeconds: number

  /** @param needs.ttlSeconds the life of an ID token, where the client says none */
  constructor(needs: {
    issuer: string
    keys: KeyRing
    clock: Clock
    store: Pick<Store, 'catchUp'>
    ttlSeconds: number
  }) {
    this.#issuer = needs.issuer
    this.#keys = needs.keys
    this.#clock = needs.clock
    this.#store = needs.store
    this.#ttlSeconds = needs.ttlSeconds
  }

  /**
   * Signs an ID token by the algorithm of its client. `plan` judges whether there may be one, in the turn in which the
   * signature begins.
   * @throws what `plan` throws, and Unavailable when no key can sign now.
   */
  issue(plan: (now: Instant) => IdTokenTerms): Promise<string> {
    return this.#sign((now) => {
      const terms = plan(now)
      return { ring: sharedRing(terms.client.idTokenSignedResponseAlg), claims: this.#compose(terms, now) }
    })
  }

  #compose({ client, sub, sessionId, authentication, claims, nonce, accessToken }: IdTokenTerms, now: Instant) {
    const iat = toSeconds(now)
    return {
      ...claims,
      iss: this.#issuer,
      sub,
      aud: client.clientId,
      iat,
      exp: iat + (client.idTokenTtl ?? this.#ttlSeconds),
      auth_time: toSeconds(authentication.authTime),
      acr: authentication.acr,
      amr: authentication.amr,
      sid: sessionId,
      ...(nonce !== null && { nonce }),
      at_hash: halfHashOf(accessToken),
    }
  }

  /**
   * Signs an answer of userinfo. It has no `exp`, so that nothing takes it for an ID token.
   * @param plan the claims; it judges whether they may be told, in the turn in which the signature begins
   */
  signUserinfo(alg: SigningAlgorithm, clientId: string, plan: () => Record<string, unknown>): Promise<string> {
    const ring = sharedRing(alg)
    return this.#sign((now) => ({
      ring,
      claims: { ...plan(), iss: this.#issuer, aud: clientId, iat: toSeconds(now) },
    }))
  }

  /** `compose` is asked in the turn in which the signature begins. */
  async #sign(compose: (now: Instant) => Unsigned): Promise<string> {
    const news = this.#store.catchUp()
    if (news) await news
    return signNow(this.#keys, 'JWT', () => compose(this.#clock.now()))
  }
}
