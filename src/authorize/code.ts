/** THE place where an authorization code is made, from the stored state and the verdict of the rule. */
import { fromSeconds, type Instant } from '../ground/clock.ts'
import { timeOrderedId } from '../ground/ids.ts'
import { hashOf, newSecretValue } from '../ground/secret-value.ts'
import type { OneTimeRecord } from '../store/records/one-time.ts'
import type { CodeFacts } from '../store/records/sign-in.ts'
import type { SignInFacts } from '../store/records/sign-in-step.ts'
import type { Next } from './prompt.ts'

const LIVES_SECONDS = 60

/** A second use is told from an unknown code for so long. */
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

export function mintCode(
  { standing, acr, scope, resources }: Extract<Next, { kind: 'code' }>,
  { signIn, client, session, now }: SignInFacts,
): { secret: string; record: OneTimeRecord } {
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
    claims,
    dpopJkt,
    authTime: standing.authTime,
    amr: [...standing.amr],
    acr,
  }
  const secret = newCode(now)
  const expiresAt = now + fromSeconds(LIVES_SECONDS)
  const record: OneTimeRecord = {
    kind: 'code',
    hash: hashOfCode(secret),
    id: timeOrderedId(now),
    owner: session.session.id,
    facts: { ...facts },
    usesLeft: 1,
    createdAt: now,
    expiresAt,
    keptUntil: now + fromSeconds(REMEMBERED_SECONDS),
    consumedAt: null,
    outcome: null,
  }
  return { secret, record }
}
