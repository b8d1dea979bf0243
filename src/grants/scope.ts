/** Scopes (RFC 6749 §3.3): parsed, and narrowed to what both client and resource allow. */
import { OFFLINE_ACCESS, SCOPE_TOKEN } from '../clients/client.ts'
import { invalidScope } from '../errors.ts'
import type { ClientRecord, ResourceRecord } from '../store/store.ts'

/**
 * Splits a `scope` parameter; each value once, in the order given.
 * @throws OAuthError `invalid_scope`
 */
export function parseScope(text: string): string[] {
  const values = text.split(' ').filter((value) => value !== '')
  if (values.length > 100) throw invalidScope(`scope has ${values.length} values; at most 100 are taken`)
  if (!values.every((value) => SCOPE_TOKEN.test(value))) {
    throw invalidScope(
      'scope is a list of values with one space between them, each of printable ASCII without " and \\',
    )
  }
  return [...new Set(values)]
}

/** Whether a resource knows a scope; one that lists none leaves it to the client's registration. */
const knows = (resource: ResourceRecord, value: string): boolean =>
  resource.scope === null || resource.scope.includes(value)

/**
 * The scope of a new grant: what was asked for, or all that client and resources both allow.
 * @throws OAuthError `invalid_scope` naming the value and who has to allow it.
 */
export function narrowScope(
  requested: string[] | undefined,
  client: ClientRecord,
  resources: ResourceRecord[],
): string[] {
  if (!requested) {
    return client.scope.filter(
      (value) => value !== OFFLINE_ACCESS && resources.every((resource) => knows(resource, value)),
    )
  }
  for (const value of requested) requireAllowed(value, client, resources)
  return requested
}

function requireAllowed(value: string, client: ClientRecord, resources: ResourceRecord[]): void {
  if (value === OFFLINE_ACCESS) {
    if (client.grantTypes.includes('refresh_token')) return
    throw invalidScope(
      `scope "${OFFLINE_ACCESS}" asks for a refresh token, and this client is not registered for the grant refresh_token`,
    )
  }
  if (!client.scope.includes(value)) {
    throw invalidScope(
      `scope "${value}" is not registered for this client: signet client update ${client.clientId} --scope "${[...client.scope, value].join(' ')}"`,
    )
  }
  const unaware = resources.find((resource) => !knows(resource, value))
  if (unaware)
    throw invalidScope(
      `scope "${value}" is not one of resource ${unaware.id}: signet resource update ${unaware.id} --scope "…"`,
    )
}

/**
 * The scope of a refreshed token: the grant's, or less.
 * @throws OAuthError `invalid_scope` where more is asked for (RFC 6749 §6).
 */
export function lowerScope(requested: string[] | undefined, granted: string[]): string[] {
  if (!requested) return granted
  const wider = requested.find((value) => !granted.includes(value))
  if (wider)
    throw invalidScope(`scope "${wider}" was not part of the grant; a refresh may lower the scope, never raise it`)
  return requested
}
