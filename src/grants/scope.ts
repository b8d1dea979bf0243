/** Scopes (RFC 6749 §3.3): parsing, and narrowing to the scopes that both client and resource allow. */
import { OFFLINE_ACCESS, SCOPE_TOKEN, mayRefresh } from '../clients/client.ts'
import { updateCommand } from '../clients/update-command.ts'
import { invalidScope } from '../ground/errors.ts'
import { wordOr } from '../ground/shell-word.ts'
import type { ClientRecord } from '../store/records/client.ts'
import { isBuiltIn } from '../resources/resource.ts'
import type { ResourceRecord } from '../store/records/resource.ts'

/**
 * Splits a `scope` parameter. Each value appears once, in the given order.
 * @throws OAuthError `invalid_scope`
 */
export function parseScope(text: string): string[] {
  const values = text.split(' ').filter((value) => value !== '')
  // RFC 6749 §3.3: at least one value. Spaces alone would give a token without scope, which no caller wants.
  if (values.length === 0) throw invalidScope('scope holds nothing but spaces: name a value, or leave scope out')
  if (values.length > 100) throw invalidScope(`scope has ${values.length} values; at most 100 are taken`)
  if (!values.every((value) => SCOPE_TOKEN.test(value))) {
    throw invalidScope(
      'scope is a list of values with one space between them, each of printable ASCII without quotation mark and backslash',
    )
  }
  return [...new Set(values)]
}

/** Whether a resource knows a scope. A resource without a list accepts every scope that the client has. */
export const knows = (resource: ResourceRecord, value: string): boolean =>
  resource.scope === null || resource.scope.includes(value)

/** The client, subject and resources of a token: they bound its scope. */
export interface Bounds {
  client: ClientRecord
  sub: string
  resources: ResourceRecord[]
}

/**
 * The scope of a new grant: the requested scope, or everything that client and resources both allow.
 * @throws OAuthError `invalid_scope` with the allowed scopes, and the command that allows more
 */
export function narrowScope(requested: string[] | undefined, bounds: Bounds): string[] {
  if (!requested) {
    const { client, resources } = bounds
    return client.scope.filter(
      (value) => value !== OFFLINE_ACCESS && resources.every((resource) => knows(resource, value)),
    )
  }
  for (const value of requested) requireAllowed(value, bounds)
  return requested
}

function requireAllowed(value: string, { client, sub, resources }: Bounds): void {
  if (value === OFFLINE_ACCESS) {
    if (mayRefresh(client, sub)) return
    throw invalidScope(
      `scope "${OFFLINE_ACCESS}" asks for a refresh token, and this client is not registered for the grant refresh_token: ${updateCommand(client.clientId, '--grant', [...client.grantTypes, 'refresh_token'])}`,
    )
  }
  if (!client.scope.includes(value)) {
    throw invalidScope(
      `a scope asked for is not registered for this client, which may ask for ${client.scope.join(' ') || 'none'} (more: ${updateCommand(client.clientId, '--scope', [[...client.scope, 'NEW'].join(' ')])})`,
    )
  }
  const unaware = resources.find((resource) => !knows(resource, value))
  if (unaware) throw invalidScope(`a scope asked for is not one of ${describeUnaware(value, unaware, client)}`)
}

/** The resource that does not know a scope of the client, and the step that helps. Nobody gives the issuer more scopes. */
function describeUnaware(value: string, unaware: ResourceRecord, { clientId, resources }: ClientRecord): string {
  const { id, scope } = unaware
  const has = `which has ${scope?.join(' ') || 'none'}: ask for another resource, or`
  if (!isBuiltIn(unaware))
    return `resource ${id}, ${has} signet resource update ${wordOr('ID', id)} --scope ${wordOr('SCOPE', [...(scope ?? []), 'NEW'].join(' '))}`
  const others = resources.filter((each) => each !== id)
  if (others.length > 0) return `the issuer ${id}: ask for another resource, with resource= ${others.join(' or ')}`
  const make = `signet resource create API --scope ${wordOr('SCOPE', value)}`
  return `the issuer ${id}, which is the resource of a client that has no other: make one with ${make}, then give it to the client with ${updateCommand(clientId, '--resource', ['API'])}`
}

/**
 * The scope of a refreshed token: the grant's scope or less. Client and resources must still allow it.
 * @throws OAuthError `invalid_scope` if the request has more (RFC 6749 §6), or if a scope is no longer allowed
 */
export function lowerScope(requested: string[] | undefined, granted: string[], bounds: Bounds): string[] {
  const scope = requested ?? granted
  const wider = scope.find((value) => !granted.includes(value))
  if (wider !== undefined) {
    throw invalidScope(
      `a scope asked for was not part of the grant, which has ${granted.join(' ')}; a refresh may lower the scope, never raise it`,
    )
  }
  for (const value of scope) requireAllowed(value, bounds)
  return scope
}
