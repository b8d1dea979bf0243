/** Users: the persons who sign in, and the groups that they belong to. */
import type { Instant } from '../../ground/clock.ts'

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
  createdAt: Instant
  updatedAt: Instant
}

/** The number of factors of each kind that a user has. */
export interface FactorCounts {
  passkeys: number
  recoveryCodes: number
}

/** A user with the groups that the user belongs to, by name. */
export interface Person {
  user: UserRecord
  groups: GroupRecord[]
  factors: FactorCounts
}

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
  createdAt: Instant
  lastUsedAt: Instant | null
}

/** `taken`: by whom the value is held. `ended`: the id belonged to a deleted user, and is never used again. */
export type UserCreation =
  | { outcome: 'created' }
  | { outcome: 'taken'; member: 'username' | 'email' | 'id' }
  | { outcome: 'ended' }
