/** Reads how a client presents itself (RFC 6749 §2.3, RFC 7521 §4.2): exactly one method a request. */
import { isUtf8 } from 'node:buffer'
import { ASSERTION_TYPE } from '../clients/assertion.ts'
import type { Caller, ClientAuthentication, PresentedCredentials } from '../clients/authentication.ts'
import type { ClientDirectory } from '../clients/directory.ts'
import { invalidClient, invalidRequest } from '../ground/errors.ts'
import type { Limits } from '../limits/limits.ts'
import type { Context } from './context.ts'
import { withoutLineEnd, type Parameters } from './form.ts'
import type { ClientParameter } from './parameters.ts'

export interface ClientNeeds {
  authentication: ClientAuthentication
  clients: ClientDirectory
  limits: Limits
}

/**
 * @throws OAuthError `invalid_client` or `invalid_request`
 * @throws RateLimited where the client asks too often.
 */
export async function authenticateClient(
  { incoming, facts, ticket }: Context,
  parameters: Parameters<ClientParameter>,
  { authentication, clients, limits }: ClientNeeds,
): Promise<Caller> {
  const presented = readCredentials(incoming.headers.authorization, parameters)
  const { network } = limits.callerOf(incoming)
  const caller = await authentication.authenticate(presented, facts.request_id, network).catch((error: unknown) => {
    // A refused guess is counted with the client that it aimed at.
    const aimedAt = clients.find(presented.clientId ?? '')
    if (aimedAt) facts.client_id = aimedAt.clientId
    throw error
  })
  const { clientId } = caller.client
  facts.client_id = clientId
  // Naming a public client is no authentication, and must not use up that client's quota.
  if (presented.method !== 'none') limits.noteClient(clientId, ticket)
  return caller
}

function readCredentials(
  authorization: string | undefined,
  parameters: Parameters<ClientParameter>,
): PresentedCredentials {
  const clientId = parameters.get('client_id')
  const secret = parameters.get('client_secret')
  const assertion = parameters.get('client_assertion')
  const assertionType = parameters.get('client_assertion_type')
  const methods = [authorization, secret, assertion].filter((each) => each !== undefined)
  if (methods.length > 1) {
    throw invalidRequest(
      'more than one way to authenticate: use only one of the Authorization header, client_secret, client_assertion',
    )
  }
  if (authorization !== undefined) return readBasic(authorization, clientId)
  if (assertion !== undefined) {
    if (assertionType !== ASSERTION_TYPE) {
      throw invalidClient(`client_assertion_type must be ${ASSERTION_TYPE}`)
    }
    return { method: 'private_key_jwt', clientId, assertion }
  }
  if (clientId === undefined) {
    throw invalidClient(
      'no client authentication: send client_id and secret by HTTP Basic, curl -u CLIENT_ID:CLIENT_SECRET …',
    )
  }
  return secret === undefined ? { method: 'none', clientId } : { method: 'client_secret_post', clientId, secret }
}

/** RFC 7617 §2: strict base64 of `id:secret`, each form-encoded before (RFC 6749 §2.3.1). */
function readBasic(authorization: string, parameterId: string | undefined): PresentedCredentials {
  // `echo ID:SECRET | base64` encodes a line end as well.
  const pair = withoutLineEnd(strictlyDecoded(/^basic +(\S+)$/i.exec(authorization)?.[1] ?? ''))
  const colon = pair.indexOf(':')
  const clientId = colon < 0 ? undefined : formDecode(pair.slice(0, colon))
  const secret = formDecode(pair.slice(colon + 1))
  if (!clientId || secret === undefined) {
    throw invalidClient(
      'the Authorization header is not HTTP Basic with base64 of CLIENT_ID:CLIENT_SECRET, each form-encoded',
    )
  }
  if (parameterId !== undefined && parameterId !== clientId) {
    throw invalidRequest('client_id differs from the user name of the Authorization header')
  }
  return { method: 'client_secret_basic', clientId, secret }
}

/** Node decodes broken base64 too. This function decodes only text that encodes back to itself; else it is empty. */
function strictlyDecoded(encoded: string): string {
  const bytes = Buffer.from(encoded, 'base64')
  return bytes.toString('base64') === encoded && isUtf8(bytes) ? bytes.toString('utf8') : ''
}

function formDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
