/**
 * The tokens of a grant that a person gave by signing in. The redemption of a code and every refresh issue them here, so
 * that both judge the same: the person, the client, the resources and the scope.
 */
import { OPENID } from '../clients/client.ts'
import { fromSeconds, type Instant } from '../ground/clock.ts'
import { requireMaySignIn, lowerPersonScope } from '../grants/person.ts'
import { claimsOfPerson, mappedClaims } from '../users/claims.ts'
import { accessTokenTtl, type AccessTokenTerms } from '../tokens/access-token.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { GrantSignIn } from '../store/records/authentication.ts'
import type { GrantRecord } from '../store/records/grant.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import type { Person } from '../store/records/user.ts'
import type { BeginningNeeds, TokenRequest } from './grant-type.ts'

/** A grant of a person, with the facts that were judged. */
export interface PersonTerms extends AccessTokenTerms {
  client: ClientRecord
  person: Person
}

type SignedInGrant = Pick<GrantRecord, 'sid' | 'scope'> & { sub: string; signIn: GrantSignIn }

/**
 * The content of the access token. The operator's own claims of the client win over those of the person.
 * @throws OAuthError if the person may not have it now
 */
export function termsOfPerson(
  { sid, scope, sub, signIn }: SignedInGrant,
  {
    client,
    person: found,
    resources,
  }: { client: ClientRecord; person: Person | undefined; resources: ResourceRecord[] },
  { parameters, proof }: TokenRequest,
  { lifetimes }: Pick<BeginningNeeds, 'lifetimes'>,
): PersonTerms {
  const person = requireMaySignIn(found, client)
  return {
    client,
    person,
    clientId: client.clientId,
    sub,
    sid,
    resources,
    scope: lowerPersonScope(parameters.scope, scope, { client, person, resources }),
    claims: {
      ...Object.assign({}, ...resources.map(({ claimMap }) => mappedClaims(claimMap, person))),
      ...client.claims,
    },
    proofKey: proof?.key,
    ttlSeconds: accessTokenTtl(client, resources, lifetimes),
    signIn,
  }
}

/**
 * The ID token beside an access token, where scope `openid` is part of it.
 * @param plan judges again, in the turn in which the token is signed
 */
export async function idTokenBeside(
  { accessToken, terms }: { accessToken: string; terms: AccessTokenTerms },
  { sessionId, signIn }: Pick<GrantRecord, 'sessionId' | 'signIn'>,
  nonce: string | null,
  plan: (now: Instant) => PersonTerms,
  { idTokens }: Pick<BeginningNeeds, 'idTokens'>,
): Promise<string | undefined> {
  if (!terms.scope.includes(OPENID) || signIn === null || sessionId === null) return undefined
  return idTokens.issue((now) => {
    const { client, person, scope, sub } = plan(now)
    const asked = { scope: client.idTokenClaims ? scope : [], requested: signIn.claims.idToken }
    const claims = claimsOfPerson(person, client, asked)
    return { client, sub, sessionId, authentication: signIn, claims, nonce, accessToken }
  })
}

/** When the access token of these terms ends. */
export const endOf = ({ ttlSeconds }: AccessTokenTerms, now: Instant): Instant => now + fromSeconds(ttlSeconds)
