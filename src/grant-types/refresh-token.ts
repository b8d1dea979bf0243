/**
 * `refresh_token` (RFC 6749 §6, RFC 9700 §4.14.2). The order of the checks: an authentic token, its own client, the
 * rotation rule, the gate, a scope that is not wider. Only then is the token consumed. The family is read and written
 * under one lock. The gate is asked again when the access token is signed.
 */
import { byClient } from '../audit.ts'
import { fromSeconds, type Instant } from '../ground/clock.ts'
import { invalidGrant, invalidRequest, invalidTarget, type OAuthError } from '../ground/errors.ts'
import type { Traffic } from '../ground/traffic.ts'
import { idleEnd } from '../grants/grant.ts'
import { requireMayIssue, requireMayRefresh, requireDpopProof } from '../grants/may-issue.ts'
import { lowerScope } from '../grants/scope.ts'
import { findNamed, registeredResources, requireOneShape } from '../grants/target.ts'
import { isForPredecessor } from '../resources/resource.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { GrantRecord } from '../store/records/grant.ts'
import type { RotationOutcome, RotationVerdict } from '../store/records/rotation.ts'
import type { GrantSignIn } from '../store/records/authentication.ts'
import type { Person } from '../store/records/user.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import { accessTokenTtl, type AccessTokenTerms } from '../tokens/access-token.ts'
import { judgeRotation } from '../tokens/refresh-rotation.ts'
import type { ParsedRefreshToken } from '../tokens/refresh-token.ts'
import type { BeginningNeeds, GrantType, TokenRequest } from './grant-type.ts'
import { tokenSetOf } from './new-grant.ts'
import { idTokenBeside, termsOfPerson, type PersonTerms } from './person-grant.ts'
import { endReused, type ReuseNeeds } from './reuse.ts'

const grantType = 'refresh_token'

export interface RefreshNeeds extends Omit<BeginningNeeds, 'limitGrants' | 'clients'>, ReuseNeeds {
  traffic: Traffic
}

const REUSED = {
  action: 'grant.reuse_detected',
  reason: 'refresh token reuse',
  description:
    'this refresh token was used before; every token of its grant is revoked, start over with a new grant (keep only the newest refresh token)',
}

const COUNTED_AS = {
  rotated: 'rotated',
  repeated: 'repeated',
  ended: 'reused',
  refused: 'refused',
  unknown: 'refused',
} as const satisfies Record<RotationOutcome['outcome'], keyof Traffic['refreshes']>

export const refreshToken: GrantType<RefreshNeeds> = {
  grantType,
  async run(request, needs) {
    const { refreshes } = needs.traffic
    const token = await readToken(request, needs).catch((error: unknown) => {
      refreshes.refused += 1
      throw error
    })
    // A denial of everything up to now by the client's own quota ends no family: its next token is dated after it.
    await needs.accessTokens.passLine({ client_id: request.caller.client.clientId, sub: '' })
    const rotation = await needs.store.rotateGrant(token.sid, (grant, now, person) =>
      decide(token, grant, { ...request, person }, needs, now),
    )
    refreshes[COUNTED_AS[rotation.outcome]] += 1
    if (rotation.outcome === 'unknown') throw unknownToken('its grant does not exist any more')
    if (rotation.outcome === 'refused' || rotation.outcome === 'ended') throw rotation.error
    const { grant, person, at } = rotation
    // As the write has read the person. What is taken away later denies a token of this date.
    const asked = { ...request, person }
    const written = { at, endsBy: grant.accessExpiresAt }
    const issued = await needs.accessTokens.issue((now) => ({ ...renewal(grant, asked, needs, now), written }))
    const idToken = await idTokenOf(issued, grant, asked, needs)
    return {
      ...tokenSetOf(issued),
      refreshToken: needs.refreshTokens.encode(grant, token),
      ...(idToken !== undefined && { idToken }),
    }
  },
}

/** A request with the person who gave the grant, as the write reads it; absent where no person signed in. */
interface PersonRequest extends TokenRequest {
  person: Person | undefined
}

/** A new ID token has the `sub`, `auth_time` and `sid` of the first one (OIDC Core §12.2). */
async function idTokenOf(
  issued: { accessToken: string; terms: AccessTokenTerms },
  grant: GrantRecord,
  asked: PersonRequest,
  needs: RefreshNeeds,
): Promise<string | undefined> {
  const { signIn } = grant
  if (signIn === null) return undefined
  return idTokenBeside(issued, grant, null, (now) => renewalOfPerson({ ...grant, signIn }, asked, needs, now), needs)
}

/** Makes the checks that need no lock. @throws OAuthError */
async function readToken(
  { caller, parameters, proof }: TokenRequest,
  needs: RefreshNeeds,
): Promise<ParsedRefreshToken> {
  requireMayRefresh(caller.client)
  if (parameters.refreshToken === undefined) throw invalidRequest('refresh_token is missing')
  const token = needs.refreshTokens.parse(parameters.refreshToken)
  if (!token) throw unknownToken('the refresh token was not made by this issuer')
  if (!proof) return token
  // A proof costs a row until it expires. It is consumed for a token of this client's own alone: anybody can name a
  // public client, and must not be able to fill the disk by that.
  const grant = await needs.store.findGrant(token.sid)
  if (!grant) throw unknownToken('its grant does not exist any more')
  requireOwn(token, grant, caller.client, needs)
  await proof.consume()
  return token
}

function decide(
  token: ParsedRefreshToken,
  grant: GrantRecord,
  request: PersonRequest,
  needs: RefreshNeeds,
  now: Instant,
): RotationVerdict {
  return judgeRotation(grant, now, () => {
    // Read again under the lock: the client may have been disabled or deleted since it authenticated.
    const client = request.caller.current(now)
    requireOwn(token, grant, client, needs)
    return {
      generation: token.generation,
      graceSeconds: client.refreshGrace ?? needs.lifetimes.refreshGraceSeconds,
      endReused: () => endReused(grant.sid, byClient(client.clientId, request.requestId), REUSED, needs),
      renew() {
        const { ttlSeconds } = renewal(grant, request, needs, now)
        needs.accessTokens.requireNoLine({ client_id: client.clientId, sub: grant.sub }, now)
        return {
          accessExpiresAt: now + fromSeconds(ttlSeconds),
          idleExpiresAt: idleEnd(client, now),
          // The write is made in any case, so the family moves to the current master key with it.
          masterKeyId: needs.refreshTokens.nextKeyId(grant),
        }
      },
    }
  })
}

function requireOwn(
  token: ParsedRefreshToken,
  grant: GrantRecord,
  { clientId }: ClientRecord,
  { refreshTokens }: RefreshNeeds,
): void {
  if (!refreshTokens.belongsTo(token, grant)) throw unknownToken('family secret or master key differ from the database')
  if (grant.clientId !== clientId) throw unknownToken(`it was issued to client ${grant.clientId}`)
}

/** The content of the access token of a refresh. @throws OAuthError if no token may be issued now */
function renewal(grant: GrantRecord, asked: PersonRequest, needs: RefreshNeeds, now: Instant): AccessTokenTerms {
  const { sub, sid, signIn } = grant
  if (signIn !== null) return renewalOfPerson({ ...grant, signIn }, asked, needs, now)
  const { parameters, proof } = asked
  const { client, resources } = judged(grant, asked, needs, now)
  return {
    clientId: client.clientId,
    sub,
    sid,
    resources,
    scope: lowerScope(parameters.scope, grant.scope, { client, sub, resources }),
    claims: { ...assertable(grant.claims, client), ...client.claims },
    proofKey: proof?.key,
    ttlSeconds: accessTokenTtl(client, resources, needs.lifetimes),
  }
}

type SignedInGrant = GrantRecord & { signIn: GrantSignIn }

/** The same for a grant that a person gave by signing in. */
function renewalOfPerson(grant: SignedInGrant, asked: PersonRequest, needs: RefreshNeeds, now: Instant): PersonTerms {
  const { proofKey } = grant.signIn
  if (proofKey !== null && asked.proof?.key !== proofKey)
    throw unknownToken('it is bound to a key that was not proved (RFC 9449 §5)')
  return termsOfPerson(grant, { ...judged(grant, asked, needs, now), person: asked.person }, asked, needs)
}

/** The client and resources of a grant, as they may be used now. @throws OAuthError */
function judged(
  grant: GrantRecord,
  { caller, parameters, proof }: TokenRequest,
  needs: RefreshNeeds,
  now: Instant,
): { client: ClientRecord; resources: ResourceRecord[] } {
  const client = caller.current(now)
  const resources = narrowResources(parameters.resources, grant, needs)
  requireMayIssue({ grantType, client, sub: grant.sub, resources, grant }, needs.blacklist, now)
  requireDpopProof(client, proof?.key)
  const registered = registeredResources(client, needs.resources.issuer)
  const dropped = resources.find(({ id }) => !registered.includes(id))
  if (dropped) throw invalidTarget(`resource ${dropped.id} is no longer registered for this client`)
  return { client, resources }
}

/** The claims that the client may still assert. A withdrawn claim is in no new token. */
function assertable(claims: Record<string, unknown>, { allowedClaims }: ClientRecord): Record<string, unknown> {
  const entries = Object.entries(claims)
  const allowed = entries.filter(([name]) => allowedClaims.includes(name))
  return allowed.length === entries.length ? claims : Object.fromEntries(allowed)
}

/** The grant's resources, or some of them (RFC 8707 §2.2). */
function narrowResources(requested: string[], grant: GrantRecord, needs: RefreshNeeds): ResourceRecord[] {
  const named = requested.flatMap((id) => findNamed(id, grant.resources) ?? [])
  if (named.length < requested.length) throw invalidTarget('the resource asked for was not part of the grant')
  const ids = named.length > 0 ? [...new Set(named)] : grant.resources
  const resources = ids.map((id) => requireSameResource(id, grant, needs))
  // Each was of the same shape as the others when the grant was made.
  requireOneShape(resources)
  return resources
}

function requireSameResource(id: string, grant: GrantRecord, needs: RefreshNeeds): ResourceRecord {
  const resource = needs.resources.find(id)
  if (!resource) throw invalidTarget(`resource ${id} does not exist any more`)
  if (isForPredecessor(resource, grant.createdAt)) {
    throw invalidTarget(`resource ${id} was deleted and created anew after this grant; start over with a new grant`)
  }
  return resource
}

/** The same text for every token that the caller may not use. */
const unknownToken = (reason: string): OAuthError =>
  invalidGrant('this refresh token is unknown, malformed or belongs to another client; start over with a new grant', {
    reason,
  })
