/** The terms of an act on a user, and the form in which the write that makes the change takes them. */
import type { Actor } from '../audit.ts'
import type { PasswordOrigin, UserTerms } from '../store/records/user.ts'
import { denyLost } from './ending.ts'
import { mayChangeMembers } from './rights.ts'

/** The terms of an act, beside its actor. */
export interface ActTerms {
  /** The session in which the person acts on the own account: once it is over, nothing is changed. */
  inSession?: string
  /** The network of the caller, for the queue of hashes; empty for the operator. */
  network?: string
  origin?: PasswordOrigin
  /** The hash of the invitation that the act uses up. */
  invitation?: string | undefined
  passkey?: UserTerms['passkey']
  /** The invitation of a new person, which is made with the account. */
  invites?: UserTerms['invites']
  /** Whether the person chooses the user name of the new account. */
  isNameChosen?: boolean
  /** WebAuthn's `user.id`, where a passkey was made with it already. */
  handle?: string | undefined
  /** Whether the invitation was given by an administrator, so that its groups may give rights in Signet. */
  isTrusted?: boolean
  details?: Record<string, string | number | boolean | null>
}

/** The facts and rules of a change, for the write that makes it. */
export function userTermsOf(
  groups: string[] | undefined,
  by: Actor,
  { invitation, passkey, invites, inSession, isTrusted = false }: ActTerms,
  id: string,
): UserTerms {
  const deny = denyLost(by)
  return {
    groups,
    inSession,
    invitation,
    passkey,
    invites,
    mayChangeMembers: isTrusted ? () => {} : mayChangeMembers(by),
    deny: (moment) => deny(id, moment),
  }
}
