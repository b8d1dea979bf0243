/** Persons: a user's row with the user's groups and factors, all of one state. */
import { belongings, find, type Act } from '../engine.ts'
import { groups, users } from '../tables/people.ts'
import { BUILT_IN_GROUP, type GroupRecord, type Person, type PersonName, type UserRecord } from '../records/user.ts'

export function* findPerson(name: PersonName): Act<Person | undefined> {
  const user = yield* find(users, name)
  return user && (yield* personOf(user))
}

/** As user names and verified addresses are kept. */
export const foldedName = (name: string): string => name.normalize('NFKC').toLowerCase()

/** By id, else by user name, else by verified address. Nobody chooses an id, so nobody gets what is done for another's id. */
export function* findPersonNamed(name: string): Act<Person | undefined> {
  const folded = foldedName(name)
  return (
    (yield* findPerson({ id: name })) ??
    (yield* findPerson({ username: folded })) ??
    (yield* findPerson({ emailKey: folded }))
  )
}

export function* personOf(user: UserRecord): Act<Person> {
  const { groups: names, ...factors } = yield* belongings(user.id)
  return { user, groups: yield* groupsNamed(names), factors }
}

/** In the order of their names. */
export function* groupsOf(userId: string): Act<GroupRecord[]> {
  return yield* groupsNamed((yield* belongings(userId)).groups)
}

function* groupsNamed(names: string[]): Act<GroupRecord[]> {
  const found: GroupRecord[] = []
  for (const name of names) {
    const group = yield* findGroup(name)
    if (group) found.push(group)
  }
  return found
}

export function* findGroup(name: string): Act<GroupRecord | undefined> {
  return (yield* find(groups, { name })) ?? groupWithoutRow(name)
}

/** The built-in group is there without a row. */
export const groupWithoutRow = (name: string): GroupRecord | undefined =>
  name === BUILT_IN_GROUP.name ? BUILT_IN_GROUP : undefined
