/**
 * The scope and claims that a person may have through a client. They are judged when a code is redeemed, and again at every
 * refresh, on the person as the database has it then.
 */
import { OFFLINE_ACCESS, OPENID, PERSON_SCOPES, mayRefresh } from '../clients/client.ts'
import { invalidGrant, invalidScope } from '../ground/errors.ts'
import { ADMIN_SCOPE, BLACKLIST_SCOPE, READ_SCOPE } from '../resources/resource.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import type { Person } from '../store/records/user.ts'
import { OPERATOR_PERMISSION, READER_PERMISSION, groupNames, permissionsOf } from '../users/person.ts'
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

/** The scopes of the issuer itself, and the permissions of which a person needs one, whatever the resource. */
const OWN_PERMISSIONS: Readonly<Record<string, readonly string[]>> = {
  [ADMIN_SCOPE]: [OPERATOR_PERMISSION],
  [BLACKLIST_SCOPE]: [OPERATOR_PERMISSION],
  [READ_SCOPE]: [OPERATOR_PERMISSION, READER_PERMISSION],
}

/** Whether a person has the permission that the resources ask for a scope (`scope_permissions`). */
export function isPermitted(value: string, person: Person, resources: ResourceRecord[]): boolean {
  const permissions = permissionsOf(person)
  const own = Object.hasOwn(OWN_PERMISSIONS, value) ? OWN_PERMISSIONS[value] : undefined
  if (own && !own.some((each) => permissions.includes(each))) return false
  return resources.every(({ scopePermissions }) => {
    const needed = Object.hasOwn(scopePermissions, value) ? scopePermissions[value] : undefined
    return needed === undefined || permissions.includes(needed)
  })
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
  // A person who signs in always may be told who it is, so `openid` needs no registration.
  if (value !== OPENID && !client.scope.includes(value)) return false
  return isOfPerson(value) || (resources.every((each) => knows(each, value)) && isPermitted(value, person, resources))
}

/**
 * The scope of a token: the requested part of the granted scope, or all of it that may be had now. Values that client,
 * resources or person have lost are left out, and the reply tells what is left.
 * @throws OAuthError `invalid_scope` where a value that was asked for cannot be had
 */
export function lowerPersonScope(requested: string[] | undefined, granted: string[], bounds: PersonBounds): string[] {
  const missing = requested?.find((value) => !granted.includes(value) || !mayHave(value, bounds))
  if (missing !== undefined)
    throw invalidScope(
      `a scope asked for is not part of the grant, which has ${granted.filter((value) => mayHave(value, bounds)).join(' ') || 'none'} for these resources; leave scope out to get that`,
    )
  return requested ?? granted.filter((value) => mayHave(value, bounds))
}
