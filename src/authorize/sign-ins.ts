/**
 * The machine of sign-ins. A step is taken only where the rule of prompt.ts names it as the next one, inside the write
 * that takes it. The same rule then names the consequence, which is stored in the same write: a session once every factor
 * is there, and a code once everything is.
 */
import { byUser, type AuditTrail } from '../audit.ts'
import type { Blacklist } from '../blacklist/match.ts'
import type { Factor } from '../ground/people-traffic.ts'
import type { Traffic } from '../ground/traffic.ts'
import { hashOf } from '../ground/secret-value.ts'
import type { ClientDirectory } from '../clients/directory.ts'
import type { ResourceDirectory } from '../resources/directory.ts'
import type {
  Proof,
  SignInDecision,
  SignInFacts,
  SignInOutcome,
  SignInRef,
  SignInWrites,
} from '../store/records/sign-in-step.ts'
import { newSignIn, type AuthorizationRequest, type SignInRecord } from '../store/records/sign-in.ts'
import type { Person } from '../store/records/user.ts'
import type { Store } from '../store/store.ts'
import { endingOf } from '../users/ending.ts'
import { canonicalName } from '../users/username.ts'
import { mintCode } from './code.ts'
import { whatNext, type Next, type Terms } from './prompt.ts'
import { enterSession, type Browser, type SessionTerms } from './enter-session.ts'
import { eventsOf } from './step-events.ts'
import { afterStep, isDue, isGood, type Step } from './steps.ts'

/** The state of a sign-in after a step, or after a step that was not due. */
export interface Reached {
  /** Whether the step was taken. */
  isTaken: boolean
  /** The proof did not hold inside the write, or its person may not sign in. */
  isRefused: boolean
  next: Next
  signIn: SignInRecord
  facts: SignInFacts
  /** A new secret of the `session` cookie. */
  session?: { secret: string; maxAgeSeconds: number | undefined } | undefined
  /** Set with `session`. */
  deviceSecret?: string | undefined
  /** The authorization code, where `next` is `code`. */
  code?: string | undefined
}

/** The sign-in that was named is over, unknown, or another browser's. */
export interface Gone {
  gone: 'unknown' | 'other_browser'
}

export interface SignInNeeds {
  store: Pick<
    Store,
    'now' | 'startSignIn' | 'keepRequest' | 'resumeRequest' | 'findSignIn' | 'takeStep' | 'findByLoginName'
  >
  clients: Pick<ClientDirectory, 'find'>
  resources: Pick<ResourceDirectory, 'find'>
  blacklist: Pick<Blacklist, 'findRefusing'>
  audit: AuditTrail
  traffic: Pick<Traffic, 'people'>
  config: Pick<Terms, 'mfa'> & SessionTerms
}

/** The longest time that a sign-in may take (WCAG 2.2.1). */
const LASTS_MS = 3_600_000

/** A browser follows the redirect of a form at once, so a form of which no browser came back is forgotten soon. */
const COMES_WITHIN_MS = 5 * 60_000

const FACTOR_OF = {
  password: 'password',
  passkey: 'passkey',
  passkey_enrolment: 'passkey',
  totp: 'totp',
  totp_enrolment: 'totp',
  recovery: 'recovery_code',
  link: 'link',
  new_user: 'new_account',
} as const satisfies Record<Proof['kind'], Factor>

/** A sign-in id, as `tx` names one. Anything else is asked of no database. */
const ID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/

export class SignIns {
  readonly #needs: SignInNeeds
  readonly #terms: Terms

  constructor(needs: SignInNeeds) {
    this.#needs = needs
    this.#terms = {
      mfa: needs.config.mfa,
      findResource: (id) => needs.resources.find(id),
      blacklist: needs.blacklist,
    }
  }

  /** Begins a sign-in for the request of a client. A person who is signed in may get the code at once. */
  begin(request: AuthorizationRequest, browser: Browser): Promise<Reached> {
    return this.#start(this.#draft(browser, request, null), browser)
  }

  /** Begins a sign-in without a client. @param returnTo a path of our own */
  beginOwn(browser: Browser, returnTo: string): Promise<Reached> {
    return this.#start(this.#draft(browser, null, returnTo), browser)
  }

  async #start(signIn: SignInRecord, browser: Browser): Promise<Reached> {
    const rule = (facts: SignInFacts) => this.#arrive(facts, {}, browser)
    const keeps = ({ next }: Reached) => next.kind !== 'code' && next.kind !== 'error' && next.kind !== 'fault'
    const sessionHash = hashOfMaybe(browser.sessionSecret)
    const { store, clients } = this.#needs
    const reached = await store.startSignIn({ signIn, sessionHash }, clients, Object.assign(rule, { keeps }))
    // A page of the account begins a sign-in of its own, and one that is over at once is no sign-in.
    if (signIn.request !== null) this.#count(reached)
    return reached
  }

  /** Keeps a request that another site posted: its browser comes again by GET, with its cookies. @returns its id */
  async keep(request: AuthorizationRequest): Promise<string> {
    const drafted = this.#draft(undefined, request, null)
    const signIn = { ...drafted, expiresAt: drafted.createdAt + COMES_WITHIN_MS }
    await this.#needs.store.keepRequest(signIn)
    return signIn.id
  }

  /** Goes on with a kept request in the browser that comes for it. */
  async resume(id: string, browser: Browser): Promise<Reached | Gone> {
    if (!ID.test(id)) return { gone: 'unknown' }
    const ref = { id, browserHash: hashOf(browser.loginSecret) }
    const rule = (facts: SignInFacts) => {
      const lasting = { expiresAt: facts.signIn.createdAt + LASTS_MS }
      return this.#arrive({ ...facts, signIn: { ...facts.signIn, ...lasting } }, { signIn: lasting }, browser)
    }
    const { store, clients } = this.#needs
    const outcome = await store.resumeRequest(ref, hashOfMaybe(browser.sessionSecret), clients, rule)
    if (outcome.outcome === 'decided') this.#count(outcome.result)
    return outcomeOf(outcome)
  }

  /** The state of a sign-in. Nothing is written. */
  async find(ref: SignInRef): Promise<Reached | Gone> {
    if (!ID.test(ref.id)) return { gone: 'unknown' }
    const { store, clients } = this.#needs
    const found = await store.findSignIn(ref, clients)
    if (found.outcome !== 'decided') return { gone: found.outcome }
    return stayed(found.result, whatNext(found.result, this.#terms))
  }

  /** Takes a step, where it is due. */
  async take(ref: SignInRef, step: Step, browser: Browser): Promise<Reached | Gone> {
    if (!ID.test(ref.id)) return { gone: 'unknown' }
    const proof = 'proof' in step ? step.proof : undefined
    const { store, clients } = this.#needs
    const outcome = await store.takeStep(ref, proof, clients, (facts) => this.#decide(step, facts, browser))
    if (outcome.outcome === 'decided') this.#count(outcome.result, step)
    return outcomeOf(outcome)
  }

  /** Counts what was decided, after it was written: a rule may be asked several times. */
  #count({ isTaken, isRefused, next, code }: Reached, step?: Step): void {
    const { factors, signIns } = this.#needs.traffic.people
    if (step && 'proof' in step) {
      if (isTaken) factors[FACTOR_OF[step.proof.kind]].passed += 1
      else if (isRefused) factors[FACTOR_OF[step.proof.kind]].refused += 1
    }
    if (!isTaken) return
    if (step?.step === 'cancel') signIns.cancelled += 1
    else if (next.kind === 'error') signIns.error += 1
    else if (next.kind === 'arrived') signIns.arrived += 1
    else if (code !== undefined) signIns.code += 1
  }

  /** Puts a challenge or an unconfirmed secret into a sign-in. It is no step. @returns whether there is such a sign-in */
  async note(ref: SignInRef, noted: Partial<Pick<SignInRecord, 'challenge' | 'pendingTotp'>>): Promise<boolean> {
    if (!ID.test(ref.id)) return false
    const { store, clients } = this.#needs
    const outcome = await store.takeStep(ref, undefined, clients, ({ signIn }) => {
      const isOver = signIn.state === 'done'
      return { writes: isOver ? {} : { signIn: noted }, result: !isOver }
    })
    return outcome.outcome === 'decided' && outcome.result
  }

  /** The person whom a typed name means. Names that nobody can have are asked of no database. */
  async findPerson(name: string): Promise<Person | undefined> {
    const folded = canonicalName(name)
    return folded === '' || /\p{Cc}/u.test(folded) ? undefined : this.#needs.store.findByLoginName(folded)
  }

  #draft(browser: Browser | undefined, request: AuthorizationRequest | null, returnTo: string | null): SignInRecord {
    const browserHash = browser ? hashOf(browser.loginSecret) : ''
    return newSignIn({ browserHash, request, returnTo }, this.#needs.store.now(), LASTS_MS)
  }

  #decide(step: Step, facts: SignInFacts, browser: Browser): SignInDecision<Reached> {
    const due = whatNext(facts, this.#terms)
    if (!isDue(step, due)) return { writes: {}, result: stayed(facts, due) }
    if ('proof' in step && !isGood(step.proof, facts, due, this.#terms))
      return { writes: {}, result: { ...stayed(facts, due), isRefused: true } }
    if (step.step === 'cancel') return this.#giveUp(step.reason, facts)
    const { after, writes } = afterStep(step, facts, due)
    const events = eventsOf(step, due, facts, { browser, audit: this.#needs.audit })
    return this.#arrive(after, { ...writes, ...this.#renewal(step, writes, browser), events }, browser)
  }

  /** A person who knew only the former password is not signed in any more. */
  #renewal({ step }: Step, { user }: SignInWrites, { requestId }: Browser): Pick<SignInWrites, 'renews'> {
    if (step !== 'must_change' || !user) return {}
    return { renews: endingOf('chosen', user.id, { by: byUser(user.id, requestId), audit: this.#needs.audit }) }
  }

  #giveUp(reason: string, facts: SignInFacts): SignInDecision<Reached> {
    const description = 'the person did not go on'
    const next: Next = { kind: 'error', error: 'access_denied', description, reason }
    return { writes: { signIn: { state: 'done' } }, result: { ...stayed(facts, next), isTaken: true } }
  }

  /** THE end of every step: asks the rule what is next, and adds the session and the code that follow. */
  #arrive(facts: SignInFacts, writes: SignInWrites, browser: Browser): SignInDecision<Reached> {
    const next = whatNext(facts, this.#terms)
    const reached: Reached = { ...stayed(facts, next), isTaken: true }
    const end = (all: SignInWrites) => (browser.isByScript && next.kind !== 'arrived' ? all : ended(next, all))
    if (!isSignedIn(next)) return { writes: end(writes), result: reached }
    const { facts: inside, writes: more, ...cookies } = enterSession(facts, next.standing, browser, this.#needs)
    const all = merged(writes, more)
    if (next.kind !== 'code' || browser.isByScript)
      return { writes: end(all), result: { ...reached, ...cookies, facts: inside, signIn: inside.signIn } }
    const { secret, record } = mintCode(next, inside)
    const result = { ...reached, ...cookies, facts: inside, signIn: inside.signIn, code: secret }
    return { writes: end({ ...all, code: record }), result }
  }
}

const hashOfMaybe = (secret: string | undefined): string | undefined =>
  secret === undefined ? undefined : hashOf(secret)

const outcomeOf = (outcome: SignInOutcome<Reached>): Reached | Gone =>
  outcome.outcome === 'decided' ? outcome.result : { gone: outcome.outcome }

const stayed = (facts: SignInFacts, next: Next): Reached => ({
  isTaken: false,
  isRefused: false,
  next,
  signIn: facts.signIn,
  facts,
})

/** Whether every factor is there, so that the person has a session. */
const isSignedIn = (next: Next): next is Extract<Next, { kind: 'not_allowed' | 'consent' | 'code' | 'arrived' }> =>
  next.kind === 'not_allowed' || next.kind === 'consent' || next.kind === 'code' || next.kind === 'arrived'

/** The writes of a step, with the end of the sign-in where nothing follows any more. */
function ended(next: Next, writes: SignInWrites): SignInWrites {
  const isOver = next.kind === 'code' || next.kind === 'error' || next.kind === 'arrived'
  return isOver ? { ...writes, signIn: { ...writes.signIn, state: 'done' } } : writes
}

const merged = (first: SignInWrites, second: SignInWrites): SignInWrites => ({
  ...first,
  ...second,
  signIn: { ...first.signIn, ...second.signIn },
  user: bothChanges(first.user, second.user),
  events: [...(first.events ?? []), ...(second.events ?? [])],
})

/** Both are changes of the person who signs in. */
function bothChanges(first: SignInWrites['user'], second: SignInWrites['user']): SignInWrites['user'] {
  if (!first || !second) return first ?? second
  return { id: first.id, change: { ...first.change, ...second.change } }
}
