/**
 * The acts that end sessions: the person signs out, ends a session or takes a consent back; an operator ends sessions. The
 * store ends the grants, denies their tokens and notes the owed logout tokens in the same write.
 */
import type { Actor, AuditTrail } from '../audit.ts'
import { denyUntil, type Origin } from '../blacklist/entry.ts'
import { notFound } from '../ground/errors.ts'
import type { GrantDenial } from '../store/records/grant.ts'
import type { PersonEnding, SessionEnding } from '../store/records/session.ts'
import type { Store } from '../store/store.ts'

interface Needs {
  store: Pick<Store, 'endSession' | 'endSessionsOf' | 'withdrawConsent'>
  audit: AuditTrail
  /** Sends owed logout tokens now. */
  deliver(): void
}

/** `signed_out`: grants with scope `offline_access` go on. Every other end ends them too. */
type Why = 'signed_out' | 'ended'

const REASONS: Record<Why, string> = { signed_out: 'the person signed out', ended: 'the session was ended' }

/** How sessions end by an act of this actor. */
export function sessionEnding(why: Why, by: Actor, audit: AuditTrail, reason: string = REASONS[why]): SessionEnding {
  return {
    reason,
    deny: denyGrantOf({ cause: 'session_ended', reason, by }),
    isKeepingOffline: why === 'signed_out',
    event: ({ id, userId }) => audit.event('session.ended', id, { ...by, details: { user: userId, reason } }),
  }
}

/** Denies the access tokens of a grant as long as one can live. */
const denyGrantOf =
  (origin: Origin): GrantDenial =>
  ({ sid, accessExpiresAt }, moment) =>
    denyUntil('sid', sid, accessExpiresAt, origin, moment)

export class SessionEnds {
  readonly #needs: Needs

  constructor(needs: Needs) {
    this.#needs = needs
  }

  /** The person signs out in this browser. Signing out twice is signing out. */
  async signOut(sessionId: string, by: Actor): Promise<void> {
    const { store, audit } = this.#needs
    const ending = sessionEnding('signed_out', by, audit)
    await store.endSession(sessionId, { ...ending, ofUser: by.id })
    this.#needs.deliver()
  }

  /** Ends one session with everything that was granted in it. @throws OAuthError 404 */
  async end(sessionId: string, by: Actor): Promise<'ended' | 'already'> {
    const { store, audit } = this.#needs
    const outcome = await store.endSession(sessionId, sessionEnding('ended', by, audit))
    if (outcome === 'unknown') throw notFound('this session')
    this.#needs.deliver()
    return outcome
  }

  /** The same for a session of this person. Another person's is as unknown as one that never was. @throws OAuthError 404 */
  async endOwn(sessionId: string, userId: string, by: Actor): Promise<void> {
    const { store, audit } = this.#needs
    const outcome = await store.endSession(sessionId, { ...sessionEnding('ended', by, audit), ofUser: userId })
    if (outcome === 'unknown') throw notFound('this session')
    this.#needs.deliver()
  }

  /** Ends the sessions of a person. @param except a session that goes on @returns the ids of those that ended */
  async endAll(userId: string, by: Actor, except?: string): Promise<string[]> {
    const { store, audit } = this.#needs
    const ending: PersonEnding = { session: sessionEnding('ended', by, audit), except }
    const ended = await store.endSessionsOf(userId, ending)
    this.#needs.deliver()
    return ended
  }

  /** Takes the consent of a person to a client back. @throws OAuthError 404 where there is none, and no grant */
  async withdraw(userId: string, clientId: string, by: Actor): Promise<void> {
    const { store, audit } = this.#needs
    const reason = 'the consent was withdrawn'
    const deny = denyGrantOf({ cause: 'consent_withdrawn', reason, by })
    const event = audit.event('consent.withdrawn', clientId, { ...by, details: { user: userId } })
    const outcome = await store.withdrawConsent(userId, clientId, reason, deny, event)
    if (outcome === 'unknown') throw notFound('this consent')
  }
}
