/** Persons: a user's row with the user's groups and factors, all of one state. */
import { foldedName } from '../../ground/folded-name.ts'
import { find, person, type Act } from '../engine.ts'
import { groups, users } from '../tables/people.ts'
import { BUILT_IN_GROUP, type GroupRecord, type Person, type PersonName, type UserRecord } from '../records/user.ts'

export function* findPerson(name: PersonName): Act<Person | undefined> {
  if ('id' in name) return yield* person(name.id)
  const user = yield* find(users, name)
  return user && (yield* person(user.id))
}

/** By id, else by user name, else by verified address. Nobody chooses an id, so nobody gets what is done for another's id. */
export function* findPersonNamed(name: string): Act<Person | undefined> {
  const folded = foldedName(name)
  return (
    (yield* findPerson({ id: name })) ??
    (yield* findPerson({ username: folded })) ??
    (yield* findPerson({ emailKey: folded }))
  )
}

/** The person of a user who is there. */
export function* personOf({ id }: UserRecord): Act<Person> {
  const found = yield* person(id)
  if (!found) throw new Error(`user ${id} was there a moment ago`)
  return found
}

/** In the order of their names. */
export function* groupsOf(userId: string): Act<GroupRecord[]> {
  return (yield* person(userId))?.groups ?? []
}

export function* findGroup(name: string): Act<GroupRecord | undefined> {
  return (yield* find(groups, { name })) ?? groupWithoutRow(name)
}

/** The built-in group is there without a row. */
export const groupWithoutRow = (name: string): GroupRecord | undefined =>
  name === BUILT_IN_GROUP.name ? BUILT_IN_GROUP : undefined
