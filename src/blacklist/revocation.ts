/**
 * THE list of what a revocation ends: a token, a grant with its family, all tokens of a subject or client, a key. It says
 * which entry an act makes, and who may lift the entry. The store composes the entry inside the write.
 */
import type { Actor, AuditTrail } from '../audit.ts'
import { fromSeconds, type Instant } from '../ground/clock.ts'
import { RateLimited, conflict, insufficientScope, invalidRequest, notFound } from '../ground/errors.ts'
import { looksSecret } from '../ground/looks-secret.ts'
import { wordOr } from '../ground/shell-word.ts'
import type { KeyRotation } from '../keys/rotation.ts'
import type {
  BlacklistCause,
  BlacklistEntry,
  Moment,
  NamedRights,
  NewBlacklistEntry,
  OwnDenials,
} from '../store/records/blacklist.ts'
import type { GrantDenial, GrantRecord } from '../store/records/grant.ts'
import type { SigningKeyRecord } from '../store/records/key.ts'
import type { Store } from '../store/store.ts'
import { signInsEndedView, type SignInsEnded } from '../store/records/session.ts'
import { carriesOwnPermission } from '../store/records/user.ts'
import { OWN_CAUSES, causeOf } from '../store/records/blacklist.ts'
import { denyAndRefuse, denyKey, denyUntil, denyUpToNow, type Origin } from './entry.ts'
import type { Blacklist } from './match.ts'

export type Denial = {
  kind: 'jti' | 'sid' | 'sub' | 'client_id'
  value: string
  reason?: string | null | undefined
  /** Ends the entry before what it names would have expired. */
  expiresAt?: Instant | null | undefined
  /** When the named token expires, where that is known. */
  tokenExpiresAt?: Instant | undefined
  /** Whether the named token is an administrator's, where that is known. */
  isAdministrators?: boolean | undefined
}

export interface EverythingEnded extends SignInsEnded {
  /** Grants. */
  ended: number
  /** Grants that had a live access token, which is denied. */
  denied: number
}

/** Standing entries that one holder of `signet:blacklist` may have. */
const MOST_POSTED = 10_000

/** How many writes may be on their way while memory counts. Nearer than this to a limit, the database counts. */
const ON_THEIR_WAY = 256

/** Grants or sessions that one write ends when all of them end. */
const ENDED_A_PAGE = 1000

const BY_ADMINISTRATOR = 'revoked by administrator'

/** How to undo the act of each cause. Causes that are not here cannot be undone. */
const UNDONE_BY: Partial<Record<BlacklistCause, (entry: BlacklistEntry) => string>> = {
  client_disabled: ({ value }) => `this entry ends with what made it: signet client enable ${wordOr('ID', value)}`,
  user_disabled: ({ value }) =>
    `this entry ends with what made it: POST /admin/api/users/${encodeURIComponent(value)}/enable`,
  key_revoked: () => 'a revoked key stays revoked: its entry ends after 30 days, by itself',
}

const STAYS = 'what this entry denies was ended for good: the entry ends by itself when the last such token has expired'

interface Needs {
  store: Store
  rotation: KeyRotation
  audit: AuditTrail
  blacklist: Blacklist
  /** How many denials of its own tokens a client may leave behind. */
  limitDenials: number
  /** Whether the name is an administrator's by a fact that the database does not hold. */
  isAdministrators(name: string): boolean
  /** Whether clients and tokens with this scope are an administrator's. */
  isAdministratorsScope(scope: string[]): boolean
}

/** The acts that deny tokens and end grants, and the acts that undo them. */
export class Revocation {
  readonly #needs: Needs

  constructor(needs: Needs) {
    this.#needs = needs
  }

  /** Denies one access token of the client that asks, until it would have expired; once is enough. @param exp seconds */
  async revokeAccessToken({ jti, exp }: { jti: string; exp: number }, by: Actor): Promise<void> {
    const { store, audit, blacklist } = this.#needs
    if (blacklist.isListedBy(by.id, 'jti', jti)) return
    const origin: Origin = { cause: 'revocation', reason: 'revoked by client', by }
    const event = audit.budgeted('token.revoked', jti, by)
    await store.addBlacklistEntry(
      { kind: 'jti', value: jti },
      (moment) => denyUntil('jti', jti, fromSeconds(exp), origin, moment),
      { event: () => event, own: this.ownDenials(by) },
    )
  }

  /** Ends a grant: its refresh tokens for good, its live access tokens here and downstream. */
  async endGrant(sid: string, by: Actor, given?: string): Promise<'ended' | 'already' | 'unknown'> {
    const { store, audit } = this.#needs
    const isOwn = by.kind === 'client' && !by.isAdministrator
    const reason = given ?? (isOwn ? 'revoked by client' : BY_ADMINISTRATOR)
    const deny = denyGrant({ cause: isOwn ? 'revocation' : 'grant_ended', reason, by })
    const details = { details: { reason } }
    if (!isOwn)
      return store.endGrant(sid, reason, deny, { event: audit.event('grant.ended', sid, { ...by, ...details }) })
    const event = audit.budgeted('grant.ended', sid, by, details)
    return store.endGrant(sid, reason, deny, { event, own: this.ownDenials(by) })
  }

  /** Ends one of many grants that an operator ends together: it may have to wait for the others. */
  endGrantOfMany(sid: string, by: Actor, reason: string): Promise<'ended' | 'already' | 'unknown'> {
    const { store, audit } = this.#needs
    const event = audit.event('grant.ended', sid, { ...by, details: { reason } })
    const deny = denyGrant({ cause: 'grant_ended', reason, by })
    return store.endGrant(sid, reason, deny, { event, isOfOperator: true })
  }

  /**
   * Ends every session and grant that was made so far, and everything else by which somebody could sign in. It does so a page
   * at a time, so that other writes have their turn between the pages.
   * @returns how many of each ended, and how many of the grants had a live access token
   */
  async endEverything(by: Actor, reason = BY_ADMINISTRATOR): Promise<EverythingEnded> {
    // Sessions first: a grant that one of them begins until then ends with the others.
    const signIns = await this.#endSignIns(by, reason)
    return { ...signIns, ...(await this.#endGrants(by, reason)) }
  }

  async #endSignIns(by: Actor, reason: string): Promise<SignInsEnded> {
    const { store, audit } = this.#needs
    const endPage = (after: string, madeUntil?: Instant) =>
      store.endSignIns({ madeUntil, after, limit: ENDED_A_PAGE }, reason, (found) =>
        audit.event('sessions.ended', 'all', { ...by, details: { reason, ...signInsEndedView(found) } }),
      )
    let { after, madeUntil, ...sum } = await endPage('')
    while (after !== undefined) {
      const page = await endPage(after, madeUntil)
      sum = { ...sum, sessions: sum.sessions + page.sessions }
      after = page.after
    }
    return sum
  }

  async #endGrants(by: Actor, reason: string): Promise<{ ended: number; denied: number }> {
    const { store, audit } = this.#needs
    let madeUntil: Instant | undefined
    const deny = denyGrant({ cause: 'grant_ended', reason, by })
    const sum = { ended: 0, denied: 0 }
    for (let after: string | undefined = ''; after !== undefined;) {
      const page = { madeUntil, after, limit: ENDED_A_PAGE }
      const found = await store.endGrants(page, reason, deny, ({ ended, denied }) =>
        audit.event('grants.ended', 'all', { ...by, details: { reason, ended, denied } }),
      )
      sum.ended += found.ended
      sum.denied += found.denied
      madeUntil = found.madeUntil
      after = found.after
    }
    return sum
  }

  /**
   * Puts something on the blacklist. Grants that it names are over for good, lifted or not.
   * @throws OAuthError `invalid_request` for a token or secret in the place of a name: everybody who lists entries would see it
   */
  async deny(denial: Denial, by: Actor): Promise<BlacklistEntry> {
    if (looksSecret(denial.value) && !(await this.#isName(denial)))
      throw invalidRequest(
        `${denial.kind}: this is a token or secret, and nothing has it for a name; name a token as token, and a secret is ended by: signet client rotate-secret ID`,
      )
    return this.#add(denial, { cause: 'blacklist', reason: denial.reason ?? null, by })
  }

  /** Whether a client, or a person of whom a grant tells, has this name: backends and older versions took names of any look. */
  async #isName({ kind, value }: Denial): Promise<boolean> {
    const { store } = this.#needs
    if (kind === 'client_id') return (await store.findClient(value)) !== undefined
    return kind === 'sub' && (await store.findSubject(value)) !== undefined
  }

  /** Disables a person: ends what they have, and refuses them new tokens until they are enabled. */
  async disableUser(sub: string, by: Actor): Promise<void> {
    // Another entry that refuses the person may be lifted, so this act makes an entry of its own.
    if (this.#needs.blacklist.listRefusing('sub', sub).some(({ cause }) => cause === 'user_disabled')) return
    await this.#add({ kind: 'sub', value: sub }, { cause: 'user_disabled', reason: 'user disabled', by })
  }

  /** Enables a person again. It lifts what `disableUser` made; entries that were posted stand. */
  async enableUser(sub: string, by: Actor): Promise<void> {
    for (const { id, cause } of this.#needs.blacklist.listRefusing('sub', sub))
      if (cause === 'user_disabled') await this.#remove(id, () => {}, by)
  }

  async #add(denial: Denial, origin: Origin): Promise<BlacklistEntry> {
    const { kind, value } = denial
    const { by } = origin
    const { store, audit, blacklist } = this.#needs
    const isBounded = by.kind === 'client' && !by.isAdministrator
    const isNear = isBounded && blacklist.countOwned(by.id, 'blacklist') >= MOST_POSTED - ON_THEIR_WAY
    if (isBounded && blacklist.countOwned(by.id, 'blacklist') >= MOST_POSTED + ON_THEIR_WAY) throw tooMany(by.id)
    const most = { limit: MOST_POSTED, refuse: () => tooMany(by.id) }
    return store.addBlacklistEntry({ kind, value }, (moment, grant) => composeEntry(denial, grant, origin, moment), {
      event: ({ id }) => audit.event('blacklist.added', id, { ...by, details: { kind } }),
      ...(isNear && { most }),
      ...(!by.isAdministrator && { mayDeny: (rights) => this.#requireRightToDeny(denial, rights) }),
    })
  }

  /**
   * Asked inside the write, because a group or a scope may have been given since the request came.
   * @throws OAuthError 403 where only an administrator may stop an administrator.
   */
  #requireRightToDeny({ kind, value, isAdministrators }: Denial, { scopes, permissions }: NamedRights): void {
    const needs = this.#needs
    const isNamed = (kind === 'sub' || kind === 'client_id') && needs.isAdministrators(value)
    const isByRight = needs.isAdministratorsScope(scopes) || carriesOwnPermission({ permissions })
    if (!isAdministrators && !isNamed && !isByRight) return
    throw insufficientScope(`this ${kind} is an administrator's: stopping it needs scope signet:admin`)
  }

  /**
   * Revokes a compromised signing key: out of the JWKS at once, every token that it signed denied.
   * @returns the key as it was before, and when the last token that we signed with it will have ended.
   * @throws OAuthError 404, or 409 where it is revoked already.
   */
  async revokeKey(kid: string, by: Actor): Promise<{ before: SigningKeyRecord; lastExpiry: Instant }> {
    const { rotation, store } = this.#needs
    const origin: Origin = { cause: 'key_revoked', reason: 'signing key revoked', by }
    const deny = (key: SigningKeyRecord, moment: Moment) => denyKey(kid, key.signedUntil, origin, moment)
    const revoked = await rotation.revoke(kid, deny, by)
    if (revoked.outcome === 'unknown') throw notFound('this key')
    if (revoked.outcome === 'already') throw conflict('this key is revoked already')
    return { before: revoked.before, lastExpiry: Math.max(revoked.before.signedUntil, store.now()) }
  }

  /** Lifts an entry that was posted. @throws OAuthError 404, or 409 for an entry of another act, which only its undoing ends */
  async lift(id: string, by: Actor): Promise<void> {
    await this.#remove(id, requirePosted, by)
  }

  async #remove(id: string, mayLift: (entry: BlacklistEntry) => void, by: Actor): Promise<void> {
    const { store, audit } = this.#needs
    const outcome = await store.removeBlacklistEntry(id, mayLift, audit.event('blacklist.removed', id, by))
    if (outcome === 'unknown') throw notFound('this blacklist entry')
  }

  /** The quota of a client that denies its own tokens; `undefined` while the client is far below it. */
  ownDenials(by: Actor): OwnDenials | undefined {
    const { limitDenials: limit, blacklist } = this.#needs
    const standing = OWN_CAUSES.reduce((sum, cause) => sum + blacklist.countOwned(by.id, cause), 0)
    if (by.kind !== 'client' || standing < limit - ON_THEIR_WAY) return undefined
    const origin: Origin = { cause: 'quota', reason: 'more denials of its own tokens than are kept one by one', by }
    return {
      limit,
      everything: (moment, line) =>
        denyUpToNow('client_id', by.id, { heardLate: false, atLeast: line }, origin, moment),
    }
  }
}

/** Only posted entries are lifted by their id. Others end when their act is undone, or by themselves. */
function requirePosted(entry: BlacklistEntry): void {
  const cause = causeOf(entry)
  if (cause === 'blacklist') return
  throw conflict(UNDONE_BY[cause]?.(entry) ?? STAYS)
}

/** Without a given end, an entry stands as long as a token that it names could live. */
function composeEntry(
  { kind, value, expiresAt = null, tokenExpiresAt }: Denial,
  grant: GrantRecord | undefined,
  origin: Origin,
  moment: Moment,
): NewBlacklistEntry {
  if (kind === 'sub' || kind === 'client_id') return denyAndRefuse(kind, value, expiresAt, origin, moment)
  const allDead = tokenExpiresAt ?? grant?.accessExpiresAt ?? moment.latestExpiry
  const entry = denyUntil(kind, value, Math.max(allDead, expiresAt ?? 0), origin, moment)
  return expiresAt === null ? entry : { ...entry, expiresAt, deniesUntil: expiresAt }
}

/**
 * Denies the access tokens of one grant as long as one can live. The entry is made even if all tokens seem expired: if
 * this clock is ahead, they are valid again once it is corrected. An entry that denies no token is swept after a day.
 */
const denyGrant =
  (origin: Origin): GrantDenial =>
  ({ sid, accessExpiresAt }, moment) =>
    denyUntil('sid', sid, accessExpiresAt, origin, moment)

const tooMany = (owner: string): RateLimited =>
  new RateLimited(
    `${owner} has ${MOST_POSTED} entries on the blacklist: lift some, or name the sub or client_id instead of each token`,
    { policy: 'blacklist-entries', quota: MOST_POSTED, windowSeconds: 60, retryAfterSeconds: 60 },
  )
