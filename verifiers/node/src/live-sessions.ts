/**
 * Whether a session is alive now: its access token is refreshed near its end, and the issuer's blacklist is asked. A
 * session that the issuer has ended ends here too.
 */
import { decodeJwt, decodeProtectedHeader } from 'jose'
import type { BlacklistFollower } from './blacklist-follower.ts'
import type { Clock } from './clock.ts'
import type { TokenClaims } from './token.ts'
import { SignInFault } from './sign-in-fault.ts'
import { IssuerRefusal, type IssuerCalls, type TokenReply } from './issuer-calls.ts'
import type { AccessToken, Session, Sessions } from './sessions.ts'
import type { IdClaims, TokenChecks } from './token-checks.ts'

interface Needs {
  clientId: string
  calls: IssuerCalls
  checks: TokenChecks
  sessions: Sessions
  /** Absent for issuers without a feed. */
  follower: BlacklistFollower | undefined
  clock: Clock
}

/** An access token is refreshed so long before its end, or in its last fifth if it lives for a shorter time. */
const REFRESH_BEFORE_MS = 60_000
/** The life of a token whose issuer does not say it. */
const UNSAID_MS = 300_000

export class LiveSessions {
  readonly #needs: Needs
  /** Requests of one session wait for the same refresh, because a refresh token is used once. */
  readonly #refreshing = new WeakMap<Session, Promise<void>>()

  constructor(needs: Needs) {
    this.#needs = needs
  }

  /**
   * @returns the session of a browser, if it is alive
   * @throws SignInFault `issuer_unavailable`; TokenError `revocations_stale`
   */
  async find(secret: string): Promise<Session | undefined> {
    const session = await this.#judge(secret)
    if (!session || !this.#isNearEnd(session.access)) return session
    await this.#refreshOnce(secret, session)
    return this.#judge(secret)
  }

  /** Tokens of a sign-in or a refresh as a session. Its claims were checked before. */
  sessionOf(reply: TokenReply, idToken: string, claims: IdClaims, before?: Session): Session {
    return {
      idToken,
      claims,
      access: this.#accessOf(reply, before?.access),
      refreshToken: reply.refreshToken ?? before?.refreshToken,
    }
  }

  /**
   * Whether the issuer has revoked the tokens.
   * @throws TokenError `revocations_stale`
   */
  async isRevoked(session: Session): Promise<boolean> {
    await this.#needs.follower?.whenFresh(undefined)
    return this.#isDenied(session)
  }

  async #judge(secret: string): Promise<Session | undefined> {
    await this.#needs.follower?.whenFresh(undefined)
    // The session is looked up after the waiting, because it may have ended meanwhile.
    const session = this.#needs.sessions.find(secret)
    if (!session || !this.#isDenied(session)) return session
    this.#needs.sessions.remove(secret)
    return undefined
  }

  #isDenied({ access, claims }: Session): boolean {
    const { follower, clientId, clock } = this.#needs
    if (!follower) return false
    // An opaque access token is known by its person and client.
    const known = access.claims ?? { exp: claims.exp, iat: claims.iat, sub: claims.sub, client_id: clientId }
    return follower.findDenying(known as TokenClaims, access.kid, clock.now() / 1000) !== undefined // only strings of it are read
  }

  #isNearEnd({ issuedAt, expiresAt }: AccessToken): boolean {
    const left = expiresAt - this.#needs.clock.now()
    return left <= Math.min(REFRESH_BEFORE_MS, (expiresAt - issuedAt) / 5)
  }

  #refreshOnce(secret: string, session: Session): Promise<void> {
    const running = this.#refreshing.get(session)
    if (running) return running
    const refreshing = this.#refresh(secret, session)
    this.#refreshing.set(session, refreshing)
    const forget = () => void this.#refreshing.delete(session)
    refreshing.then(forget, forget)
    return refreshing
  }

  async #refresh(secret: string, session: Session): Promise<void> {
    const { sessions } = this.#needs
    const isOver = () => session.access.expiresAt <= this.#needs.clock.now()
    if (session.refreshToken === undefined) {
      if (isOver()) sessions.remove(secret)
      return
    }
    try {
      await this.#replace(secret, session, await this.#needs.calls.refresh(session.refreshToken))
    } catch (fault) {
      if (fault instanceof IssuerRefusal || isInvalid(fault)) sessions.remove(secret)
      else if (isOver()) throw fault
    }
  }

  async #replace(secret: string, before: Session, reply: TokenReply): Promise<void> {
    const { calls, checks, sessions } = this.#needs
    const { idToken = before.idToken } = reply
    const claims =
      reply.idToken === undefined
        ? before.claims
        : await checks.atRefresh(reply.idToken, reply.accessToken, before.claims)
    const next = this.sessionOf(reply, idToken, claims, before)
    // The person may have signed out while the issuer was asked.
    if (!sessions.replace(secret, before, next)) await calls.revoke(next.refreshToken)
  }

  #accessOf(reply: TokenReply, before: AccessToken | undefined): AccessToken {
    const now = this.#needs.clock.now()
    const { claims, kid } = decode(reply.accessToken)
    const lifeMs = reply.expiresInSeconds === undefined ? UNSAID_MS : reply.expiresInSeconds * 1000
    return {
      token: reply.accessToken,
      scope: reply.scope ?? before?.scope,
      issuedAt: now,
      expiresAt: now + lifeMs,
      claims,
      kid,
    }
  }
}

const isInvalid = (fault: unknown): boolean => fault instanceof SignInFault && fault.code === 'invalid_response'

/** The claims of an access token that is a JWT; none of an opaque one. */
function decode(token: string): { claims: TokenClaims | undefined; kid: string | undefined } {
  try {
    const claims = decodeJwt(token)
    const { kid } = decodeProtectedHeader(token)
    // The issuer's own token, which it has just given.
    return { claims: claims as TokenClaims, kid }
  } catch {
    return { claims: undefined, kid: undefined }
  }
}
