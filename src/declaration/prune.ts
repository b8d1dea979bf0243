/**
 * Plans the removal of records that a file made and that it names no more. Records that a command, the admin API or
 * another file made stay. Users stay too: the id of a deleted user is never given again, so the file could not bring the
 * user back.
 */
import { Fault } from '../ground/errors.ts'
import { shell } from '../ground/shell-word.ts'
import { describeHolders } from '../resources/registration.ts'
import type { DeclaredFacts, StandingRecords } from '../store/records/declared.ts'
import { itemOf, type AppliedItem, type KeptItem } from './applied.ts'
import type { Declaration } from './declaration.ts'
import type { Kept, Registries, Step } from './step.ts'

type Ids = Record<'clients' | 'resources' | 'groups', string[]>

/** Records that the file names no more. */
interface Removals extends Ids {
  /** Records that another file made: they are that file's to remove. */
  kept: KeptItem[]
}

/** A record of any kind that a file made. */
interface Made {
  kind: 'client' | 'resource' | 'group'
  id: string
  /** The name of that file. */
  file: string
}

/** @throws Fault where a client that stays has a resource that would go */
export function findRemovals(declaration: Declaration, { standing }: DeclaredFacts): Removals {
  if (!standing) return { clients: [], resources: [], groups: [], kept: [] }
  const names = namesIn(declaration)
  const unnamed = madeByFiles(standing).filter(({ kind, id }) => !names.has(`${kind} ${id}`))
  const ids = (kind: Made['kind']): string[] =>
    unnamed.filter((made) => made.kind === kind && made.file === declaration.name).map(({ id }) => id)
  const removals = {
    clients: ids('client'),
    resources: ids('resource'),
    groups: ids('group'),
    kept: unnamed
      .filter(({ file }) => file !== declaration.name)
      .map(({ kind, id, file }) => ({ ...itemOf(kind, id, []), file })),
  }
  for (const id of removals.resources) requireUnheld(id, declaration, standing, removals)
  return removals
}

const madeByFiles = ({ clients, resources, groups }: StandingRecords): Made[] => [
  ...clients.flatMap(({ clientId, declaredBy }) => madeBy('client', clientId, declaredBy)),
  ...resources.flatMap(({ id, declaredBy }) => madeBy('resource', id, declaredBy)),
  ...groups.flatMap(({ name, declaredBy }) => madeBy('group', name, declaredBy)),
]

const madeBy = (kind: Made['kind'], id: string, file: string | null): Made[] =>
  file === null ? [] : [{ kind, id, file }]

const namesIn = ({ clients, resources, groups }: Declaration): ReadonlySet<string> =>
  new Set([
    ...clients.map(({ clientId }) => `client ${clientId}`),
    ...resources.map(({ id }) => `resource ${id}`),
    ...groups.map(({ name }) => `group ${name}`),
  ])

function requireUnheld(
  resource: string,
  { file, clients: declared }: Declaration,
  standing: StandingRecords,
  removals: Ids,
): void {
  const leaving = new Set(removals.clients)
  const changes = new Map(declared.map(({ clientId, change }) => [clientId, change]))
  const holders = standing.clients
    .filter(({ clientId }) => !leaving.has(clientId))
    .filter(({ clientId, resources }) => (changes.get(clientId)?.resources ?? resources).includes(resource))
    .map(({ clientId }) => clientId)
  if (holders.length === 0) return
  throw new Fault(
    `${file} names resource ${resource} no more, but ${describeHolders(resource, holders)}`,
    `nothing was applied; to take it off their lists and delete it: signet resource delete ${shell(resource)} --force`,
  )
}

/** Clients go before the resources that they have. */
export const planRemovals = ({ clients, resources, groups, kept }: Removals): (Step | Kept)[] => [
  ...clients.map((id) => removal('client', id, ({ clientRegistry, by }) => clientRegistry.deletion(id, by))),
  ...resources.map((id) =>
    removal('resource', id, ({ resourceRegistry, by }) => resourceRegistry.deletion(id, by, { force: false })),
  ),
  ...groups.map((id) => removal('group', id, ({ groupOperations, by }) => groupOperations.deletion(id, by))),
  ...kept.map((item) => ({ kept: item })),
]

const removal = (
  kind: AppliedItem['kind'],
  id: string,
  operation: (registries: Registries) => ReturnType<Step['operations']>[number],
): Step => ({ item: itemOf(kind, id, []), outcome: 'removed', operations: (registries) => [operation(registries)] })
