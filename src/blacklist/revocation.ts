/** What dies when something is revoked: a token, a grant with its family, everything of a subject or client. */
import type { Actor, AuditTrail } from '../audit.ts'
import { denyAndRefuse, denyKey, denyUntil } from './entry.ts'
import type { Blacklist } from './match.ts'
import { CLOCK_SKEW_SECONDS, fromSeconds, type Instant } from '../ground/clock.ts'
import { conflict, notFound } from '../ground/errors.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import {
  CREATED_BY_DISABLING,
  type AuditEvent,
  type BlacklistEntry,
  type GrantRecord,
  type NewBlacklistEntry,
  type SigningKeyRecord,
  type Store,
} from '../store/store.ts'

export type Denial = {
  kind: 'jti' | 'sid' | 'sub' | 'client_id'
  value: string
  reason?: string | null | undefined
  /** Ends the entry before what it names would have expired. */
  expiresAt?: Instant | null | undefined
  /** When the named token expires, where that is known. */
  tokenExpiresAt?: Instant | undefined
}

export class Revocation {
  readonly #store: Store
  readonly #keys: KeyRing
  readonly #audit: AuditTrail
  readonly #blacklist: Blacklist

  constructor(rooms: { store: Store; keys: KeyRing; audit: AuditTrail; blacklist: Blacklist }) {
    this.#store = rooms.store
    this.#keys = rooms.keys
    this.#audit = rooms.audit
    this.#blacklist = rooms.blacklist
  }

  /** Denies one access token until it would have expired; once is enough. @param exp seconds */
  async revokeAccessToken(token: { jti: string; exp: number }, by: Actor, reason: string): Promise<void> {
    if (this.#blacklist.isListedBy(by.id, 'jti', token.jti)) return
    const entry = denyUntil('jti', token.jti, fromSeconds(token.exp), {
      reason,
      createdBy: by.id,
      now: this.#store.now(),
    })
    await this.#store.addBlacklistEntry(entry, this.#audit.event('token.revoked', token.jti, by))
  }

  /** Ends a grant: its refresh tokens for good, its live access tokens here and downstream. */
  async endGrant(sid: string, reason: string, by: Actor): Promise<'ended' | 'already' | 'unknown'> {
    const deny = (grant: GrantRecord, now: Instant) => denyLiveGrant(grant, reason, by.id, now)
    const event = this.#audit.event('grant.ended', sid, { ...by, details: { reason } })
    const outcome = await this.#store.endGrant(sid, reason, deny, event)
    const isDenied = this.#blacklist.isListedBy(by.id, 'sid', sid)
    if (outcome === 'already' && !isDenied) await this.#denyEnded(sid, deny, event)
    return outcome
  }

  /** An entry of somebody else's had ended the grant; its access tokens must not outlive that entry. */
  async #denyEnded(
    sid: string,
    deny: (grant: GrantRecord, now: Instant) => NewBlacklistEntry,
    event: AuditEvent,
  ): Promise<void> {
    const grant = await this.#store.findGrant(sid)
    const now = this.#store.now()
    if (grant && mayBeAccepted(grant, now)) await this.#store.addBlacklistEntry(deny(grant, now), event)
  }

  /** Puts something on the blacklist. Grants that it names are over for good, lifted or not. */
  async deny(
    { kind, value, reason = null, expiresAt = null, tokenExpiresAt }: Denial,
    by: Actor,
  ): Promise<BlacklistEntry> {
    const origin = { reason, createdBy: by.id, now: this.#store.now() }
    const entry =
      kind === 'sub' || kind === 'client_id'
        ? denyAndRefuse(kind, value, { expiresAt, latestExpiry: await this.#keys.findLatestExpiry() }, origin)
        : await this.#denyOne(kind, value, { expiresAt, tokenExpiresAt }, origin)
    return this.#store.addBlacklistEntry(
      entry,
      this.#audit.event('blacklist.added', entry.id, { ...by, details: { kind } }),
    )
  }

  /** Without a given end, an entry stands as long as what it names could live. */
  async #denyOne(
    kind: 'jti' | 'sid',
    value: string,
    { expiresAt, tokenExpiresAt }: { expiresAt: Instant | null; tokenExpiresAt: Instant | undefined },
    origin: { reason: string | null; createdBy: string; now: Instant },
  ): Promise<NewBlacklistEntry> {
    const grant = kind === 'sid' ? await this.#store.findGrant(value) : undefined
    const allDead = tokenExpiresAt ?? grant?.accessExpiresAt ?? (await this.#keys.findLatestExpiry())
    const entry = denyUntil(kind, value, Math.max(allDead, expiresAt ?? 0), origin)
    return expiresAt === null ? entry : { ...entry, expiresAt, deniesUntil: expiresAt }
  }

  /**
   * Revokes a compromised signing key: out of the JWKS at once, every token that it signed denied.
   * @returns the key as it was before, and when the last token that we signed with it will have ended.
   * @throws OAuthError 404, or 409 where it is revoked already.
   */
  async revokeKey(kid: string, by: Actor): Promise<{ before: SigningKeyRecord; lastExpiry: Instant }> {
    const deny = (key: SigningKeyRecord, now: Instant) =>
      denyKey(kid, key.signedUntil, { reason: 'signing key revoked', createdBy: by.id, now })
    const revoked = await this.#keys.revoke(kid, deny, by)
    if (revoked.outcome === 'unknown') throw notFound('this key')
    if (revoked.outcome === 'already') throw conflict('this key is revoked already; see: signet key list')
    return { before: revoked.before, lastExpiry: Math.max(revoked.before.signedUntil, this.#store.now()) }
  }

  /** Lifts an entry. @throws OAuthError 404, or 409 for one that only undoing its cause ends */
  async lift(id: string, by: Actor): Promise<void> {
    const entry = await this.#store.findBlacklistEntry(id)
    // Lifting these would be half of something: verifiers would trust the key again, or the client stay disabled.
    if (entry?.kind === 'kid') throw conflict('a revoked key stays revoked: its entry ends after 30 days, by itself')
    if (entry?.createdBy === CREATED_BY_DISABLING) {
      throw conflict(`this entry ends with what made it: signet client enable ${entry.value}`)
    }
    const outcome = await this.#store.removeBlacklistEntry(id, this.#audit.event('blacklist.removed', id, by))
    if (outcome === 'unknown') throw notFound('this blacklist entry')
  }
}

/**
 * Denies the access tokens of one grant for as long as one can live. Made although none seems to be alive: by a clock
 * that is ahead none does, and once it is put right they are. What denies nothing is swept within minutes.
 */
export const denyLiveGrant = (grant: GrantRecord, reason: string, createdBy: string, now: Instant): NewBlacklistEntry =>
  denyUntil('sid', grant.sid, grant.accessExpiresAt, { reason, createdBy, now })

/** A verifier may take a token for as long after its `exp` as honest clocks differ. */
const mayBeAccepted = ({ accessExpiresAt }: GrantRecord, now: Instant): boolean =>
  accessExpiresAt + fromSeconds(CLOCK_SKEW_SECONDS) > now
