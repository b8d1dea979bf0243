/** `client_credentials` (RFC 6749 §4.4): a service asks in its own name. Touches no disk. */
import { isPublicClient } from '../clients/client.ts'
import { requireGrantType } from '../clients/authentication.ts'
import { unauthorizedClient } from '../ground/errors.ts'
import type { GrantTypeHandler } from './grant-type.ts'
import { issueForSubject } from './new-grant.ts'

const GRANT_TYPE = 'client_credentials'

export const clientCredentials: GrantTypeHandler = async (request, rooms) => {
  const { client } = request
  if (isPublicClient(client))
    throw unauthorizedClient('client_credentials needs a client that authenticates; this one is public')
  requireGrantType(client, GRANT_TYPE)
  return issueForSubject(GRANT_TYPE, { sub: client.clientId, subjectClaims: {} }, request, rooms)
}
