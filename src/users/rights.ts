/** The rule that keeps helpers from becoming administrators: what carries a permission for Signet is an administrator's. */
import type { Actor } from '../audit.ts'
import { insufficientScope } from '../ground/errors.ts'
import { carriesOwnPermission, type GroupRecord, type Person } from '../store/records/user.ts'

/** @throws OAuthError 403 where the group gives rights in Signet, and the actor is no administrator */
export const mayChangeMembers =
  (by: Actor) =>
  (group: Pick<GroupRecord, 'name' | 'permissions'>): void => {
    if (by.isAdministrator || !carriesOwnPermission(group)) return
    throw insufficientScope(`group ${group.name} gives rights in Signet: its members are chosen by an administrator`)
  }

/** @throws OAuthError 403 where the person is an operator, and the actor is neither an administrator nor the person */
export function requireRightOver({ user, groups }: Person, by: Actor): void {
  if (by.isAdministrator || (by.kind === 'user' && by.id === user.id) || !groups.some(carriesOwnPermission)) return
  throw insufficientScope('this person is an operator: only an administrator changes the account')
}
