/** A client with its secrets, from its rows. */
import { find, select, type Act } from '../engine.ts'
import { SIGN_IN_DEFAULTS, type ClientRecord, type ClientSecret } from '../records/client.ts'
import type { RowOf } from '../table.ts'
import { clients, clientSecrets } from '../tables/clients.ts'

function toSecret(row: RowOf<typeof clientSecrets>): ClientSecret {
  const { clientKey: _, position: __, ...secret } = row
  return secret
}

export const toClient = (
  { signIn, ...row }: RowOf<typeof clients>,
  secrets: RowOf<typeof clientSecrets>[],
): ClientRecord => ({ ...SIGN_IN_DEFAULTS, ...signIn, ...row, secrets: secrets.map(toSecret) })

export function* findClient(clientId: string): Act<ClientRecord | undefined> {
  const row = yield* find(clients, { clientId })
  return row && toClient(row, yield* select(clientSecrets, { where: { clientKey: row.key }, orderBy: 'position' }))
}
