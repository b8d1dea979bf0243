/**
 * Writes the records of a database as a declarative file: resources, clients and groups, in the order of their names.
 * Applied to the same database, the file changes nothing; applied to an empty one, it makes the same records. Secrets,
 * passwords and users are not in it.
 */
import { Document, isScalar, visit } from 'yaml'
import { newClient } from '../clients/client.ts'
import { findCommaFault } from '../clients/field-schemas.ts'
import { presetBehind } from '../clients/presets/index.ts'
import { CLIENT_FIELDS, clientMetadata } from '../clients/wire.ts'
import type { Table } from '../ground/metadata.ts'
import { blankResource } from '../resources/resource.ts'
import { RESOURCE_FIELDS, resourceMetadata } from '../resources/wire.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { StandingRecords } from '../store/records/declared.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import { BUILT_IN_GROUP, type GroupRecord } from '../store/records/user.ts'
import { blankGroup } from '../users/group.ts'
import { GROUP_FIELDS, groupView } from '../users/group-wire.ts'
import { differing } from './applied.ts'
import { presetOf } from './preset.ts'

type Members = Record<string, unknown>

export interface Exported {
  resources: Members[]
  clients: Members[]
  groups: Members[]
}

/** Members that differ from those of a record of which nothing is said. Defaults are left to the reader of the file. */
export const exportRecords = ({ resources, clients, groups }: StandingRecords): Exported => ({
  resources: resources.map(exportResource),
  clients: clients.map(exportClient),
  groups: groups
    .map(exportGroup)
    .filter((group) => group.name !== BUILT_IN_GROUP.name || Object.keys(group).length > 1),
})

function exportResource(resource: ResourceRecord): Members {
  const before = resourceMetadata(blankResource(resource.id, 0))
  return { id: resource.id, ...saidOf(RESOURCE_FIELDS, before, resourceMetadata(resource)) }
}

function exportClient(client: ClientRecord): Members {
  const { clientId, preset, grantTypes, redirectUris } = client
  const app = presetMembers(client)
  const before = newClient(clientId, 0, presetOf(app.for, app.url))
  // A client of people that names no scope gets some, so its own are always named.
  const isOfPeople = preset !== null || grantTypes.includes('authorization_code')
  const isScopeNamed = isOfPeople && findCommaFault(client.scope) === undefined
  // A redirect URI alone says that people sign in. A preset says its own grant, unless this version does not know it.
  const isGrantNamed = app.for === undefined && redirectUris.length > 0
  const said = saidOf(CLIENT_FIELDS, clientMetadata(before), clientMetadata(client))
  return {
    client_id: clientId,
    ...app,
    ...(isScopeNamed && { scope: client.scope.join(' ') }),
    ...(isGrantNamed && { grant_types: grantTypes }),
    ...said,
    ...(client.disabledAt !== null && { disabled: true }),
  }
}

function presetMembers(client: ClientRecord): { for?: string; url?: string } {
  const chosen = presetBehind(client)
  return chosen ? { for: chosen.name, ...(chosen.url !== '' && { url: chosen.url }) } : {}
}

function exportGroup(group: GroupRecord): Members {
  const { name } = group
  const before = name === BUILT_IN_GROUP.name ? BUILT_IN_GROUP : blankGroup(name, 0)
  const view = (each: GroupRecord) => groupView({ ...each, members: 0 })
  return { name, ...saidOf(GROUP_FIELDS, view(before), view(group)) }
}

/** A scope with a comma has no place in the file. */
const saidOf = (fields: Table, before: Members, after: Members): Members =>
  Object.fromEntries(
    differing(fields, before, after)
      .filter(({ field, to }) => field !== 'scope' || findCommaFault(to) === undefined)
      .map(({ field, to }) => [field, to]),
  )

/** Of each record that the file cannot hold as it is: what is missing. */
export const describeOmissions = ({ resources, clients }: StandingRecords): string[] => [
  ...resources.flatMap(({ id, scope }) => (findCommaFault(scope ?? []) ? [omissionOf(`resource ${id}`)] : [])),
  ...clients.flatMap(({ clientId, scope }) => (findCommaFault(scope) ? [omissionOf(`client ${clientId}`)] : [])),
  ...clients.flatMap(({ clientId, resources: ids }) =>
    ids
      .filter((id) => !resources.some((each) => each.id === id))
      .map((id) => `client ${clientId} has resource ${id}, which does not exist here: another database needs it first`),
  ),
]

const omissionOf = (record: string): string => `the scope of ${record} has a comma and is left out`

/** The file as YAML. */
export function describeExport(exported: Exported): string {
  const document = new Document(exported, { aliasDuplicateObjects: false })
  visit(document, {
    Pair(_, { key }) {
      // Without quotes it would merge its value into the mapping.
      if (isScalar(key) && key.value === '<<') key.type = 'QUOTE_DOUBLE'
    },
  })
  return document.toString({ lineWidth: 0 })
}
