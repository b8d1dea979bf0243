/** The facts that decide what a declarative file changes, all of one state of the database. */
import type { Instant } from '../../ground/clock.ts'
import type { ClientRecord, EndedSecret } from './client.ts'
import type { ResourceRecord } from './resource.ts'
import type { GroupRecord, Person, UserRecord } from './user.ts'

/** The ids that a file declares. */
export interface DeclaredIds {
  resources: string[]
  clients: string[]
  groups?: string[]
  users?: DeclaredName[]
  /** Whether all records are asked for, to find those that the file names no more. */
  isWithStanding?: boolean
}

/** The members of a declared user that nobody else may have. */
export interface DeclaredName {
  username: string
  id: string | undefined
  /** Absent where the file leaves the address to the user. */
  email: string | null | undefined
}

/** All records that are there, declared or not. */
export interface StandingRecords {
  clients: ClientRecord[]
  resources: ResourceRecord[]
  groups: GroupRecord[]
}

export interface DeclaredResourceFacts {
  current: ResourceRecord | undefined
  /** Whether an operator deleted the resource, and it was not created again since. */
  isEnded: boolean
}

export interface DeclaredClientFacts {
  current: ClientRecord | undefined
  /** Whether the client was deleted by an operator, or while it was disabled, and not registered again since. */
  isEnded: boolean
  /** Digests of secrets and public keys that an operator ended on purpose, newest first. */
  endedSecrets: EndedSecret[]
  /** Live grants of a person who has the id as `sub`, where there is no such client. */
  liveGrants: number
  /** Whether a user has the id of this new client as `sub`. */
  isUser: boolean
}

export interface DeclaredGroupFacts {
  current: GroupRecord | undefined
  /** Whether an operator deleted the group, and it was not made again since. */
  isEnded: boolean
}

export interface DeclaredUserFacts {
  /** The user of this user name. */
  current: Person | undefined
  /** Whether an operator deleted the user of this name or id. */
  isEnded: boolean
  /** Whether a client or another user has, or had, the declared id. */
  isIdTaken: boolean
  /** The user who has the declared id. */
  hasId: UserRecord | undefined
  /** The user who has the user name as id. */
  hasNameAsId: UserRecord | undefined
  /** The user who has the address, declared or the user's own, as a verified one. */
  hasEmail: UserRecord | undefined
}

export interface DeclaredFacts {
  now: Instant
  /** The ids of all resources, declared or not. */
  resourceIds: ReadonlySet<string>
  resources: ReadonlyMap<string, DeclaredResourceFacts>
  clients: ReadonlyMap<string, DeclaredClientFacts>
  /** The names of all groups, declared or not. */
  groupNames: ReadonlySet<string>
  groups: ReadonlyMap<string, DeclaredGroupFacts>
  users: ReadonlyMap<string, DeclaredUserFacts>
  /** Only where they are asked for. */
  standing?: StandingRecords
}
