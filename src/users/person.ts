/** A person as rules and tokens see one: the user with everything that the groups give. */
import { BUILT_IN_GROUP, type Person } from '../store/records/user.ts'

/** Permissions that make an operator of the console and the admin API: everything, or reading alone. */
export const OPERATOR_PERMISSION = 'signet:admin'
export const READER_PERMISSION = 'signet:read'

/** The built-in group of operators. */
export const OPERATORS = BUILT_IN_GROUP.name

const union = (lists: string[][]): string[] => [...new Set(lists.flat())].sort()

/** Sorted names. */
export const groupNames = ({ groups }: Person): string[] => groups.map(({ name }) => name).sort()
export const rolesOf = ({ groups }: Person): string[] => union(groups.map(({ roles }) => roles))
export const permissionsOf = ({ groups }: Person): string[] => union(groups.map(({ permissions }) => permissions))
export const isOperator = (person: Person): boolean => permissionsOf(person).includes(OPERATOR_PERMISSION)

/** The person's own claims. They win over those of the groups, and a group wins over the groups before it by name. */
export function ownClaims({ user, groups }: Person): Record<string, unknown> {
  const byName = groups.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return { ...Object.assign({}, ...byName.map(({ claims }) => claims)), ...user.claims }
}
