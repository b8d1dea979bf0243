/** Users: what a record may say, and how metadata changes it. */
import { randomBytes } from 'node:crypto'
import { findClaimFault } from '../clients/claims.ts'
import type { Instant } from '../ground/clock.ts'
import { invalidRequest } from '../ground/errors.ts'
import { timeOrderedId } from '../ground/ids.ts'
import type { PasswordOrigin, UserProfile, UserRecord } from '../store/records/user.ts'
import { canonicalName, emailKeyOf, findEmailFault, findIdFault, findNameFault, withLowerDomain } from './username.ts'

/** Members of the profile that are texts; `null` takes one away. */
export const PROFILE_TEXTS = [
  'given_name',
  'family_name',
  'nickname',
  'picture',
  'locale',
  'zoneinfo',
  'phone_number',
] as const

interface Members extends Record<(typeof PROFILE_TEXTS)[number], string | null> {
  username: string
  email: string | null
  email_verified: boolean
  name: string | null
  phone_number_verified: boolean
  address: Record<string, string> | null
  groups: string[]
  claims: Record<string, unknown>
  must_change_password: boolean
}

/** The members of a user that may be given, by the names on the wire. Absent members stay as they are. */
export type UserMetadata = { [Name in keyof Members]?: Members[Name] | undefined }

export const blankUser = (id: string | undefined, now: Instant): UserRecord => ({
  id: id ?? timeOrderedId(now),
  username: '',
  isNameChosen: false,
  email: null,
  emailKey: null,
  name: null,
  profile: {},
  claims: {},
  handle: randomBytes(32).toString('base64url'),
  passwordHash: null,
  passwordOrigin: null,
  passwordChangedAt: null,
  mustChangePassword: false,
  totpSecret: null,
  totpUsedStep: -1,
  disabledAt: null,
  createdAt: now,
  updatedAt: now,
  lastLoginAt: null,
})

/** The members that a new password sets. @param passwordHash encoded */
export const newPassword = (
  passwordHash: string,
  passwordOrigin: PasswordOrigin,
  passwordChangedAt: Instant,
): Pick<UserRecord, 'passwordHash' | 'passwordOrigin' | 'passwordChangedAt'> => ({
  passwordHash,
  passwordOrigin,
  passwordChangedAt,
})

const stored = (email: string | null): string | null => email && withLowerDomain(email)

/** An address that an operator enters counts as verified, unless it is said otherwise. */
export function changedUser(current: UserRecord, metadata: Omit<UserMetadata, 'groups'>): UserRecord {
  const { username, name = current.name, claims = current.claims } = metadata
  const email = metadata.email === undefined ? current.email : stored(metadata.email)
  const isVerified = metadata.email_verified ?? (email !== stored(current.email) || current.emailKey !== null)
  const nameNow = username === undefined ? current.username : canonicalName(username)
  return {
    ...current,
    username: nameNow,
    isNameChosen: current.isNameChosen && nameNow === current.username,
    email,
    emailKey: email !== null && isVerified ? emailKeyOf(email) : null,
    name,
    claims,
    profile: changedProfile(current.profile, metadata),
    mustChangePassword: metadata.must_change_password ?? current.mustChangePassword,
  }
}

function changedProfile(current: UserProfile, metadata: UserMetadata): UserProfile {
  const next: Record<string, unknown> = { ...current }
  for (const name of [...PROFILE_TEXTS, 'phone_number_verified', 'address'] as const) {
    const given = metadata[name]
    if (given === null) delete next[name]
    else if (given !== undefined) next[name] = given
  }
  if (next.phone_number === undefined) delete next.phone_number_verified
  // Each member has the type that UserMetadata gives it.
  return next
}

const MOST_TEXT_CHARACTERS = 256

/** @throws OAuthError `invalid_request` that names the member */
export function requireSoundUser({ id, username, email, name, profile, claims }: UserRecord): void {
  const faults = {
    id: findIdFault(id),
    username: findNameFault(username),
    email: email === null ? undefined : findEmailFault(email),
    name: findTextFault(name),
    claims: findClaimFault(claims),
    ...Object.fromEntries(PROFILE_TEXTS.map((each) => [each, findTextFault(profile[each])])),
  }
  const [found] = Object.entries(faults).filter(([, fault]) => fault !== undefined)
  if (found) throw invalidRequest(`${found[0]}: ${found[1]}`)
  if (profile.picture !== undefined && !/^https?:\/\//i.test(profile.picture))
    throw invalidRequest('picture: an http or https URL')
}

const findTextFault = (text: string | null | undefined): string | undefined =>
  text === null || text === undefined || (text.length <= MOST_TEXT_CHARACTERS && !/\p{Cc}/u.test(text))
    ? undefined
    : `at most ${MOST_TEXT_CHARACTERS} characters, without line breaks`
