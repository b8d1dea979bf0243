/** The verbs of the store that concern people. The guarantees of store.ts hold for each of them. */
import type { Instant } from '../ground/clock.ts'
import type { AuditEvent, Recording } from './records/audit.ts'
import type { CodeOutcome, CodeRule, FoundCode, GrantPerson } from './records/code.ts'
import type { Page } from './records/facts.ts'
import type { FactorStore } from './factor-store.ts'
import type { GrantDenial } from './records/grant.ts'
import type { GuessAttempt, GuessOutcome, GuessRule } from './records/guess.ts'
import type {
  ConsentRecord,
  LogoutClaim,
  LogoutDelivery,
  PersonEnding,
  SessionEnding,
  SessionRecord,
} from './records/session.ts'
import type { KnownClients, Proof, SignInFacts, SignInOutcome, SignInRef, SignInRule } from './records/sign-in-step.ts'
import type { SignInRecord } from './records/sign-in.ts'
import type { LinkKind, OneTimeRecord } from './records/one-time.ts'
import type {
  GroupChange,
  GroupDenial,
  GroupRecord,
  GroupSummary,
  MemberChange,
  Person,
  PersonFilter,
  PersonName,
  UserChange,
  UserCreation,
  UserRecord,
  UserTerms,
  UserUpdate,
} from './records/user.ts'

/** A session with its person, whether it is live or not. */
export interface FoundSession {
  session: SessionRecord
  person: Person
}

export interface SessionStore {
  /** @param name an id, else a user name or a verified address in any case of letters */
  findPersonNamed(name: string): Promise<Person | undefined>
  /** @param secretHash of the cookie */
  findSession(secretHash: string): Promise<FoundSession | undefined>
  findSessionById(id: string): Promise<FoundSession | undefined>
  /** How many sessions are live. */
  countSessions(): Promise<number>
  touchSession(id: string, seen: { lastSeenAt: Instant; idleExpiresAt: Instant }): Promise<void>
  /** Live sessions, in the order of their ids. */
  listSessions(filter: { userId?: string | undefined }, page: Page): Promise<(SessionRecord & { clients: string[] })[]>
  listSessionClients(id: string): Promise<string[]>
  /** Ends a session with its grants, and notes the logout tokens that its clients are owed. */
  endSession(id: string, ending: SessionEnding): Promise<'ended' | 'already' | 'unknown'>
  /** @returns the ids of the sessions that ended */
  endSessionsOf(userId: string, ending: PersonEnding): Promise<string[]>
  /** All of a person, but those to clients that are deleted. */
  listConsents(userId: string): Promise<ConsentRecord[]>
  /** By person and client. @param page `after` what `consentCursor` makes of the last one */
  pageConsents(filter: { userId?: string | undefined }, page: Page): Promise<ConsentRecord[]>
  /** Forgets a consent and ends the client's grants for the person. `unknown`: there was neither. */
  withdrawConsent(
    userId: string,
    clientId: string,
    reason: string,
    deny: GrantDenial,
    event: Recording,
  ): Promise<'withdrawn' | 'unknown'>
  /** Whether a logout token is due; a read. */
  hasDueLogouts(): Promise<boolean>
  /** Logout tokens that are due, each given to one process, with this attempt counted. */
  claimLogouts(claim: LogoutClaim): Promise<LogoutDelivery[]>
  /** Logout tokens that are owed, in the order of their ids. */
  listOwedLogouts(page: Page): Promise<LogoutDelivery[]>
  /** Takes a claim back that led to no attempt: another process may take the token at once. */
  returnLogout(claimed: Pick<LogoutDelivery, 'id' | 'attempts' | 'createdAt'>): Promise<void>
  delayLogout(id: string, until: Instant): Promise<void>
  finishLogout(id: string): Promise<void>
}

/** The throttle of guesses: see users/guesses.ts. */
export interface GuessStore {
  /** Counts a guess as wrong, or makes it wait. Of guesses at the same time none is left out. */
  countGuess(attempt: GuessAttempt, rule: GuessRule): Promise<GuessOutcome>
}

/** A sign-in that begins. */
export interface SignInStart {
  signIn: SignInRecord
  /** The hash of the `session` cookie, where the browser has one. */
  sessionHash: string | undefined
}

export interface SignInStore {
  /** Begins a sign-in. Its row is stored only where the rule keeps it: a code may follow at once. */
  startSignIn<Result>(
    start: SignInStart,
    clients: KnownClients,
    rule: SignInRule<Result> & { keeps: (result: Result) => boolean },
  ): Promise<Result>
  /** Keeps a request that another site posted, until a browser comes for it. Its `browserHash` is empty. */
  keepRequest(signIn: SignInRecord): Promise<void>
  /** Binds a kept request to the first browser that comes, and asks the rule. */
  resumeRequest<Result>(
    ref: SignInRef,
    sessionHash: string | undefined,
    clients: KnownClients,
    rule: SignInRule<Result>,
  ): Promise<SignInOutcome<Result>>
  findSignIn(ref: SignInRef, clients: KnownClients): Promise<SignInOutcome<SignInFacts>>
  /** Takes a step of a sign-in. Everything that the rule decides on is read inside the write. */
  takeStep<Result>(
    ref: SignInRef,
    proof: Proof | undefined,
    clients: KnownClients,
    rule: SignInRule<Result>,
  ): Promise<SignInOutcome<Result>>
  /** @param name in the form in which names are compared */
  findByLoginName(name: string): Promise<Person | undefined>
}

/** Whether there is anything of people. */
export interface PresenceStore {
  hasUsers(): Promise<boolean>
  hasPasskeys(): Promise<boolean>
}

export interface UserStore {
  findPerson(name: PersonName): Promise<Person | undefined>
  /** In the order of their ids. */
  listPersons(filter: PersonFilter, page: Page): Promise<Person[]>
  createUser(user: UserRecord, terms: UserTerms, event: Recording): Promise<UserCreation>
  /** Changes a person by the decision of `decide`, which is asked inside the write. Rejects with what it throws. */
  changeUser(id: string, decide: (person: Person, now: Instant) => UserChange): Promise<UserUpdate>
  /** Deletes a person with everything that is the person's. The id is never given again. */
  deleteUser(
    id: string,
    ending: (person: Person) => PersonEnding,
    event: Recording,
  ): Promise<{ outcome: 'deleted'; person: Person } | { outcome: 'unknown' }>
}

export interface GroupStore {
  /** By name. */
  listGroups(): Promise<GroupSummary[]>
  findGroup(name: string): Promise<GroupSummary | undefined>
  createGroup(group: GroupRecord, event: Recording): Promise<'created' | 'exists' | 'ended'>
  changeGroup(
    name: string,
    decide: (group: GroupRecord, now: Instant) => GroupChange,
  ): Promise<GroupSummary | undefined>
  deleteGroup(name: string, deny: GroupDenial, event: Recording): Promise<'deleted' | 'unknown' | 'built_in'>
  changeMembers(
    name: string,
    change: MemberChange,
  ): Promise<GroupSummary | { outcome: 'no_user'; id: string } | undefined>
}

export interface LinkStore {
  /**
   * Stores a link. A link for a person ends the person's earlier ones of its kind; `unknown`: there is no such person.
   * @param judge asked inside the write; it throws where the person may not get a link
   */
  addLink(
    link: OneTimeRecord<LinkKind>,
    event: Recording,
    judge?: (person: Person) => void,
  ): Promise<'added' | 'unknown'>
  findLink<Kind extends LinkKind>(kind: Kind, hash: string): Promise<OneTimeRecord<Kind> | undefined>
  /** Those that can be used, in the order of their ids. */
  listInvitations(page: Page): Promise<OneTimeRecord<'invitation'>[]>
  revokeInvitation(id: string, event: Recording): Promise<OneTimeRecord<'invitation'> | undefined>
}

export interface ActivityStore {
  /** Audit events of a person and of the person's sessions, newest first. @param page `after` the id of the last one */
  listActivity(userId: string, page: Page): Promise<AuditEvent[]>
}

/** Codes, and the persons behind tokens. */
export interface TokenStore {
  /** @param hash of the code. Reads alone. */
  findCode(hash: string): Promise<FoundCode | undefined>
  /**
   * Redeems a code, or does with it what `decide` says. `decide` is asked inside the write, and may be asked several times.
   * @param hash of the code
   */
  redeemCode(hash: string, decide: CodeRule): Promise<CodeOutcome>
  /** A grant that a person gave by signing in, with the person as of now; `undefined` for any other grant. */
  findGrantPerson(sid: string): Promise<GrantPerson | undefined>
}

export interface PeopleStore
  extends
    PresenceStore,
    SessionStore,
    TokenStore,
    GuessStore,
    SignInStore,
    ActivityStore,
    UserStore,
    GroupStore,
    LinkStore,
    FactorStore {}
