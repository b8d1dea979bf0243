/** `client_credentials` (RFC 6749 §4.4): a service asks in its own name. Touches no disk. */
import { isPublicClient } from '../clients/client.ts'
import { unauthorizedClient } from '../ground/errors.ts'
import type { BeginningNeeds, GrantType } from './grant-type.ts'
import { begin } from './new-grant.ts'

const grantType = 'client_credentials'

export const clientCredentials: GrantType<BeginningNeeds> = {
  grantType,
  run(request, needs) {
    const describe = (client: { clientId: string; tokenEndpointAuthMethod: string }) => {
      if (isPublicClient(client))
        throw unauthorizedClient('client_credentials needs a client that authenticates; this one is public')
      return { sub: client.clientId, claims: {} }
    }
    return begin(grantType, describe, request, needs)
  },
}
