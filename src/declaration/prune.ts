/**
 * Plans the removal of records that a declarative file made and that this file names no more. A record that a command or
 * the admin API made is never removed. Nor is a user: the id of a deleted user is never given again, so the file could
 * not bring the user back.
 */
import { BY_CONFIG } from '../audit.ts'
import { Fault } from '../ground/errors.ts'
import { shell } from '../ground/shell-word.ts'
import { describeHolders } from '../resources/registration.ts'
import type { DeclaredFacts, StandingRecords } from '../store/records/declared.ts'
import { itemOf, type AppliedItem } from './applied.ts'
import type { Declaration } from './file.ts'
import type { Registries, Step } from './step.ts'

interface Removals {
  clients: string[]
  resources: string[]
  groups: string[]
}

/** @throws Fault where a client that stays has a resource that would go */
export function findRemovals(declaration: Declaration, { standing }: DeclaredFacts): Removals {
  if (!standing) return { clients: [], resources: [], groups: [] }
  const named = namesOf(declaration)
  const unnamed = (records: { id: string; isDeclared: boolean }[], names: ReadonlySet<string>): string[] =>
    records.filter(({ id, isDeclared }) => isDeclared && !names.has(id)).map(({ id }) => id)
  const removals = {
    clients: unnamed(
      standing.clients.map(({ clientId: id, isDeclared }) => ({ id, isDeclared })),
      named.clients,
    ),
    resources: unnamed(standing.resources, named.resources),
    groups: unnamed(
      standing.groups.map(({ name: id, isDeclared }) => ({ id, isDeclared })),
      named.groups,
    ),
  }
  for (const id of removals.resources) requireUnheld(id, declaration, standing, removals)
  return removals
}

const namesOf = ({ clients, resources, groups }: Declaration) => ({
  clients: new Set(clients.map(({ clientId }) => clientId)),
  resources: new Set(resources.map(({ id }) => id)),
  groups: new Set(groups.map(({ name }) => name)),
})

function requireUnheld(
  resource: string,
  { file, clients: declared }: Declaration,
  standing: StandingRecords,
  removals: Removals,
): void {
  const changes = new Map(declared.map(({ clientId, change }) => [clientId, change]))
  const holders = standing.clients
    .filter(({ clientId }) => !removals.clients.includes(clientId))
    .filter(({ clientId, resources }) => (changes.get(clientId)?.resources ?? resources).includes(resource))
    .map(({ clientId }) => clientId)
  if (holders.length === 0) return
  throw new Fault(
    `${file} names resource ${resource} no more, but ${describeHolders(resource, holders)}`,
    `nothing was applied; to take it off their lists and delete it: signet resource delete ${shell(resource)} --force`,
  )
}

/** Clients go before the resources that they have. */
export const planRemovals = ({ clients, resources, groups }: Removals): Step[] => [
  ...clients.map((id) => removal('client', id, ({ clientRegistry }) => clientRegistry.deletion(id, BY_CONFIG))),
  ...resources.map((id) =>
    removal('resource', id, ({ resourceRegistry }) => resourceRegistry.deletion(id, BY_CONFIG, { force: false })),
  ),
  ...groups.map((id) => removal('group', id, ({ groupOperations }) => groupOperations.deletion(id, BY_CONFIG))),
]

const removal = (
  kind: AppliedItem['kind'],
  id: string,
  operation: (registries: Registries) => ReturnType<Step['operations']>[number],
): Step => ({ item: itemOf(kind, id, []), outcome: 'removed', operations: (registries) => [operation(registries)] })
