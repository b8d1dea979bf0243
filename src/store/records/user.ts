/** Users: the persons who sign in, and the groups that they belong to. */
import type { Instant } from '../../ground/clock.ts'
import type { Recording } from './audit.ts'
import type { Moment, NewBlacklistEntry } from './blacklist.ts'
import type { OneTimeRecord } from './one-time.ts'
import type { PersonEnding } from './session.ts'

/** The claims of scope `profile`, `phone` and `address` that have no column (OIDC Core §5.1); absent ones are left out. */
export interface UserProfile {
  given_name?: string
  family_name?: string
  nickname?: string
  picture?: string
  locale?: string
  zoneinfo?: string
  phone_number?: string
  phone_number_verified?: boolean
  /** OIDC Core §5.1.1. */
  address?: Record<string, string>
}

/** The party that set a password. A declarative file never sets one over that of the person. */
export type PasswordOrigin = 'person' | 'operator' | 'file' | 'import'

export interface UserRecord {
  /** Becomes `sub`. Never used twice, and never a `client_id`. */
  id: string
  /** Lower case, unique. */
  username: string
  email: string | null
  /** Whether the person chose the user name: then it says nothing of who the person is. */
  isNameChosen: boolean
  /**
   * The folded address, where it is verified: it signs in, and is unique. `null` for none, or for one that is not
   * verified.
   */
  emailKey: string | null
  name: string | null
  profile: UserProfile
  claims: Record<string, unknown>
  /** WebAuthn's `user.id`: random bytes in base64url. */
  handle: string
  /** An encoded hash; `null` for none. */
  passwordHash: string | null
  passwordOrigin: PasswordOrigin | null
  passwordChangedAt: Instant | null
  mustChangePassword: boolean
  /** Sealed under a master key; `null` where there is none, or where it is not confirmed by a code. */
  totpSecret: string | null
  /** The last time step whose code was accepted (RFC 6238 §5.2): no code is accepted twice. -1 for none. */
  totpUsedStep: number
  disabledAt: Instant | null
  createdAt: Instant
  updatedAt: Instant
  lastLoginAt: Instant | null
}

export interface GroupRecord {
  name: string
  roles: string[]
  permissions: string[]
  claims: Record<string, unknown>
  /** The name of the declarative file that made it. The store takes it from the actor of the creation. */
  declaredBy: string | null
  createdAt: Instant
  updatedAt: Instant
}

/** The number of factors of each kind that a user has. */
export interface FactorCounts {
  passkeys: number
  recoveryCodes: number
}

/** Names one user, by a value that no other user has. */
export type PersonName = { id: string } | { username: string } | { emailKey: string } | { handle: string }

/** A user with the groups that the user belongs to, by name. */
export interface Person {
  user: UserRecord
  groups: GroupRecord[]
  factors: FactorCounts
}

/**
 * Whether a passkey may be copied to other devices (WebAuthn §6.1.3, flag BE), which is settled when it is made. It is
 * `unknown` of a passkey that an older version added, until the passkey is used.
 */
export type BackupEligibility = 'eligible' | 'never' | 'unknown'

export interface PasskeyRecord {
  /** The credential id, base64url. */
  id: string
  userId: string
  /** COSE key. */
  publicKey: Buffer
  counter: number
  transports: string[]
  aaguid: string
  name: string
  isBackedUp: boolean
  backupEligibility: BackupEligibility
  createdAt: Instant
  lastUsedAt: Instant | null
}

/** The group of operators, which is always there. It gets a row when something of it is changed. */
export const BUILT_IN_GROUP: Readonly<GroupRecord> = {
  name: 'signet-admins',
  roles: [],
  permissions: ['signet:admin'],
  claims: {},
  declaredBy: null,
  createdAt: 0,
  updatedAt: 0,
}

/** Permissions that concern Signet itself. */
export const carriesOwnPermission = ({ permissions }: Pick<GroupRecord, 'permissions'>): boolean =>
  permissions.some((each) => each.startsWith('signet:'))

export interface PersonFilter {
  /** A part of the user name, the address or the name. */
  search?: string | undefined
  group?: string | undefined
}

/** The obstacle to a change. `taken`: another person or a client has the value. */
export type UserObstacle =
  | { outcome: 'taken'; member: 'username' | 'email' | 'id' }
  /** The id belonged to a deleted person, or the file names a person whom an operator deleted. */
  | { outcome: 'ended' }
  | { outcome: 'no_group'; group: string }
  /** The person has none of the factors that are to be taken away. */
  | { outcome: 'no_factor' }
  /** The invitation that the change rests on. */
  | { outcome: 'link'; state: 'used' | 'expired' | 'unknown' }

/** The terms of a change of groups, and of an invitation. */
export interface UserTerms {
  /** The session in which a person changes the own account: once it is over, nothing is changed. */
  inSession?: string | undefined
  /** The person's groups from now on; absent where they stay. */
  groups?: string[] | undefined
  /** Throws where the actor may not let a person join this group, or take one out of it. */
  mayChangeMembers: (group: GroupRecord) => void
  /** Denies the tokens of a person who loses a permission for Signet itself. */
  deny: (moment: Moment) => NewBlacklistEntry
  /** The hash of the invitation that is used up by this change. */
  invitation?: string | undefined
  passkey?: (PasskeyMade & { event: Recording }) | undefined
  /** The invitation by which a new person takes over the account that this change makes. */
  invites?: { link: OneTimeRecord<'invitation'>; event: Recording } | undefined
}

/** A new passkey, and the hash of the challenge that it answers, which is used up too. */
export interface PasskeyMade {
  record: Omit<PasskeyRecord, 'userId' | 'createdAt' | 'lastUsedAt'>
  challengeHash: string
}

/** The challenge of a new passkey was used, or is over. */
export class StaleChallenge extends Error {}

/** Factors that an operator takes away together; the password is none of them. */
export type LostFactors = { passkeyId: string } | { totp: true } | { all: true }

/** A change of one person, all of it in one write. */
export interface UserChange extends UserTerms {
  user?: Partial<UserRecord>
  /** Ends the person's sessions, and where it denies, everything else. */
  ending?: PersonEnding | undefined
  /** Whether the entries that disabling the person made are lifted. Posted entries stand. */
  isEnabling?: boolean
  loses?: LostFactors
  event: Recording
}

export type UserCreation = { outcome: 'created'; person: Person } | UserObstacle
export type UserUpdate = { outcome: 'changed'; person: Person } | { outcome: 'unknown' } | UserObstacle

/** A group with the number of its members. */
export interface GroupSummary extends GroupRecord {
  members: number
}

/** The entry for a member who loses a permission for Signet itself. */
export type GroupDenial = (userId: string, moment: Moment) => NewBlacklistEntry

/** A change of a group. */
export interface GroupChange {
  group: GroupRecord
  deny: GroupDenial
  event: Recording
}

/** Ids of users who join and leave a group. */
export interface MemberChange {
  add?: string[]
  remove?: string[]
  mayChangeMembers: (group: GroupRecord) => void
  deny: GroupDenial
  event: Recording
}
