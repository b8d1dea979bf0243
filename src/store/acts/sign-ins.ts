/**
 * Sign-ins under way. Every step is one write: it reads the sign-in, the person, the session, the consent and the client
 * as they stand, asks the rule of the step, and stores everything that follows. So whatever happened since the page was
 * shown is known to the rule, and of two answers to one page only one counts.
 */
import { find, insert, time, together, update, type Act, type Engine } from '../engine.ts'
import type { FoundSession, SignInStart, SignInStore } from '../people-store.ts'
import { consents, sessions, signIns, users } from '../tables/people.ts'
import type { ClientRecord } from '../records/client.ts'
import { isLiveSession, type ConsentRecord } from '../records/session.ts'
import type {
  KnownClients,
  Proof,
  SignInDecision,
  SignInFacts,
  SignInOutcome,
  SignInRef,
  SignInRule,
  SignInWrites,
} from '../records/sign-in-step.ts'
import type { SignInRecord } from '../records/sign-in.ts'
import type { Person } from '../records/user.ts'
import { record } from './audit.ts'
import { forgiveGuesses, rememberBrowser } from './guesses.ts'
import { addOneTime, endLinks } from './one-time.ts'
import { findPerson } from './people-rows.ts'
import { personProven, proves, spend } from './proofs.ts'
import { endSessionsOf, endSession } from './session-ends.ts'

export const signInVerbs = (engine: Engine): SignInStore => ({
  startSignIn: (start, clients, rule) => engine.act(() => startSignIn(start, clients, rule)),
  keepRequest: (signIn) => engine.act(() => insert(signIns, signIn), 'free').then(() => {}),
  resumeRequest: (ref, sessionHash, clients, rule) => engine.act(() => resume(ref, sessionHash, clients, rule)),
  findSignIn: (ref, clients) => engine.read(() => findSignIn(ref, clients)),
  takeStep: (ref, proof, clients, rule) => engine.act(() => takeStep(ref, proof, clients, rule)),
  findByLoginName: (name) => engine.read(() => findByLoginName(name)),
})

/** The sign-in has no browser yet: it was posted by another site. */
const UNBOUND = ''

function* startSignIn<Result>(
  { signIn: drafted, sessionHash }: SignInStart,
  clients: KnownClients,
  rule: SignInRule<Result> & { keeps: (result: Result) => boolean },
): Act<Result> {
  const session = yield* liveSession({ secretHash: sessionHash })
  const signIn = { ...drafted, sessionId: session?.session.id ?? null }
  const facts = yield* gather(signIn, [session, undefined], clients)
  const { writes, result } = rule(facts)
  // Most requests of people who are signed in end here, with a code and without a row.
  if (rule.keeps(result)) yield* insert(signIns, { ...signIn, ...writes.signIn })
  yield* store(facts, undefined, { ...writes, signIn: undefined })
  return result
}

/**
 * Goes on with the session that the browser has now. A request that another site posted is bound to the first browser that
 * comes for it. The person may have signed in by another tab since the sign-in began.
 */
function* resume<Result>(
  { id, browserHash }: SignInRef,
  sessionHash: string | undefined,
  clients: KnownClients,
  rule: SignInRule<Result>,
): Act<SignInOutcome<Result>> {
  const session = yield* liveSession({ secretHash: sessionHash })
  const bound = { browserHash, sessionId: session?.session.id ?? null }
  yield* update(signIns, { id, browserHash: UNBOUND }, bound)
  const signIn = yield* standing({ id, browserHash })
  const isNews = session !== undefined && typeof signIn !== 'string' && signIn.sessionId !== session.session.id
  // The person who has passed a factor in this sign-in stays its person.
  if (isNews && signIn.userId === null) yield* update(signIns, { id, browserHash }, { sessionId: session.session.id })
  return yield* takeStep({ id, browserHash }, undefined, clients, rule)
}

function* takeStep<Result>(
  ref: SignInRef,
  proof: Proof | undefined,
  clients: KnownClients,
  rule: SignInRule<Result>,
): Act<SignInOutcome<Result>> {
  const signIn = yield* standing(ref)
  if (typeof signIn === 'string') return { outcome: signIn }
  const known = yield* gather(signIn, yield* behind(signIn), clients)
  const facts = proof ? { ...known, ...(yield* judge(proof, known)) } : known
  const { writes, result }: SignInDecision<Result> = rule(facts)
  yield* store(facts, proof, writes)
  return { outcome: 'decided', result }
}

function* findSignIn(ref: SignInRef, clients: KnownClients): Act<SignInOutcome<SignInFacts>> {
  const signIn = yield* standing(ref)
  if (typeof signIn === 'string') return { outcome: signIn }
  return { outcome: 'decided', result: yield* gather(signIn, yield* behind(signIn), clients) }
}

function* standing({ id, browserHash }: SignInRef): Act<SignInRecord | 'unknown' | 'other_browser'> {
  const signIn = yield* find(signIns, { id })
  if (!signIn || (yield* time()) >= signIn.expiresAt) return 'unknown'
  return signIn.browserHash === browserHash ? signIn : 'other_browser'
}

function* liveSession(name: {
  id?: string | undefined
  secretHash?: string | undefined
}): Act<FoundSession | undefined> {
  const { id, secretHash } = name
  const where = id === undefined ? secretHash !== undefined && { secretHash } : { id }
  const session = where ? yield* find(sessions, where) : undefined
  if (!session || !isLiveSession(session, yield* time())) return undefined
  const person = yield* findPerson({ id: session.userId })
  return person && { session, person }
}

type Behind = [session: FoundSession | undefined, person: Person | undefined]

/** The session that a sign-in goes on from, and the person who has passed a factor in it. */
const behind = ({ sessionId, userId }: SignInRecord): Act<Behind> =>
  together(liveSession({ id: sessionId ?? undefined }), findPersonMaybe(userId))

function* findPersonMaybe(id: string | null): Act<Person | undefined> {
  return id === null ? undefined : yield* findPerson({ id })
}

/** Reads what decides beside the session and the person. */
function* gather(signIn: SignInRecord, [session, person]: Behind, clients: KnownClients): Act<SignInFacts> {
  const { request } = signIn
  const client = request ? clients.find(request.clientId) : undefined
  const consent = yield* consentOf(person ?? session?.person, client)
  const unproven = { isProven: false, proven: undefined, provenConsent: undefined }
  return { signIn, session, person, client, consent, ...unproven, now: yield* time() }
}

function* judge(proof: Proof, facts: SignInFacts): Act<Pick<SignInFacts, 'isProven' | 'proven' | 'provenConsent'>> {
  const proven = yield* personProven(proof, facts)
  const isProven = proven !== undefined && (yield* proves(proof, proven, facts))
  return { isProven, proven, provenConsent: yield* consentOf(proven, facts.client) }
}

/** The consent that the person gave before. Only a client with `consent: once` is asked about it. */
function* consentOf(person: Person | undefined, client: ClientRecord | undefined): Act<ConsentRecord | undefined> {
  return person && client?.consent === 'once'
    ? yield* find(consents, { userId: person.user.id, clientKey: client.key })
    : undefined
}

function* store(facts: SignInFacts, proof: Proof | undefined, writes: SignInWrites): Act<void> {
  const { signIn, session, raised, ends, user, renews, consent, code, forgives, browser, events = [] } = writes
  if (writes.spends && proof) yield* spend(proof, facts)
  if (session) yield* insert(sessions, session)
  if (raised) yield* update(sessions, { id: raised.id, endedAt: null }, raised.change)
  // Before the former session ends, because the sign-ins of a session end with it.
  if (signIn && Object.keys(signIn).length > 0) yield* update(signIns, { id: facts.signIn.id }, signIn)
  if (ends) yield* endSession(ends.id, ends.ending)
  if (user) yield* update(users, { id: user.id }, user.change)
  if (user && renews) {
    const except = session?.id ?? raised?.id ?? facts.session?.session.id
    yield* endLinks(user.id)
    yield* endSessionsOf(user.id, { ...renews, except }, facts.signIn.id)
  }
  if (consent) yield* storeConsent(consent)
  if (code) yield* addOneTime(code)
  if (forgives !== undefined) yield* forgiveGuesses(forgives)
  if (browser) yield* rememberBrowser(browser.hash, browser.userId)
  for (const event of events) yield* record(event)
}

function* storeConsent(consent: ConsentRecord): Act<void> {
  const { userId, clientKey, createdAt: _, ...change } = consent
  if ((yield* update(consents, { userId, clientKey }, change)) === 0) yield* insert(consents, consent)
}

/** The person whom a name signs in: by user name, or by an address that is verified. */
function* findByLoginName(name: string): Act<Person | undefined> {
  return (yield* findPerson({ username: name })) ?? (yield* findPerson({ emailKey: name }))
}
