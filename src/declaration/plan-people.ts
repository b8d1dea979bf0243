/** Plans the groups and users of a declarative file. A password is set once, and never over one that is there. */
import type { Instant } from '../ground/clock.ts'
import { Fault, invalidRequest } from '../ground/errors.ts'
import type { DeclaredFacts, DeclaredGroupFacts, DeclaredUserFacts } from '../store/records/declared.ts'
import type { Person, UserRecord } from '../store/records/user.ts'
import { blankGroup, changedGroup, requireSoundGroup } from '../users/group.ts'
import { blankUser, changedUser, newPassword, requireSoundUser } from '../users/user.ts'
import { USER_FIELDS, userView } from '../users/wire.ts'
import { GROUP_FIELDS, groupView } from '../users/group-wire.ts'
import { differing, itemOf, stillEnded, takingOver, type Unapplied } from './applied.ts'
import type { Declaration, DeclaredGroup, DeclaredUser } from './declaration.ts'
import type { Conflict, Ended, Step } from './step.ts'

const NO_GROUP: DeclaredGroupFacts = { current: undefined, isEnded: false }
const NO_USER: DeclaredUserFacts = {
  current: undefined,
  isEnded: false,
  isIdTaken: false,
  hasId: undefined,
  hasNameAsId: undefined,
  hasEmail: undefined,
}

/** @param file the name of the file, where it says one */
export function planGroup(
  { name, change, place }: DeclaredGroup,
  file: string | undefined,
  facts: DeclaredFacts,
): Step | Ended {
  const { current, isEnded } = facts.groups.get(name) ?? NO_GROUP
  if (!current && isEnded) return { ended: [stillEnded('group', name, place)] }
  const next = changedGroup(current ?? blankGroup(name, facts.now), change)
  requireSoundGroup(next)
  if (!current)
    return {
      item: itemOf('group', name, []),
      outcome: 'created',
      operations: ({ groupOperations, by }) => [groupOperations.creation(next, by)],
    }
  const view = (group: typeof next) => groupView({ ...group, members: 0 })
  const changes = [...differing(GROUP_FIELDS, view(current), view(next)), ...takingOver(current, file)]
  const item = itemOf('group', name, changes)
  if (item.changes.length === 0) return { item, outcome: 'left', operations: () => [] }
  return {
    item,
    outcome: 'changed',
    operations: ({ groupOperations, by }) => [groupOperations.change(name, change, by)],
  }
}

/** Plans users in the order of the file, and remembers which addresses the users before gave up or took. */
export class UserPlanner {
  readonly #groupNames: ReadonlySet<string>
  readonly #declaredGroups: ReadonlySet<string>
  readonly #clientIds: ReadonlySet<string>
  readonly #usernames: ReadonlySet<string>
  readonly #facts: DeclaredFacts
  /** Users of the file by the ids and addresses that it gives them. */
  readonly #named = new Map<string, string>()
  /** Ids of users who have another address, or none, once their steps are done. */
  readonly #moved = new Set<string>()

  /** @param groupNames of all groups that are there, or that the file declares */
  constructor({ clients, groups, users }: Declaration, groupNames: ReadonlySet<string>, facts: DeclaredFacts) {
    this.#groupNames = groupNames
    this.#declaredGroups = new Set(groups.map(({ name }) => name))
    this.#clientIds = new Set(clients.map(({ clientId }) => clientId))
    this.#usernames = new Set(users.map(({ username }) => username))
    this.#facts = facts
  }

  /**
   * @param hash of the declared password; `undefined` where there is none, or where it is not hashed yet
   * @throws OAuthError or Fault for what cannot hold inside the file
   */
  plan(declared: DeclaredUser, hash: string | undefined): Step | Ended | Conflict {
    const { username, id, change, place } = declared
    const known = this.#facts.users.get(username) ?? NO_USER
    const { current, isEnded } = known
    const next = changedUser(current?.user ?? blankUser(id, this.#facts.now), change)
    this.#requireAlone(declared, next, current)
    if (!current && isEnded) return { ended: [stillEnded('user', username, place)] }
    const { groups, ended } = this.#groupsOf(declared)
    requireSoundUser(next)
    const conflictOf = (taken: string) =>
      ({ kind: 'user', id: username, place, fix: `user ${username}: ${taken}` }) as const
    const taken = this.#findTaken(declared, next, known)
    if (taken !== undefined) return { conflict: conflictOf(taken) }
    const planned = { declared: { ...declared, change: { ...change, groups } }, next, hash, now: this.#facts.now }
    const holder = this.#findHolder(next, known)
    if (holder !== undefined && !current) return { conflict: conflictOf(holder) }
    if (holder !== undefined && current)
      return { ...planChange(withoutAddress(planned, current.user), current), ended, conflict: conflictOf(holder) }
    if (current && current.user.emailKey !== next.emailKey) this.#moved.add(current.user.id)
    return { ...(current ? planChange(planned, current) : planCreation(planned)), ended }
  }

  /** @throws OAuthError where another record of the file has the same id or address */
  #requireAlone({ username, id, change }: DeclaredUser, { emailKey }: UserRecord, current: Person | undefined): void {
    if (id !== undefined && !current && this.#clientIds.has(id))
      throw invalidRequest(`id: client ${id} of this file has it`)
    if (id !== undefined && id !== username && !current && this.#usernames.has(id))
      throw invalidRequest(`id: user ${id} of this file has it as user name`)
    if (id !== undefined) this.#claim('id', id, username)
    if (change.email && emailKey !== null) this.#claim('email', emailKey, username)
  }

  #claim(member: 'id' | 'email', value: string, username: string): void {
    const before = this.#named.get(`${member} ${value}`)
    if (before !== undefined) throw invalidRequest(`${member}: user ${before} of this file has it as well`)
    this.#named.set(`${member} ${value}`, username)
  }

  /** The declared groups without those that an operator deleted. A group that the file declares has a line of its own. */
  #groupsOf({ change, place }: DeclaredUser): { groups: string[] | undefined; ended: Unapplied[] } {
    const isEnded = (name: string) => {
      const { current, isEnded: was } = this.#facts.groups.get(name) ?? NO_GROUP
      return !current && was
    }
    const missing = change.groups?.find((name) => !isEnded(name) && !this.#groupNames.has(name))
    if (missing !== undefined)
      throw new Fault(
        `${place}: groups: ${missing} is neither in this file nor in the database`,
        'declare it under groups',
      )
    const ended = change.groups?.filter((name) => isEnded(name) && !this.#declaredGroups.has(name)) ?? []
    return {
      groups: change.groups?.filter((name) => !isEnded(name)),
      ended: ended.map((name) => stillEnded('group', name, place)),
    }
  }

  /** Why the user of the file is not the one of this name, or cannot be made, with what to do. */
  #findTaken(
    { username, id, change }: DeclaredUser,
    { emailKey, id: own }: UserRecord,
    { current, isIdTaken, hasId, hasNameAsId }: DeclaredUserFacts,
  ): string | undefined {
    if (current && id !== undefined && id !== own)
      return `the user has the id ${own}, which never changes; write id: ${own} into the file, or take id out of it`
    if (current && id === undefined && isUnproven(current.user, change.email ? emailKey : null))
      return `user ${username} chose this name, and may be somebody else; write id: ${own} into the file where the person is meant, else free the name: signet user update ${username} --username NAME`
    if (hasId && !current) return `user ${hasId.username} has the id ${id}; ${stepFor(username, hasId)}`
    if (hasNameAsId && !current && hasNameAsId.id !== id)
      return `user ${hasNameAsId.username} has it as id; write another user name into the file`
    if (isIdTaken && !current) return `a client has the id ${id}, or had it; write another id into the file`
    return undefined
  }

  /** The user who has the address by now, with what to do. */
  #findHolder({ username, email, emailKey, id: own }: UserRecord, { hasEmail }: DeclaredUserFacts): string | undefined {
    if (emailKey === null || !hasEmail || hasEmail.id === own || this.#moved.has(hasEmail.id)) return undefined
    return `user ${hasEmail.username} has the address ${email}; ${stepFor(username, hasEmail)}`
  }
}

/** Whether the name alone says that a user is the user of the file, although the person has chosen the name. */
const isUnproven = ({ isNameChosen, emailKey }: UserRecord, declaredEmailKey: string | null): boolean =>
  isNameChosen && (emailKey === null || emailKey !== declaredEmailKey)

const stepFor = (username: string, { username: holder }: UserRecord): string =>
  `where ${username} was renamed, write username: ${holder} into the file, else change one of the two`

/** The user keeps the address. Everything else of the declaration holds: the groups that it takes away as well. */
function withoutAddress({ declared, ...planned }: PlannedUser, current: UserRecord): PlannedUser {
  const { email: _, email_verified: __, ...change } = declared.change
  return { ...planned, declared: { ...declared, change }, next: changedUser(current, change) }
}

interface PlannedUser {
  declared: DeclaredUser
  next: UserRecord
  hash: string | undefined
  now: Instant
}

function planCreation({ declared: { username, change, password }, next, hash, now }: PlannedUser): Step {
  const user = hash === undefined ? next : { ...next, ...newPassword(hash, 'file', now) }
  return {
    item: itemOf('user', username, []),
    outcome: 'created',
    isWaiting: password !== undefined && hash === undefined,
    operations: ({ userOperations, by }) => [userOperations.creation(user, change.groups ?? [], by)],
  }
}

const FIRST_PASSWORD = { field: 'password', from: null, to: 'the one of the file' }

function planChange({ declared: { username, change, password }, next, hash }: PlannedUser, current: Person): Step {
  const before = userView(current)
  const after = { ...userView({ ...current, user: next }), groups: change.groups ?? before.groups }
  const getsPassword = password !== undefined && current.user.passwordHash === null
  const changes = [...differing(USER_FIELDS, before, after), ...(getsPassword ? [FIRST_PASSWORD] : [])]
  const item = itemOf('user', username, changes)
  if (changes.length === 0) return { item, outcome: 'left', operations: () => [] }
  return {
    item,
    outcome: 'changed',
    isWaiting: getsPassword && hash === undefined,
    operations: ({ userOperations, by }) => [userOperations.change(current.user.id, change, hash, by)],
  }
}
