/**
 * What a person may have through a client. It is judged when a code is redeemed, and again at every refresh, on the person
 * as the database has it then.
 */
import { OFFLINE_ACCESS, PERSON_SCOPES, mayRefresh } from '../clients/client.ts'
import { invalidGrant, invalidScope } from '../ground/errors.ts'
import { ADMIN_SCOPE, READ_SCOPE } from '../resources/resource.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import type { Person } from '../store/records/user.ts'
import { groupNames, permissionsOf } from '../users/person.ts'
import { knows } from './scope.ts'

/** Whether the client lets the person in. */
export const isAllowedIn = (person: Person, { allowedGroups }: Pick<ClientRecord, 'allowedGroups'>): boolean =>
  allowedGroups.length === 0 || groupNames(person).some((name) => allowedGroups.includes(name))

/** @throws OAuthError `invalid_grant`. The client must not learn more than that it is over. */
export function requireMaySignIn(person: Person | undefined, client: ClientRecord): Person {
  const refuse = (reason: string) => invalidGrant('this grant is over: the person has to sign in again', { reason })
  if (!person) throw refuse('the user does not exist any more')
  if (person.user.disabledAt !== null) throw refuse('the user is disabled')
  if (!isAllowedIn(person, client)) throw refuse('the user is in none of the allowed_groups of the client')
  return person
}

/** Whether the person has the permission that a resource asks for a scope. */
export function isPermitted(value: string, person: Person, { scopePermissions }: ResourceRecord): boolean {
  const needed = Object.hasOwn(scopePermissions, value) ? scopePermissions[value] : undefined
  if (needed === undefined) return true
  const permissions = permissionsOf(person)
  return permissions.includes(needed) || (needed === READ_SCOPE && permissions.includes(ADMIN_SCOPE))
}

/** The client, person and resources of a token: they bound its scope. */
export interface PersonBounds {
  client: ClientRecord
  person: Person
  resources: ResourceRecord[]
}

const isOfPerson = (value: string): boolean => PERSON_SCOPES.some((each) => each === value)

function mayHave(value: string, { client, person, resources }: PersonBounds): boolean {
  if (value === OFFLINE_ACCESS) return mayRefresh(client, person.user.id)
  if (!client.scope.includes(value)) return false
  return isOfPerson(value) || resources.every((each) => knows(each, value) && isPermitted(value, person, each))
}

/**
 * The scope of a token: the requested part of the granted scope, or all of it that may be had now. Values that client,
 * resources or person have lost are left out, and the reply tells what is left.
 * @throws OAuthError `invalid_scope` where a value that was asked for cannot be had
 */
export function scopeOfPerson(requested: string[] | undefined, granted: string[], bounds: PersonBounds): string[] {
  const missing = requested?.find((value) => !granted.includes(value) || !mayHave(value, bounds))
  if (missing !== undefined)
    throw invalidScope(
      `a scope asked for is not part of the grant, which has ${granted.filter((value) => mayHave(value, bounds)).join(' ') || 'none'} for these resources; leave scope out to get that`,
    )
  return requested ?? granted.filter((value) => mayHave(value, bounds))
}
