/** The steps of a sign-in: which of them is due, whether its proof is good, and what it changes. All of it is pure. */
import type {
  EnrolmentProof,
  FirstProof,
  Proof,
  SecondProof,
  SignInFacts,
  SignInWrites,
} from '../store/records/sign-in-step.ts'
import { UNPROVEN, type SignInRecord } from '../store/records/sign-in.ts'
import type { Person } from '../store/records/user.ts'
import { newPassword } from '../users/user.ts'
import { withProof } from './assurance.ts'
import type { Next, Terms } from './prompt.ts'
import { maySignIn } from './standing.ts'

/** The person and the rights that a page of consent has shown. */
export interface Shown {
  userId: string
  scope: readonly string[]
  resources: readonly string[]
}

/** An answer of the person to a page. */
export type Step =
  /** `forgives`: the bucket of guesses at the password. */
  | { step: 'sign_in'; proof: FirstProof; isRemembered?: boolean | undefined; forgives?: string | undefined }
  | { step: 'second'; proof: SecondProof; forgives?: string | undefined }
  | { step: 'must_enrol'; proof: EnrolmentProof }
  | { step: 'must_change'; passwordHash: string }
  /** Goes on as the person who is signed in. */
  | { step: 'choose_account' }
  /** `shown`: absent where the form of the page did not say it. */
  | { step: 'consent'; shown?: Shown | undefined }
  /** Starts over as another person, from any page. */
  | { step: 'switch' }
  /** Gives up, from any page: Cancel, Deny, Back. */
  | { step: 'cancel'; reason: string }

/**
 * The step that answers what is due. A name and a password are good for the choice of an account and for sign-up too. A
 * code can be due while a page is open, e.g. since the person has agreed in another browser: who gives up here gets none.
 */
export function isDue(step: Step, next: Next): boolean {
  const { kind } = next
  switch (step.step) {
    case 'sign_in':
      return kind === 'sign_in' || kind === 'choose_account' || kind === 'sign_up'
    case 'second':
    case 'must_enrol':
    case 'must_change':
    case 'choose_account':
      return kind === step.step
    case 'consent':
      return kind === 'consent' && (step.shown === undefined || isShown(step.shown, next))
    case 'switch':
    case 'cancel':
      return kind !== 'over' && kind !== 'fault' && kind !== 'error' && kind !== 'arrived'
  }
}

/** Whether the page has shown all that is due: groups and clients change while it stands open. Less than shown needs no page. */
const isShown = (shown: Shown, { standing, scope, resources }: Extract<Next, { kind: 'consent' }>): boolean =>
  shown.userId === standing.person.user.id &&
  scope.every((value) => shown.scope.includes(value)) &&
  resources.every((id) => shown.resources.includes(id))

/**
 * Whether a proof holds, and its person may sign in. A further factor has to be of the person who passed the first, and
 * who confirms a session has to be its person.
 */
export function isGood({ kind }: Proof, facts: SignInFacts, due: Next, terms: Pick<Terms, 'blacklist'>): boolean {
  const { isProven, proven } = facts
  if (!isProven || !proven || !maySignIn(proven, terms)) return false
  const isLater = due.kind === 'second' || due.kind === 'must_enrol'
  if (isLater) return proven.user.id === due.standing.person.user.id
  const isTyped = kind === 'password' || kind === 'passkey'
  const confirming = isTyped ? personConfirming(facts) : undefined
  return confirming === undefined || proven.user.id === confirming.user.id
}

/**
 * The person who is signed in and signs in again before a change, without a client. A link and a new account are no answer
 * to that: they sign another person in.
 */
export const personConfirming = ({ signIn, session }: Pick<SignInFacts, 'signIn' | 'session'>): Person | undefined =>
  signIn.request === null ? session?.person : undefined

/** The facts after a step, and the writes that make them so. */
export interface Effect {
  after: SignInFacts
  writes: SignInWrites
}

/** The facts after a due step, and the writes that bring them about. @param due the step that the rule has named */
export function afterStep(step: Exclude<Step, { step: 'cancel' }>, facts: SignInFacts, due: Next): Effect {
  switch (step.step) {
    case 'sign_in':
      return afterFirstFactor(step, facts)
    case 'second':
    case 'must_enrol':
      return afterMoreFactors(step, facts, due)
    case 'must_change':
      return afterChange(step.passwordHash, facts, due)
    case 'choose_account':
      return withPrompt(facts, (prompt) => without(prompt, 'select_account'))
    case 'switch':
      return changed(switched(facts), UNPROVEN, { person: undefined })
    case 'consent':
      return afterConsent(facts, due)
  }
}

function afterFirstFactor(
  { proof, isRemembered, forgives }: Extract<Step, { step: 'sign_in' }>,
  facts: SignInFacts,
): Effect {
  const { now, proven, provenConsent, signIn, session } = facts
  if (!proven) return unchanged(facts)
  const change: Partial<SignInRecord> = {
    state: 'primary',
    userId: proven.user.id,
    amr: withProof([], proof),
    authTime: now,
    challenge: null,
    // The secret of an app is that of the person who was shown it.
    pendingTotp: proven.user.id === (signIn.userId ?? session?.person.user.id) ? signIn.pendingTotp : null,
    // A session that is over does not hold the sign-in up.
    sessionId: session?.session.id ?? null,
    isRemembered: isRemembered ?? signIn.isRemembered,
  }
  const known = { person: proven, consent: provenConsent }
  return changed({ after: facts, writes: { spends: true, forgives } }, change, known)
}

/** If the factor raises a session that the browser has, the time of the session's first factor stays. */
function afterMoreFactors(
  step: Extract<Step, { step: 'second' | 'must_enrol' }>,
  facts: SignInFacts,
  due: Next,
): Effect {
  if (due.kind !== 'second' && due.kind !== 'must_enrol') return unchanged(facts)
  const { person, amr, authTime } = due.standing
  const change: Partial<SignInRecord> = {
    state: step.step,
    userId: person.user.id,
    amr: withProof(amr, step.proof),
    authTime,
    challenge: null,
    pendingTotp: null,
  }
  const forgives = step.step === 'second' ? step.forgives : undefined
  return changed({ after: facts, writes: { spends: true, forgives } }, change, { person: enrolled(person, step.proof) })
}

/** The person with a factor that the proof has set up. */
function enrolled(person: Person, proof: Proof): Person {
  const { user, factors } = person
  if (proof.kind === 'passkey_enrolment') return { ...person, factors: { ...factors, passkeys: factors.passkeys + 1 } }
  if (proof.kind !== 'totp_enrolment') return person
  const { sealedSecret: totpSecret, timeStep: totpUsedStep, recoveryDigests } = proof
  const recoveryCodes = recoveryDigests.length
  return { ...person, user: { ...user, totpSecret, totpUsedStep }, factors: { ...factors, recoveryCodes } }
}

function afterChange(passwordHash: string, facts: SignInFacts, due: Next): Effect {
  if (due.kind !== 'must_change') return unchanged(facts)
  const { now, signIn, session } = facts
  const { user } = due.standing.person
  const change = {
    ...newPassword(passwordHash, 'person', now),
    mustChangePassword: false,
    updatedAt: now,
  }
  const renew = (person: Person | undefined): Person | undefined =>
    person?.user.id === user.id ? { ...person, user: { ...person.user, ...change } } : person
  const after = {
    ...facts,
    person: renew(facts.person),
    session: session && { ...session, person: renew(session.person) ?? session.person },
  }
  const effect = { after, writes: { user: { id: user.id, change } } }
  // The new password was chosen in this sign-in, so it overrules nothing that was passed in it.
  return signIn.userId === null ? effect : changed(effect, { state: 'must_change', authTime: now })
}

function afterConsent(facts: SignInFacts, due: Next): Effect {
  const { client, consent, now } = facts
  if (due.kind !== 'consent' || !client) return unchanged(facts)
  const agreed = {
    userId: due.standing.person.user.id,
    clientKey: client.key,
    clientId: client.clientId,
    scope: union(consent?.scope, due.scope),
    resources: union(consent?.resources, due.resources),
    createdAt: consent?.createdAt ?? now,
    updatedAt: now,
  }
  const effect = { after: { ...facts, consent: agreed }, writes: { consent: agreed } }
  return changed(effect, { state: 'consent' })
}

const unchanged = (facts: SignInFacts): Effect => ({ after: facts, writes: {} })

/** The same effect with a change of the sign-in's row. */
const changed = (
  { after, writes }: Effect,
  change: Partial<SignInRecord>,
  known: Partial<SignInFacts> = {},
): Effect => ({
  after: { ...after, ...known, signIn: { ...after.signIn, ...change } },
  writes: { ...writes, signIn: { ...writes.signIn, ...change } },
})

/** The sign-in begins anew, and the page suggests no name: the person has said to be somebody else. */
function switched(facts: SignInFacts): Effect {
  const { signIn } = facts
  const request = signIn.request && { ...signIn.request, loginHint: '' }
  const asked = { ...facts, signIn: { ...signIn, request } }
  return withPrompt(asked, (prompt) => [...without(prompt, 'select_account', 'login'), 'login'])
}

function withPrompt(facts: SignInFacts, change: (prompt: string[]) => string[]): Effect {
  const { request } = facts.signIn
  return request
    ? changed(unchanged(facts), { request: { ...request, prompt: change(request.prompt) } })
    : unchanged(facts)
}

const without = (values: string[], ...unwanted: string[]): string[] => values.filter((each) => !unwanted.includes(each))

const union = (before: string[] | undefined, more: string[]): string[] => [...new Set([...(before ?? []), ...more])]
