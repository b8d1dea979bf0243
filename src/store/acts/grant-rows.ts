/** A grant's row, and what its client makes of it. */
import type { Instant } from '../../ground/clock.ts'
import { find, type Act } from '../engine.ts'
import type { GrantRecord } from '../records/grant.ts'
import { clients, grants, type RowOf } from '../tables.ts'

/** A row with two columns of its client; both `null` where the client is deleted. */
export type GrantRow = RowOf<typeof grants> & { clientId: string | null; grantsEndedUntil: Instant | null }

/** A grant as its client lets it be: over, where the client's grants up to a later instant are; none, without a client. */
export function toGrant(joined: GrantRow): GrantRecord | undefined {
  const { grantsEndedUntil, clientKey: _, clientId, ...row } = joined
  if (clientId === null) return undefined
  const grant = { ...row, clientId }
  if (grant.endedAt !== null || grantsEndedUntil === null || grantsEndedUntil < grant.createdAt) return grant
  return { ...grant, endedAt: grantsEndedUntil, endedReason: 'client' }
}

/** A grant of its row and its client's. */
export const grantOf = (
  row: RowOf<typeof grants>,
  client: RowOf<typeof clients> | undefined,
): GrantRecord | undefined =>
  toGrant({ ...row, clientId: client?.clientId ?? null, grantsEndedUntil: client?.grantsEndedUntil ?? null })

export function* findGrant(sid: string): Act<GrantRecord | undefined> {
  const row = yield* find(grants, { sid })
  return row && grantOf(row, yield* find(clients, { key: row.clientKey }))
}
