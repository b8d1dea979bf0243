/**
 * The sessions of the app, in the memory of this process. A browser knows its session by a secret, which is kept only as
 * a hash. What ended is remembered for a while, so that a sign-in that is being finished meanwhile does not bring it back.
 */
import { momentOf, type Clock } from './clock.ts'
import { sha256 } from './digest.ts'
import { ExpiringSet } from './expiring-set.ts'
import type { TokenClaims } from './token.ts'
import type { Ended, IdClaims } from './token-checks.ts'
import { randomText, SIGN_IN_SECONDS } from './transactions.ts'

/** A session as it was at one moment. A refresh puts another one in its place. */
export interface Session {
  idToken: string
  /** Of the ID token. */
  claims: IdClaims
  access: AccessToken
  refreshToken: string | undefined
}

export interface AccessToken {
  token: string
  scope: string | undefined
  /** Milliseconds since the epoch. */
  issuedAt: number
  expiresAt: number
  /** Of a token that is a JWT. It came from the issuer itself, so its signature was not looked at. */
  claims: TokenClaims | undefined
  kid: string | undefined
}

/** A bound against running out of memory: the oldest sessions end first. */
const MOST_SESSIONS = 100_000
/** A session that nobody uses is forgotten after so long. */
const IDLE_MS = 30 * 24 * 3_600_000
const PRUNE_EVERY = 256

interface Held {
  session: Session
  usedAt: number
}

export class Sessions {
  readonly #clock: Clock
  readonly #byHash = new Map<string, Held>()
  readonly #endedSids = new ExpiringSet()
  /** When all sessions of a person ended, by the even clock. */
  readonly #endedSubs = new Map<string, number>()
  #added = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * @param beganAt when the sign-in began to be finished, by the even clock
   * @returns the secret; `undefined` if the session, or all of the person, ended since
   */
  add(session: Session, beganAt: number): string | undefined {
    const { sub, sid } = session.claims
    if (sid !== undefined && this.#endedSids.has(sid, momentOf(this.#clock))) return undefined
    if ((this.#endedSubs.get(sub) ?? -Infinity) >= beganAt) return undefined
    if (++this.#added % PRUNE_EVERY === 0) this.#prune()
    const secret = randomText()
    this.#byHash.set(sha256(secret), { session, usedAt: this.#clock.elapsed() })
    return secret
  }

  find(secret: string): Session | undefined {
    const held = this.#byHash.get(sha256(secret))
    if (!held) return undefined
    held.usedAt = this.#clock.elapsed()
    return held.session
  }

  /** @returns whether the former one was still there: a session that ended meanwhile does not come back */
  replace(secret: string, before: Session, session: Session): boolean {
    const held = this.#byHash.get(sha256(secret))
    if (held?.session !== before) return false
    held.session = session
    return true
  }

  /** @returns the session that ended, if there was one */
  remove(secret: string): Session | undefined {
    const hash = sha256(secret)
    const held = this.#byHash.get(hash)
    this.#byHash.delete(hash)
    return held?.session
  }

  /** Ends what the issuer has ended. @returns the sessions that it concerned */
  end(ended: Ended): Session[] {
    this.#remember(ended)
    const gone: Session[] = []
    for (const [hash, { session }] of this.#byHash) {
      const isMeant = 'sid' in ended ? session.claims.sid === ended.sid : session.claims.sub === ended.sub
      if (!isMeant) continue
      this.#byHash.delete(hash)
      gone.push(session)
    }
    return gone
  }

  #remember(ended: Ended): void {
    if ('sid' in ended) this.#endedSids.add(ended.sid, SIGN_IN_SECONDS * 1000, momentOf(this.#clock))
    else this.#endedSubs.set(ended.sub, this.#clock.elapsed())
  }

  #prune(): void {
    const now = this.#clock.elapsed()
    for (const [hash, { usedAt }] of this.#byHash)
      if (now - usedAt > IDLE_MS || this.#byHash.size > MOST_SESSIONS) this.#byHash.delete(hash)
    for (const [sub, at] of this.#endedSubs) if (now - at > SIGN_IN_SECONDS * 1000) this.#endedSubs.delete(sub)
  }
}
