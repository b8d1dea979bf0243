/** Makes a grant from its row and from two columns of its client. */
import type { Instant } from '../../ground/clock.ts'
import { find, type Act } from '../engine.ts'
import type { GrantRecord } from '../records/grant.ts'
import { decodeRow } from '../rows.ts'
import { columnsOf } from '../statements.ts'
import { maybeText, table, type RowOf } from '../table.ts'
import { clients } from '../tables/clients.ts'
import { grants } from '../tables/grants.ts'

const { clientKey: _, ...own } = grants.columns
/** A grant as a query reads it: with its client's id, which is `null` where the client is deleted, instead of its key. */
const grantsRead = table({ ...grants, columns: { ...own, clientId: maybeText() } })

type GrantRead = RowOf<typeof grantsRead>

/** @param ofClient the client's column of that name in SQL */
export const grantColumns = (ofClient: (column: string) => string, of = ''): string =>
  `${columnsOf({ ...grants, columns: own }, of)}, ${ofClient('client_id')}, ${ofClient('grants_ended_until')}`

/** @param values of `grantColumns`; others may follow */
export function grantOfRow(values: unknown[]): GrantRecord | undefined {
  return toGrant(decodeRow(grantsRead, values), values[COLUMNS] as Instant | null)
}

const COLUMNS = Object.keys(grantsRead.columns).length

/** The grant has ended if all grants of its client have. Without a client there is no grant. */
function toGrant(grant: GrantRead, grantsEndedUntil: Instant | null): GrantRecord | undefined {
  if (!hasClient(grant)) return undefined
  if (grant.endedAt !== null || grantsEndedUntil === null || grantsEndedUntil < grant.createdAt) return grant
  return { ...grant, endedAt: grantsEndedUntil, endedReason: 'client' }
}

const hasClient = (grant: GrantRead): grant is GrantRead & { clientId: string } => grant.clientId !== null

/** The grant of its own row and its client's row. */
export function grantOf(
  { clientKey: _key, ...row }: RowOf<typeof grants>,
  client: RowOf<typeof clients> | undefined,
): GrantRecord | undefined {
  return toGrant({ ...row, clientId: client?.clientId ?? null }, client?.grantsEndedUntil ?? null)
}

export function* findGrant(sid: string): Act<GrantRecord | undefined> {
  const row = yield* find(grants, { sid })
  return row && grantOf(row, yield* find(clients, { key: row.clientKey }))
}
