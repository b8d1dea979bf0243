/** Master keys, as the database knows them: by their ids. */
import type { Instant } from '../../ground/clock.ts'
import type { GrantRecord } from './grant.ts'

export interface MasterKeyRecord {
  id: string
  createdAt: Instant
  /** When it last became current; `null` for a key that was never used. */
  currentSince: Instant | null
  retiredAt: Instant | null
}

export interface MasterKeyState {
  /** Rows that name no key belong to this one. `undefined` in a database without any key. */
  first: string | undefined
  /** Seals, digests and makes refresh tokens from now on. */
  current: string | undefined
  /** Oldest first, the retired ones too. */
  keys: MasterKeyRecord[]
}

export type MasterKeyStatus = 'new' | 'current' | 'previous' | 'retired'

/** @param current the id of the current key */
export function statusOfMasterKey(
  { id, currentSince, retiredAt }: MasterKeyRecord,
  current: string | undefined,
): MasterKeyStatus {
  if (retiredAt !== null) return 'retired'
  if (id === current) return 'current'
  return currentSince === null ? 'new' : 'previous'
}

/** A client secret that only its own master key can check. */
export interface DependentSecret {
  id: string
  clientId: string
  expiresAt: Instant | null
  lastUsedAt: Instant | null
}

/** The rows that need a master key. Grants are listed apart, because there may be millions. */
export interface MasterKeyNeeds {
  /** `kid`s of the private keys that it sealed. */
  sealed: string[]
  secrets: DependentSecret[]
}

/** Live grants that need a master key, and the `sid` after which the next page begins; `undefined` after the last. */
export interface DependentGrants {
  grants: GrantRecord[]
  next: string | undefined
}

/** The sealed secrets of authenticator apps on a page of users, and the user id after which the next page begins. */
export interface DependentTotp {
  secrets: { userId: string; sealed: string }[]
  next: string | undefined
}

/** A running server, and the master keys that it said it has. */
export interface KeyHolder {
  server: string
  keys: string[]
  lastSeenAt: Instant
}

/**
 * Secrets that were sealed anew: private keys by `kid`, or those of persons by their ids. `from`: as they were read, so that
 * a change meanwhile is noticed.
 */
export type Resealed = ReadonlyMap<string, { from: string; to: string }>

export type UseOutcome =
  | { outcome: 'used' | 'already' | 'unknown' | 'retired' }
  /** A private key was made or sealed meanwhile: read them again. */
  | { outcome: 'changed' }
  /** These servers do not have the key. */
  | { outcome: 'unheld'; holders: KeyHolder[] }

export type RetireOutcome =
  | { outcome: 'retired'; secrets: DependentSecret[] }
  | { outcome: 'already' | 'unknown' | 'current' | 'changed' }
  | { outcome: 'needed'; secrets: DependentSecret[] }
