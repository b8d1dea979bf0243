/** Sessions, consents, and the logout tokens that are owed when a session ends. */
import { isAhead, type Instant } from '../../ground/clock.ts'
import type { Recording } from './audit.ts'
import type { Authentication } from './authentication.ts'
import type { Moment, NewBlacklistEntry } from './blacklist.ts'
import type { GrantDenial } from './grant.ts'

/** A sign-in in a browser. */
export interface SessionRecord extends Authentication {
  /** `sid` of ID tokens and logout tokens. */
  id: string
  /** SHA-256 of the cookie's secret, base64url. */
  secretHash: string
  userId: string
  /** "Keep me signed in": the cookie outlives the browser. */
  isRemembered: boolean
  /** The browser's name for itself, shortened. */
  userAgent: string
  address: string
  createdAt: Instant
  lastSeenAt: Instant
  idleExpiresAt: Instant
  expiresAt: Instant
  endedAt: Instant | null
  endedReason: string | null
}

/** Whether a session is neither ended nor over. */
export const isLiveSession = ({ endedAt, expiresAt, idleExpiresAt }: SessionRecord, now: Instant): boolean =>
  endedAt === null && now < expiresAt && now < idleExpiresAt

/**
 * How old a sign-in is, in milliseconds. A sign-in that a clock that was ahead has dated is older than any limit: otherwise
 * it would be fresh for as long as that clock was ahead.
 */
export const ageOfSignIn = (authTime: Instant, now: Instant): number =>
  isAhead(authTime, now) ? Infinity : Math.max(0, now - authTime)

/** The shortest time between two notes that a session was seen; a tenth of its idle time, if that is shorter. */
const SEEN_EVERY_MS = 60_000

/** The next times of a live session that is used, where it is time to note them. Its idle time is as long as at first. */
export function timesOfUse(
  { lastSeenAt, idleExpiresAt, expiresAt }: SessionRecord,
  now: Instant,
): Pick<SessionRecord, 'lastSeenAt' | 'idleExpiresAt'> | undefined {
  const idleMs = idleExpiresAt - lastSeenAt
  // No use can prolong a session whose idle time ends with it.
  const noteEvery = idleExpiresAt < expiresAt ? Math.min(SEEN_EVERY_MS, idleMs / 10) : SEEN_EVERY_MS
  // A clock that was ahead may have dated the last use. It is dated anew, or the idle time would last as long as that.
  if (now < lastSeenAt + noteEvery && !isAhead(lastSeenAt, now)) return undefined
  return { lastSeenAt: now, idleExpiresAt: Math.min(now + idleMs, expiresAt) }
}

export interface ConsentRecord {
  userId: string
  clientKey: number
  clientId: string
  scope: string[]
  resources: string[]
  createdAt: Instant
  updatedAt: Instant
}

/** The place of a consent in the order by person and client. No id holds a blank. */
export const consentCursor = ({ userId, clientId }: Pick<ConsentRecord, 'userId' | 'clientId'>): string =>
  `${userId} ${clientId}`

/** Neither id holds a blank. */
export const isConsentCursor = (text: string): boolean => /^[^ ]+ [^ ]+$/.test(text)

/** A logout token that is owed to a client (OIDC Back-Channel Logout 1.0). */
export interface LogoutDelivery {
  id: string
  clientId: string
  sub: string
  sessionId: string
  uri: string
  /** Attempts that were made. */
  attempts: number
  nextAt: Instant
  createdAt: Instant
  expiresAt: Instant
}

/** Which owed logout tokens one process takes next, the longest due first. */
export interface LogoutClaim {
  limit: number
  /** How many attempts of a client may begin now. */
  placesOf(clientId: string): number
  /** Those that this process cannot send, by id. */
  without: Pick<ReadonlyMap<string, unknown>, 'has'>
  /** When another process may take them, if this one dies. */
  againAt: Instant
}

/** How a session ends. */
export interface SessionEnding {
  reason: string
  /** Only a session of this person; any other counts as unknown. */
  ofUser?: string | undefined
  /** Denies the access tokens of a grant that ends with the session. */
  deny: GrantDenial
  /** Whether grants with scope `offline_access` go on: the person signs out, and takes nothing back. */
  isKeepingOffline: boolean
  event: (session: SessionRecord) => Recording
}

/** The ends of sign-ins of all people: sessions, and everything by which somebody could sign in or get a code. */
export interface SignInsEnded {
  sessions: number
  /** Sign-ins under way. */
  signIns: number
  /** Codes, links and challenges that were not used. */
  oneTimeValues: number
  /** Invitations that were not used up. */
  invitations: number
  /** Each person is asked again. */
  consents: number
}

/** The same as commands print it, and as the audit trail keeps it. */
export const signInsEndedView = (ended: SignInsEnded) => ({
  sessions_ended: ended.sessions,
  sign_ins_ended: ended.signIns,
  one_time_values_ended: ended.oneTimeValues,
  invitations_ended: ended.invitations,
  consents_ended: ended.consents,
})

/** The numbers of one page of sessions. `after` is absent where no page follows. */
export interface SignInsPage extends SignInsEnded {
  madeUntil: Instant
  after?: string
}

/** How all sessions of a person end. */
export interface PersonEnding {
  session: SessionEnding
  /** A session that goes on. */
  except?: string | undefined
  /** Denies everything that the person has; absent where only sessions end. */
  deny?: ((moment: Moment) => NewBlacklistEntry) | undefined
}
