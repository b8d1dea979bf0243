/**
 * The first client of a fresh issuer on this machine, so that a newcomer has a token within the minute.
 * Only for a loopback issuer, only while no client exists, and only once.
 */
import { randomUUID } from 'node:crypto'
import { BY_SYSTEM } from '../audit.ts'
import { isLoopback } from '../config/loopback.ts'
import { DEMO } from '../clients/demo-client.ts'
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

export async function createFirstClient({
  issuer,
  store,
  clients,
  clientRegistry,
  resources,
  resourceRegistry,
}: Needs): Promise<FirstClient | undefined> {
  if (!isLoopback(new URL(issuer).hostname) || clients.size > 0) return undefined
  const mine = randomUUID()
  if ((await store.claimSetting('first_client', mine)) !== mine) return undefined
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
