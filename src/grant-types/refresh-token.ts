/**
 * `refresh_token` (RFC 6749 §6, RFC 9700 §4.14.2). In protocol order: an authentic token, its own client, the
 * rotation rule, the gate, a scope no wider; only then is the token consumed. Everything between finding the
 * family and writing it happens under its lock.
 */
import { byClient } from '../audit.ts'
import { requireMayRefresh } from '../clients/authentication.ts'
import { fromSeconds, type Instant } from '../ground/clock.ts'
import { OAuthError, invalidClient, invalidGrant, invalidRequest, invalidTarget } from '../ground/errors.ts'
import { idleEnd } from '../grants/grant.ts'
import { requireLive, requireMayIssue } from '../grants/may-issue.ts'
import { denyLiveGrant } from '../blacklist/revocation.ts'
import { lowerScope } from '../grants/scope.ts'
import type { GrantRecord, ResourceRecord, RotationOutcome, RotationVerdict } from '../store/store.ts'
import { accessTokenTtl } from '../tokens/access-token.ts'
import { decideRotation } from '../tokens/refresh-rotation.ts'
import { belongsTo, type ParsedRefreshToken } from '../tokens/refresh-token.ts'
import type { GrantRooms, GrantTypeHandler, TokenRequest, TokenSet } from './grant-type.ts'
import { algOf } from './new-grant.ts'
import { isForPredecessor } from '../resources/resource.ts'
import { registeredResources, requireOneShape } from '../grants/target.ts'
import type { Traffic } from '../ground/traffic.ts'

const GRANT_TYPE = 'refresh_token'

/** What the access token of a refresh will say. */
interface Renewal {
  resources: ResourceRecord[]
  scope: string[]
  ttlSeconds: number
}

const COUNTED_AS = {
  rotated: 'rotated',
  repeated: 'repeated',
  ended: 'reused',
  refused: 'refused',
  unknown: 'refused',
} as const satisfies Record<RotationOutcome['outcome'], keyof Traffic['refreshes']>

export const refreshToken: GrantTypeHandler = async (request, rooms) => {
  const { client } = request
  const { refreshes } = rooms.traffic
  const token = readToken(request, rooms)

  let renewal: Renewal | undefined
  const decide = (grant: GrantRecord, now: Instant): RotationVerdict => {
    try {
      const verdict = judge(token, grant, request, rooms, now)
      if (verdict.act !== 'proceed') return verdict
      renewal = verdict.renewal
      const accessExpiresAt = now + fromSeconds(renewal.ttlSeconds)
      return verdict.repeat
        ? { act: 'repeat', accessExpiresAt }
        : { act: 'rotate', accessExpiresAt, idleExpiresAt: idleEnd(client, now) }
    } catch (error) {
      if (error instanceof OAuthError) return { act: 'refuse', error }
      throw error
    }
  }

  const rotation = await rooms.store.rotateGrant(token.sid, decide)
  refreshes[COUNTED_AS[rotation.outcome]] += 1
  if (rotation.outcome === 'unknown') throw unknownToken('its grant does not exist any more')
  if (rotation.outcome === 'refused' || rotation.outcome === 'ended') throw rotation.error
  if (!renewal) throw new Error('a rotation was written that nobody decided')
  return mint(renewal, rotation.grant, token, request, rooms)
}

/** @throws OAuthError where no family has to be looked at to refuse it. */
function readToken({ client, parameters }: TokenRequest, rooms: GrantRooms): ParsedRefreshToken {
  try {
    requireMayRefresh(client)
    if (parameters.refreshToken === undefined) throw invalidRequest('refresh_token is missing')
    const token = rooms.refreshTokens.parse(parameters.refreshToken)
    if (!token) throw unknownToken('the refresh token was not made by this issuer')
    return token
  } catch (error) {
    rooms.traffic.refreshes.refused += 1
    throw error
  }
}

type Judgement = { act: 'proceed'; repeat: boolean; renewal: Renewal } | Extract<RotationVerdict, { act: 'end' }>

/** @throws OAuthError where the request is refused without consuming the token. */
function judge(
  token: ParsedRefreshToken,
  grant: GrantRecord,
  { client: asking, parameters, requestId }: TokenRequest,
  rooms: GrantRooms,
  now: Instant,
): Judgement {
  // Taken again, under the lock: it may have been disabled since it authenticated.
  const client = rooms.clients.find(asking.clientId)
  if (!client) throw invalidClient('this client does not exist any more')
  if (!belongsTo(token, grant)) throw unknownToken('the family secret differs from the database')
  if (grant.clientId !== client.clientId) throw unknownToken(`it was issued to client ${grant.clientId}`)

  const decision = decideRotation(
    grant,
    token.generation,
    now,
    client.refreshGrace ?? rooms.lifetimes.refreshGraceSeconds,
  )
  if (decision === 'reuse') return endReused(grant, client.clientId, requestId, rooms, now)
  if (decision === 'ended' || decision === 'expired') requireLive(grant, now)

  const resources = narrowResources(parameters.resources, grant, rooms)
  requireMayIssue({ grantType: GRANT_TYPE, client, sub: grant.sub, resources, grant }, rooms.blacklist, now)
  const dropped = resources.find(({ id }) => !registeredResources(client, rooms.resources.issuer).includes(id))
  if (dropped) throw invalidTarget(`resource ${dropped.id} is no longer registered for this client`)
  const scope = lowerScope(parameters.scope, grant.scope, { client, sub: grant.sub, resources })
  const ttlSeconds = accessTokenTtl(client, resources, rooms.lifetimes)
  return { act: 'proceed', repeat: decision === 'repeat', renewal: { resources, scope, ttlSeconds } }
}

/** The grant's resources, or some of them (RFC 8707 §2.2). */
function narrowResources(requested: string[], grant: GrantRecord, rooms: GrantRooms): ResourceRecord[] {
  if (requested.some((id) => !grant.resources.includes(id)))
    throw invalidTarget('the resource asked for was not part of the grant')
  const ids = requested.length > 0 ? [...new Set(requested)] : grant.resources
  const resources = ids.map((id) => requireSameResource(id, grant, rooms))
  // Each was of the same shape as the others when the grant was made.
  requireOneShape(resources)
  return resources
}

function requireSameResource(id: string, grant: GrantRecord, rooms: GrantRooms): ResourceRecord {
  const resource = rooms.resources.find(id)
  if (!resource) throw invalidTarget(`resource ${id} does not exist any more`)
  if (isForPredecessor(resource, grant.createdAt)) {
    throw invalidTarget(`resource ${id} was deleted and created anew after this grant; start over with a new grant`)
  }
  return resource
}

/** Somebody uses a token that was used before: whether owner or thief, the family is over. */
function endReused(
  grant: GrantRecord,
  clientId: string,
  requestId: string,
  rooms: GrantRooms,
  now: Instant,
): Judgement {
  const reason = 'refresh token reuse'
  return {
    act: 'end',
    reason,
    deny: denyLiveGrant(grant, reason, 'system', now),
    event: rooms.audit.event('grant.reuse_detected', grant.sid, byClient(clientId, requestId)),
    error: invalidGrant(
      'this refresh token was used before; every token of its grant is revoked, start over with a new grant (keep only the newest refresh token)',
      { reason },
    ),
  }
}

async function mint(
  renewal: Renewal,
  grant: GrantRecord,
  { familyKey }: ParsedRefreshToken,
  { client, proofKey }: TokenRequest,
  rooms: GrantRooms,
): Promise<TokenSet> {
  const accessToken = await rooms.accessTokens.issue({
    ...renewal,
    clientId: client.clientId,
    sub: grant.sub,
    claims: { ...client.claims, ...grant.claims },
    sid: grant.sid,
    proofKey,
  })
  return {
    accessToken,
    alg: algOf(renewal.resources),
    isBound: proofKey !== undefined,
    expiresInSeconds: renewal.ttlSeconds,
    scope: renewal.scope,
    refreshToken: rooms.refreshTokens.encode(grant, familyKey),
  }
}

/** One text for every token that is not the caller's to use. */
const unknownToken = (reason: string): OAuthError =>
  invalidGrant('this refresh token is unknown, malformed or belongs to another client; start over with a new grant', {
    reason,
  })
