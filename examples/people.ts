/** What an operator does before people sign in: groups, users and apps, by the admin API. `signet group`, `signet user` and `signet client` do the same. */
import type { IssuerClient } from './issuer-calls.ts'

export interface Group {
  name: string
  roles?: string[]
  permissions?: string[]
  claims?: Record<string, unknown>
}

export interface User {
  username: string
  name?: string
  email?: string
  groups?: string[]
  /** Claims of the user alone, which win over those of the groups. */
  claims?: Record<string, unknown>
}

/** Makes the groups, then the users, all with one password, to keep the examples short. */
export async function addPeople(
  operator: IssuerClient,
  { groups, users, password }: { groups: readonly Group[]; users: readonly User[]; password: string },
): Promise<void> {
  for (const group of groups) await create(operator, '/admin/api/groups', group)
  for (const user of users) await create(operator, '/admin/api/users', { ...user, password })
}

/** Creates what the admin API makes at a path. @throws Error with Signet's own description */
export async function create(operator: IssuerClient, path: string, json: object): Promise<Record<string, unknown>> {
  const { status, body } = await operator.administer(path, json)
  if (status !== 201) throw new Error(`${path}: ${status} ${String(body.error_description)}`)
  return body
}
