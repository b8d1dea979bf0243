/** THE place where an authorization code is made, from the stored state and the verdict of the rule. */
import { fromSeconds, type Instant } from '../ground/clock.ts'
import { hashOf, newSecretValue } from '../ground/secret-value.ts'
import type { ClaimsRequest } from '../store/records/authentication.ts'
import type { ClientRecord } from '../store/records/client.ts'
import { newOneTime, type OneTimeRecord } from '../store/records/one-time.ts'
import type { CodeFacts } from '../store/records/sign-in.ts'
import type { SignInFacts } from '../store/records/sign-in-step.ts'
import { withinScopes } from '../users/claims.ts'
import type { Next } from './prompt.ts'

const LIVES_SECONDS = 60

/** For this long, a second use of a code is told apart from an unknown code. */
const REMEMBERED_SECONDS = 86_400

/** Milliseconds since 1970 in hexadecimal digits. */
const TIME_CHARACTERS = 12
const CODE = /^[\da-f]{12}[\w-]{43}$/

/** Its time, and 256 random bits in base64url. */
const newCode = (now: Instant): string => Math.floor(now).toString(16).padStart(TIME_CHARACTERS, '0') + newSecretValue()

/**
 * The hash by which a code is found: its time, and the SHA-256 of all of it. By their time, codes that are made together
 * stand together in the index, so a batch of writes changes few pages of it. Other texts, such as a code of an older
 * version, are found by their SHA-256 alone.
 */
export const hashOfCode = (code: string): string =>
  CODE.test(code) ? code.slice(0, TIME_CHARACTERS) + hashOf(code) : hashOf(code)

/** A scope that the client gets later opens no claim that was asked for before: the person did not agree to it. */
const consented = ({ idToken, userinfo }: ClaimsRequest, { scope }: ClientRecord): ClaimsRequest => ({
  idToken: withinScopes(idToken, scope),
  userinfo: withinScopes(userinfo, scope),
})

/**
 * A fresh code for the client and person of the facts (RFC 6749 §4.1.2).
 * @returns `secret` for the client, and `record` for the store
 */
export function mintCode(
  { standing, acr, scope, resources }: Extract<Next, { kind: 'code' }>,
  { signIn, client, session, now }: SignInFacts,
): { secret: string; record: OneTimeRecord<'code'> } {
  const { request } = signIn
  if (!request || !client || !session) throw new Error('a code needs a request, its client and a session')
  const { redirectUri, codeChallenge, nonce, claims, dpopJkt } = request
  const facts: CodeFacts = {
    clientId: client.clientId,
    clientKey: client.key,
    redirectUri,
    codeChallenge,
    userId: standing.person.user.id,
    sessionId: session.session.id,
    scope,
    resources,
    nonce,
    claims: consented(claims, client),
    dpopJkt,
    authTime: standing.authTime,
    amr: [...standing.amr],
    acr,
  }
  const secret = newCode(now)
  const expiresAt = now + fromSeconds(LIVES_SECONDS)
  const terms = { kind: 'code', hash: hashOfCode(secret), owner: session.session.id, facts, expiresAt } as const
  return { secret, record: newOneTime({ ...terms, keptUntil: now + fromSeconds(REMEMBERED_SECONDS) }, now) }
}
