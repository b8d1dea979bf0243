/**
 * The checks of tokens that are for the app itself: ID tokens (OIDC Core §3.1.3.7, §12.2) and logout tokens (OIDC
 * Back-Channel Logout §2.6). Signature, `iss`, `aud` and time are the verifier's.
 */
import { momentOf, type Clock } from './clock.ts'
import { sha256Bytes } from './digest.ts'
import { TokenError } from './errors.ts'
import { ExpiringSet } from './expiring-set.ts'
import type { TokenVerifier } from './token-verifier.ts'
import type { TokenClaims } from './token.ts'
import { SignInFault } from './sign-in-fault.ts'

/** The claims of a checked ID token. */
export interface IdClaims extends TokenClaims {
  sub: string
}

/** The sessions that a logout token ends. */
export type Ended = { sid: string } | { sub: string }

const ID_TYPES = ['JWT', '']
const LOGOUT_TYPES = ['logout+jwt', 'JWT', '']
const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout'
/** A logout token is sent at once. An older one was kept by somebody. */
const MOST_LOGOUT_AGE_SECONDS = 600

export class TokenChecks {
  readonly #verifier: TokenVerifier
  readonly #clientId: string
  readonly #clock: Clock
  readonly #seen = new ExpiringSet()

  /** @param verifier for tokens whose audience is this client. It follows no blacklist: a logout token of a denied person counts. */
  constructor(verifier: TokenVerifier, clientId: string, clock: Clock) {
    this.#verifier = verifier
    this.#clientId = clientId
    this.#clock = clock
  }

  /**
   * The ID token of a sign-in.
   * @throws SignInFault `invalid_response`, `issuer_unavailable`
   */
  async atSignIn(idToken: string | undefined, accessToken: string, nonce: string): Promise<IdClaims> {
    if (idToken === undefined) throw invalid('the issuer gave no ID token')
    const claims = await this.#checked(idToken, accessToken)
    if (claims.nonce !== nonce) throw invalid('the ID token belongs to another sign-in (nonce)')
    return claims
  }

  /** The ID token of a refresh, for the same person in the same session. @throws SignInFault */
  async atRefresh(idToken: string, accessToken: string, before: IdClaims): Promise<IdClaims> {
    const claims = await this.#checked(idToken, accessToken)
    const isSame = claims.sub === before.sub && claims.sid === before.sid && claims.auth_time === before.auth_time
    if (!isSame) throw invalid('the refreshed ID token is of another person or session')
    return claims
  }

  /**
   * A logout token, which counts once.
   * @throws TokenError, SignInFault
   */
  async atLogout(logoutToken: string): Promise<Ended> {
    const { claims } = await this.#verifier.verifyToken(logoutToken, { typ: LOGOUT_TYPES })
    const now = momentOf(this.#clock)
    const ended = readLogout(claims, now.wallMs / 1000)
    // Nothing is awaited between this line and the end of the sessions.
    if (!this.#seen.add(claims.jti ?? '', (claims.exp + MOST_LOGOUT_AGE_SECONDS) * 1000 - now.wallMs, now))
      throw new SignInFault('invalid_request', 'the logout token was used before (jti)')
    return ended
  }

  async #checked(idToken: string, accessToken: string): Promise<IdClaims> {
    const { claims, header } = await this.#verified(idToken)
    const { sub, aud, azp, iat, at_hash: atHash } = claims
    if (sub === undefined || sub === '') throw invalid('the ID token names no person (sub)')
    if (iat === undefined) throw invalid('the ID token does not say when it was issued (iat)')
    if (Array.isArray(aud) && aud.length > 1 && azp === undefined)
      throw invalid('the ID token is for several clients (azp)')
    if (azp !== undefined && azp !== this.#clientId) throw invalid('the ID token was issued to another client (azp)')
    if (atHash !== undefined && isKnownHash(header.alg) && atHash !== halfHashOf(accessToken))
      throw invalid('the ID token belongs to another access token (at_hash)')
    return { ...claims, sub }
  }

  async #verified(idToken: string) {
    try {
      return await this.#verifier.verifyToken(idToken, { typ: ID_TYPES })
    } catch (cause) {
      if (!(cause instanceof TokenError)) throw cause
      if (cause.status === 503) throw new SignInFault('issuer_unavailable', cause.message, { cause })
      throw new SignInFault('invalid_response', `the ID token is not good: ${cause.message}`, { cause })
    }
  }
}

const invalid = (description: string): SignInFault => new SignInFault('invalid_response', description)

/** OIDC Core §3.1.3.6: the hash has the bits of the signature algorithm. */
const isKnownHash = (alg: string): boolean => alg.endsWith('256')
const halfHashOf = (token: string): string => Buffer.from(sha256Bytes(token).subarray(0, 16)).toString('base64url')

/** @throws SignInFault `invalid_request` */
function readLogout(claims: TokenClaims, nowSeconds: number): Ended {
  const { events, iat, jti, sid, sub } = claims
  const refuse = (what: string) => new SignInFault('invalid_request', `this is no logout token: ${what}`)
  if (!hasLogoutEvent(events)) throw refuse('events does not say that a session has ended')
  // An ID token has a nonce, and must never end a session.
  if ('nonce' in claims) throw refuse('it has a nonce')
  if (jti === undefined || jti === '') throw refuse('jti is missing')
  if (iat === undefined) throw refuse('iat is missing')
  if (iat < nowSeconds - MOST_LOGOUT_AGE_SECONDS) throw refuse('it was issued too long ago (iat)')
  if (sid !== undefined && sid !== '') return { sid }
  if (sub !== undefined && sub !== '') return { sub }
  throw refuse('it names neither a session (sid) nor a person (sub)')
}

function hasLogoutEvent(events: unknown): boolean {
  if (typeof events !== 'object' || events === null || Array.isArray(events) || !Object.hasOwn(events, LOGOUT_EVENT))
    return false
  // An object, by the line before.
  const event = (events as Record<string, unknown>)[LOGOUT_EVENT]
  return typeof event === 'object' && event !== null && !Array.isArray(event)
}
