/** The JSON of grants and persons for administrators. Nothing in it helps to make a token. */
import { toIso, type Instant } from '../ground/clock.ts'
import { anything, integer, oneOf, orNull, shapeOf, text, texts, time } from '../ground/shape.ts'
import type { BlacklistEntry } from '../store/records/blacklist.ts'
import type { GrantRecord, SubjectSummary } from '../store/records/grant.ts'
import { statusOf } from './grant.ts'

export const grantView = (grant: GrantRecord, now: Instant) => ({
  sid: grant.sid,
  client_id: grant.clientId,
  sub: grant.sub,
  session_id: grant.sessionId,
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
 * @param refusing the blacklist entry that refuses new tokens to the person, if there is one
 */
export const subjectView = (
  {
    sub,
    grants,
    liveGrants,
    lastGrantAt,
    isDeleted,
  }: Omit<SubjectSummary, 'lastGrantAt'> & { lastGrantAt: Instant | null },
  refusing: Pick<BlacklistEntry, 'id' | 'cause'> | undefined,
) => ({
  id: sub,
  sub,
  status: isDeleted || refusing?.cause === 'user_deleted' ? 'deleted' : refusing === undefined ? 'enabled' : 'disabled',
  blacklist_entry: refusing?.id ?? null,
  grants,
  live_grants: liveGrants,
  last_grant_at: toIso(lastGrantAt),
})

export const GRANT = shapeOf<ReturnType<typeof grantView>>(
  'Grant',
  {
    sid: text(),
    client_id: text(),
    sub: text(),
    session_id: orNull(text('The session that it was made in, `sid` in ID tokens; `null` where no person signed in.')),
    resources: texts('What its tokens may be for.'),
    scope: text('What was granted; a refresh may lower it, never raise it.'),
    claims: anything('What the client said of the person.'),
    status: oneOf(['active', 'expired', 'ended'], 'Whether its refresh token is good.'),
    refreshes: integer('How often it was refreshed.'),
    created_at: time(),
    last_refresh_at: orNull(time('When it was refreshed last.')),
    expires_at: time('Its end at the latest; no refresh moves it.'),
    idle_expires_at: orNull(time('Its end unless it is refreshed before.')),
    ended_at: orNull(time('When it was ended before its time.')),
    ended_reason: orNull(text('Why it was ended.')),
  },
  {
    sid: '019a6e3c-7d1f-7c3a-9b52-0c1f6f1f2a77',
    client_id: 'billing',
    sub: 'ada',
    session_id: null,
    resources: ['https://orders.example.com'],
    scope: 'orders:read offline_access',
    claims: { email: 'ada@example.com' },
    status: 'active',
    refreshes: 1,
    created_at: '2026-01-31T12:00:00.000Z',
    last_refresh_at: '2026-01-31T12:14:00.000Z',
    expires_at: '2026-03-02T12:00:00.000Z',
    idle_expires_at: null,
    ended_at: null,
    ended_reason: null,
  },
)

/** The members of `subjectView`. */
export const SUBJECT_SHAPES = {
  id: text('The same as `sub`.'),
  sub: text(),
  status: oneOf(
    ['enabled', 'disabled', 'deleted'],
    '`deleted`: a user of before; grants of the person are remembered.',
  ),
  blacklist_entry: orNull(text()),
  grants: integer('How many grants are remembered.'),
  live_grants: integer('How many of them are live.'),
  last_grant_at: orNull(time('When the last of them was made.')),
}

export const SUBJECT_EXAMPLE: ReturnType<typeof subjectView> = {
  id: 'ada',
  sub: 'ada',
  status: 'enabled',
  blacklist_entry: null,
  grants: 3,
  live_grants: 1,
  last_grant_at: '2026-01-31T12:00:00.000Z',
}
