/**
 * The acts on resources: create, change, delete. The admin API and the command line perform them one at a time. The
 * declarative file takes them as operations, and performs all of its operations in one write.
 */
import type { Actor, AuditTrail } from '../audit.ts'
import type { Instant } from '../ground/clock.ts'
import { conflict, invalidRequest, notFound, type OAuthError } from '../ground/errors.ts'
import { namesOf } from '../ground/metadata.ts'
import { wordOr } from '../ground/shell-word.ts'
import { hasOwnPrefix } from '../clients/client.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { ResourceDeletion, ResourceRecord } from '../store/records/resource.ts'
import type { OperationOf, Store } from '../store/store.ts'
import { BUILT_IN, blankResource, requireSoundResource, type ResourceChange } from './resource.ts'
import { RESOURCE_FIELDS } from './wire.ts'

export class ResourceRegistry {
  readonly #store: Store
  readonly #audit: AuditTrail
  readonly #issuer: string

  constructor(needs: { store: Store; audit: AuditTrail; issuer: string }) {
    this.#store = needs.store
    this.#audit = needs.audit
    this.#issuer = needs.issuer
  }

  /** @throws OAuthError 409 where the id is taken. */
  async create(id: string, change: ResourceChange, by: Actor): Promise<ResourceRecord> {
    this.#requireMade(id)
    const resource = { ...blankResource(id, this.#store.now()), ...change }
    requireSoundResource(resource)
    const outcome = await this.#store.createResource(...this.creation(resource, by).needs)
    if (outcome === 'ended')
      throw conflict(
        `resource "${id}" was deleted by an operator; bring it back with: signet resource create ${wordOr('ID', id)}`,
      )
    if (outcome === 'exists')
      throw conflict(`resource "${id}" exists already; change it with: signet resource update ${wordOr('ID', id)}`)
    return resource
  }

  /** The operation that adds a sound resource. */
  creation(resource: ResourceRecord, by: Actor): OperationOf<'createResource'> {
    return { verb: 'createResource', needs: [resource, this.#audit.event('resource.created', resource.id, by)] }
  }

  list(): Promise<ResourceRecord[]> {
    return this.#store.listResources()
  }

  async get(id: string): Promise<ResourceRecord> {
    // It is no record, so that there is nothing to read here.
    if (id === this.#issuer) throw issuerIsBuiltIn(id, 404)
    return found(await this.#store.findResource(id))
  }

  async update(id: string, change: ResourceChange, by: Actor): Promise<ResourceRecord> {
    this.#requireMade(id)
    return found(await this.#store.updateResource(...this.change(id, change, by).needs))
  }

  /** The operation of `update`. */
  change(id: string, change: ResourceChange, by: Actor): OperationOf<'updateResource'> {
    const apply = (current: ResourceRecord, now: Instant): ResourceRecord => {
      const next = { ...current, ...change, updatedAt: now }
      requireSoundResource(next)
      return next
    }
    const details = { changed: namesOf(RESOURCE_FIELDS, change).join(' ') }
    const event = this.#audit.event('resource.updated', id, { ...by, details })
    return { verb: 'updateResource', needs: [id, apply, event] }
  }

  /**
   * Deletes a resource that no client has on its list; with `force` it is taken off their lists. Its tokens are inactive
   * at introspection from now on, also after it is created again. Verifiers that do not ask the issuer accept them until
   * `exp`.
   */
  async delete(
    id: string,
    by: Actor,
    { force }: { force: boolean },
  ): Promise<Exclude<ResourceDeletion, { outcome: 'unknown' }>> {
    this.#requireMade(id)
    const deletion = await this.#store.deleteResource(...this.deletion(id, by, { force }).needs)
    if (deletion.outcome === 'unknown') throw notFound('this resource')
    return deletion
  }

  /** The operation of `delete`. */
  deletion(id: string, by: Actor, { force }: { force: boolean }): OperationOf<'deleteResource'> {
    const release = (holders: ClientRecord[]) =>
      force || holders.length === 0 ? holders.map(({ clientId }) => this.#release(clientId, id, by)) : undefined
    return { verb: 'deleteResource', needs: [id, release, this.#audit.event('resource.deleted', id, by)] }
  }

  /** @throws OAuthError 409 for the issuer, which nobody makes, changes or deletes. */
  #requireMade(id: string): void {
    if (id === this.#issuer) throw issuerIsBuiltIn(id)
  }

  /** The change that takes a resource off a client's list. */
  #release(clientId: string, id: string, by: Actor): OperationOf<'updateClient'>['needs'] {
    const event = this.#audit.event('client.updated', clientId, by)
    const apply = (current: ClientRecord, now: Instant): ClientRecord => {
      const next = withoutResource(current, id)
      const changed = next.scope.length === current.scope.length ? 'resources' : 'resources scope'
      event.details = { ...event.details, changed }
      return { ...next, updatedAt: now }
    }
    return [clientId, apply, event]
  }
}

/**
 * A client without the resource. A client that has no resource may name the issuer: with its last one it loses the scopes
 * of the issuer, which it never had there.
 */
function withoutResource(client: ClientRecord, id: string): ClientRecord {
  const resources = client.resources.filter((each) => each !== id)
  const scope = resources.length > 0 ? client.scope : client.scope.filter((value) => !hasOwnPrefix(value))
  return { ...client, resources, scope }
}

/** @param holders ids of the clients that have it */
export const describeHolders = (id: string, holders: string[]): string =>
  `resource ${JSON.stringify(id)} is on the list of ${holders.length === 1 ? 'client' : 'clients'} ${holders.join(', ')}, which then could get no tokens for it`

function found(resource: ResourceRecord | undefined): ResourceRecord {
  if (!resource) throw notFound('this resource')
  return resource
}

export const issuerIsBuiltIn = (issuer: string, status = 409): OAuthError =>
  invalidRequest(`resource "${issuer}" ${BUILT_IN}; an API has a resource of its own: signet resource create ID`, {
    status,
  })
