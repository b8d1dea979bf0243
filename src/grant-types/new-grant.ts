/**
 * The last phase of grant types that begin a grant: target, scope, gate, token. All of it is one plan. The plan is made
 * again in the turn in which the token is signed, because facts may change while the request waits.
 */
import { byClient } from '../audit.ts'
import { OFFLINE_ACCESS } from '../clients/client.ts'
import { fromSeconds, type Instant } from '../ground/clock.ts'
import { newGrant } from '../grants/grant.ts'
import { requireGrantType, requireMayIssue, requireDpopProof } from '../grants/may-issue.ts'
import { chooseResources, requireOneShape } from '../grants/target.ts'
import { narrowScope } from '../grants/scope.ts'
import { accessTokenTtl, type AccessTokenTerms } from '../tokens/access-token.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { SigningAlgorithm } from '../store/records/key.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import type { BeginningNeeds, TokenRequest, TokenSet } from './grant-type.ts'

/** The subject and the claims of the token. @throws OAuthError if the client may not ask for them now */
export type Description = (client: ClientRecord) => { sub: string; claims: Record<string, unknown> }

interface Plan extends AccessTokenTerms {
  client: ClientRecord
  /** Claims that are stored with the grant. */
  grantClaims: Record<string, unknown>
}

/** Issues an access token, and a refresh token where scope `offline_access` was asked for. */
export async function begin(
  grantType: string,
  describe: Description,
  request: TokenRequest,
  needs: BeginningNeeds,
): Promise<TokenSet> {
  const { caller, parameters, proof } = request
  const plan = (now: Instant): Plan => {
    const client = caller.current(now)
    requireGrantType(client, grantType)
    requireDpopProof(client, proof?.key)
    const { sub, claims } = describe(client)
    const resources = chooseResources(parameters.resources, client, needs.resources)
    requireOneShape(resources)
    const scope = narrowScope(parameters.scope, { client, sub, resources })
    requireMayIssue({ grantType, client, sub, resources }, needs.blacklist, now)
    return {
      client,
      clientId: client.clientId,
      sub,
      resources,
      scope,
      // The operator's own claims win over those that the client asserts.
      claims: { ...claims, ...client.claims },
      grantClaims: claims,
      proofKey: proof?.key,
      ttlSeconds: accessTokenTtl(client, resources, needs.lifetimes),
    }
  }
  const isOffline = parameters.scope?.includes(OFFLINE_ACCESS) ?? false
  if (!isOffline && !proof) return tokenSetOf(await needs.accessTokens.issue(plan))
  const first = plan(needs.store.now())
  await proof?.consume()
  return isOffline
    ? beginOffline(grantType, first, plan, request, needs)
    : tokenSetOf(await needs.accessTokens.issue(plan))
}

async function beginOffline(
  grantType: string,
  { client, sub, resources, scope, grantClaims, ttlSeconds }: Plan,
  plan: (now: Instant) => Plan,
  { requestId }: TokenRequest,
  { store, audit, accessTokens, refreshTokens, lifetimes, limitGrants: limit }: BeginningNeeds,
): Promise<TokenSet> {
  await accessTokens.passLine({ client_id: client.clientId, sub })
  const now = store.now()
  const accessExpiresAt = now + fromSeconds(ttlSeconds)
  const ids = resources.map(({ id }) => id)
  const grant = newGrant(
    { grantType, client, sub, resources: ids, scope, claims: grantClaims, accessExpiresAt },
    lifetimes,
    now,
  )
  const by = byClient(client.clientId, requestId)
  const { sid } = grant
  const { replaced, masterKeyId } = await store.createGrant(
    grant,
    {
      clientKey: client.key,
      limit,
      masterKeyId: () => refreshTokens.currentKeyId(),
      // A client or subject that was refused meanwhile hears that, and not that it may try again.
      judge: (at) => void plan(at),
    },
    audit.budgeted('grant.created', sid, by),
  )
  if (replaced !== undefined) audit.count('grant.replaced', by)
  const written = { at: now, endsBy: accessExpiresAt }
  const issued = await accessTokens.issue((later) => ({ ...plan(later), sid, written }))
  return { ...tokenSetOf(issued), refreshToken: refreshTokens.encode({ ...grant, masterKeyId }) }
}

/** The answer for an issued token (RFC 6749 §5.1). */
export const tokenSetOf = ({
  accessToken,
  terms: { resources, scope, proofKey, signIn },
  expiresInSeconds,
}: {
  accessToken: string
  terms: AccessTokenTerms
  expiresInSeconds: number
}): TokenSet => ({
  accessToken,
  alg: algOf(resources),
  isBound: proofKey !== undefined,
  expiresInSeconds,
  scope,
  isOfPerson: signIn !== undefined,
})

/** The algorithm that signs a token for these resources, which all have the same. */
function algOf([first]: ResourceRecord[]): SigningAlgorithm {
  if (!first) throw new Error('an access token needs a resource')
  return first.alg
}
