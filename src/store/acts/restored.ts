/**
 * The changes to a restored backup before it is used. A refresh token that was rotated after the backup would be valid
 * again, so every family ends.
 */
import { CLOCK_SKEW_SECONDS, fromSeconds, type Instant } from '../../ground/clock.ts'
import { timeOrderedId } from '../../ground/ids.ts'
import { select, tellBlacklistAnew, time, update, type Act } from '../engine.ts'
import type { NewBlacklistEntry } from '../records/blacklist.ts'
import { grants } from '../tables.ts'
import { record } from './audit.ts'
import { append } from './blacklist.ts'

/**
 * How far the revision is raised. The lost database may have used revisions after the backup. If they were used again, a
 * follower with such a revision would miss entries.
 */
const REVISIONS_SKIPPED = 1_000_000

/** @returns how many grants were ended */
export function* endLives(backup: string, keepGrants: boolean): Act<number> {
  const now = yield* time()
  yield* tellBlacklistAnew(REVISIONS_SKIPPED)
  if (!keepGrants) yield* denyLiveTokens(now)
  const ending = { endedAt: now, endedReason: 'restored' }
  const grantsEnded = keepGrants ? 0 : yield* update(grants, { endedAt: null }, ending)
  yield* record({
    id: timeOrderedId(now),
    at: now,
    actorKind: 'cli',
    actor: 'cli',
    action: 'database.restored',
    target: 'database',
    requestId: null,
    details: { backup, grants_ended: grantsEnded, grants_kept: keepGrants },
  })
  return grantsEnded
}

/** Denies the access tokens that the backup knows of and that may still be accepted, grant by grant. */
function* denyLiveTokens(now: Instant): Act<void> {
  const skew = fromSeconds(CLOCK_SKEW_SECONDS)
  let after = ''
  for (;;) {
    const page = yield* select(grants, { where: { endedAt: null }, orderBy: 'sid', after, limit: 1000 })
    for (const { sid, accessExpiresAt } of page) {
      if (accessExpiresAt > now - skew) yield* append(denial(sid, accessExpiresAt + skew, now))
    }
    const last = page.at(-1)
    if (!last) return
    after = last.sid
  }
}

const denial = (sid: string, until: Instant, now: Instant): NewBlacklistEntry => ({
  id: timeOrderedId(now),
  kind: 'sid',
  value: sid,
  issuedBefore: until,
  expiresAt: until,
  deniesUntil: until,
  refusesNew: false,
  reason: 'restored',
  cause: 'restored',
  owner: null,
  createdBy: 'cli',
  createdAt: now,
})
