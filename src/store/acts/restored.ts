/**
 * Acts for a restored database. A refresh token that was rotated after the backup would be valid again, a session that was
 * ended would sign in, and a link that was used would do so twice. So every family and every session ends, and everything
 * that signs in once. A backup of SQLite is prepared before it is used. Other databases are restored by their own means, and
 * then an operator ends sessions and grants page by page while the servers run.
 */
import { CLOCK_SKEW_SECONDS, fromSeconds, type Instant } from '../../ground/clock.ts'
import { timeOrderedId } from '../../ground/ids.ts'
import { remove, select, tellBlacklistAnew, time, update, type Act, type Engine } from '../engine.ts'
import { consents, oneTimeValues, sessions, signIns } from '../tables/people.ts'
import type { Recording } from '../records/audit.ts'
import type { EndedPage, EndingPage, GrantDenial } from '../records/grant.ts'
import { isLiveSession, signInsEndedView, type SignInsEnded, type SignInsPage } from '../records/session.ts'
import type { Store } from '../store.ts'
import { grants } from '../tables/grants.ts'
import { record } from './audit.ts'
import { append, moment } from './blacklist.ts'
import { isAccepted, isDenied } from './grants.ts'
import { closeSession } from './session-ends.ts'

/**
 * How far the revision is raised. The lost database may have used revisions after the backup. If they were used again, a
 * follower with such a revision would miss entries.
 */
const REVISIONS_SKIPPED = 1_000_000

const PAGE = 1000
const REASON = 'restored'

/** The ends that a restore brings. */
export interface LivesEnded extends SignInsEnded {
  grants: number
}

export const restoredVerbs = (engine: Engine): Pick<Store, 'endGrants' | 'endSignIns'> => ({
  endGrants: (page, reason, deny, eventFor) =>
    engine.act(
      function* () {
        if (page.after === '') yield* tellBlacklistAnew(REVISIONS_SKIPPED)
        const found = yield* endPage(page, reason, deny)
        // Of pages that hold nothing to end, the first alone is told.
        if (page.after === '' || found.ended + found.denied > 0) yield* record(eventFor(found))
        return found
      },
      'exclusive',
      'operator',
    ),
  endSignIns: (page, reason, eventFor) =>
    engine.act(
      function* () {
        const ended = yield* endSignIns(page, reason)
        yield* record(eventFor(ended))
        return ended
      },
      'exclusive',
      'operator',
    ),
})

/**
 * All that is there when the first page begins was made until then. A clock that was ahead has dated some of it later than
 * now. Ids are in the order of dates.
 */
const madeSoFar = (now: Instant, newest: { createdAt: Instant } | undefined): Instant =>
  Math.max(now, newest?.createdAt ?? now)

const NEWEST = { descending: true, limit: 1 } as const

/**
 * Ends live grants, and denies access tokens where one may still be accepted: also those of a grant that had ended (see
 * `endWhole` in grants.ts).
 */
function* endPage({ madeUntil: said, after, limit }: EndingPage, reason: string, deny: GrantDenial): Act<EndedPage> {
  const now = yield* moment()
  const madeUntil = said ?? madeSoFar(now.now, (yield* select(grants, { ...NEWEST, orderBy: 'sid' }))[0])
  const rows = yield* select(grants, { orderBy: 'sid', after, limit })
  const concerned = rows.filter(({ createdAt }) => createdAt <= madeUntil)
  const ending = concerned.filter(({ endedAt }) => endedAt === null)
  for (const { sid } of ending) yield* update(grants, { sid }, { endedAt: now.now, endedReason: reason })
  let denied = 0
  for (const grant of concerned) {
    if (!isAccepted(grant, now.now)) continue
    const entry = deny(grant, now)
    if (grant.endedAt !== null && (yield* isDenied(entry))) continue
    yield* append(entry)
    denied += 1
  }
  const last = rows.length === limit ? rows.at(-1)?.sid : undefined
  return { ended: ending.length, denied, madeUntil, ...(last !== undefined && { after: last }) }
}

/** Ends live sessions. The first page also ends what is used without a session. */
function* endSignIns({ madeUntil: said, after, limit }: EndingPage, reason: string): Act<SignInsPage> {
  const now = yield* time()
  const madeUntil = said ?? madeSoFar(now, (yield* select(sessions, { ...NEWEST, orderBy: 'id' }))[0])
  const single = after === '' ? yield* endWaiting() : NONE_WAITING
  const rows = yield* select(sessions, { where: { endedAt: null }, orderBy: 'id', after, limit })
  const ending = rows.filter((session) => session.createdAt <= madeUntil && isLiveSession(session, now))
  for (const session of ending) yield* closeSession(session, reason)
  const last = rows.length === limit ? rows.at(-1)?.id : undefined
  return { ...single, sessions: ending.length, madeUntil, ...(last !== undefined && { after: last }) }
}

const NONE_WAITING = { signIns: 0, oneTimeValues: 0, invitations: 0, consents: 0 }
const NOTHING_ENDED: LivesEnded = { grants: 0, sessions: 0, ...NONE_WAITING }

/** Ends what waits for its one use, and consents: one of them may have been used, or taken back, after the backup. */
function* endWaiting(): Act<Omit<SignInsEnded, 'sessions'>> {
  yield* remove(signIns, { state: 'done' })
  return {
    signIns: yield* remove(signIns, {}),
    invitations: yield* endInvitations(),
    // All but invitations are good for one use. Ended ones are remembered, so that a page can say that they were used.
    oneTimeValues: yield* update(oneTimeValues, { usesLeft: 1 }, { usesLeft: 0 }),
    consents: yield* remove(consents, {}),
  }
}

function* endInvitations(): Act<number> {
  const all = yield* select(oneTimeValues, { where: { kind: 'invitation' } })
  const usable = all.filter(({ usesLeft }) => usesLeft > 0)
  for (const { kind, hash } of usable) yield* update(oneTimeValues, { kind, hash }, { usesLeft: 0 })
  return usable.length
}

/** @returns how much was ended */
export function* endLives(backup: string, keepGrants: boolean): Act<LivesEnded> {
  const now = yield* time()
  yield* tellBlacklistAnew(REVISIONS_SKIPPED)
  const ended = keepGrants ? NOTHING_ENDED : yield* endAll()
  const details = { grants_ended: ended.grants, grants_kept: keepGrants, ...signInsEndedView(ended) }
  yield* record(restoredEvent(now, { backup, ...details }))
  return ended
}

function* endAll(): Act<LivesEnded> {
  const signInsEnded = yield* endAllSignIns()
  return { ...signInsEnded, grants: yield* endAllGrants() }
}

function* endAllSignIns(): Act<SignInsEnded> {
  const {
    after: second,
    madeUntil: _,
    ...sum
  } = yield* endSignIns({ madeUntil: Infinity, after: '', limit: PAGE }, REASON)
  for (let after = second; after !== undefined;) {
    const page: SignInsPage = yield* endSignIns({ madeUntil: Infinity, after, limit: PAGE }, REASON)
    sum.sessions += page.sessions
    after = page.after
  }
  return sum
}

function* endAllGrants(): Act<number> {
  let sum = 0
  for (let after: string | undefined = ''; after !== undefined;) {
    const page: EndedPage = yield* endPage({ madeUntil: Infinity, after, limit: PAGE }, REASON, denyRestored)
    sum += page.ended
    after = page.after
  }
  return sum
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
