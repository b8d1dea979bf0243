/**
 * The one gate before a token is issued, for every grant type and again at every refresh. It reads only memory, so it can
 * be asked under a family's lock.
 */
import type { Blacklist } from '../blacklist/match.ts'
import { updateCommand } from '../clients/update-command.ts'
import type { Instant } from '../ground/clock.ts'
import { SUBJECT_GRANT, mayRefresh } from '../clients/client.ts'
import {
  invalidClient,
  invalidDpopProof,
  invalidGrant,
  invalidTarget,
  unauthorizedClient,
  type OAuthError,
} from '../ground/errors.ts'
import type { ClientRecord } from '../store/records/client.ts'
import { isExpired, type GrantRecord } from '../store/records/grant.ts'
import type { ResourceRecord } from '../store/records/resource.ts'

export interface Issuance {
  grantType: string
  client: ClientRecord
  sub: string
  resources: ResourceRecord[]
  /** The existing grant through which tokens are issued. */
  grant?: GrantRecord | undefined
}

/** @throws OAuthError if no token may be issued; the exact reason goes to the log */
export function requireMayIssue(
  { grantType, client, sub, resources, grant }: Issuance,
  blacklist: Blacklist,
  now: Instant,
): void {
  if (client.disabledAt !== null) throw invalidClient('this client is disabled')
  if (grant) requireMayRefresh(client, grant)
  else requireGrantType(client, grantType)

  const disabled = resources.find(({ disabledAt }) => disabledAt !== null)
  if (disabled) throw invalidTarget(`resource ${disabled.id} is disabled`)

  if (grant) requireLive(grant, now)

  // The same text for client and subject: a client must not learn whether a person is on the blacklist.
  const refused = (what: string): OAuthError =>
    invalidGrant(
      'issuing was refused for this client or subject; its administrator finds the reason under the request id',
      {
        reason: `${what} is on the blacklist`,
      },
    )
  if (blacklist.findRefusing('client_id', client.clientId)) throw refused('the client')
  if (blacklist.findRefusing('sub', sub)) throw refused('the subject')
}

/** @throws OAuthError `invalid_dpop_proof` where each token request of the client needs a proof (RFC 9449 §5.2). */
export function requireDpopProof(client: ClientRecord, proofKey: string | undefined): void {
  if (client.dpopBoundAccessTokens && proofKey === undefined)
    throw invalidDpopProof('this client is registered with dpop_bound_access_tokens: send a proof in the header DPoP')
}

/** @throws OAuthError `invalid_grant` where the grant is over. */
export function requireLive(grant: GrantRecord, now: Instant): void {
  if (grant.endedAt !== null) {
    throw invalidGrant('this refresh token was revoked; start over with a new grant', {
      reason: `grant ended: ${grant.endedReason ?? 'unknown'}`,
    })
  }
  if (isExpired(grant, now)) throw invalidGrant('this refresh token has expired; start over with a new grant')
}

/** @throws OAuthError `unauthorized_client` where the client is not registered for the grant. */
export function requireGrantType(client: ClientRecord, grantType: string): void {
  if (client.grantTypes.includes(grantType)) return
  throw notRegisteredFor(client, grantType)
}

/**
 * A refresh needs the right to the grant type that began the grant: a client that has lost this right can refresh none
 * of these grants. A grant in the client's own name needs the grant type `refresh_token` as well. The subject grant
 * includes the right to refresh for its persons.
 * @throws OAuthError `unauthorized_client`
 */
export function requireMayRefresh(client: ClientRecord, grant?: Pick<GrantRecord, 'grantType' | 'sub'>): void {
  if (!mayRefresh(client, grant?.sub)) throw notRegisteredFor(client, 'refresh_token')
  if (grant) requireGrantType(client, beginningOf(grant, client))
}

/** Older versions did not store the grant type. They knew two: in the client's own name, and for a person. */
const beginningOf = ({ grantType, sub }: Pick<GrantRecord, 'grantType' | 'sub'>, { clientId }: ClientRecord): string =>
  grantType !== '' ? grantType : sub === clientId ? 'client_credentials' : SUBJECT_GRANT

const notRegisteredFor = (client: ClientRecord, grantType: string): OAuthError =>
  unauthorizedClient(
    `this client is not registered for the grant "${grantType}": ${updateCommand(client.clientId, '--grant', [grantType, ...client.grantTypes])}`,
  )
