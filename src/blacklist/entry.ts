/** Blacklist entries: what each kind denies, and until when. */
import { CLOCK_SKEW_SECONDS, fromSeconds, type Instant } from '../ground/clock.ts'
import { timeOrderedId } from '../ground/ids.ts'
import type { BlacklistEntry, NewBlacklistEntry } from '../store/store.ts'

interface Origin {
  reason?: string | null
  createdBy: string
  now: Instant
}

/** Denies one token or one grant's tokens until `until`, when they would have expired. */
export function denyUntil(
  kind: 'jti' | 'sid' | 'kid',
  value: string,
  until: Instant,
  origin: Origin,
): NewBlacklistEntry {
  const deniesUntil = until + fromSeconds(CLOCK_SKEW_SECONDS)
  return {
    id: timeOrderedId(origin.now),
    kind,
    value,
    issuedBefore: deniesUntil,
    expiresAt: deniesUntil,
    deniesUntil,
    refusesNew: false,
    reason: origin.reason ?? null,
    createdBy: origin.createdBy,
    createdAt: origin.now,
  }
}

/** How long the entry of a revoked key stays: verifiers that keep keys for longer than they may keep them for a week. */
const KEY_DENIED_MS = 30 * 86_400_000

/** After every token: 9999-12-31T23:59:59Z, the last second that a date with four digits of year can tell. */
const FOR_EVER: Instant = 253_402_300_799_000

/**
 * Denies every token of a revoked key, its thief's too: he dates them as he likes, so no `iat` is late enough, and
 * they end when he likes, so the entry lasts for as long as verifiers may still trust the key.
 * @param lastExpiry when the last token that we signed with it ends.
 */
export function denyKey(kid: string, lastExpiry: Instant, origin: Origin): NewBlacklistEntry {
  const entry = denyUntil('kid', kid, Math.max(lastExpiry, origin.now + KEY_DENIED_MS), origin)
  return { ...entry, issuedBefore: FOR_EVER }
}

/**
 * Denies every token issued so far to a subject or client and refuses new ones, until lifted or `expiresAt`.
 *
 * THE rule of time: no live token survives a denial, whatever a clock did. Tokens may be dated later than now (a
 * process does not follow a clock that was set back, or the clock was ahead when they were issued), so now is no
 * line to draw. While the entry refuses new tokens nothing newer is honest: it denies whatever bears the name,
 * here by match.ts, downstream because every token issued so far is dated before the last of them ends. Once it is
 * lifted or has ended it denies nothing, so what is issued then is good at once.
 * @param latestExpiry when the last token issued so far will have ended.
 */
export function denyAndRefuse(
  kind: 'sub' | 'client_id',
  value: string,
  span: { expiresAt: Instant | null; latestExpiry: Instant },
  origin: Origin,
): NewBlacklistEntry {
  const allDead = span.latestExpiry + fromSeconds(CLOCK_SKEW_SECONDS)
  return {
    id: timeOrderedId(origin.now),
    kind,
    value,
    issuedBefore: allDead,
    expiresAt: span.expiresAt,
    deniesUntil: span.expiresAt === null ? allDead : Math.min(span.expiresAt, allDead),
    refusesNew: true,
    reason: origin.reason ?? null,
    createdBy: origin.createdBy,
    createdAt: origin.now,
  }
}

/**
 * Denies what a deleted client was issued; one registered anew under its id starts clean, so a line is drawn at now.
 * Not where the client was seen later than now: then a clock has gone back, nobody knows how late its tokens are
 * dated, and all that can be alive are denied, at the price that one registered anew has to wait for their end.
 * @param lastSeen when the client was last seen to ask for tokens; 0 where that is not known.
 */
export function denyDeleted(
  clientId: string,
  latestExpiry: Instant,
  origin: Origin,
  lastSeen: Instant = 0,
): NewBlacklistEntry {
  const entry = denyAndRefuse('client_id', clientId, { expiresAt: null, latestExpiry }, origin)
  const issuedBefore = lastSeen > origin.now ? entry.deniesUntil : origin.now
  return { ...entry, issuedBefore, expiresAt: entry.deniesUntil, refusesNew: false }
}

/** Whether an entry still stands. */
export const isStanding = (entry: BlacklistEntry, now: Instant): boolean =>
  entry.removedAt === null && (entry.expiresAt === null || entry.expiresAt > now)
