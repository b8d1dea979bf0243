/** Grants, each with its refresh token family. */
import type { Instant } from '../../ground/clock.ts'
import type { Recording } from './audit.ts'
import type { Moment, NewBlacklistEntry, OwnDenials } from './blacklist.ts'
import type { GrantSignIn } from './authentication.ts'

/** An authorisation of one client and subject, and its refresh token family: one row, updated in place. */
export interface GrantRecord {
  sid: string
  clientId: string
  sub: string
  /** The grant type that began it; empty for grants of a version that did not keep it. */
  grantType: string
  resources: string[]
  scope: string[]
  /** The claims that a trusted backend made of the person; every token of the grant carries them. */
  claims: Record<string, unknown>
  /** 16 random bytes in base64url; with the master key it makes the family's MAC key. */
  familySecret: string
  /** The generation of the one refresh token that is good now. */
  generation: number
  /** The master key that makes the family's tokens; `null` for the first key. */
  masterKeyId: string | null
  /** The first generation that this key made. Tokens of earlier generations were made under former keys. */
  masterKeyFrom: number
  createdAt: Instant
  rotatedAt: Instant
  /** Absolute end; rotation never moves it. */
  expiresAt: Instant
  idleExpiresAt: Instant | null
  /** No access token of it has an `exp` after this. */
  accessExpiresAt: Instant
  endedAt: Instant | null
  endedReason: string | null
  /** The session in which a person gave it; `null` where no person signed in. */
  sessionId: string | null
  /** The sign-in that it rests on; `null` where no person signed in. */
  signIn: GrantSignIn | null
}

/** Whether the absolute or the idle lifetime is over. */
export const isExpired = (grant: GrantRecord, now: Instant): boolean =>
  grant.expiresAt <= now || (grant.idleExpiresAt !== null && grant.idleExpiresAt <= now)

export interface GrantOptions {
  /** The registration that it was decided for. */
  clientKey: number
  /** Live grants of the client and subject; the next one ends the oldest. */
  limit: number
  /** The master key that makes its tokens, asked inside the write. */
  masterKeyId?: (() => string) | undefined
  /** Asked inside the write, with its time; throws where the client may not have the grant any more. */
  judge?: ((now: Instant) => void) | undefined
}

export interface GrantFilter {
  clientId?: string | undefined
  sub?: string | undefined
  /** The session in which a person gave it. */
  sessionId?: string | undefined
}

/** A person for whom grants were made. */
export interface SubjectSummary {
  sub: string
  grants: number
  liveGrants: number
  lastGrantAt: Instant
  /** The person was a user, whom an operator deleted. */
  isDeleted: boolean
}

/** Composes the entry that denies a grant's access tokens. */
export type GrantDenial = (grant: Pick<GrantRecord, 'sid' | 'accessExpiresAt'>, moment: Moment) => NewBlacklistEntry

/** A page of an act that ends all grants, or all sessions. */
export interface EndingPage {
  /** Those that were made later stay. Absent for the first page, which tells it for the others. */
  madeUntil?: Instant | undefined
  /** The last one of the page before. */
  after: string
  limit: number
}

/** The numbers of one page of grants. `after` is absent where no page follows. */
export interface EndedPage {
  ended: number
  denied: number
  madeUntil: Instant
  after?: string
}

export interface EndingOptions {
  event: Recording | undefined
  /** The denials of the client that ends its own grant. */
  own?: OwnDenials | undefined
  /** Whether an operator waits, who ends many grants at once, or a request. */
  isOfOperator?: boolean
}
