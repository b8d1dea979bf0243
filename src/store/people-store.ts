/** The verbs of the store that concern people. The guarantees of store.ts hold for each of them. */
import type { Instant } from '../ground/clock.ts'
import type { Recording } from './records/audit.ts'
import type { Page } from './records/facts.ts'
import type { GrantDenial } from './records/grant.ts'
import type { GuessAttempt, GuessOutcome, GuessRule } from './records/guess.ts'
import type { ConsentRecord, LogoutDelivery, PersonEnding, SessionEnding, SessionRecord } from './records/session.ts'
import type { Person } from './records/user.ts'

/** A session with its person, whether it is live or not. */
export interface FoundSession {
  session: SessionRecord
  person: Person
}

export interface SessionStore {
  /** @param name a user name, a verified address or an id, in any case */
  findPersonNamed(name: string): Promise<Person | undefined>
  /** @param secretHash of the cookie */
  findSession(secretHash: string): Promise<FoundSession | undefined>
  findSessionById(id: string): Promise<FoundSession | undefined>
  touchSession(id: string, seen: { lastSeenAt: Instant; idleExpiresAt: Instant }): Promise<void>
  /** Live sessions, in the order of their ids. */
  listSessions(filter: { userId?: string | undefined }, page: Page): Promise<(SessionRecord & { clients: string[] })[]>
  listSessionClients(id: string): Promise<string[]>
  /** Ends a session with its grants, and notes the logout tokens that its clients are owed. */
  endSession(id: string, ending: SessionEnding): Promise<'ended' | 'already' | 'unknown'>
  /** @returns how many sessions ended */
  endSessionsOf(userId: string, ending: PersonEnding): Promise<number>
  listConsents(userId: string): Promise<ConsentRecord[]>
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
  /**
   * Logout tokens that are due, each given to one process, with this attempt counted.
   * @param againAt when the delivery is due again if its process dies
   */
  claimLogouts(limit: number, againAt: Instant): Promise<LogoutDelivery[]>
  delayLogout(id: string, until: Instant): Promise<void>
  finishLogout(id: string): Promise<void>
}

/** The throttle of guesses: see users/guesses.ts. */
export interface GuessStore {
  /** Counts a guess as wrong, or makes it wait. Of guesses at the same time none is left out. */
  countGuess(attempt: GuessAttempt, rule: GuessRule): Promise<GuessOutcome>
  /** The last guess of a bucket was right: its failures are forgotten. */
  forgiveGuesses(bucket: string): Promise<void>
}

export interface PeopleStore extends SessionStore, GuessStore {}
