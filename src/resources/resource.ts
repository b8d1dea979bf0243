/**
 * Resources: the APIs that accept tokens. A resource's id becomes `aud`. The resource sets the algorithm, the `typ` and,
 * together with the client, the life of its tokens (RFC 8707, RFC 9068). The issuer itself is a built-in resource.
 */
import type { Instant } from '../ground/clock.ts'
import { invalidRequest } from '../ground/errors.ts'
import { isSecretName } from '../ground/looks-secret.ts'
import { SHARED_RING, ownRing, type RingId } from '../store/records/key.ts'
import { RESOURCE_MEMBER_DEFAULTS, type ResourceRecord } from '../store/records/resource.ts'
import { SCOPE_TOKEN, hasOwnPrefix } from '../clients/client.ts'
import { requireFreeClaims } from '../clients/claims.ts'

/** Scopes of the issuer itself; granted to nobody by default. */
export const ADMIN_SCOPE = 'signet:admin'
/** Reads everything that `signet:admin` reads, and changes nothing. */
export const READ_SCOPE = 'signet:read'
export const BLACKLIST_SCOPE = 'signet:blacklist'
const OWN_SCOPES = [ADMIN_SCOPE, READ_SCOPE, BLACKLIST_SCOPE] as const

export function blankResource(id: string, now: number): ResourceRecord {
  return {
    id,
    alg: 'ES256',
    ttl: null,
    scope: null,
    typ: 'at+jwt',
    claims: {},
    ownKeys: false,
    ...RESOURCE_MEMBER_DEFAULTS,
    disabledAt: null,
    predecessorEndedAt: null,
    declaredBy: null,
    createdAt: now,
    updatedAt: now,
  }
}

/** The issuer as a resource: the admin API and the blacklist accept tokens whose `aud` is the issuer. */
export const issuerResource = (issuer: string): ResourceRecord => ({
  ...blankResource(issuer, 0),
  scope: [...OWN_SCOPES],
})

/** The keys that are to sign a resource's tokens. `KeyRing.ringThatSigns` tells whether the shared ring still does. */
export const ringOf = ({ id, alg, ownKeys }: ResourceRecord): RingId => ({
  ring: (ownKeys ? ownRing(id) : undefined) ?? SHARED_RING,
  alg,
})

/** Whether it is the issuer: the only resource that nobody has created. */
export const isBuiltIn = ({ createdAt }: Pick<ResourceRecord, 'createdAt'>): boolean => createdAt === 0

/** The issuer's place among the resources, in the words of messages. */
export const BUILT_IN = `is the issuer itself: built in, with the scopes ${OWN_SCOPES.join(', ')}, and it cannot be changed`

/** Marks an encoded id. No id begins with it, and no proxy changes it in a path. */
const ENCODED = '~'

/**
 * The path of a resource's key set. A plain name stands there as it is; a URI stands there in base64url, because
 * proxies such as Apache refuse or decode the `%2F` that percent-encoding would make of it.
 */
export const keySetPath = (id: string): string =>
  `/jwks/${/^[\w.-]+$/.test(id) ? id : ENCODED + Buffer.from(id).toString('base64url')}`

/** The id that a segment of such a path names. Percent-encoded ids are decoded before and are returned unchanged. */
export const idOfSegment = (segment: string): string =>
  segment.startsWith(ENCODED) ? Buffer.from(segment.slice(1), 'base64url').toString('utf8') : segment

/** Whether a token or grant of this time was for an earlier resource with the same id, which was deleted. */
export const isForPredecessor = ({ predecessorEndedAt }: ResourceRecord, issuedAt: Instant): boolean =>
  predecessorEndedAt !== null && issuedAt <= predecessorEndedAt

/** The fields that may be set; absent ones keep their default or present value. */
export type ResourceChange = Partial<
  Omit<ResourceRecord, 'id' | 'sharedKeysUntil' | 'predecessorEndedAt' | 'declaredBy' | 'createdAt' | 'updatedAt'>
>

export const MOST_RESOURCE_ID_CHARACTERS = 512

/** Why a resource cannot have this id, if it cannot. */
export function findResourceIdFault(id: string): string | undefined {
  // RFC 8707 §2: an absolute URI without fragment; a plain name for servers such as RabbitMQ.
  const isName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(id)
  const isUri =
    id.length <= MOST_RESOURCE_ID_CHARACTERS &&
    /^[A-Za-z][A-Za-z0-9+.-]{0,30}:[\x21\x23-\x5B\x5D-\x7E]{1,500}$/.test(id) &&
    !id.includes('#') &&
    URL.canParse(id)
  if (!isName && !isUri)
    return 'a resource id is an absolute URI without fragment, or a plain name of A-Z a-z 0-9 . _ -'
  if (isSecretName(id))
    return 'an id that does not begin like a token or a secret, because it stands in every token for the resource'
  return hasOwnPrefix(id) ? 'a name that Signet does not use itself' : undefined
}

/** @throws OAuthError `invalid_request` naming the fault of the record. */
export function requireSoundResource(resource: ResourceRecord): void {
  const { id, scope, ttl } = resource
  const idFault = findResourceIdFault(id)
  if (idFault !== undefined) throw invalidRequest(`id: ${idFault}`)
  if (ttl !== null && ttl < 1) throw invalidRequest('ttl: a token lives for 1s at least')
  if (scope && !scope.every((value) => SCOPE_TOKEN.test(value))) {
    throw invalidRequest('scope: printable ASCII without space, quotation mark and backslash (RFC 6749 §3.3)')
  }
  if (scope && Object.keys(resource.scopePermissions).some((value) => !scope.includes(value)))
    throw invalidRequest(
      `scope_permissions: each names a scope of the resource, which has ${scope.join(' ') || 'none'}`,
    )
  requireFreeClaims(resource.claims, invalidRequest)
}
