/** The ends that an act on a person brings: of sessions, grants and tokens. The store performs them in the write of the act. */
import type { Actor, AuditTrail } from '../audit.ts'
import { denyAndRefuse, denyUntil, denyUpToNow, type Origin } from '../blacklist/entry.ts'
import type { BlacklistCause, Moment, NewBlacklistEntry } from '../store/records/blacklist.ts'
import type { PersonEnding } from '../store/records/session.ts'

/** `chosen`: the person has chosen another password. Other sessions end, and the session in which it was done goes on. */
type Why = 'disabled' | 'deleted' | 'reset' | 'chosen'

const REASONS: Record<Why, string> = {
  disabled: 'user disabled',
  deleted: 'user deleted',
  reset: 'the password was reset',
  chosen: 'the password was changed',
}

const CAUSES: Record<Why, BlacklistCause> = {
  disabled: 'user_disabled',
  deleted: 'user_deleted',
  reset: 'session_ended',
  chosen: 'session_ended',
}

/** @param except a session that goes on */
export function endingOf(
  why: Why,
  id: string,
  { by, audit, except }: { by: Actor; audit: AuditTrail; except?: string | undefined },
): PersonEnding {
  const reason = REASONS[why]
  const origin: Origin = { cause: CAUSES[why], reason, by }
  return {
    session: {
      reason,
      deny: ({ sid, accessExpiresAt }, moment) =>
        denyUntil('sid', sid, accessExpiresAt, { ...origin, cause: 'session_ended' }, moment),
      isKeepingOffline: false,
      event: (session) => audit.event('session.ended', session.id, { ...by, details: { user: id, reason } }),
    },
    except,
    deny: denialOf(why, id, origin),
  }
}

function denialOf(why: Why, id: string, origin: Origin): PersonEnding['deny'] {
  switch (why) {
    case 'chosen':
      return undefined
    case 'reset':
      return (moment) => denyUpToNow('sub', id, { heardLate: true }, origin, moment)
    case 'disabled':
      return (moment) => denyAndRefuse('sub', id, null, origin, moment)
    case 'deleted':
      return (moment) => {
        const entry = denyAndRefuse('sub', id, null, origin, moment)
        return { ...entry, expiresAt: entry.deniesUntil }
      }
  }
}

/** Denies the tokens of a person who has lost a permission for Signet itself. Grants go on without it. */
export const denyLost =
  (by: Actor) =>
  (id: string, moment: Moment): NewBlacklistEntry =>
    denyUpToNow(
      'sub',
      id,
      { heardLate: true },
      { cause: 'session_ended', reason: 'a permission was withdrawn', by },
      moment,
    )
