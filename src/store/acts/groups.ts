/** Groups and their members. A member who loses a permission for Signet itself is denied the tokens that rest on it. */
import type { Instant } from '../../ground/clock.ts'
import { find, insert, insertIfAbsent, remove, select, time, update, type Act, type Engine } from '../engine.ts'
import type { GroupStore } from '../people-store.ts'
import { endedGroups, groupMembers, groups, users } from '../tables/people.ts'
import type { Recording } from '../records/audit.ts'
import {
  BUILT_IN_GROUP,
  carriesOwnPermission,
  type GroupChange,
  type GroupDenial,
  type GroupRecord,
  type GroupSummary,
  type MemberChange,
} from '../records/user.ts'
import { fileAfter, fileOf, isByFile, record } from './audit.ts'
import { addDenials } from './blacklist.ts'
import { findGroup } from './people-rows.ts'

export const groupVerbs = (engine: Engine): GroupStore => ({
  listGroups: () => engine.read(list),
  findGroup: (name) => engine.read(() => summarize(name)),
  createGroup: (group, event) => engine.act(() => createGroup(group, event), 'exclusive'),
  changeGroup: (name, decide) => engine.act(() => changeGroup(name, decide), 'exclusive'),
  deleteGroup: (name, deny, event) => engine.act(() => deleteGroup(name, deny, event), 'exclusive'),
  changeMembers: (name, change) => engine.act(() => changeMembers(name, change), 'exclusive'),
})

/** By name. The built-in group is one of them. */
export function* list(): Act<GroupSummary[]> {
  const stored = yield* select(groups, { orderBy: 'name' })
  const all = stored.some(({ name }) => name === BUILT_IN_GROUP.name) ? stored : [...stored, BUILT_IN_GROUP]
  const summaries: GroupSummary[] = []
  for (const group of all.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
    summaries.push({ ...group, members: (yield* membersOf(group.name)).length })
  return summaries
}

function* summarize(name: string): Act<GroupSummary | undefined> {
  const group = yield* findGroup(name)
  return group && { ...group, members: (yield* membersOf(name)).length }
}

function* membersOf(groupName: string): Act<string[]> {
  return (yield* select(groupMembers, { where: { groupName }, orderBy: 'userId' })).map(({ userId }) => userId)
}

export function* wasGroupEnded(name: string): Act<boolean> {
  return (yield* find(endedGroups, { name })) !== undefined
}

export function* createGroup(group: GroupRecord, event: Recording): Act<'created' | 'exists' | 'ended'> {
  const { name } = group
  if (yield* findGroup(name)) return 'exists'
  if (isByFile(event) && (yield* wasGroupEnded(name))) return 'ended'
  yield* remove(endedGroups, { name })
  yield* insert(groups, { ...group, declaredBy: fileOf(event) })
  yield* record(event)
  return 'created'
}

export function* changeGroup(
  name: string,
  decide: (group: GroupRecord, now: Instant) => GroupChange,
): Act<GroupSummary | undefined> {
  const before = yield* findGroup(name)
  if (!before) return undefined
  const { group, deny, event } = decide(before, yield* time())
  const { name: _, ...rest } = group
  const row = { ...rest, declaredBy: fileAfter(before, event) }
  if ((yield* update(groups, { name }, row)) === 0) yield* insert(groups, { ...row, name })
  if (before.permissions.some((each) => each.startsWith('signet:') && !group.permissions.includes(each)))
    yield* denyMembers(name, deny)
  yield* record(event)
  return yield* summarize(name)
}

function* denyMembers(name: string, deny: GroupDenial): Act<void> {
  const members = yield* membersOf(name)
  yield* addDenials((moment) => members.map((userId) => deny(userId, moment)))
}

export function* deleteGroup(
  name: string,
  deny: GroupDenial,
  event: Recording,
): Act<'deleted' | 'unknown' | 'built_in'> {
  if (name === BUILT_IN_GROUP.name) return 'built_in'
  const group = yield* findGroup(name)
  if (!group) return 'unknown'
  if (carriesOwnPermission(group)) yield* denyMembers(name, deny)
  yield* remove(groupMembers, { groupName: name })
  yield* remove(groups, { name })
  if (!isByFile(event)) yield* insertIfAbsent(endedGroups, { name, endedAt: yield* time() })
  yield* record(event)
  return 'deleted'
}

function* changeMembers(
  groupName: string,
  { add = [], remove: leaving = [], mayChangeMembers, deny, event }: MemberChange,
): Act<GroupSummary | { outcome: 'no_user'; id: string } | undefined> {
  const group = yield* findGroup(groupName)
  if (!group) return undefined
  mayChangeMembers(group)
  for (const id of [...add, ...leaving]) if (!(yield* find(users, { id }))) return { outcome: 'no_user', id }
  const addedAt = yield* time()
  for (const userId of add) yield* insertIfAbsent(groupMembers, { userId, groupName, addedAt })
  for (const userId of leaving) {
    const hasLeft = (yield* remove(groupMembers, { userId, groupName })) > 0
    if (hasLeft && carriesOwnPermission(group)) yield* addDenials((moment) => [deny(userId, moment)])
  }
  yield* record(event)
  return yield* summarize(groupName)
}
