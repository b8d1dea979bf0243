/** The end of a grant whose code or refresh token was used twice (RFC 9700 §4.5, §4.14.2). */
import { BY_SYSTEM, type Actor, type AuditTrail } from '../audit.ts'
import { denyUntil } from '../blacklist/entry.ts'
import type { Revocation } from '../blacklist/revocation.ts'
import { invalidGrant, type OAuthError } from '../ground/errors.ts'
import type { Recording } from '../store/records/audit.ts'
import type { OwnDenials } from '../store/records/blacklist.ts'
import type { GrantDenial } from '../store/records/grant.ts'

export interface ReuseNeeds {
  audit: AuditTrail
  revocation: Revocation
}

interface Ending {
  act: 'end'
  reason: string
  deny: GrantDenial
  own?: OwnDenials
  event: Recording | undefined
  error: OAuthError
}

/** The entry that denies the tokens of a grant that ended by a reuse. @param owner the client */
export const denyReused =
  (owner: string, reason: string): GrantDenial =>
  ({ sid, accessExpiresAt }, moment) => ({
    ...denyUntil('sid', sid, accessExpiresAt, { cause: 'reuse', reason, by: BY_SYSTEM }, moment),
    owner,
  })

/**
 * @param action of the audit trail
 * @param description for the client, which cannot know whether it or a thief was first
 */
export function endReused(
  sid: string,
  client: Actor,
  { action, reason, description }: { action: string; reason: string; description: string },
  { audit, revocation }: ReuseNeeds,
): Ending {
  const own = revocation.ownDenials(client)
  return {
    act: 'end',
    reason,
    deny: denyReused(client.id, reason),
    ...(own && { own }),
    event: audit.budgeted(action, sid, client),
    error: invalidGrant(description, { reason }),
  }
}
