/**
 * Decides whether a token is valid now, for introspection, revocation and our own API. Each time it checks signature,
 * time, key, token, grant, subject, client and resource.
 */
import { fromSeconds, isAhead, toSeconds } from '../ground/clock.ts'
import { REFRESH_TOKEN_PREFIX } from '../ground/looks-secret.ts'
import type { Blacklist } from '../blacklist/match.ts'
import type { ClientDirectory } from '../clients/directory.ts'
import { OPERATOR_CLIENT_ID } from '../clients/client.ts'
import { statusOf } from '../grants/grant.ts'
import { ADMIN_SCOPE, isForPredecessor } from '../resources/resource.ts'
import type { ResourceDirectory } from '../resources/directory.ts'
import type { GrantRecord } from '../store/records/grant.ts'
import type { Store } from '../store/store.ts'
import { issuedAt, type AccessTokenClaims, type AccessTokens } from './access-token.ts'
import type { RefreshTokens } from './refresh-token.ts'

export type AccessTokenState =
  | { active: true; claims: AccessTokenClaims; kid: string }
  | { active: false; reason: string; claims?: AccessTokenClaims }

export type RefreshTokenState =
  | { active: true; grant: GrantRecord }
  | { active: false; reason: string; grant?: GrantRecord }

const MOST_ADMINISTRATORS = 1000

/** @param scope as it stands in a token */
export const isAdministrators = (scope: string | undefined): boolean => (scope ?? '').split(' ').includes(ADMIN_SCOPE)

export class TokenState {
  /** Subjects whose rights stand in a token alone: no client, no user and no grant in the database tells them. */
  readonly #administrators = new Set<string>()
  readonly #store: Store
  readonly #accessTokens: AccessTokens
  readonly #refreshTokens: RefreshTokens
  readonly #clients: ClientDirectory
  readonly #resources: ResourceDirectory
  readonly #blacklist: Blacklist

  constructor(needs: {
    store: Store
    accessTokens: AccessTokens
    refreshTokens: RefreshTokens
    clients: ClientDirectory
    resources: ResourceDirectory
    blacklist: Blacklist
  }) {
    this.#store = needs.store
    this.#accessTokens = needs.accessTokens
    this.#refreshTokens = needs.refreshTokens
    this.#clients = needs.clients
    this.#resources = needs.resources
    this.#blacklist = needs.blacklist
  }

  /** Tells the two kinds of token apart by their form. Hints of callers are not needed (RFC 7009 §2.1). */
  isRefreshToken(token: string): boolean {
    return token.startsWith(REFRESH_TOKEN_PREFIX)
  }

  checkAccessToken(token: string): AccessTokenState {
    const verified = this.#accessTokens.verify(token)
    if (!verified.valid) return { active: false, reason: verified.reason }
    const { claims, kid } = verified
    const reason = this.#findKillSwitch(claims, kid) ?? this.#findEarliness(claims)
    if (reason !== undefined) return { active: false, reason, claims }
    if (this.#isForAdministration(claims)) this.#noteAdministrator(claims.sub)
    return { active: true, claims, kid }
  }

  /** Whether an administrator's token of this subject was seen by this process. */
  isAdministrator(sub: string): boolean {
    return this.#administrators.has(sub)
  }

  #isForAdministration({ aud, scope }: AccessTokenClaims): boolean {
    return isAdministrators(scope) && [aud].flat().includes(this.#resources.issuer)
  }

  #noteAdministrator(sub: string): void {
    if (this.#administrators.size < MOST_ADMINISTRATORS) this.#administrators.add(sub)
  }

  /** A clock that was ahead has issued tokens that would outlive all others; verifiers refuse them as well. */
  #findEarliness({ iat }: AccessTokenClaims): string | undefined {
    return isAhead(fromSeconds(iat), this.#store.now())
      ? 'it was issued by a clock that was ahead, and is not active before that time'
      : undefined
  }

  #findKillSwitch(claims: AccessTokenClaims, kid: string): string | undefined {
    const denying = this.#blacklist.findDenying({ ...claims, kid })
    if (denying)
      return `denied by blacklist entry ${denying.id} (${denying.kind})${denying.reason ? `: ${denying.reason}` : ''}`
    const client = this.#clients.find(claims.client_id)
    if (claims.client_id !== OPERATOR_CLIENT_ID && !client) return 'its client does not exist any more'
    if (client && client.disabledAt !== null) return 'its client is disabled'
    for (const id of [claims.aud].flat()) {
      const resource = this.#resources.find(id)
      if (!resource) return `its resource ${id} does not exist any more`
      if (isForPredecessor(resource, issuedAt(claims))) return `its resource ${id} was deleted, and created anew later`
      if (resource.disabledAt !== null) return `its resource ${id} is disabled`
    }
    return undefined
  }

  /** A refresh token is valid if `/token` would accept it: the current generation of a live family. */
  async checkRefreshToken(token: string): Promise<RefreshTokenState> {
    const parsed = this.#refreshTokens.parse(token)
    if (!parsed) return { active: false, reason: 'not a refresh token of this issuer' }
    const grant = await this.#store.findGrant(parsed.sid)
    if (!grant || !this.#refreshTokens.belongsTo(parsed, grant))
      return { active: false, reason: 'its grant does not exist any more' }
    const reason = this.#findGrantFault(grant, parsed.generation)
    return reason === undefined ? { active: true, grant } : { active: false, reason, grant }
  }

  #findGrantFault(grant: GrantRecord, generation: number): string | undefined {
    const status = statusOf(grant, this.#store.now())
    if (status === 'ended') return `its grant was ended: ${grant.endedReason ?? 'revoked'}`
    if (status === 'expired') return 'its grant has expired'
    if (generation !== grant.generation) return 'it was used and has a successor'
    const client = this.#clients.find(grant.clientId)
    if (!client || client.disabledAt !== null) return 'its client is disabled or deleted'
    if (!grant.resources.some((id) => this.#isOf(grant, id))) return 'its resources do not exist any more'
    const denied = this.#blacklist.findDenying({
      jti: '',
      sub: grant.sub,
      client_id: grant.clientId,
      sid: grant.sid,
      iat: toSeconds(grant.rotatedAt),
    })
    return denied && `denied by blacklist entry ${denied.id} (${denied.kind})`
  }

  #isOf(grant: GrantRecord, resourceId: string): boolean {
    const resource = this.#resources.find(resourceId)
    return resource !== undefined && !isForPredecessor(resource, grant.createdAt)
  }
}
