/** A step of a plan: the change that one declaration needs. */
import type { Actor } from '../audit.ts'
import type { ClientRegistry } from '../clients/registration.ts'
import type { ResourceRegistry } from '../resources/registration.ts'
import type { DeclaredOperation } from '../store/store.ts'
import type { GroupOperations } from '../users/group.ts'
import type { UserOperations } from '../users/registration.ts'
import type { Applied, AppliedItem, KeptItem, StillEnded } from './applied.ts'

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
  outcome: Exclude<keyof Applied, 'kept' | 'ended'>
  ended?: StillEnded
  /** Whether its secret has still to be compared or hashed. Then it has no operations yet. */
  isWaiting?: boolean
  operations(registries: Registries): DeclaredOperation[]
}

/** A declaration that is not applied, because an operator ended the declared record. */
export interface Ended {
  ended: StillEnded
}

/** A record that the file does not name and that is another file's to remove. */
export interface Kept {
  kept: KeptItem
}
