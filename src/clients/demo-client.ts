/** The first client of a fresh issuer on this machine: its names and rights, and whether it still has them. */
import type { ClientRecord } from '../store/records/client.ts'

export const DEMO = {
  clientId: 'demo',
  resource: 'demo-api',
  scope: ['demo:read', 'demo:write'],
  grantTypes: ['client_credentials', 'refresh_token'],
} as const

/** The decision of a first start that made no client. */
export const NO_FIRST_CLIENT = 'none'

/** Whether a client of that name can still do what the first start gave it. An operator may have changed or replaced it. */
export const isDemoClient = (client: ClientRecord | undefined): client is ClientRecord =>
  client?.clientId === DEMO.clientId &&
  client.disabledAt === null &&
  client.resources.includes(DEMO.resource) &&
  DEMO.scope.every((value) => client.scope.includes(value)) &&
  DEMO.grantTypes.every((value) => client.grantTypes.includes(value))
