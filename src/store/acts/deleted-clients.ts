/** The remains of deleted clients: grants and consents, which go a part at a time. */
import { remove, select, type Act } from '../engine.ts'
import { deletedClients } from '../tables/clients.ts'
import { grants } from '../tables/grants.ts'
import { consents } from '../tables/people.ts'

/**
 * Deletes grants of one deleted client, and consents to it; forgets the client when none are left.
 * @returns how many went of the kind of which more went
 */
export function* sweepDeletedClient(limit: number): Act<number> {
  const [client] = yield* select(deletedClients, { limit: 1 })
  if (!client) return 0
  const { clientKey } = client
  const doomed = yield* select(grants, { where: { clientKey }, orderBy: 'sid', limit })
  for (const { sid } of doomed) yield* remove(grants, { sid })
  const given = yield* select(consents, { where: { clientKey }, orderBy: 'userId', limit })
  for (const { userId } of given) yield* remove(consents, { userId, clientKey })
  const most = Math.max(doomed.length, given.length)
  if (most < limit) yield* remove(deletedClients, { clientKey })
  return most
}
