/**
 * The invitation of the first operator of a fresh issuer on this machine, so that a newcomer signs in within the minute.
 * Elsewhere the reader of a log is not always an operator: there `signet invite --admin` makes it.
 */
import { BY_SYSTEM } from '../audit.ts'
import type { Store } from '../store/store.ts'
import type { Invitations } from '../users/invitation.ts'
import type { ShownLink } from '../users/link.ts'

/** Called where the first client is made: at the very first start of a loopback issuer. */
export async function inviteFirstOperator({
  store,
  invitations,
}: {
  store: Pick<Store, 'hasUsers'>
  invitations: Invitations
}): Promise<ShownLink | undefined> {
  return (await store.hasUsers()) ? undefined : invitations.create({ admin: true }, BY_SYSTEM)
}
