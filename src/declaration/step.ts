/** A step of a plan: the change that one declaration needs. */
import type { Actor } from '../audit.ts'
import type { ClientRegistry } from '../clients/registration.ts'
import type { ResourceRegistry } from '../resources/registration.ts'
import type { DeclaredOperation } from '../store/store.ts'
import type { GroupOperations } from '../users/group.ts'
import type { UserOperations } from '../users/operations.ts'
import type { Applied, AppliedItem, KeptItem, Unapplied } from './applied.ts'

/** The registries that make operations of steps. */
export interface Registries {
  /** The file, as the actor of its operations. */
  by: Actor
  resourceRegistry: Pick<ResourceRegistry, 'creation' | 'change' | 'deletion'>
  clientRegistry: Pick<ClientRegistry, 'creation' | 'change' | 'secretAddition' | 'disabling' | 'deletion'>
  groupOperations: Pick<GroupOperations, 'creation' | 'change' | 'deletion'>
  userOperations: Pick<UserOperations, 'creation' | 'change'>
}

export interface Step {
  item: AppliedItem
  outcome: Exclude<keyof Applied, 'kept' | 'ended' | 'conflicts'>
  /** The parts of the declaration that stay ended. */
  ended?: Unapplied[]
  /** The part of the declaration that does not fit the record. The step is the part that takes away. */
  conflict?: Unapplied
  /** Whether its secret has still to be compared or hashed. Then it has no operations yet. */
  isWaiting?: boolean
  operations(registries: Registries): DeclaredOperation[]
}

/** A declaration that is not applied, because an operator ended the declared record. */
export interface Ended {
  ended: Unapplied[]
}

/** A declaration that is not applied, because it is at odds with a record that an operator made or changed. */
export interface Conflict {
  conflict: Unapplied
}

/** A record that the file does not name and that is another file's to remove. */
export interface Kept {
  kept: KeptItem
}
