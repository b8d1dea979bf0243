/**
 * Resources: who accepts tokens. A resource's id becomes `aud`; it chooses the algorithm, the `typ` and,
 * with the client, the life of its tokens (RFC 8707, RFC 9068). The issuer is a resource of its own making.
 */
import { invalidRequest, invalidTarget } from '../errors.ts'
import { SHARED_RING, type ClientRecord, type ResourceRecord, type RingId } from '../store/store.ts'
import { SCOPE_TOKEN } from '../clients/client.ts'
import { requireFreeClaims } from '../clients/claims.ts'
import type { ResourceDirectory } from './resource-directory.ts'

/** Scopes of the issuer itself; granted to nobody by default. */
export const ADMIN_SCOPE = 'signet:admin'
export const BLACKLIST_SCOPE = 'signet:blacklist'

const MOST_IN_A_REQUEST = 10

export function blankResource(id: string, now: number): ResourceRecord {
  return {
    id,
    alg: 'ES256',
    ttl: null,
    scope: null,
    typ: 'at+jwt',
    claims: {},
    ownKeys: false,
    disabledAt: null,
    createdAt: now,
    updatedAt: now,
  }
}

/** The issuer as a resource: the admin API and the blacklist accept tokens whose `aud` is the issuer. */
export const issuerResource = (issuer: string): ResourceRecord => ({
  ...blankResource(issuer, 0),
  scope: [ADMIN_SCOPE, BLACKLIST_SCOPE],
})

/** The keys that sign a resource's tokens. */
export const ringOf = ({ id, alg, ownKeys }: ResourceRecord): RingId => ({ ring: ownKeys ? id : SHARED_RING, alg })

/** @throws OAuthError `invalid_request` naming what is wrong with the record. */
export function requireSoundResource(resource: ResourceRecord): void {
  const { id, scope, ttl } = resource
  // RFC 8707 §2: an absolute URI without fragment; a plain name for servers such as RabbitMQ.
  const isName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(id)
  const isUri =
    /^[A-Za-z][A-Za-z0-9+.-]*:[\x21\x23-\x5B\x5D-\x7E]{1,500}$/.test(id) && !id.includes('#') && URL.canParse(id)
  if (!isName && !isUri)
    throw invalidRequest('a resource id is an absolute URI without fragment, or a plain name of A-Z a-z 0-9 . _ -')
  if (ttl !== null && ttl < 1) throw invalidRequest('ttl: a token lives for 1s at least')
  if (scope && !scope.every((value) => SCOPE_TOKEN.test(value))) {
    throw invalidRequest('scope: printable ASCII without space, " and \\ (RFC 6749 §3.3)')
  }
  requireFreeClaims(resource.claims, invalidRequest)
}

/** The ids that a client may name; the issuer itself where it registered none. */
export const registeredResources = (client: ClientRecord, issuer: string): string[] =>
  client.resources.length > 0 ? client.resources : [issuer]

/**
 * The resources of a request: those named, or the client's first.
 * @throws OAuthError `invalid_target` (RFC 8707 §2).
 */
export function chooseResources(
  requested: string[],
  client: ClientRecord,
  directory: ResourceDirectory,
): ResourceRecord[] {
  const registered = registeredResources(client, directory.issuer)
  const ids = requested.length > 0 ? [...new Set(requested)] : registered.slice(0, 1)
  if (ids.length > MOST_IN_A_REQUEST) throw invalidTarget(`at most ${MOST_IN_A_REQUEST} resources fit into one request`)
  const chosen = ids.map((id) => requireResource(id, registered, client, directory))
  requireOneShape(chosen)
  return chosen
}

function requireResource(
  id: string,
  registered: string[],
  client: ClientRecord,
  directory: ResourceDirectory,
): ResourceRecord {
  if (!registered.includes(id)) {
    // Not reflected: it is the caller's raw input. What helps is what the client may name.
    throw invalidTarget(
      `the resource asked for is not registered for this client, which may name ${registered.join(', ')} (more: signet client update ${client.clientId} --resource R)`,
    )
  }
  const resource = directory.find(id)
  if (!resource) throw invalidTarget(`resource ${id} does not exist: signet resource create ${id}`)
  return resource
}

/** One token has one signature: one algorithm, one `typ`, one ring. */
function requireOneShape(resources: ResourceRecord[]): void {
  const [first] = resources
  if (
    resources.length > 1 &&
    resources.some(({ alg, typ, ownKeys }) => alg !== first?.alg || typ !== first.typ || ownKeys)
  ) {
    throw invalidTarget('these resources want different algorithms, token types or keys: ask for one token each')
  }
}
