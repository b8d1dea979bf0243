/**
 * Notes about a client's resources, scopes and groups by which no token can be had. The client is made all the same: which of the
 * two comes first is for the operator to choose. Each note names the step that is really missing.
 */
import { OFFLINE_ACCESS, PERSON_SCOPES, hasOwnPrefix } from '../clients/client.ts'
import { updateCommand } from '../clients/update-command.ts'
import { nearest } from '../ground/nearest.ts'
import { shell } from '../ground/shell-word.ts'
import type { Issuer } from '../issuer.ts'
import { describeMissingResource } from '../resources/missing.ts'
import type { ResourceDirectory } from '../resources/directory.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import { note } from './output.ts'

export async function noteUnknown(
  client: ClientRecord,
  issuer: Pick<Issuer, 'resources' | 'groupRegistry'>,
): Promise<void> {
  noteMissingResources(client, issuer.resources)
  noteUnknownScopes(client, issuer.resources)
  if (client.allowedGroups.length > 0) await noteMissingGroups(client, issuer)
}

async function noteMissingGroups(
  { allowedGroups }: ClientRecord,
  { groupRegistry }: Pick<Issuer, 'groupRegistry'>,
): Promise<void> {
  const known = (await groupRegistry.list()).map(({ name }) => name)
  for (const name of allowedGroups.filter((each) => !known.includes(each)))
    note(
      `group ${name} does not exist${nearest(name, known)}, and nobody can sign in by it: make it with: signet group create ${shell(name)}`,
    )
}

function noteMissingResources(client: ClientRecord, directory: ResourceDirectory): void {
  const { issuer } = directory
  const scope = client.resources.includes(issuer) ? [] : client.scope
  for (const id of client.resources.filter((each) => !directory.find(each))) {
    const { fault, help } = describeMissingResource(id, issuer, { scope, known: directory.ids() })
    note(`${fault}, and no token can be had for it: ${help}`)
  }
}

/** A scope that no resource of the client knows can never be granted, and a token without it is given in silence. */
function noteUnknownScopes(client: ClientRecord, directory: ResourceDirectory): void {
  const named = client.resources.flatMap((id) => directory.find(id) ?? [])
  if (named.some(({ scope }) => scope === null) || (named.length === 0 && client.resources.length > 0)) return
  const ofNoResource: readonly string[] = [OFFLINE_ACCESS, ...PERSON_SCOPES]
  for (const value of client.scope.filter((each) => !ofNoResource.includes(each))) {
    // A client without resources may name the issuer.
    if (named.some((each) => each.scope?.includes(value)) || (named.length === 0 && hasOwnPrefix(value))) continue
    note(`no token will have scope "${value}": ${missingStep(value, client, named, directory)}`)
  }
}

function missingStep(
  value: string,
  client: ClientRecord,
  named: ResourceRecord[],
  directory: ResourceDirectory,
): string {
  const { issuer } = directory
  const others = hasOwnPrefix(value)
    ? [issuer]
    : directory.ids().filter((id) => directory.find(id)?.scope?.includes(value))
  const add = (id: string) => updateCommand(client.clientId, '--resource', [...client.resources, id])
  const [other] = others
  if (other !== undefined) return `it is one of ${others.join(', ')}, so name that as well: ${add(other)}`
  const own = named.find(({ id }) => id !== issuer)
  if (!own) return `the client names no resource that knows it: ${add('API')}`
  const scope = [...(own.scope ?? []), value].join(' ')
  return `${own.id} does not know it: signet resource update ${shell(own.id)} --scope ${shell(scope)}`
}
