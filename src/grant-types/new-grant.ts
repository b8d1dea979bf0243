/** The shared last phase of grants that begin something: target, scope, gate, then mint. */
import { byClient } from '../audit.ts'
import { OFFLINE_ACCESS } from '../clients/client.ts'
import { fromSeconds } from '../ground/clock.ts'
import { newGrant } from '../grants/grant.ts'
import { requireMayIssue } from '../grants/may-issue.ts'
import { chooseResources } from '../grants/target.ts'
import { narrowScope } from '../grants/scope.ts'
import { accessTokenTtl } from '../tokens/access-token.ts'
import type { ResourceRecord, SigningAlgorithm } from '../store/store.ts'
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
  const scope = narrowScope(parameters.scope, { client, sub, resources })
  requireMayIssue({ grantType, client, sub, resources }, rooms.blacklist, now)

  const ttlSeconds = accessTokenTtl(client, resources, rooms.lifetimes)
  const claims = { ...client.claims, ...subjectClaims }
  const terms = { clientId: client.clientId, sub, resources, scope, claims, ttlSeconds, proofKey }
  const answer = { alg: algOf(resources), isBound: proofKey !== undefined, expiresInSeconds: ttlSeconds, scope }
  if (!scope.includes(OFFLINE_ACCESS)) return { ...answer, accessToken: await rooms.accessTokens.issue(terms) }

  const accessExpiresAt = now + fromSeconds(ttlSeconds)
  const ids = resources.map(({ id }) => id)
  const grant = newGrant(
    { client, sub, resources: ids, scope, claims: subjectClaims, accessExpiresAt },
    rooms.lifetimes,
    now,
  )
  await rooms.store.createGrant(
    grant,
    rooms.audit.event('grant.created', grant.sid, byClient(client.clientId, requestId)),
  )
  return {
    ...answer,
    accessToken: await rooms.accessTokens.issue({ ...terms, sid: grant.sid }),
    refreshToken: rooms.refreshTokens.encode(grant),
  }
}

/** What signs a token for these resources, which are all of one algorithm. */
export function algOf([first]: ResourceRecord[]): SigningAlgorithm {
  if (!first) throw new Error('an access token needs a resource')
  return first.alg
}
