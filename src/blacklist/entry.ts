/** Blacklist entries: what each kind denies, and until when. */
import { CLOCK_SKEW_SECONDS, fromSeconds, type Instant } from '../clock.ts'
import { timeOrderedId } from '../ids.ts'
import type { BlacklistEntry, NewBlacklistEntry } from '../store/store.ts'

/**
 * How long another process may go on issuing before it has noticed an entry. What it issues meanwhile is
 * denied as well; nothing else can be issued then, since the entry refuses new tokens.
 */
const NOTICE_MS = 2000

interface Origin {
  reason?: string | null
  createdBy: string
  now: Instant
}

/** Denies one token, one grant's tokens or one key's tokens until `until`, when they would have expired. */
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

/**
 * Denies every token issued so far to a subject or client and refuses new ones, until lifted or `expiresAt`.
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
    issuedBefore: origin.now + NOTICE_MS,
    expiresAt: span.expiresAt,
    deniesUntil: span.expiresAt === null ? allDead : Math.min(span.expiresAt, allDead),
    refusesNew: true,
    reason: origin.reason ?? null,
    createdBy: origin.createdBy,
    createdAt: origin.now,
  }
}

/** Denies what a deleted client was issued; one registered anew under its id starts clean. */
export function denyDeleted(clientId: string, latestExpiry: Instant, origin: Origin): NewBlacklistEntry {
  const entry = denyAndRefuse('client_id', clientId, { expiresAt: null, latestExpiry }, origin)
  return { ...entry, issuedBefore: origin.now, expiresAt: entry.deniesUntil, refusesNew: false }
}

/** Whether an entry still stands. */
export const isStanding = (entry: BlacklistEntry, now: Instant): boolean =>
  entry.removedAt === null && (entry.expiresAt === null || entry.expiresAt > now)
