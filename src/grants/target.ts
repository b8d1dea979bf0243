/** Finds the resources of a request, and checks that the client may name them (RFC 8707 §2). */
import { updateCommand } from '../clients/update-command.ts'
import { invalidTarget } from '../ground/errors.ts'
import { wordOr } from '../ground/shell-word.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import { describeMissingResource } from '../resources/missing.ts'
import type { ResourceDirectory } from '../resources/directory.ts'

const MOST_IN_A_REQUEST = 10

/** The ids that a client may name. A client without resources may name the issuer itself. */
export const registeredResources = (client: ClientRecord, issuer: string): string[] =>
  client.resources.length > 0 ? client.resources : [issuer]

/** A bare origin, whose path is the same with and without its slash (RFC 3986 §6.2.3). */
const BARE_ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]+\/?$/i

/** The id, of these, that a request names. Clients in JavaScript add a slash to a bare origin. */
export function findNamed(requested: string, ids: readonly string[]): string | undefined {
  if (ids.includes(requested) || !BARE_ORIGIN.test(requested)) return ids.find((id) => id === requested)
  const other = requested.endsWith('/') ? requested.slice(0, -1) : `${requested}/`
  return ids.find((id) => id === other)
}

/**
 * The resources of a request: the named ones, or the client's first. A grant may be for resources of several shapes.
 * Each of its tokens is for resources of the same shape (`requireOneShape`).
 * @throws OAuthError `invalid_target` (RFC 8707 §2)
 */
export function chooseResources(
  requested: string[],
  client: ClientRecord,
  directory: ResourceDirectory,
): ResourceRecord[] {
  const registered = registeredResources(client, directory.issuer)
  const named = requested.map((id) => findNamed(id, registered) ?? id)
  const ids = named.length > 0 ? [...new Set(named)] : registered.slice(0, 1)
  if (ids.length > MOST_IN_A_REQUEST) throw invalidTarget(`at most ${MOST_IN_A_REQUEST} resources fit into one request`)
  return ids.map((id) => requireResource(id, registered, client, directory))
}

function requireResource(
  id: string,
  registered: string[],
  client: ClientRecord,
  directory: ResourceDirectory,
): ResourceRecord {
  if (!registered.includes(id)) {
    // The message does not repeat the caller's raw input. It lists the resources that the client may name.
    throw invalidTarget(
      `the resource asked for is not registered for this client, which may name ${registered.join(', ')} (more: ${updateCommand(client.clientId, '--resource', [...registered, 'NEW'])})`,
    )
  }
  const resource = directory.find(id)
  if (resource) return resource
  const { fault, help } = describeMissingResource(id, directory.issuer, { word: (text) => wordOr('ID', text) })
  throw invalidTarget(`${fault}; ${help}`)
}

/** Whether a token can be for all of them: its one signature needs one algorithm, one `typ` and one key ring. */
export const haveOneShape = ([first, ...rest]: ResourceRecord[]): boolean =>
  rest.length === 0 ||
  (!first?.ownKeys && rest.every(({ alg, typ, ownKeys }) => alg === first?.alg && typ === first.typ && !ownKeys))

/** @throws OAuthError `invalid_target` where one token cannot be for all of these. */
export function requireOneShape(resources: ResourceRecord[]): void {
  if (haveOneShape(resources)) return
  throw invalidTarget(
    `these resources want different algorithms, token types or keys: ask for one token each, with resource= ${resources.map(({ id }) => id).join(' or ')}`,
  )
}
