/** The names by which a person is found: one form each, for look-ups, uniqueness and the throttle. */
import { foldedName } from '../ground/folded-name.ts'
import { isSecretName } from '../ground/looks-secret.ts'
import { hasOwnPrefix, isActorName } from '../clients/client.ts'

const USERNAME = /^[a-z0-9._-]{1,64}$/

/** No mailbox has a longer address (RFC 5321 §4.5.3.1.3). */
const MOST_ADDRESS_CHARACTERS = 254

/** The one form of a name as it was typed. Longer names are cut first: nobody has one. */
export const canonicalName = (typed: string): string => foldedName(typed.slice(0, MOST_ADDRESS_CHARACTERS))

/** The folded form of a mail address. Mailboxes that differ by case alone would be confused, so they count as one. */
export const emailKeyOf = (email: string): string => canonicalName(email)

/** An address as it is stored: hosts have no case, and the local part is its owner's own spelling (RFC 5321 §2.4). */
export function withLowerDomain(email: string): string {
  const at = email.lastIndexOf('@') + 1
  return email.slice(0, at) + email.slice(at).toLowerCase()
}

/** Why a person cannot have this name, if they cannot. @param username in canonical form */
export function findNameFault(username: string): string | undefined {
  if (!USERNAME.test(username) || /^\.{1,2}$/.test(username)) return '1 to 64 of a-z 0-9 . _ - and not . or ..'
  if (isSecretName(username))
    return 'a name that does not begin like a token or a secret, because user names stand in lists'
  return isActorName(username) ? 'a name that Signet does not use itself' : undefined
}

/** Why this cannot be the id of a person, if it cannot. It becomes `sub`: at most 255 characters of ASCII (OIDC Core §2). */
export function findIdFault(id: string): string | undefined {
  if (!/^[\x21-\x7E]{1,255}$/.test(id) || /^\.{1,2}$/.test(id))
    return '1 to 255 printable characters of ASCII without spaces (OIDC Core §2), and not . or ..'
  if (isSecretName(id)) return 'an id that does not begin like a token or a secret, because it stands in every token'
  return isActorName(id) || hasOwnPrefix(id) ? 'a name that Signet does not use itself' : undefined
}

/** Why this is no mail address, if it is none. Whether somebody reads it, only a mail could tell. */
export function findEmailFault(email: string): string | undefined {
  const isAddress =
    email.length <= MOST_ADDRESS_CHARACTERS &&
    /^[^\s@<>,;:"()[\]\\\p{Cc}\p{Cf}]+@[^\s@<>,;:"()[\]\\\p{Cc}\p{Cf}]+$/u.test(email)
  return isAddress ? undefined : `an address such as ada@example.com, of at most ${MOST_ADDRESS_CHARACTERS} characters`
}
