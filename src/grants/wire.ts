/** The JSON of grants and persons for administrators. Nothing in it helps to make a token. */
import { toIso, type Instant } from '../ground/clock.ts'
import type { GrantRecord, SubjectSummary } from '../store/store.ts'
import { statusOf } from './grant.ts'

export const grantView = (grant: GrantRecord, now: Instant) => ({
  sid: grant.sid,
  client_id: grant.clientId,
  sub: grant.sub,
  resources: grant.resources,
  scope: grant.scope.join(' '),
  claims: grant.claims,
  status: statusOf(grant, now),
  refreshes: grant.generation,
  created_at: toIso(grant.createdAt),
  last_refresh_at: grant.generation > 0 ? toIso(grant.rotatedAt) : null,
  expires_at: toIso(grant.expiresAt),
  idle_expires_at: toIso(grant.idleExpiresAt),
  ended_at: toIso(grant.endedAt),
  ended_reason: grant.endedReason,
})

/**
 * @param summary its last grant is null for a person who is denied and never had a grant
 * @param refusing id of the blacklist entry that refuses new tokens to the person, if there is one
 */
export const subjectView = (
  { sub, grants, liveGrants, lastGrantAt }: Omit<SubjectSummary, 'lastGrantAt'> & { lastGrantAt: Instant | null },
  refusing: string | undefined,
) => ({
  sub,
  status: refusing === undefined ? 'enabled' : 'disabled',
  blacklist_entry: refusing ?? null,
  grants,
  live_grants: liveGrants,
  last_grant_at: toIso(lastGrantAt),
})
