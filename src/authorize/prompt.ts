/**
 * THE rule of a sign-in: what has to happen next. It is a pure function of the stored sign-in, the session, the person,
 * the client, the consent, the configuration and the time. Every page and every step asks it, inside the write. So no
 * step can be left out, taken twice or taken early, and a code is minted only where this rule says so.
 */
import type { Blacklist } from '../blacklist/match.ts'
import { ageOfSignIn } from '../store/records/session.ts'
import type { SignInFacts } from '../store/records/sign-in-step.ts'
import type { AuthorizationRequest } from '../store/records/sign-in.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import type { Person } from '../store/records/user.ts'
import { isRegisteredRedirect } from '../clients/redirect-uri.ts'
import { fromSeconds, isAhead, type Instant } from '../ground/clock.ts'
import { isAllowedIn } from '../grants/person.ts'
import { scopesOfClaims } from '../users/claims.ts'
import { acrOf, isAcr, reaches, strongest, weakest, withinReach, type Acr } from './assurance.ts'
import { permittedScope } from './scope.ts'
import { acrBeforeChange, confirm, maySignIn, type Confirmed, type Standing } from './standing.ts'

/** The terms that the configuration, the registered resources and the blacklist set. */
export interface Terms {
  mfa: 'off' | 'optional' | 'required'
  findResource(id: string): ResourceRecord | undefined
  blacklist: Pick<Blacklist, 'findRefusing'>
}

/** Why the client hears of an error (RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6, Unmet Authentication Requirements 1.0). */
export type PromptError =
  | 'access_denied'
  | 'login_required'
  | 'consent_required'
  | 'interaction_required'
  | 'unmet_authentication_requirements'

/** A change of how the person signs in. */
type Change = { kind: 'must_change' } | { kind: 'must_enrol'; acr: '2' | 'phr' }

export type Next =
  /** `before`: the change for which the session, or the sign-in itself, is too old. */
  | { kind: 'sign_in'; before?: Change['kind'] }
  | { kind: 'sign_up' }
  | { kind: 'choose_account'; standing: Standing }
  /** `acr`: what the factor has to reach. With `phr` nothing but a passkey is enough. `before`: the change that it is asked for. */
  | { kind: 'second'; acr: '2' | 'phr'; standing: Standing; before?: Change['kind'] }
  /** Only a person who has confirmed it changes how to sign in. */
  | (Change & { standing: Confirmed })
  | { kind: 'not_allowed'; standing: Standing }
  | { kind: 'consent'; standing: Standing; scope: string[]; resources: string[] }
  | { kind: 'code'; standing: Standing; acr: Acr; scope: string[]; resources: string[] }
  /** Signed in without a client. */
  | { kind: 'arrived'; standing: Standing }
  /** The client is told. */
  | { kind: 'error'; error: PromptError; description: string; reason?: string }
  /** The person is told, because the client is gone, or has another address now. */
  | { kind: 'fault'; fault: 'unknown_client' | 'redirect_uri_mismatch' | 'account_disabled'; reason: string }
  /** The sign-in has ended already. */
  | { kind: 'over' }

/** The next step of a sign-in, from its facts and the terms alone (OIDC Core §3.1.2.3). It decides pages, code and refusal. */
export function whatNext(facts: SignInFacts, terms: Terms): Next {
  const { signIn, client } = facts
  const { request } = signIn
  if (signIn.state === 'done') return { kind: 'over' }
  const fault = request && faultOf(request, client)
  if (fault) return fault
  const next = interactive(facts, terms)
  return request?.prompt.includes('none') ? silent(next) : next
}

/** The client may have been disabled, deleted or given other addresses since it asked. */
function faultOf(request: AuthorizationRequest, client: ClientRecord | undefined): Next | undefined {
  if (!client || client.disabledAt !== null) {
    return { kind: 'fault', fault: 'unknown_client', reason: 'the client was disabled or deleted meanwhile' }
  }
  if (isRegisteredRedirect(request.redirectUri, client)) return undefined
  return {
    kind: 'fault',
    fault: 'redirect_uri_mismatch',
    reason: 'the redirect URI was taken off the client meanwhile',
  }
}

function interactive(facts: SignInFacts, terms: Terms): Next {
  const { signIn, client } = facts
  const { request } = signIn
  if (facts.person && !maySignIn(facts.person, terms))
    return { kind: 'fault', fault: 'account_disabled', reason: 'the person was disabled or blacklisted meanwhile' }
  const standing = passedHere(facts) ?? standingInSession(facts, terms)
  if (!standing) return { kind: request?.prompt.includes('create') ? 'sign_up' : 'sign_in' }
  if (request?.prompt.includes('select_account') && signIn.userId === null) return { kind: 'choose_account', standing }
  if (isAnother(standing.person, request)) return loginRequired('another person than the one of id_token_hint')
  const factors = missingFactors(standing, facts, terms)
  if (factors) return factors
  if (!request || !client) return { kind: 'arrived', standing }
  if (!isAllowedIn(standing.person, client)) return { kind: 'not_allowed', standing }
  return consentOrCode({ request, client, standing, facts, terms })
}

/** The person who has passed a first factor in this sign-in; nobody, if the password was changed or the session ended since. */
function passedHere({ signIn, person, session, now }: SignInFacts): Standing | undefined {
  const { amr, authTime, sessionId } = signIn
  if (!person || authTime === null || (sessionId !== null && !session)) return undefined
  // A factor that was passed while the clock was ahead: the sign-in was left, and is not gone on with.
  if (ageOfSignIn(authTime, now) === Infinity) return undefined
  const { passwordChangedAt } = person.user
  const isOverruled = amr.includes('pwd') && passwordChangedAt !== null && isLater(passwordChangedAt, authTime, now)
  return isOverruled ? undefined : { person, amr, authTime }
}

/**
 * Whether a password was changed after it was typed. If a clock that was ahead has dated the change, it cannot be compared
 * with the dates of now: the password would be refused until then.
 */
const isLater = (changedAt: Instant, authTime: Instant, now: Instant): boolean =>
  changedAt > authTime && !isAhead(changedAt, now)

/**
 * The person of the browser's session, where the request believes it. A sign-in without a client asks anew: it is begun
 * only where the session is missing or not fresh enough.
 */
function standingInSession({ signIn, session: found, client, now }: SignInFacts, terms: Terms): Standing | undefined {
  const { request } = signIn
  if (!found || !request || !client || !maySignIn(found.person, terms)) return undefined
  const { session, person } = found
  if (request.prompt.includes('login') || request.prompt.includes('create')) return undefined
  if (isTooOld(session.authTime, now, request, client) || isAnother(person, request)) return undefined
  return { person, amr: session.amr, authTime: session.authTime }
}

function isTooOld(authTime: Instant, now: Instant, request: AuthorizationRequest, client: ClientRecord): boolean {
  const age = ageOfSignIn(authTime, now)
  const limits = [request.maxAge ?? client.defaultMaxAge, client.sessionMaxAge]
  return age === Infinity || limits.some((seconds) => seconds !== null && age > fromSeconds(seconds))
}

/** OIDC Core §3.1.2.1: the answer is about the person of `id_token_hint`, or it is an error. */
const isAnother = ({ user }: Person, request: AuthorizationRequest | null): boolean =>
  request !== null && request.hintedSub !== null && request.hintedSub !== user.id

const loginRequired = (reason: string): Next => ({
  kind: 'error',
  error: 'login_required',
  description: 'the person has to sign in',
  reason,
})

/** The second factor, the new password or the enrolment that is missing; `undefined` for none. */
function missingFactors(standing: Standing, facts: SignInFacts, terms: Terms): Next | undefined {
  const { person, amr } = standing
  const wanted = wantedAcr(standing, facts, terms)
  if (wanted === 'unmet') return unmet('no factor of the person reaches an essential acr')
  const short = wanted !== '1' && !reaches(acrOf(amr), wanted) ? wanted : undefined
  const isOutOfReach = short !== undefined && !reaches(withinReach(person), short)
  if (short && !isOutOfReach) return { kind: 'second', acr: short, standing }
  if (isOutOfReach && terms.mfa === 'off') return unmet('require_acr is out of reach, and SIGNET_MFA is off')
  if (person.user.mustChangePassword && amr.includes('pwd'))
    return changing({ kind: 'must_change' }, standing, facts, terms)
  return short && changing({ kind: 'must_enrol', acr: short }, standing, facts, terms)
}

/** A change, or the factor that has to be passed before it. A demand that the person cannot meet is no way around a factor. */
function changing(change: Change, standing: Standing, { now }: SignInFacts, { mfa }: Terms): Next {
  const confirmation = confirm(standing, { mfa, now })
  switch (confirmation.outcome) {
    case 'too_old':
      return { kind: 'sign_in', before: change.kind }
    case 'second_missing':
      return { kind: 'second', acr: '2', standing, before: change.kind }
    case 'confirmed':
      return { ...change, standing: confirmation.standing }
  }
}

const unmet = (reason: string): Next => ({
  kind: 'error',
  error: 'unmet_authentication_requirements',
  description: 'the person cannot be authenticated as strongly as the request demands',
  reason,
})

/** The `acr` that the sign-in has to reach; `unmet` where the client insists on one that the person cannot reach. */
function wantedAcr(standing: Standing, facts: SignInFacts, terms: Terms): Acr | 'unmet' {
  const { person, amr } = standing
  const { signIn, client, session } = facts
  const { request } = signIn
  const within = withinReach(person)
  const wanted: Acr[] = ['1']
  if (terms.mfa === 'required') wanted.push('2')
  if (terms.mfa !== 'off' && person.user.totpSecret !== null) wanted.push('2')
  // A person who is signed in confirms it before a change, with the strongest that there is.
  if (!request && session) wanted.push(acrBeforeChange(person, terms.mfa))
  if (client?.requireAcr) wanted.push(client.requireAcr)
  const asked = request && client ? askedAcr(request, client) : []
  if (asked.length > 0 && !asked.some((each) => reaches(acrOf(amr), each))) {
    const reachable = weakest(asked.filter((each) => reaches(within, each)))
    if (reachable) wanted.push(reachable)
    else if (request?.isAcrEssential) return 'unmet'
  }
  // Values that Signet does not know can never be reached.
  if (asked.length === 0 && request?.isAcrEssential) return 'unmet'
  return strongest(wanted) ?? '1'
}

const askedAcr = ({ acrValues }: AuthorizationRequest, { defaultAcrValues }: ClientRecord): Acr[] =>
  (acrValues.length > 0 ? acrValues : defaultAcrValues).filter(isAcr)

interface Agreed {
  request: AuthorizationRequest
  client: ClientRecord
  standing: Standing
  facts: SignInFacts
  terms: Terms
}

function consentOrCode({ request, client, standing, facts, terms }: Agreed): Next {
  const found = request.resources.map((id) => terms.findResource(id))
  const live = found.filter((each) => each !== undefined && each.disabledAt === null)
  const resources = live.flatMap((each) => each?.id ?? [])
  if (resources.length < request.resources.length)
    return { kind: 'error', error: 'access_denied', description: 'a resource of the request is disabled or gone' }
  const scope = permittedScope(
    request.scope,
    standing.person,
    live.flatMap((each) => each ?? []),
  )
  const granted = { standing, scope, resources }
  const agreed = { ...granted, scope: toAgree(scope, request, client) }
  if (needsConsent(request, client, agreed, facts)) return { kind: 'consent', ...agreed }
  return { kind: 'code', ...granted, acr: toldAcr(acrOf(standing.amr), askedAcr(request, client)) }
}

/** The scope that the person agrees to: claims that are asked for one by one count as the scopes that give them. */
function toAgree(scope: string[], { claims }: AuthorizationRequest, client: ClientRecord): string[] {
  const asked = [...claims.idToken, ...claims.userinfo]
  return asked.length === 0 ? scope : [...new Set([...scope, ...scopesOfClaims(asked, client.scope)])]
}

/** The value that was asked for, where it is reached; else the highest (OIDC Core §3.1.2.1, `acr_values`). */
const toldAcr = (reached: Acr, asked: Acr[]): Acr => asked.find((each) => reaches(reached, each)) ?? reached

function needsConsent(
  request: AuthorizationRequest,
  client: ClientRecord,
  { scope, resources }: { scope: string[]; resources: string[] },
  { consent, signIn }: SignInFacts,
): boolean {
  // The person has agreed in this very write.
  if (signIn.state === 'consent') return false
  if (request.prompt.includes('consent') || client.consent === 'always') return true
  if (client.consent === 'skip') return false
  const isCovered =
    consent !== undefined &&
    scope.every((value) => consent.scope.includes(value)) &&
    resources.every((id) => consent.resources.includes(id))
  return !isCovered
}

/** With `prompt=none` the client hears of everything that would need a page (OIDC Core §3.1.2.6). */
function silent(next: Next): Next {
  if ('before' in next && next.before !== undefined) return silentBefore(next.before)
  switch (next.kind) {
    case 'sign_in':
    case 'sign_up':
      return loginRequired('prompt=none, and nobody is signed in whom the request believes')
    case 'second':
    case 'choose_account':
      return interactionRequired(`prompt=none, and ${next.kind} is missing`)
    case 'must_change':
    case 'must_enrol':
      return silentBefore(next.kind)
    case 'consent':
      return {
        kind: 'error',
        error: 'consent_required',
        description: 'the person has to agree first',
        reason: 'prompt=none, and the consent is missing or too small',
      }
    case 'not_allowed':
      return {
        kind: 'error',
        error: 'access_denied',
        description: 'the person may not use this client',
        reason: 'group not allowed: the person is in none of the allowed_groups',
      }
    case 'code':
    case 'arrived':
    case 'error':
    case 'fault':
    case 'over':
      return next
  }
}

/** The client hears of the change that is due, whatever has to be passed before it. */
const silentBefore = (change: Change['kind']): Next =>
  change === 'must_enrol'
    ? unmet('prompt=none, and the person has no factor that reaches the acr')
    : interactionRequired('prompt=none, and the password has to be changed')

const interactionRequired = (reason: string): Next => ({
  kind: 'error',
  error: 'interaction_required',
  description: 'the person has to answer a page',
  reason,
})
