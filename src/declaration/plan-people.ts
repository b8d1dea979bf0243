/** Plans the groups and users of a declarative file. A password is set once, and never over one that is there. */
import { Fault, invalidRequest } from '../ground/errors.ts'
import type { DeclaredFacts, DeclaredGroupFacts, DeclaredUserFacts } from '../store/records/declared.ts'
import type { Person } from '../store/records/user.ts'
import { blankGroup, changedGroup, requireSoundGroup } from '../users/group.ts'
import { givePassword } from '../users/registration.ts'
import { blankUser, changedUser, requireSoundUser } from '../users/user.ts'
import { GROUP_FIELDS, groupView, USER_FIELDS, userView } from '../users/wire.ts'
import { differing, itemOf, stillEnded, takingOver } from './applied.ts'
import type { DeclaredGroup, DeclaredUser } from './file.ts'
import type { Ended, Step } from './step.ts'

const NO_GROUP: DeclaredGroupFacts = { current: undefined, isEnded: false }
const NO_USER: DeclaredUserFacts = { current: undefined, isEnded: false, isIdTaken: false }

/** @param file the name of the file, where it says one */
export function planGroup(
  { name, change, place }: DeclaredGroup,
  file: string | undefined,
  facts: DeclaredFacts,
): Step | Ended {
  const { current, isEnded } = facts.groups.get(name) ?? NO_GROUP
  if (!current && isEnded) return { ended: stillEnded('group', name, place) }
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

/** @param hash of the declared password; `undefined` where there is none, or where it is not hashed yet */
export function planUser(
  declared: DeclaredUser,
  groupNames: Set<string>,
  facts: DeclaredFacts,
  hash: string | undefined,
): Step | Ended {
  const { username, id, place } = declared
  const { current, isEnded, isIdTaken } = facts.users.get(username) ?? NO_USER
  if (!current && isEnded) return { ended: stillEnded('user', username, place) }
  requireKnownGroups(declared, groupNames)
  if (current) return planChange(declared, current, hash)
  if (isIdTaken) throw invalidRequest('id: a user or a client has it, or had it')
  const user = changedUser(blankUser(id, facts.now), declared.change)
  requireSoundUser(user)
  if (hash !== undefined) givePassword(user, hash, 'file', facts.now)
  return {
    item: itemOf('user', username, []),
    outcome: 'created',
    isWaiting: declared.password !== undefined && hash === undefined,
    operations: ({ userOperations, by }) => [userOperations.creation(user, declared.change.groups ?? [], by)],
  }
}

const FIRST_PASSWORD = { field: 'password', from: null, to: 'the one of the file' }

function planChange({ username, id, change, password }: DeclaredUser, current: Person, hash: string | undefined): Step {
  if (id !== undefined && id !== current.user.id)
    throw invalidRequest(`id: user ${username} has the id ${current.user.id}, which never changes`)
  const next = changedUser(current.user, change)
  requireSoundUser(next)
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

function requireKnownGroups({ change, place }: DeclaredUser, known: Set<string>): void {
  const missing = change.groups?.find((name) => !known.has(name))
  if (missing === undefined) return
  throw new Fault(`${place}: groups: ${missing} is neither in this file nor in the database`, 'declare it under groups')
}
