/** A declarative file that was read: its records, each with its place in the file. */
import type { ClientChange } from '../clients/client.ts'
import type { ResourceChange } from '../resources/resource.ts'
import type { GroupMetadata } from '../users/group.ts'
import type { UserMetadata } from '../users/user.ts'

export interface DeclaredClient {
  clientId: string
  change: ClientChange
  /** The secret behind its reference. */
  secret: string | undefined
  /** `file:line` of the reference, or of the declaration. */
  secretPlace: string
  /** Whether the client is to be disabled. A file never enables one. */
  isDisabled: boolean
  /** `file:line` of the declaration. */
  place: string
}

export interface DeclaredResource {
  id: string
  change: ResourceChange
  place: string
}

export interface DeclaredGroup {
  name: string
  change: GroupMetadata
  place: string
}

export interface DeclaredUser {
  /** In canonical form. */
  username: string
  id: string | undefined
  change: UserMetadata
  /** The password behind its reference. */
  password: string | undefined
  place: string
}

export interface Declaration {
  file: string
  /** By which records remember the file that made them: `name`, else the file's own name without folders. */
  name: string
  /** Whether the file says its `name`. Such a file takes over the records of other files that it names. */
  isNamed: boolean
  /** Whether the file has one of the lists below, be it empty. */
  hasLists: boolean
  resources: DeclaredResource[]
  clients: DeclaredClient[]
  groups: DeclaredGroup[]
  users: DeclaredUser[]
}
