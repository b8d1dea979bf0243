/**
 * `authorization_code` (RFC 6749 §4.1.3, RFC 7636 §4.6, RFC 9700 §4.5). One write decides on a code. Nothing of it is
 * consumed by another client, another redirect URI or a failed authentication. A wrong verifier burns the code, because
 * its holder is not the one who asked for it. A second use ends everything that the first one gave.
 */
import { hash, timingSafeEqual } from 'node:crypto'
import { byClient } from '../audit.ts'
import { hashOfCode } from '../authorize/code.ts'
import { AUTHORIZATION_CODE, OFFLINE_ACCESS, isPublicClient, mayRefresh } from '../clients/client.ts'
import type { Instant } from '../ground/clock.ts'
import { OAuthError, Unavailable, invalidGrant, invalidRequest, invalidTarget } from '../ground/errors.ts'
import type { Traffic } from '../ground/traffic.ts'
import { newGrant } from '../grants/grant.ts'
import { requireGrantType, requireMayIssue, requireDpopProof } from '../grants/may-issue.ts'
import { findNamed, registeredResources, requireOneShape } from '../grants/target.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { CodeOutcome, CodeVerdict, FoundCode } from '../store/records/code.ts'
import type { GrantRecord } from '../store/records/grant.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import { isLiveSession } from '../store/records/session.ts'
import type { CodeFacts } from '../store/records/sign-in.ts'
import type { GrantSignIn } from '../store/records/authentication.ts'
import type { Person } from '../store/records/user.ts'
import type { BeginningNeeds, GrantType, TokenRequest, TokenSet } from './grant-type.ts'
import { tokenSetOf } from './new-grant.ts'
import { endReused, type ReuseNeeds } from './reuse.ts'
import { endOf, idTokenBeside, termsOfPerson, type PersonTerms } from './person-grant.ts'

export type CodeNeeds = BeginningNeeds & ReuseNeeds & { traffic: Traffic }

const REUSED = {
  action: 'grant.code_reused',
  reason: 'authorization code reuse',
  description: 'this code was used before; everything that it gave is revoked, send the person to /authorize again',
}

/** How often an attempt waits until tokens of the person are not denied from the start. */
const MOST_WAITS = 5

export const authorizationCode: GrantType<CodeNeeds> = {
  grantType: AUTHORIZATION_CODE,
  async run(request, needs) {
    const { caller, parameters } = request
    requireGrantType(caller.client, AUTHORIZATION_CODE)
    requireDpopProof(caller.client, request.proof?.key)
    if (parameters.code === undefined) throw invalidRequest('code is missing')
    const codeHash = hashOfCode(parameters.code)
    await consumeProof(codeHash, request, needs)
    const outcome = await redeem(codeHash, request, needs)
    needs.traffic.people.codes[outcome.outcome === 'redeemed' ? 'redeemed' : 'refused'] += 1
    if (outcome.outcome !== 'redeemed')
      throw outcome.outcome === 'refused' ? outcome.error : unknownCode('no code like this is known')
    return answer(outcome, request, needs)
  },
}

/**
 * A proof costs a row until it expires, so it is consumed for a code of the client's own alone: anybody can name a public
 * client, and must not be able to fill the disk by that.
 */
async function consumeProof(codeHash: string, { caller, proof }: TokenRequest, needs: CodeNeeds): Promise<void> {
  if (!proof) return
  const code = await needs.store.findCode(codeHash)
  if (code && isOwn(code.value.facts, caller.client) && code.value.usesLeft > 0) await proof.consume()
}

async function redeem(codeHash: string, request: TokenRequest, needs: CodeNeeds): Promise<CodeOutcome> {
  const { clientId } = request.caller.client
  for (let waits = 0; ; waits++) {
    const outcome = await needs.store.redeemCode(codeHash, (code, now) => decide(code, request, needs, now))
    if (outcome.outcome !== 'wait') return outcome
    if (waits >= MOST_WAITS) throw new Unavailable('tokens of this name are denied up to a later time')
    await needs.accessTokens.passLine({ client_id: clientId, sub: outcome.sub })
  }
}

async function answer(
  { grant, person, facts, replaced }: Extract<CodeOutcome, { outcome: 'redeemed' }>,
  request: TokenRequest,
  needs: CodeNeeds,
): Promise<TokenSet> {
  const { client } = request.caller
  if (replaced !== undefined) needs.audit.count('grant.replaced', byClient(client.clientId, request.requestId))
  const plan = (now: Instant): PersonTerms => contentOf(facts, grant.sid, person, request, needs, now)
  const written = { at: grant.createdAt, endsBy: grant.accessExpiresAt }
  const issued = await needs.accessTokens.issue((now) => ({ ...plan(now), written }))
  const idToken = await idTokenBeside(issued, grant, facts.nonce, plan, needs)
  return {
    ...tokenSetOf(issued),
    ...(hasRefreshToken(facts.scope, client, facts.userId) && { refreshToken: needs.refreshTokens.encode(grant) }),
    ...(idToken !== undefined && { idToken }),
  }
}

/** The verdict on a code. It is asked inside the write. */
function decide(code: FoundCode, request: TokenRequest, needs: CodeNeeds, now: Instant): CodeVerdict {
  try {
    const client = request.caller.current(now)
    const { value } = code
    const { facts } = value
    if (!isOwn(facts, client)) return refuse(`the code was issued to client ${facts.clientId}`)
    if (value.usesLeft <= 0) return endUsed(code, request, needs)
    if (now >= value.expiresAt) return refuse('the code has expired')
    if (facts.redirectUri !== request.parameters.redirectUri) return refuseRedirect(request)
    if (facts.dpopJkt !== null && facts.dpopJkt !== request.proof?.key)
      return refuse('the code is bound to the key of dpop_jkt, which was not proved')
    const fault = findVerifierFault(facts.codeChallenge, request.parameters.codeVerifier, client)
    if (fault !== undefined) return { act: 'burn', error: badVerifier(fault) }
    requireSessionAndConsent(code, client, now)
    const terms = contentOf(facts, '', code.person, request, needs, now)
    if (needs.accessTokens.mustPass({ client_id: client.clientId, sub: terms.sub }, now))
      return { act: 'wait', sub: terms.sub }
    return give(facts, terms, request, needs, now)
  } catch (error) {
    if (error instanceof OAuthError) return { act: 'refuse', error }
    throw error
  }
}

const isOwn = (facts: CodeFacts, { clientId, key }: ClientRecord): boolean =>
  facts.clientId === clientId && facts.clientKey === key

const refuse = (reason: string): CodeVerdict => ({ act: 'refuse', error: unknownCode(reason) })

const refuseRedirect = ({ parameters }: TokenRequest): CodeVerdict => ({
  act: 'refuse',
  error: invalidGrant(
    'redirect_uri must be sent, and be the same as in the authorization request, byte for byte; the code is still good',
    { reason: parameters.redirectUri === undefined ? 'redirect_uri is missing' : 'redirect_uri differs' },
  ),
})

/** A used code is used again, by its owner or by a thief: the grant that it gave ends. */
function endUsed({ value }: FoundCode, { caller, requestId }: TokenRequest, needs: CodeNeeds): CodeVerdict {
  if (value.outcome === null) return refuse('the code was ended: by a wrong verifier, or with its session')
  return endReused(value.outcome, byClient(caller.client.clientId, requestId), REUSED, needs)
}

/** RFC 7636 §4.1 */
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/

/** Why a verifier does not prove the request of the code, if it does not. */
function findVerifierFault(
  challenge: string | null,
  verifier: string | undefined,
  client: ClientRecord,
): string | undefined {
  if (challenge === null) {
    if (verifier !== undefined) return 'code_verifier was sent, and the authorization request had no code_challenge'
    return isPublicClient(client) ? 'a public client needs a code_challenge' : undefined
  }
  if (verifier === undefined) return 'code_verifier is missing: the authorization request had a code_challenge'
  const proved = VERIFIER.test(verifier) ? hash('sha256', verifier, 'base64url') : ''
  const isSame = proved.length === challenge.length && timingSafeEqual(Buffer.from(proved), Buffer.from(challenge))
  return isSame ? undefined : 'code_verifier does not belong to the code_challenge (RFC 7636 §4.6)'
}

const badVerifier = (fault: string): OAuthError => invalidGrant(`${fault}; the code is good no more, start over`)

/** @throws OAuthError `invalid_grant` where the session of the code has ended, or its consent was withdrawn */
function requireSessionAndConsent({ session, consent }: FoundCode, client: ClientRecord, now: Instant): void {
  if (!session || !isLiveSession(session, now)) throw over('its session has ended')
  if (client.consent === 'once' && !consent) throw over('the consent was withdrawn')
}

const over = (reason: string): OAuthError =>
  invalidGrant('this code is over: the person has to sign in again', { reason })

/** The content of the access token of a code. @throws OAuthError if it may not be issued now */
function contentOf(
  facts: CodeFacts,
  sid: string,
  person: Person | undefined,
  request: TokenRequest,
  needs: CodeNeeds,
  now: Instant,
): PersonTerms {
  const client = request.caller.current(now)
  const { userId: sub, scope } = facts
  const resources = chooseOf(facts, client, request.parameters.resources, needs)
  requireMayIssue({ grantType: AUTHORIZATION_CODE, client, sub, resources }, needs.blacklist, now)
  requireDpopProof(client, request.proof?.key)
  const grant = { sid, scope, sub, signIn: signInOf(facts, request) }
  return termsOfPerson(grant, { client, person, resources }, request, needs)
}

/** The code's resources, or some of them (RFC 8707 §2.2). @throws OAuthError `invalid_target` */
function chooseOf(
  { resources: given }: CodeFacts,
  client: ClientRecord,
  requested: string[],
  { resources: directory }: CodeNeeds,
): ResourceRecord[] {
  const registered = registeredResources(client, directory.issuer)
  const granted = given.length > 0 ? given : registered.slice(0, 1)
  const ids = requested.length > 0 ? requested.map((id) => findNamed(id, granted)) : granted
  const chosen = [...new Set(ids)].map((id) => {
    if (id === undefined) throw invalidTarget('the resource asked for was not part of the authorization request')
    const resource = registered.includes(id) ? directory.find(id) : undefined
    if (!resource) throw invalidTarget(`resource ${id} is no longer there for this client`)
    return resource
  })
  requireOneShape(chosen)
  return chosen
}

/** A public client has no secret, so its refresh tokens are bound to the key that it proves (RFC 9449 §5). */
const signInOf = ({ authTime, amr, acr, claims }: CodeFacts, { caller, proof }: TokenRequest): GrantSignIn => ({
  authTime,
  amr,
  acr,
  claims,
  proofKey: (isPublicClient(caller.client) && proof?.key) || null,
})

const hasRefreshToken = (scope: string[], client: ClientRecord, sub: string): boolean =>
  mayRefresh(client, sub) && (scope.includes(OFFLINE_ACCESS) || client.refresh === 'always')

function give(
  facts: CodeFacts,
  terms: PersonTerms,
  request: TokenRequest,
  { lifetimes, audit, refreshTokens, limitGrants: limit, resources: directory }: CodeNeeds,
  now: Instant,
): CodeVerdict {
  const { client, sub } = terms
  const accessExpiresAt = endOf(terms, now)
  const granted =
    facts.resources.length > 0 ? facts.resources : registeredResources(client, directory.issuer).slice(0, 1)
  const session = { id: facts.sessionId, signIn: signInOf(facts, request) }
  const made = newGrant(
    {
      grantType: AUTHORIZATION_CODE,
      client,
      sub,
      resources: granted,
      scope: facts.scope,
      claims: {},
      accessExpiresAt,
      session,
    },
    lifetimes,
    now,
  )
  // Without a refresh token nothing comes of the grant after its access token.
  const grant: GrantRecord = hasRefreshToken(facts.scope, client, sub) ? made : { ...made, expiresAt: accessExpiresAt }
  return {
    act: 'redeem',
    grant,
    options: { clientKey: client.key, limit, masterKeyId: () => refreshTokens.currentKeyId() },
    event: audit.budgeted('grant.created', grant.sid, byClient(client.clientId, request.requestId)),
  }
}

/** The same text for every code that the caller may not use. */
const unknownCode = (reason: string): OAuthError =>
  invalidGrant('this code is unknown, expired or belongs to another client; send the person to /authorize again', {
    reason,
  })
