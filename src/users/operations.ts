/** The operations by which a declarative file makes and changes users, all of them in one write with others. */
import type { Actor, AuditTrail } from '../audit.ts'
import type { Instant } from '../ground/clock.ts'
import type { Person, UserChange, UserRecord } from '../store/records/user.ts'
import type { OperationOf } from '../store/store.ts'
import { userTermsOf } from './terms.ts'
import { changedUser, newPassword, requireSoundUser, type UserMetadata } from './user.ts'

export class UserOperations {
  readonly #audit: AuditTrail

  constructor(audit: AuditTrail) {
    this.#audit = audit
  }

  /** The operation that adds a sound user of the declarative file. */
  creation(user: UserRecord, groups: string[], by: Actor): OperationOf<'createUser'> {
    const event = this.#audit.event('user.created', user.id, by)
    return { verb: 'createUser', needs: [user, userTermsOf(groups, by, {}, user.id), event] }
  }

  /** The operation that changes a user by the declarative file. @param passwordHash of a user who has no password */
  change(
    id: string,
    { groups, ...metadata }: UserMetadata,
    passwordHash: string | undefined,
    by: Actor,
  ): OperationOf<'changeUser'> {
    const details = { changed: Object.keys({ ...metadata, ...(groups && { groups }) }).join(' ') }
    const event = this.#audit.event('user.updated', id, { ...by, details })
    const decide = ({ user: current }: Person, now: Instant): UserChange => {
      const user = { ...changedUser(current, metadata), updatedAt: now }
      requireSoundUser(user)
      const isFirst = passwordHash !== undefined && current.passwordHash === null
      const next = isFirst ? { ...user, ...newPassword(passwordHash, 'file', now) } : user
      return { ...userTermsOf(groups, by, {}, id), user: next, event }
    }
    return { verb: 'changeUser', needs: [id, decide] }
  }
}
