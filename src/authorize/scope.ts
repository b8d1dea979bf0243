/**
 * The scope of a request of a person (OIDC Core §3.1.2.1: scopes that are not understood are ignored). Values
 * that the client, a resource or the person may not have are dropped, and the token reply tells the rest.
 */
import { OFFLINE_ACCESS, OPENID, PERSON_SCOPES, SCOPE_TOKEN, mayRefresh } from '../clients/client.ts'
import { isPermitted } from '../grants/person.ts'
import { knows } from '../grants/scope.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import type { Person } from '../store/records/user.ts'

/** Scopes that name claims of the person. No resource needs to know them (OIDC Core §5.4). */
export const IDENTITY_SCOPES: readonly string[] = PERSON_SCOPES

/** No request has more values than this. */
const MOST_VALUES = 100

/**
 * The values that the client may have at these resources: those that one of them knows. A token has what all resources that
 * it is for know, so a client asks for a token of each (RFC 8707 §2.2).
 * @param requested absent or blank: all of them. Text without one well-formed value is dropped like every unknown value.
 */
export function scopeOfClient(
  requested: string | undefined,
  client: ClientRecord,
  resources: ResourceRecord[],
): string[] {
  const asked = requested?.split(' ').filter((value) => value !== '') ?? []
  const wanted = asked.length > 0 ? asked.filter((value) => SCOPE_TOKEN.test(value)) : client.scope
  const values = [...new Set(wanted)].slice(0, MOST_VALUES)
  return values.filter((value) => mayAsk(value, client) && isKnown(value, resources))
}

/** A person who signs in always may be told who it is, so `openid` needs no registration. */
const mayAsk = (value: string, client: ClientRecord): boolean =>
  value === OFFLINE_ACCESS ? mayRefresh(client) : value === OPENID || client.scope.includes(value)

const isKnown = (value: string, resources: ResourceRecord[]): boolean =>
  value === OFFLINE_ACCESS || IDENTITY_SCOPES.includes(value) || resources.some((resource) => knows(resource, value))

/**
 * The values that the person may have too, by the `scope_permissions` of the resources. A value stays that one of the
 * resources permits: a token for it may be asked for.
 */
export const permittedScope = (scope: string[], person: Person, resources: ResourceRecord[]): string[] =>
  scope.filter((value) => {
    const aware = resources.filter((resource) => knows(resource, value))
    return aware.length === 0
      ? isPermitted(value, person, [])
      : aware.some((resource) => isPermitted(value, person, [resource]))
  })
