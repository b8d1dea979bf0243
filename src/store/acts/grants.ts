/** Grants and their refresh token families. The caller's rule decides under the family's lock how a family rotates. */
import { CLOCK_SKEW_SECONDS, fromSeconds, type Instant } from '../../ground/clock.ts'
import { Unavailable } from '../../ground/errors.ts'
import {
  beyond,
  find,
  insert,
  rotate,
  select,
  time,
  together,
  update,
  welcome,
  type Act,
  type Engine,
} from '../engine.ts'
import type { Recording } from '../records/audit.ts'
import type { NewBlacklistEntry, OwnDenials } from '../records/blacklist.ts'
import type { Page } from '../records/facts.ts'
import type { EndingOptions, GrantDenial, GrantFilter, GrantOptions, GrantRecord } from '../records/grant.ts'
import type { RotationOutcome, RotationRule } from '../records/rotation.ts'
import type { Store } from '../store.ts'
import type { RowOf } from '../table.ts'
import { clients } from '../tables/clients.ts'
import { grants } from '../tables/grants.ts'
import { record } from './audit.ts'
import { appendOwn, moment, standingFor } from './blacklist.ts'
import { findGrant, grantOf } from './grant-rows.ts'

type Verbs = Pick<
  Store,
  'createGrant' | 'findGrant' | 'rotateGrant' | 'endGrant' | 'listGrants' | 'listSubjects' | 'findSubject'
>

export const grantVerbs = (engine: Engine): Verbs => ({
  createGrant: (grant, options, event) => engine.act(() => createGrant(grant, options, event)),
  findGrant: (sid) => engine.findGrant(sid),
  rotateGrant: (sid, decide) => engine.act(() => rotateFamily(sid, decide)),
  endGrant: (sid, reason, deny, options) =>
    engine.act(() => end(sid, reason, deny, options), 'exclusive', options.isOfOperator ? 'operator' : 'request'),
  listGrants: (filter, page) => engine.read(() => list(filter, page)),
  listSubjects: (page) => engine.listSubjects(page, engine.now()),
  findSubject: (sub) => engine.findSubject(sub, engine.now()),
})

export function* createGrant(
  { clientId, ...grant }: GrantRecord,
  { clientKey, limit, masterKeyId: rule, judge }: GrantOptions,
  event: Recording | undefined,
): Act<{ replaced: string | undefined; masterKeyId: string | null }> {
  judge?.(yield* time())
  // The rows themselves are asked, too: a rule rests on what this process keeps in memory.
  const [found, surplus] = yield* together(welcome(clientId, grant.sub), beyond(clientKey, grant.sub, limit))
  if (found.clientKey !== clientKey) throw new Unavailable(`client "${clientId}" was deleted meanwhile`)
  if (found.isRefused) throw new Unavailable('the subject or client was put on the blacklist meanwhile')
  // A client was registered with the person's id meanwhile, and the client keeps the name.
  if (found.isTaken) throw new Unavailable('the subject is the id of a client')
  const replaced = yield* makeRoom(surplus)
  // Read here: a former key is not used any more once this process has heard of the change.
  const masterKeyId = rule?.() ?? grant.masterKeyId
  yield* insert(grants, { ...grant, masterKeyId, clientKey })
  yield* record(event)
  return { replaced, masterKeyId }
}

/** Makes room for one more. If several began at once, there can be too many already, and then several end. */
function* makeRoom(surplus: string[]): Act<string | undefined> {
  for (const sid of surplus) yield* update(grants, { sid }, { endedAt: yield* time(), endedReason: 'replaced' })
  return surplus.at(-1)
}

function* rotateFamily(sid: string, decide: RotationRule): Act<RotationOutcome> {
  const rotated = yield* rotate(sid, decide)
  if (rotated.outcome === 'refused') return { outcome: 'refused', error: rotated.verdict.error }
  if (rotated.outcome !== 'ending') return rotated
  const { reason, deny, own, event, error } = rotated.verdict
  yield* endWhole(rotated.grant, reason, deny, own)
  yield* record(event)
  return { outcome: 'ended', error }
}

/** How an end has changed a grant: it lived, or its tokens were accepted although it had ended, or neither. */
export type Ended = 'ended' | 'denied' | 'already'

/**
 * Ends a grant and denies its tokens, in whatever state it is. A grant can have ended while its tokens are accepted: the
 * quota of grants denies none, and the entry that ended it may have been lifted. Expired tokens of a live grant are denied
 * too: if this clock is ahead, they are valid again once it is corrected.
 */
export function* endWhole(
  grant: GrantRecord,
  reason: string,
  deny: GrantDenial,
  own: OwnDenials | undefined,
): Act<Ended> {
  const now = yield* moment()
  const entry = deny(grant, now)
  if (grant.endedAt === null) {
    yield* update(grants, { sid: grant.sid, endedAt: null }, { endedAt: now.now, endedReason: reason })
    yield* appendOwn(entry, own, now)
    return 'ended'
  }
  if (!isAccepted(grant, now.now) || (yield* isDenied(entry))) return 'already'
  yield* appendOwn(entry, own, now)
  return 'denied'
}

/** Whether an access token of the grant may still be accepted somewhere. */
export const isAccepted = ({ accessExpiresAt }: Pick<GrantRecord, 'accessExpiresAt'>, now: Instant): boolean =>
  accessExpiresAt > now - fromSeconds(CLOCK_SKEW_SECONDS)

/** Whether such an entry stands already. Another act's may be lifted by that act's right, and does not count. */
export function* isDenied({ kind, value, cause, createdBy }: NewBlacklistEntry): Act<boolean> {
  return (yield* standingFor(kind, value)).some((each) => each.cause === cause && each.createdBy === createdBy)
}

/** The grants that an end has to end whole: those that live, and those whose access tokens may still be accepted. */
export function* endable(where: Partial<RowOf<typeof grants>>): Act<RowOf<typeof grants>[]> {
  const accepted = (yield* time()) - fromSeconds(CLOCK_SKEW_SECONDS)
  const live = yield* select(grants, { where: { ...where, endedAt: null } })
  const recent = yield* select(grants, { where, orderBy: 'accessExpiresAt', after: accepted })
  return [...live, ...recent.filter(({ endedAt }) => endedAt !== null)]
}

function* end(
  sid: string,
  reason: string,
  deny: GrantDenial,
  { event, own }: EndingOptions,
): Act<'ended' | 'already' | 'unknown'> {
  const grant = yield* findGrant(sid)
  if (!grant) return 'unknown'
  const ended = yield* endWhole(grant, reason, deny, own)
  if (ended !== 'already') yield* record(event)
  return ended === 'ended' ? 'ended' : 'already'
}

function* list({ clientId, sub, sessionId }: GrantFilter, { after = '', limit }: Page): Act<GrantRecord[]> {
  const owner = clientId === undefined ? undefined : yield* find(clients, { clientId })
  if (clientId !== undefined && !owner) return []
  const where = {
    ...(sub !== undefined && { sub }),
    ...(sessionId !== undefined && { sessionId }),
    ...(owner && { clientKey: owner.key }),
  }
  const known = new Map<number, RowOf<typeof clients> | undefined>()
  const found: GrantRecord[] = []
  let from = after
  // Grants of deleted clients are skipped until the sweep deletes them.
  while (found.length < limit) {
    const rows = yield* select(grants, { where, orderBy: 'sid', after: from, limit })
    for (const row of rows) {
      const { clientKey } = row
      if (!known.has(clientKey)) known.set(clientKey, yield* find(clients, { key: clientKey }))
      const grant = grantOf(row, known.get(clientKey))
      if (grant) found.push(grant)
    }
    const last = rows.at(-1)
    if (!last || rows.length < limit) break
    from = last.sid
  }
  return found.slice(0, limit)
}
