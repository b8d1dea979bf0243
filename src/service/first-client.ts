/**
 * The first client of a fresh issuer on this machine, so that a newcomer has a token within the minute. The first start of a
 * database that serves decides once whether it is made: for a loopback issuer without clients. A later start makes none,
 * whatever has been deleted or renamed since.
 */
import { randomUUID } from 'node:crypto'
import { BY_SYSTEM } from '../audit.ts'
import { isLoopback } from '../config/loopback.ts'
import { DEMO, NO_FIRST_CLIENT } from '../clients/demo-client.ts'
import type { ClientDirectory } from '../clients/directory.ts'
import type { ClientRegistry } from '../clients/registration.ts'
import type { ResourceDirectory } from '../resources/directory.ts'
import type { ResourceRegistry } from '../resources/registration.ts'
import type { Store } from '../store/store.ts'

export interface FirstClient {
  clientId: string
  secret: string
  resource: string
  scope: string
}

interface Needs {
  issuer: string
  store: Store
  clients: ClientDirectory
  clientRegistry: ClientRegistry
  resources: ResourceDirectory
  resourceRegistry: ResourceRegistry
}

/**
 * Notes that a server starts with this database for the first time. A start that ends before it has decided leaves the
 * decision to the next start. A database of an older version has been served, and has no such note.
 * @param isServedBefore whether the database names an issuer that was served
 */
export async function noteFirstStart(store: Store, { isServedBefore }: { isServedBefore: boolean }): Promise<void> {
  if (!isServedBefore) await store.claimSetting('first_start', String(store.now()))
}

export async function createFirstClient({
  issuer,
  store,
  clients,
  clientRegistry,
  resources,
  resourceRegistry,
}: Needs): Promise<FirstClient | undefined> {
  if ((await store.findSetting('first_start')) === undefined) return undefined
  const isWanted = isLoopback(new URL(issuer).hostname) && clients.size === 0
  const mine = isWanted ? randomUUID() : NO_FIRST_CLIENT
  if ((await store.claimSetting('first_client', mine)) !== mine || !isWanted) return undefined
  const scope = [...DEMO.scope]
  if (!resources.find(DEMO.resource)) await resourceRegistry.create(DEMO.resource, { scope }, BY_SYSTEM)
  const { client, secret } = await clientRegistry.create(
    {
      clientId: DEMO.clientId,
      name: 'First client',
      grantTypes: [...DEMO.grantTypes],
      scope,
      resources: [DEMO.resource],
    },
    BY_SYSTEM,
  )
  if (secret === undefined) throw new Error('a client with a secret was made without one')
  return { clientId: client.clientId, secret, resource: DEMO.resource, scope: scope.join(' ') }
}
