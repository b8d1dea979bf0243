/**
 * Blacklist entries: which tokens each kind denies, and until when. Every entry is made from a `Moment`, which exists only
 * inside the write that adds the entry.
 */
import { CLOCK_SKEW_SECONDS, fromSeconds, type Instant } from '../ground/clock.ts'
import { timeOrderedId } from '../ground/ids.ts'
import type { Actor } from '../audit.ts'
import type { BlacklistCause, Moment, NewBlacklistEntry } from '../store/records/blacklist.ts'

/** The act that makes an entry, and who acts. */
export interface Origin {
  cause: BlacklistCause
  reason?: string | null
  by: Actor
}

type Denied = Pick<NewBlacklistEntry, 'kind' | 'value' | 'issuedBefore' | 'expiresAt' | 'deniesUntil' | 'refusesNew'>

const entryOf = (denied: Denied, { cause, reason, by }: Origin, { now }: Moment): NewBlacklistEntry => ({
  id: timeOrderedId(now),
  ...denied,
  reason: reason ?? null,
  cause,
  owner: by.kind === 'client' ? by.id : null,
  createdBy: by.id,
  createdAt: now,
})

/** Denies one token or one grant's tokens until `until`, when they would have expired. */
export function denyUntil(
  kind: 'jti' | 'sid' | 'kid',
  value: string,
  until: Instant,
  origin: Origin,
  moment: Moment,
): NewBlacklistEntry {
  const deniesUntil = until + fromSeconds(CLOCK_SKEW_SECONDS)
  const times = { issuedBefore: deniesUntil, expiresAt: deniesUntil, deniesUntil }
  return entryOf({ kind, value, ...times, refusesNew: false }, origin, moment)
}

/** How long the entry of a revoked key stays. Some verifiers keep keys longer than the JWKS allows, up to a week. */
const KEY_DENIED_MS = 30 * 86_400_000

/** After every token: 9999-12-31T23:59:59Z, the last second of a date whose year has four digits. */
const FOR_EVER: Instant = 253_402_300_799_000

/**
 * Denies every token of a revoked key, those of its thief too. The thief chooses `iat` and `exp`, so no `iat` is late
 * enough, and the entry lasts for as long as verifiers may still trust the key.
 * @param lastExpiry when the last token that we signed with it ends.
 */
export function denyKey(kid: string, lastExpiry: Instant, origin: Origin, moment: Moment): NewBlacklistEntry {
  const entry = denyUntil('kid', kid, Math.max(lastExpiry, moment.now + KEY_DENIED_MS), origin, moment)
  return { ...entry, issuedBefore: FOR_EVER }
}

/**
 * Denies every token issued so far to a subject or client and refuses new ones, until it is lifted or `expiresAt`.
 *
 * THE rule of time: no live token survives a denial, whatever a clock did. Tokens can be dated later than now: a process
 * does not follow a clock that was set back, or the clock was ahead when they were issued. So an entry cannot use now as
 * its limit. While the entry stands no new token is issued, so it denies every token with the name, whatever its date:
 * here by match.ts, downstream because every token issued so far is dated before the last of them expires. After the
 * entry is lifted or has expired it denies nothing, so new tokens are valid at once.
 */
export function denyAndRefuse(
  kind: 'sub' | 'client_id',
  value: string,
  expiresAt: Instant | null,
  origin: Origin,
  moment: Moment,
): NewBlacklistEntry {
  const allDead = moment.latestExpiry + fromSeconds(CLOCK_SKEW_SECONDS)
  const deniesUntil = expiresAt === null ? allDead : Math.min(expiresAt, allDead)
  return entryOf({ kind, value, issuedBefore: allDead, expiresAt, deniesUntil, refusesNew: true }, origin, moment)
}

/**
 * Denies a client that was deleted, whatever the date of its tokens: a replica that is cut off does not hear of the
 * deletion, and issues tokens until the key's mark that it has reserved. The entry ends with the last of them, and it is
 * lifted where another client takes the id.
 */
export function denyDeleted(clientId: string, origin: Origin, moment: Moment): NewBlacklistEntry {
  const entry = denyAndRefuse('client_id', clientId, null, origin, moment)
  return { ...entry, expiresAt: entry.deniesUntil }
}

/** How late another process may hear of an entry. Until then it may issue tokens that the entry has to deny. */
const HEARD_WITHIN_MS = 1000

/**
 * Denies the tokens of a client or person up to now, and refuses no new tokens. A new token that the entry would deny is
 * not issued: access-token.ts waits until the time of the entry has passed.
 * @param line.heardLate whether tokens of a process that hears late are to be denied too
 * @param line.atLeast a line that was drawn before and must not move back
 * @param line.lastSeen when the name was last seen to ask for tokens. If that is later than now, a clock has gone
 *   back, nobody knows how late the tokens are dated, and all that can be alive are denied.
 */
export function denyUpToNow(
  kind: 'sub' | 'client_id',
  value: string,
  line: { heardLate: boolean; lastSeen?: Instant; atLeast?: Instant },
  origin: Origin,
  moment: Moment,
): NewBlacklistEntry {
  const deniesUntil = moment.latestExpiry + fromSeconds(CLOCK_SKEW_SECONDS)
  const now = Math.max(moment.now, line.atLeast ?? 0) + (line.heardLate ? HEARD_WITHIN_MS : 0)
  const issuedBefore = (line.lastSeen ?? 0) > moment.now ? deniesUntil : now
  return entryOf({ kind, value, issuedBefore, expiresAt: deniesUntil, deniesUntil, refusesNew: false }, origin, moment)
}
