/** The facts that decide what a declarative file changes, all of one state of the database. */
import type { Instant } from '../../ground/clock.ts'
import type { ClientRecord, EndedSecret } from './client.ts'
import type { ResourceRecord } from './resource.ts'

/** The ids that a file declares. */
export interface DeclaredIds {
  resources: string[]
  clients: string[]
}

export interface DeclaredResourceFacts {
  current: ResourceRecord | undefined
  /** Whether an operator deleted the resource, and it was not created again since. */
  isEnded: boolean
}

export interface DeclaredClientFacts {
  current: ClientRecord | undefined
  /** Whether an operator deleted the client, and it was not registered again since. */
  isEnded: boolean
  /** Digests of secrets and public keys that an operator ended on purpose, newest first. */
  endedSecrets: EndedSecret[]
  /** Live grants of a person who has the id as `sub`, where there is no such client. */
  liveGrants: number
}

export interface DeclaredFacts {
  now: Instant
  /** The ids of all resources, declared or not. */
  resourceIds: ReadonlySet<string>
  resources: ReadonlyMap<string, DeclaredResourceFacts>
  clients: ReadonlyMap<string, DeclaredClientFacts>
}
