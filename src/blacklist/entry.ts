/**
 * Blacklist entries: what each kind denies, and until when. Every entry is composed of a `Moment`, which exists only
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

/** How long the entry of a revoked key stays: verifiers that keep keys for longer than they may keep them for a week. */
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
 * Denies every token issued so far to a subject or client and refuses new ones, until lifted or `expiresAt`.
 *
 * THE rule of time: no live token survives a denial, whatever a clock did. Tokens may be dated later than now (a
 * process does not follow a clock that was set back, or the clock was ahead when they were issued), so now is no
 * line to draw. While the entry refuses new tokens nothing newer is honest: it denies whatever bears the name,
 * here by match.ts, downstream because every token issued so far is dated before the last of them ends. Once it is
 * lifted or has ended it denies nothing, so tokens issued after that are good at once.
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

/** How late another process may hear of an entry. It may issue tokens for so long that the entry is to deny. */
const HEARD_WITHIN_MS = 1000

/**
 * Denies what a client or person was issued up to now, and refuses nothing new: the same name may go on with new
 * tokens. No token is issued that such an entry denies, so the first ones wait until the line is past (access-token.ts).
 * @param line.heardLate whether tokens of a process that hears late are to be denied too
 * @param line.atLeast a line that was drawn before and must not move back
 * @param line.lastSeen when the name was last seen to ask for tokens. Where that is later than now, a clock has gone
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
