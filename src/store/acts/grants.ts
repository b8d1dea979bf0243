/** Grants and their refresh token families. The caller's rule decides under the family's lock how a family rotates. */
import { CLOCK_SKEW_SECONDS, fromSeconds } from '../../ground/clock.ts'
import { Unavailable } from '../../ground/errors.ts'
import {
  beyond,
  find,
  insert,
  rotate,
  select,
  time,
  update,
  welcome,
  type Act,
  type Engine,
  type RotationRule,
} from '../engine.ts'
import type { Recording } from '../records/audit.ts'
import type { OwnDenials } from '../records/blacklist.ts'
import type { Page } from '../records/facts.ts'
import type {
  EndingOptions,
  GrantDenial,
  GrantFilter,
  GrantOptions,
  GrantRecord,
  RotationOutcome,
} from '../records/grant.ts'
import type { Store } from '../store.ts'
import type { RowOf } from '../table.ts'
import { clients, grants } from '../tables.ts'
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
  { clientKey, limit, masterKeyId: rule }: GrantOptions,
  event: Recording | undefined,
): Act<{ replaced: string | undefined; masterKeyId: string | null }> {
  // Another process may have changed these, and this process may not have heard of it yet.
  const found = yield* welcome(clientId, grant.sub)
  if (found.clientKey !== clientKey) throw new Unavailable(`client "${clientId}" was deleted meanwhile`)
  if (found.isRefused) throw new Unavailable('the subject or client was put on the blacklist meanwhile')
  // A client was registered with the person's id meanwhile, and the client keeps the name.
  if (found.isTaken) throw new Unavailable('the subject is the id of a client')
  const replaced = yield* endBeyond(clientKey, grant.sub, limit)
  // Read here: a former key is not used any more once this process has heard of the change.
  const masterKeyId = rule?.() ?? grant.masterKeyId
  yield* insert(grants, { ...grant, masterKeyId, clientKey })
  yield* record(event)
  return { replaced, masterKeyId }
}

/** Makes room for one more. Where several began at once there can be too many already, and then several end. */
function* endBeyond(clientKey: number, sub: string, limit: number): Act<string | undefined> {
  const ending = yield* beyond(clientKey, sub, limit)
  for (const sid of ending) yield* update(grants, { sid }, { endedAt: yield* time(), endedReason: 'replaced' })
  return ending.at(-1)
}

function* rotateFamily(sid: string, decide: RotationRule): Act<RotationOutcome> {
  const rotated = yield* rotate(sid, decide)
  if (rotated.outcome === 'refused') return { outcome: 'refused', error: rotated.verdict.error }
  if (rotated.outcome !== 'ending') return rotated
  const { reason, deny, own, event, error } = rotated.verdict
  yield* endRow(rotated.grant, reason, deny, own)
  yield* record(event)
  return { outcome: 'ended', error }
}

/** Ends a live grant. Expired tokens are denied too: if this clock is ahead, they are valid again once it is corrected. */
export function* endRow(grant: GrantRecord, reason: string, deny: GrantDenial, own: OwnDenials | undefined): Act<void> {
  const now = yield* moment()
  yield* update(grants, { sid: grant.sid, endedAt: null }, { endedAt: now.now, endedReason: reason })
  yield* appendOwn(deny(grant, now), own, now)
}

function* end(
  sid: string,
  reason: string,
  deny: GrantDenial,
  { event, own }: EndingOptions,
): Act<'ended' | 'already' | 'unknown'> {
  const grant = yield* findGrant(sid)
  if (!grant) return 'unknown'
  if (grant.endedAt === null) {
    yield* endRow(grant, reason, deny, own)
    yield* record(event)
    return 'ended'
  }
  const now = yield* moment()
  const entry = deny(grant, now)
  const isAccepted = grant.accessExpiresAt + fromSeconds(CLOCK_SKEW_SECONDS) > now.now
  const isDenied = (yield* standingFor('sid', sid)).some(
    ({ cause, createdBy }) => cause === entry.cause && createdBy === entry.createdBy,
  )
  if (isAccepted && !isDenied) {
    yield* appendOwn(entry, own, now)
    yield* record(event)
  }
  return 'already'
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
