/**
 * POST /docs/demo-token: a token of the first client, for the page /docs of an issuer at localhost. It gives the reading
 * scope of the demo resource alone. Only that page is answered, in a browser on this machine: other sites have another
 * origin, and a name that leads here by DNS has another host.
 */
import type { ClientDirectory } from '../clients/directory.ts'
import { DEMO, NO_FIRST_CLIENT, isDemoClient } from '../clients/demo-client.ts'
import { isLoopback } from '../config/loopback.ts'
import { invalidRequest, notFound } from '../ground/errors.ts'
import type { BeginningNeeds, TokenParameters } from '../grant-types/grant-type.ts'
import { clientCredentials } from '../grant-types/client-credentials.ts'
import type { Traffic } from '../ground/traffic.ts'
import { OWN_SCRIPTS } from '../http/access.ts'
import { endpointUrl } from '../http/endpoint-url.ts'
import { tokenJson } from '../http/reply.ts'
import { route, type OpenCall, type Route } from '../http/route.ts'
import { isFromThisMachine } from '../http/this-machine.ts'
import type { Store } from '../store/store.ts'
import { issued, tokenResponse } from './token.ts'

export interface DemoNeeds {
  issuer: string
  store: Pick<Store, 'findSetting'>
  clients: ClientDirectory
}

type Needs = DemoNeeds & BeginningNeeds & { traffic: Traffic }

const PARAMETERS: TokenParameters = {
  scope: [DEMO.scope[0]],
  resources: [DEMO.resource],
  refreshToken: undefined,
  subject: undefined,
  subjectClaims: undefined,
  code: undefined,
  redirectUri: undefined,
  codeVerifier: undefined,
}

/** Whether the issuer is at localhost, and the client that its first start made is still in place. */
export const hasDemo = async ({ issuer, store, clients }: DemoNeeds): Promise<boolean> =>
  isLoopback(new URL(issuer).hostname) &&
  isDemoClient(clients.find(DEMO.clientId)) &&
  ![undefined, NO_FIRST_CLIENT].includes(await store.findSetting('first_client'))

/** An issuer with another name has no such route. */
export function demoToken(needs: Needs): Route[] {
  if (!isLoopback(new URL(needs.issuer).hostname)) return []
  const terms = { access: OWN_SCRIPTS, id: 'issueDemoToken', tag: 'Tokens', says: 'A token for the page of the API' }
  return [
    route({ post: '/docs/demo-token', ...terms, answers: { 200: issued() }, refuses: [404] }, async (call) => {
      requireOwnPage(call, needs.issuer)
      if (!(await hasDemo(needs))) throw notFound('the demo client')
      const caller = { client: requireDemo(needs.clients), current: () => requireDemo(needs.clients) }
      const request = { caller, parameters: PARAMETERS, requestId: call.facts.request_id, proof: undefined }
      const tokens = await clientCredentials.run(request, needs)
      needs.traffic.tokensIssued.add(clientCredentials.grantType, tokens.alg)
      return tokenJson(tokenResponse(tokens))
    }),
  ]
}

function requireDemo(clients: ClientDirectory) {
  const client = clients.find(DEMO.clientId)
  if (isDemoClient(client)) return client
  throw notFound('the demo client')
}

/** Browsers send `Origin` with every POST (Fetch §3.2). */
function requireOwnPage(call: Pick<OpenCall<never, never>, 'header' | 'incoming'>, issuer: string): void {
  const { host, origin } = new URL(issuer)
  // The page is served under the issuer's own name and port, so a proxy that passes another Host on is not it.
  if (isFromThisMachine(call, issuer) && call.header('host') === host && call.header('origin') === origin) return
  throw invalidRequest(
    `only the page ${endpointUrl(issuer, '/docs')} is given this token, in a browser on the machine of the issuer; elsewhere: POST /token`,
    { status: 403 },
  )
}
