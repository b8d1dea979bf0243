/** THE place where an authorization code is made, from the stored state and the verdict of the rule. */
import { fromSeconds } from '../ground/clock.ts'
import { timeOrderedId } from '../ground/ids.ts'
import { hashOf, newSecretValue } from '../ground/secret-value.ts'
import type { OneTimeRecord } from '../store/records/one-time.ts'
import type { CodeFacts } from '../store/records/sign-in.ts'
import type { SignInFacts } from '../store/records/sign-in-step.ts'
import type { Next } from './prompt.ts'

const LIVES_SECONDS = 60

/** A second use is told from an unknown code for so long. */
const REMEMBERED_SECONDS = 86_400

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
  const secret = newSecretValue()
  const expiresAt = now + fromSeconds(LIVES_SECONDS)
  const record: OneTimeRecord = {
    kind: 'code',
    hash: hashOf(secret),
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
