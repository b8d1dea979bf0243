/** The acts on groups. A group gives its members roles, permissions and claims; one group is always there. */
import type { Actor, AuditTrail } from '../audit.ts'
import { findClaimFault } from '../clients/claims.ts'
import type { Instant } from '../ground/clock.ts'
import { conflict, insufficientScope, invalidRequest, notFound } from '../ground/errors.ts'
import { isSecretName } from '../ground/looks-secret.ts'
import { wordOr } from '../ground/shell-word.ts'
import {
  BUILT_IN_GROUP,
  carriesOwnPermission,
  type GroupChange,
  type GroupRecord,
  type GroupSummary,
} from '../store/records/user.ts'
import type { OperationOf, Store } from '../store/store.ts'
import { denyLost } from './ending.ts'
import { OPERATOR_PERMISSION, READER_PERMISSION } from './person.ts'
import { mayChangeMembers } from './rights.ts'

type Members = Pick<GroupRecord, 'roles' | 'permissions' | 'claims'>

/** The members of a group that may be given. Absent members stay as they are. */
export type GroupMetadata = { [Name in keyof Members]?: Members[Name] | undefined }

/** The group with the members that are given. */
export const changedGroup = (group: GroupRecord, { roles, permissions, claims }: GroupMetadata): GroupRecord => ({
  ...group,
  roles: roles ?? group.roles,
  permissions: permissions ?? group.permissions,
  claims: claims ?? group.claims,
})

interface Needs {
  store: Store
  audit: AuditTrail
}

/** Names stand in tokens, in lists that are separated by commas, and in paths. */
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._:@/+-]{0,127}$/u

const OWN_PERMISSIONS = [OPERATOR_PERMISSION, READER_PERMISSION]

const MOST_VALUES = 200

/** The operations on groups, which a declarative file performs together with others. */
export class GroupOperations {
  readonly #audit: AuditTrail

  constructor(audit: AuditTrail) {
    this.#audit = audit
  }

  /** The operation that adds a sound group. */
  creation(group: GroupRecord, by: Actor): OperationOf<'createGroup'> {
    return { verb: 'createGroup', needs: [group, this.#audit.event('group.created', group.name, by)] }
  }

  /** The operation of `update`. */
  change(name: string, metadata: GroupMetadata, by: Actor): OperationOf<'changeGroup'> {
    const details = { changed: Object.keys(metadata).join(' ') }
    const event = this.#audit.event('group.updated', name, { ...by, details })
    const decide = (current: GroupRecord, now: Instant): GroupChange => {
      const group = { ...changedGroup(current, metadata), updatedAt: now }
      if (current.createdAt === 0) group.createdAt = now
      requireSoundGroup(group)
      requireRightToGive(current, by)
      requireRightToGive(group, by)
      return { group, deny: denyLost(by), event }
    }
    return { verb: 'changeGroup', needs: [name, decide] }
  }

  /** The operation of `delete`. */
  deletion(name: string, by: Actor): OperationOf<'deleteGroup'> {
    return { verb: 'deleteGroup', needs: [name, denyLost(by), this.#audit.event('group.deleted', name, by)] }
  }
}

export class GroupRegistry {
  readonly #needs: Needs

  constructor(needs: Needs) {
    this.#needs = needs
  }

  list(): Promise<GroupSummary[]> {
    return this.#needs.store.listGroups()
  }

  /** @throws OAuthError 404 */
  async get(name: string): Promise<GroupSummary> {
    return found(await this.#needs.store.findGroup(name))
  }

  /** @throws OAuthError `invalid_request`; 409 where the name is taken; 403 where it gives rights in Signet */
  async create(name: string, metadata: GroupMetadata, by: Actor): Promise<GroupSummary> {
    const { store, audit } = this.#needs
    if (name === BUILT_IN_GROUP.name) throw conflict(`group "${name}" is always there`)
    const group = changedGroup(blankGroup(name, store.now()), metadata)
    requireSoundGroup(group)
    requireRightToGive(group, by)
    const outcome = await store.createGroup(...new GroupOperations(audit).creation(group, by).needs)
    if (outcome === 'exists')
      throw conflict(`group "${name}" exists already; change it with: signet group update ${wordOr('NAME', name)}`)
    if (outcome === 'ended') throw conflict(`group "${name}" was deleted by an operator`)
    return { ...group, members: 0 }
  }

  /** Absent members stay as they are. A member who loses a permission for Signet loses the tokens that rest on it. */
  async update(name: string, metadata: GroupMetadata, by: Actor): Promise<GroupSummary> {
    const { store, audit } = this.#needs
    return found(await store.changeGroup(...new GroupOperations(audit).change(name, metadata, by).needs))
  }

  async delete(name: string, by: Actor): Promise<void> {
    const { store, audit } = this.#needs
    requireRightToGive(await this.get(name), by)
    const outcome = await store.deleteGroup(...new GroupOperations(audit).deletion(name, by).needs)
    if (outcome === 'built_in') throw conflict(`group "${name}" is built in: it cannot be deleted`)
    if (outcome === 'unknown') throw notFound('this group')
  }

  /** @param users ids */
  add(name: string, users: string[], by: Actor): Promise<GroupSummary> {
    return this.#changeMembers(name, { add: users }, 'group.members_added', by)
  }

  /** @param users ids */
  remove(name: string, users: string[], by: Actor): Promise<GroupSummary> {
    return this.#changeMembers(name, { remove: users }, 'group.members_removed', by)
  }

  async #changeMembers(
    name: string,
    change: { add?: string[]; remove?: string[] },
    action: string,
    by: Actor,
  ): Promise<GroupSummary> {
    const { store, audit } = this.#needs
    const users = [...(change.add ?? []), ...(change.remove ?? [])]
    const event = audit.event(action, name, {
      ...by,
      details: { users: users.slice(0, 20).join(' '), count: users.length },
    })
    const terms = { mayChangeMembers: mayChangeMembers(by), deny: denyLost(by), event }
    const changed = found(await store.changeMembers(name, { ...change, ...terms }))
    if ('outcome' in changed) throw notFound(`user ${JSON.stringify(changed.id)}`)
    return changed
  }
}

export const blankGroup = (name: string, now: number): GroupRecord => ({
  name: name.normalize('NFC'),
  roles: [],
  permissions: [],
  claims: {},
  declaredBy: null,
  createdAt: now,
  updatedAt: now,
})

function found<Group>(group: Group | undefined): Group {
  if (group === undefined) throw notFound('this group')
  return group
}

function requireRightToGive(group: GroupRecord, by: Actor): void {
  if (by.isAdministrator || !carriesOwnPermission(group)) return
  throw insufficientScope('permissions that begin with signet: are given and taken by an administrator')
}

/** @throws OAuthError `invalid_request` that names the member */
export function requireSoundGroup({ name, roles, permissions, claims }: GroupRecord): void {
  if (!NAME.test(name))
    throw invalidRequest('name: 1 to 128 letters, digits, blanks and . _ : @ / + -, a letter or digit first')
  if (isSecretName(name))
    throw invalidRequest('name: a name that does not begin like a token or a secret, because groups stand in tokens')
  if (name !== BUILT_IN_GROUP.name && /^signet([-:]|$)/i.test(name))
    throw invalidRequest('name: a name that Signet does not use itself')
  for (const [member, values] of Object.entries({ roles, permissions })) {
    const isSound = values.length <= MOST_VALUES && values.every((each) => /^[\x21-\x7E]{1,128}$/.test(each))
    if (!isSound)
      throw invalidRequest(
        `${member}: at most ${MOST_VALUES}, each of 1 to 128 printable characters of ASCII without blanks`,
      )
  }
  const unknown = permissions.find((each) => each.startsWith('signet:') && !OWN_PERMISSIONS.includes(each))
  if (unknown !== undefined) throw invalidRequest(`permissions: of signet: there are ${OWN_PERMISSIONS.join(' and ')}`)
  if (name === BUILT_IN_GROUP.name && !permissions.includes(OPERATOR_PERMISSION))
    throw invalidRequest(`permissions: the built-in group has ${OPERATOR_PERMISSION}`)
  const fault = findClaimFault(claims)
  if (fault !== undefined) throw invalidRequest(`claims: ${fault}`)
}
