/** Resources: the APIs that access tokens are for. */
import { CLOCK_SKEW_SECONDS, fromSeconds, type Instant } from '../../ground/clock.ts'
import { find, insert, remove, select, time, update, type Act, type Engine, type Unreadable } from '../engine.ts'
import type { Recording } from '../records/audit.ts'
import { ownRing } from '../records/key.ts'
import { RESOURCE_MEMBER_DEFAULTS, type ResourceDeletion, type ResourceRecord } from '../records/resource.ts'
import type { Store } from '../store.ts'
import type { RowOf } from '../table.ts'
import { signingKeys } from '../tables/keys.ts'
import { deletedResources, resources } from '../tables/resources.ts'
import { fileAfter, fileOf, isByFile, record } from './audit.ts'
import { listClients, updateClient } from './clients.ts'
import { endRing, restUnusedRings, sharedMark } from './own-rings.ts'
import { packMembers, withoutMembers } from './members.ts'

type Verbs = Pick<Store, 'listResources' | 'findResource' | 'createResource' | 'updateResource' | 'deleteResource'>

export const resourceVerbs = (engine: Engine): Verbs => ({
  listResources: (onUnreadable) => engine.read(() => listResources(onUnreadable)),
  findResource: (id) => engine.read(() => findResource(id)),
  createResource: (resource, event) => engine.act(() => createResource(resource, event), 'exclusive'),
  updateResource: (id, change, event) => engine.act(() => updateResource(id, change, event), 'exclusive'),
  deleteResource: (id, release, event) => engine.act(() => deleteResource(id, release, event), 'exclusive'),
})

function* findResource(id: string): Act<ResourceRecord | undefined> {
  const row = yield* find(resources, { id })
  return row && toResource(row, (yield* find(deletedResources, { id }))?.deletedAt)
}

export function* listResources(onUnreadable?: Unreadable): Act<ResourceRecord[]> {
  const former = new Map((yield* select(deletedResources)).map(({ id, deletedAt }) => [id, deletedAt]))
  return (yield* select(resources, { orderBy: 'id', onUnreadable })).map((row) => toResource(row, former.get(row.id)))
}

const toResource = (
  { signIn, ...row }: RowOf<typeof resources>,
  predecessorEndedAt: Instant | undefined,
): ResourceRecord => ({
  ...RESOURCE_MEMBER_DEFAULTS,
  ...signIn,
  ...row,
  predecessorEndedAt: predecessorEndedAt ?? null,
})

export function toResourceRow(full: ResourceRecord): RowOf<typeof resources> {
  const { predecessorEndedAt: _, ...resource } = full
  const signIn = packMembers(RESOURCE_MEMBER_DEFAULTS, resource)
  return { ...withoutMembers(RESOURCE_MEMBER_DEFAULTS, resource), signIn }
}

export function* createResource(resource: ResourceRecord, event: Recording): Act<'created' | 'exists' | 'ended'> {
  const { id } = resource
  if (yield* find(resources, { id })) return 'exists'
  if (isByFile(event) && (yield* find(deletedResources, { id, isEnded: true }))) return 'ended'
  yield* update(deletedResources, { id }, { isEnded: false })
  yield* insert(resources, { ...toResourceRow(resource), declaredBy: fileOf(event) })
  yield* record(event)
  return 'created'
}

export function* updateResource(
  id: string,
  change: (current: ResourceRecord, now: Instant) => ResourceRecord,
  event: Recording,
): Act<ResourceRecord | undefined> {
  const current = yield* findResource(id)
  if (!current) return undefined
  const changed = { ...change(current, yield* time()), id, declaredBy: fileAfter(current, event) }
  const next: ResourceRecord = { ...changed, sharedKeysUntil: yield* sharedKeysUntil(current, changed) }
  const { createdAt: _, ...row } = toResourceRow(next)
  yield* update(resources, { id }, row)
  const ring = ownRing(id)
  if (ring) yield* restUnusedRings(ring)
  yield* record(event)
  return next
}

/** The member of the same name, after a change of a resource. */
function* sharedKeysUntil(before: ResourceRecord, { ownKeys }: ResourceRecord): Act<Instant | null> {
  if (!ownKeys) return null
  if (!before.ownKeys) return yield* sharedMark()
  const { sharedKeysUntil: until } = before
  const isOver = until !== null && (yield* time()) > until + fromSeconds(CLOCK_SKEW_SECONDS)
  const ring = ownRing(before.id)
  // A ring of another algorithm then signs at once: the key set that caches hold is one of own keys already.
  return isOver && ring && (yield* find(signingKeys, { ring, status: 'active' })) ? null : until
}

/** A client that cannot be read gets no tokens, and does not keep a resource. */
const leaveOut = (): void => undefined

export function* deleteResource(...[id, release, event]: Parameters<Store['deleteResource']>): Act<ResourceDeletion> {
  if (!(yield* find(resources, { id }))) return { outcome: 'unknown' }
  const clients = (yield* listClients(leaveOut)).filter((client) => client.resources.includes(id))
  const holders = clients.map(({ clientId }) => clientId)
  const released = release(clients)
  if (!released) return { outcome: 'in_use', holders }
  for (const change of released) yield* updateClient(...change)
  yield* remove(resources, { id })
  const ring = ownRing(id)
  if (ring) yield* endRing(ring)
  yield* remove(deletedResources, { id })
  yield* insert(deletedResources, { id, deletedAt: yield* time(), isEnded: !isByFile(event) })
  yield* record(event)
  return { outcome: 'deleted', holders }
}
