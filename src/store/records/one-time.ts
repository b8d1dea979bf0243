/** One-time values: authorization codes, links, challenges. */
import type { Instant } from '../../ground/clock.ts'
import { timeOrderedId } from '../../ground/ids.ts'
import type { CodeFacts } from './sign-in.ts'

/** The kinds of one-time values, each with the facts that a value of the kind is stored with. */
export interface OneTimeFacts {
  code: CodeFacts
  invitation: InvitationFacts
  sign_in_link: Record<string, never>
  /** `handle`: the WebAuthn user handle of the account that is made together with the passkey. */
  passkey_creation: { handle?: string }
  /** `sealed`: the secret of the authenticator app, which waits for its first code. */
  totp_enrolment: { sealed: string }
}

export type OneTimeKind = keyof OneTimeFacts

export interface InvitationFacts {
  email: string | null
  groups: string[]
  /** Whether an administrator gave it, so that its groups may give rights in Signet. */
  isTrusted: boolean
  createdBy: string
}

/** A link that is sent to a person. */
export type LinkKind = 'invitation' | 'sign_in_link'

/** A challenge, or a secret that waits for its first code. */
export type PendingKind = 'passkey_creation' | 'totp_enrolment'

/** A one-time value. Only its hash is stored, and it is looked up by kind and hash: a value of one kind is none of another. */
export interface OneTimeRecord<Kind extends OneTimeKind = OneTimeKind> {
  kind: Kind
  /** SHA-256 of the value, base64url. The time of a code stands before it. */
  hash: string
  /** An id of its own, for lists and for revoking. */
  id: string
  /** The user, client, session or sign-in that it is for; empty for none. */
  owner: string
  facts: OneTimeFacts[Kind]
  usesLeft: number
  createdAt: Instant
  expiresAt: Instant
  /** When the row is forgotten. Until then a late use can be told from an unknown value. */
  keptUntil: Instant
  consumedAt: Instant | null
  /** The grant that a code gave; `null` for none. */
  outcome: string | null
}

/** Sound: a value is stored with the facts of its kind. */
export const isOfKind =
  <Kind extends OneTimeKind>(kind: Kind) =>
  (value: OneTimeRecord): value is OneTimeRecord<Kind> =>
    value.kind === kind

type Terms<Kind extends OneTimeKind> = Pick<OneTimeRecord<Kind>, 'kind' | 'hash' | 'owner' | 'facts' | 'expiresAt'> &
  Partial<Pick<OneTimeRecord, 'usesLeft' | 'keptUntil'>>

/** An unused value, for one use unless `usesLeft` says otherwise, and forgotten when it expires unless `keptUntil` does. */
export const newOneTime = <Kind extends OneTimeKind>(terms: Terms<Kind>, now: Instant): OneTimeRecord<Kind> => ({
  usesLeft: 1,
  keptUntil: terms.expiresAt,
  ...terms,
  id: timeOrderedId(now),
  createdAt: now,
  consumedAt: null,
  outcome: null,
})
