/** The shared last phase of grants that begin something: target, scope, gate, then mint. */
import { OFFLINE_ACCESS } from '../clients/client.ts'
import { fromSeconds } from '../clock.ts'
import { newGrant } from '../grants/grant.ts'
import { requireMayIssue } from '../grants/may-issue.ts'
import { chooseResources } from '../grants/target.ts'
import { narrowScope } from '../grants/scope.ts'
import { accessTokenTtl } from '../tokens/access-token.ts'
import type { GrantRooms, TokenRequest, TokenSet } from './grant-type.ts'

/**
 * Issues an access token for a subject, and a refresh token where scope `offline_access` was asked for.
 * @param subjectClaims stay with the grant and are in every token of it.
 */
export async function issueForSubject(
  grantType: string,
  { sub, subjectClaims }: { sub: string; subjectClaims: Record<string, unknown> },
  { client, parameters, requestId, proofKey }: TokenRequest,
  rooms: GrantRooms,
): Promise<TokenSet> {
  const now = rooms.store.now()
  const resources = chooseResources(parameters.resources, client, rooms.resources)
  const scope = narrowScope(parameters.scope, client, resources)
  requireMayIssue({ grantType, client, sub, resources }, rooms.blacklist, now)

  const ttlSeconds = accessTokenTtl(client, resources, rooms.lifetimes)
  const claims = { ...client.claims, ...subjectClaims }
  const terms = { clientId: client.clientId, sub, resources, scope, claims, ttlSeconds, proofKey }
  const isBound = proofKey !== undefined
  if (!scope.includes(OFFLINE_ACCESS)) {
    return { accessToken: await rooms.accessTokens.issue(terms), isBound, expiresInSeconds: ttlSeconds, scope }
  }

  const accessExpiresAt = now + fromSeconds(ttlSeconds)
  const ids = resources.map(({ id }) => id)
  const grant = newGrant(
    { client, sub, resources: ids, scope, claims: subjectClaims, accessExpiresAt },
    rooms.lifetimes,
    now,
  )
  await rooms.store.createGrant(
    grant,
    rooms.audit.event('grant.created', grant.sid, { actor: client.clientId, requestId }),
  )
  return {
    accessToken: await rooms.accessTokens.issue({ ...terms, sid: grant.sid }),
    isBound,
    expiresInSeconds: ttlSeconds,
    scope,
    refreshToken: rooms.refreshTokens.encode(grant),
  }
}
