/** Blacklist entries, and the facts that they are made of. */
import type { Instant } from '../../ground/clock.ts'
import type { Recording } from './audit.ts'

export type BlacklistKind = 'jti' | 'sid' | 'sub' | 'client_id' | 'kid'

/** The act that made an entry: only what undoes the act lifts the entry. */
export type BlacklistCause =
  | 'blacklist'
  | 'revocation'
  | 'reuse'
  | 'grant_ended'
  | 'client_disabled'
  | 'client_deleted'
  | 'user_disabled'
  | 'key_revoked'
  | 'name_taken'
  | 'quota'
  | 'restored'
  | 'session_ended'
  | 'consent_withdrawn'
  | 'user_deleted'

export interface BlacklistEntry {
  id: string
  kind: BlacklistKind
  value: string
  /** A token matches when its `iat` is not after this. */
  issuedBefore: Instant
  /** When the entry dies by itself; `null` only where it stands until lifted. */
  expiresAt: Instant | null
  /** When no token that it denies can be alive any more: the entry leaves the feed then. */
  deniesUntil: Instant
  /** Whether new tokens for it are refused as well (`sub`, `client_id`). */
  refusesNew: boolean
  reason: string | null
  cause: BlacklistCause
  /** The client whose quota the entry counts to; `null` where no client made it. */
  owner: string | null
  createdBy: string
  createdAt: Instant
  /** Its place in the feed; rises with every change. */
  revision: number
  removedAt: Instant | null
}

/** An entry before the store gave it its revision. */
export type NewBlacklistEntry = Omit<BlacklistEntry, 'revision' | 'removedAt'>

declare const insideTheWrite: unique symbol

/**
 * The facts that an entry's times are made of, as they are inside the write that adds it. Only acts make one, so that
 * no entry can be composed of what was read before.
 */
export interface Moment {
  readonly now: Instant
  /** When the last token signed so far, by any process and any key still trusted, will have ended. */
  readonly latestExpiry: Instant
  readonly [insideTheWrite]: true
}

/** The quota of entries by which a client denies its own tokens. Above the limit, one entry replaces all of them. */
export interface OwnDenials {
  limit: number
  /** Denies all tokens of the client up to now, or up to `line` if an entry that it replaces reaches further. */
  everything: (moment: Moment, line: Instant) => NewBlacklistEntry
}

/** The rights of whatever an entry names, as they are inside the write that adds the entry. */
export interface NamedRights {
  /** Of the client of that name, of the grant, and of the grants of the subject. */
  scopes: string[]
  /** Of the groups of the user with that id. */
  permissions: string[]
}

export interface AdditionOptions {
  /** Throws where the actor may not deny what is named. Absent for an actor who may deny everything. */
  mayDeny?: ((rights: NamedRights) => void) | undefined
  /** The event of the entry that was composed; none where the event is only counted. */
  event: (entry: NewBlacklistEntry) => Recording | undefined
  own?: OwnDenials | undefined
  /** Refuses the entry if its owner has this many standing entries of its cause. */
  most?: { limit: number; refuse: () => Error } | undefined
}

/** Entries of these causes are made by a client about its own tokens. They count to its quota. */
export const OWN_CAUSES: readonly BlacklistCause[] = ['revocation', 'reuse']

/** Whether an entry still stands. */
export const isStanding = ({ removedAt, expiresAt }: BlacklistEntry, now: Instant): boolean =>
  removedAt === null && (expiresAt === null || expiresAt > now)

/** The cause of an entry. Older versions, which may run at the same time, store no cause: there `createdBy` tells it. */
export const causeOf = ({ cause, owner, createdBy }: BlacklistEntry): BlacklistCause =>
  cause === 'blacklist' && owner === null && createdBy === 'client.disabled' ? 'client_disabled' : cause
