/** Makes a grant from its row and from two columns of its client. */
import type { Instant } from '../../ground/clock.ts'
import { find, type Act } from '../engine.ts'
import type { GrantRecord } from '../records/grant.ts'
import type { RowOf } from '../table.ts'
import { clients, grants } from '../tables.ts'

/** A row with two columns of its client; both `null` where the client is deleted. */
export type GrantRow = RowOf<typeof grants> & { clientId: string | null; grantsEndedUntil: Instant | null }

/** The grant of a row. It has ended if all grants of its client have. Without a client there is no grant. */
export function toGrant(joined: GrantRow): GrantRecord | undefined {
  const { grantsEndedUntil, clientKey: _, clientId, ...row } = joined
  if (clientId === null) return undefined
  const grant = { ...row, clientId }
  if (grant.endedAt !== null || grantsEndedUntil === null || grantsEndedUntil < grant.createdAt) return grant
  return { ...grant, endedAt: grantsEndedUntil, endedReason: 'client' }
}

/** The grant of its own row and its client's row. */
export const grantOf = (
  row: RowOf<typeof grants>,
  client: RowOf<typeof clients> | undefined,
): GrantRecord | undefined =>
  toGrant({ ...row, clientId: client?.clientId ?? null, grantsEndedUntil: client?.grantsEndedUntil ?? null })

export function* findGrant(sid: string): Act<GrantRecord | undefined> {
  const row = yield* find(grants, { sid })
  return row && grantOf(row, yield* find(clients, { key: row.clientKey }))
}
