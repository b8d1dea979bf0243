/**
 * Acts for a restored database. A refresh token that was rotated after the backup would be valid again, so every family
 * ends. A backup of SQLite is prepared before it is used. Other databases are restored by their own means, and then an
 * operator ends the grants page by page while the servers run.
 */
import { CLOCK_SKEW_SECONDS, fromSeconds } from '../../ground/clock.ts'
import { timeOrderedId } from '../../ground/ids.ts'
import { select, tellBlacklistAnew, time, update, type Act, type Engine } from '../engine.ts'
import type { Recording } from '../records/audit.ts'
import type { EndedPage, GrantDenial, GrantPage } from '../records/grant.ts'
import type { Store } from '../store.ts'
import { grants } from '../tables.ts'
import { record } from './audit.ts'
import { append, moment } from './blacklist.ts'

/**
 * How far the revision is raised. The lost database may have used revisions after the backup. If they were used again, a
 * follower with such a revision would miss entries.
 */
const REVISIONS_SKIPPED = 1_000_000

const PAGE = 1000
const REASON = 'restored'

export const restoredVerbs = (engine: Engine): Pick<Store, 'endGrants'> => ({
  endGrants: (page, reason, deny, eventFor) =>
    engine.act(
      function* () {
        if (page.after === '') yield* tellBlacklistAnew(REVISIONS_SKIPPED)
        const ended = yield* endPage(page, reason, deny)
        yield* record(eventFor(ended))
        return ended
      },
      'exclusive',
      'operator',
    ),
})

/** Ends live grants, and denies their access tokens where one may still be accepted. */
function* endPage({ madeUntil, after, limit }: GrantPage, reason: string, deny: GrantDenial): Act<EndedPage> {
  const now = yield* moment()
  const accepted = now.now - fromSeconds(CLOCK_SKEW_SECONDS)
  const rows = yield* select(grants, { where: { endedAt: null }, orderBy: 'sid', after, limit })
  const ending = rows.filter(({ createdAt }) => createdAt <= madeUntil)
  const denied = ending.filter(({ accessExpiresAt }) => accessExpiresAt > accepted)
  for (const { sid } of ending) yield* update(grants, { sid }, { endedAt: now.now, endedReason: reason })
  for (const grant of denied) yield* append(deny(grant, now))
  const last = rows.length === limit ? rows.at(-1)?.sid : undefined
  return { ended: ending.length, denied: denied.length, ...(last !== undefined && { after: last }) }
}

/** @returns how many grants were ended */
export function* endLives(backup: string, keepGrants: boolean): Act<number> {
  const now = yield* time()
  yield* tellBlacklistAnew(REVISIONS_SKIPPED)
  let grantsEnded = 0
  for (let after: string | undefined = keepGrants ? undefined : ''; after !== undefined;) {
    const page: EndedPage = yield* endPage({ madeUntil: Infinity, after, limit: PAGE }, REASON, denyRestored)
    grantsEnded += page.ended
    after = page.after
  }
  yield* record(restoredEvent(now, { backup, grants_ended: grantsEnded, grants_kept: keepGrants }))
  return grantsEnded
}

const restoredEvent = (now: number, details: Recording['details']): Recording => ({
  id: timeOrderedId(now),
  at: now,
  actorKind: 'cli',
  actor: 'cli',
  action: 'database.restored',
  target: 'database',
  requestId: null,
  details,
})

const denyRestored: GrantDenial = ({ sid, accessExpiresAt }, { now }) => {
  const until = accessExpiresAt + fromSeconds(CLOCK_SKEW_SECONDS)
  return {
    id: timeOrderedId(now),
    kind: 'sid',
    value: sid,
    issuedBefore: until,
    expiresAt: until,
    deniesUntil: until,
    refusesNew: false,
    reason: REASON,
    cause: 'restored',
    owner: null,
    createdBy: 'cli',
    createdAt: now,
  }
}
