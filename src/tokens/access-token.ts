/**
 * Access tokens: JWTs as in RFC 9068. They are composed, signed and verified here. grants/may-issue.ts decides before
 * whether a token may be issued. token-state.ts decides later whether a token is still valid.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { fromSeconds, toSeconds, type Clock, type Instant } from '../ground/clock.ts'
import { idToBytes, timeOrderedId } from '../ground/ids.ts'
import type { Lifetimes } from '../grants/grant.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { readJws } from '../keys/jws.ts'
import { ringOf } from '../resources/resource.ts'
import { KnownTokens } from './known-tokens.ts'
import type { Blacklist, DeniableToken } from '../blacklist/match.ts'
import { Unavailable, invalidGrant } from '../ground/errors.ts'
import type { ClientRecord } from '../store/records/client.ts'
import { SHARED_RING, type RingId } from '../store/records/key.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import type { Store } from '../store/store.ts'

export interface AccessTokenTerms {
  clientId: string
  sub: string
  /** At least one; all of one algorithm and `typ`. */
  resources: ResourceRecord[]
  scope: string[]
  /** Custom claims; protocol claims among them are overridden. */
  claims: Record<string, unknown>
  sid?: string | undefined
  /** Thumbprint of the key that the token is bound to (RFC 9449 §6.1). */
  proofKey?: string | undefined
  ttlSeconds: number
  /** How the person was authenticated; absent where no person signed in. */
  signIn?: { authTime: Instant; acr: string } | undefined
  /**
   * The date of the grant that was written for the token, and the end that was written. The token has the same date and
   * ends by that end, so that an entry which denies the grant outlives the token.
   */
  written?: { at: Instant; endsBy: Instant } | undefined
}

export interface IssuedAccessToken {
  accessToken: string
  jti: string
  /** The terms that were judged and are signed. */
  terms: AccessTokenTerms
  expiresInSeconds: number
}

/** How often a token is composed again because its key was not ready or memory was behind. */
const MOST_ATTEMPTS = 8
/** The longest wait until a token is not denied from the start. Milliseconds. */
const MOST_WAIT_MS = 3000

/** The claims of a verified access token (RFC 9068 §2.2). Times are seconds. */
export interface AccessTokenClaims {
  iss: string
  sub: string
  aud: string | string[]
  client_id: string
  iat: number
  exp: number
  jti: string
  /** Empty where there is none; a token of an older version may be without it. */
  scope?: string
  sid?: string
  cnf?: { jkt: string }
  /** Only where a person signed in. */
  acr?: string
  auth_time?: number
  [claim: string]: unknown
}

/** The reason of a token that was good until its `exp`. */
export const EXPIRED = 'it has expired'

export type Verification = { valid: true; claims: AccessTokenClaims; kid: string } | { valid: false; reason: string }

/** No token of this issuer is longer. */
const MOST_TOKEN_CHARACTERS = 16_384

/** The life of a token in seconds: the shortest that client and resources set, else the configured one. */
export function accessTokenTtl(client: ClientRecord, resources: ResourceRecord[], lifetimes: Lifetimes): number {
  const said = [client.accessTokenTtl, ...resources.map(({ ttl }) => ttl)].filter((ttl) => ttl !== null)
  return said.length > 0 ? Math.min(...said) : lifetimes.accessTokenTtlSeconds
}

/** RFC 9562 §5.7 */
const TIME_ORDERED = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}$/

/** When a token was issued: to the millisecond by its `jti`, else by `iat`, which is rounded down to a second. */
export const issuedAt = ({ jti, iat }: Pick<AccessTokenClaims, 'jti' | 'iat'>): Instant =>
  TIME_ORDERED.test(jti) ? idToBytes(jti).readUIntBE(0, 6) : fromSeconds(iat)

/** The ring and `typ` that all resources of a token share. */
function shapeOf({ resources: [first] }: AccessTokenTerms): { ring: RingId; typ: string } {
  if (!first) throw new Error('an access token needs a resource')
  return { ring: ringOf(first), typ: first.typ }
}

/**
 * Waits until tokens are dated after a line up to which all are denied: a token must not be dead from the start.
 * @throws Unavailable where that takes too long: then a clock has gone back.
 */
async function passLine(line: Instant, now: Instant): Promise<void> {
  const wait = fromSeconds(toSeconds(line) + 1) - now
  if (wait > MOST_WAIT_MS)
    throw new Unavailable('tokens of this name are denied up to a later time', {
      retryAfterSeconds: Math.ceil(wait / 1000),
    })
  await sleep(Math.max(1, wait))
}

export class AccessTokens {
  readonly #issuer: string
  readonly #keys: KeyRing
  readonly #clock: Clock
  readonly #store: Pick<Store, 'catchUp'>
  readonly #blacklist: Blacklist
  readonly #known = new KnownTokens<Verification>()

  constructor(needs: {
    issuer: string
    keys: KeyRing
    clock: Clock
    store: Pick<Store, 'catchUp'>
    blacklist: Blacklist
  }) {
    this.#issuer = needs.issuer
    this.#keys = needs.keys
    this.#clock = needs.clock
    this.#store = needs.store
    this.#blacklist = needs.blacklist
  }

  /**
   * Signs a new access token. `plan` judges whether there may be one and says what is in it. It is asked in the same
   * turn of the event loop in which `iat` is set and the signature begins, on memory that lacks no change; where
   * something has to be awaited first, it is asked again after that.
   * @throws what `plan` throws, and Unavailable when no key can sign now.
   */
  async issue(plan: (now: Instant) => AccessTokenTerms): Promise<IssuedAccessToken> {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const news = this.#store.catchUp()
      if (news) {
        await news
        continue
      }
      const now = this.#clock.now()
      const terms = plan(now)
      const claims = this.#compose(terms, now)
      const line = this.#findLine(claims)
      if (line !== undefined) {
        // Its date stands already, and the next attempt of the client gets a later one.
        if (terms.written) throw new Unavailable('tokens of this name were denied up to now meanwhile')
        await passLine(line, now)
        continue
      }
      const { ring: wanted, typ } = shapeOf(terms)
      const ring = this.#keys.ringThatSigns(wanted)
      const signing = this.#keys.trySign(ring, typ, claims)
      if (signing)
        return { accessToken: await signing, jti: claims.jti, terms, expiresInSeconds: claims.exp - claims.iat }
      await this.#keys.makeReady(ring, fromSeconds(claims.exp), fromSeconds(terms.ttlSeconds))
    }
    throw new Unavailable('the key or the memory that a token needs was not ready')
  }

  /**
   * Waits until a token of these names, issued then, is not denied from the start. Asked before a grant is written for
   * the token, because the writing dates the token.
   * @throws Unavailable where that takes too long
   */
  async passLine(names: { client_id: string; sub: string }): Promise<void> {
    for (;;) {
      const now = this.#clock.now()
      const line = this.#findLine({ ...names, iat: toSeconds(now) })
      if (line === undefined) return
      // A timer may end a little early, so the line is asked for again.
      await passLine(line, now)
    }
  }

  /**
   * Refuses to write a grant whose token would be denied from the start: a line was drawn since the last look.
   * @throws Unavailable
   */
  requireNoLine(names: { client_id: string; sub: string }, now: Instant): void {
    if (this.mustPass(names, now)) throw new Unavailable('tokens of this name were denied up to now meanwhile')
  }

  /**
   * Whether a token of these names would be denied from the start, and `passLine` is to be waited for.
   * @throws OAuthError where no later one would be better.
   */
  mustPass(names: { client_id: string; sub: string }, now: Instant): boolean {
    return this.#findLine({ ...names, iat: toSeconds(now) }) !== undefined
  }

  /**
   * The last moment at which a token of this client, subject or grant is denied, where one issued now would be.
   * @throws OAuthError where no later one would be better.
   */
  #findLine({ sub, client_id, sid, iat }: Omit<DeniableToken, 'jti'>): Instant | undefined {
    const denying = this.#blacklist.findDenying({ jti: '', sub, client_id, sid, iat })
    if (!denying) return undefined
    if (denying.refusesNew || denying.kind === 'sid')
      throw invalidGrant('what this token would be issued for was revoked meanwhile; start over with a new grant')
    return denying.issuedBefore
  }

  #compose(terms: AccessTokenTerms, now: Instant): AccessTokenClaims {
    const [first] = terms.resources
    if (!first) throw new Error('an access token needs a resource')
    const at = terms.written?.at ?? now
    const iat = toSeconds(at)
    const exp = iat + terms.ttlSeconds
    const claims: AccessTokenClaims = {
      ...Object.assign({}, ...terms.resources.map((resource) => resource.claims)),
      ...terms.claims,
      iss: this.#issuer,
      sub: terms.sub,
      aud: terms.resources.length === 1 ? first.id : terms.resources.map(({ id }) => id),
      client_id: terms.clientId,
      iat,
      exp: terms.written ? Math.min(exp, toSeconds(terms.written.endsBy)) : exp,
      jti: timeOrderedId(at),
      scope: terms.scope.join(' '),
    }
    if (terms.sid !== undefined) claims.sid = terms.sid
    if (terms.proofKey !== undefined) claims.cnf = { jkt: terms.proofKey }
    if (terms.signIn) Object.assign(claims, { acr: terms.signIn.acr, auth_time: toSeconds(terms.signIn.authTime) })
    return claims
  }

  /** Checks form, signature, issuer and time; never throws for a bad token. */
  verify(token: string): Verification {
    if (token.length > MOST_TOKEN_CHARACTERS) return { valid: false, reason: 'longer than any token of ours' }
    const read = this.#known.verdictOn(
      token,
      () => this.#read(token),
      ({ valid }) => valid,
    )
    if (!read.valid) return read
    const key = this.#keys.findPublicKey(read.kid)
    if (!key) return { valid: false, reason: 'its key is not published any more' }
    const reason = this.#findFault(read.claims)
    return reason === undefined ? read : { valid: false, reason }
  }

  /** Reads and checks the parts of a verdict that never change. */
  #read(token: string): Verification {
    const read = readJws(token, (kid) => this.#keys.findPublicKey(kid))
    if (!read.valid) return read
    const { kid, typ, key, payload } = read
    if (!['at+jwt', 'JWT'].includes(typ)) return { valid: false, reason: 'typ is not that of an access token' }
    if (payload.iss !== this.#issuer) return { valid: false, reason: 'iss is another issuer' }
    // An ID token, a logout token or an answer of userinfo may have the same `typ`. None of them names a client.
    if (typeof payload.client_id !== 'string' || typeof payload.jti !== 'string')
      return { valid: false, reason: 'it is a token of ours, and no access token' }
    // A resource's own keys speak for that resource alone, should one of them get out.
    if (key.ring !== SHARED_RING && payload.aud !== key.ring)
      return { valid: false, reason: 'signed by the own key of another resource' }
    // Sound: this issuer's own signature, and only `issue` makes tokens with these types.
    return { valid: true, claims: payload as AccessTokenClaims, kid }
  }

  /** RFC 7519 §4.1.4 and §4.1.5, without leeway: it is our own clock that made them. */
  #findFault({ exp, nbf }: AccessTokenClaims): string | undefined {
    const now = toSeconds(this.#clock.now())
    if (typeof exp !== 'number' || exp <= now) return EXPIRED
    if (nbf !== undefined && (typeof nbf !== 'number' || nbf > now)) return 'it is not valid yet'
    return undefined
  }
}
