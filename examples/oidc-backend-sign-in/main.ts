/** Two backends that people sign in to, one with a session cookie alone, one with the token in the fragment, and their API. */
import type { RequestListener } from 'node:http'
import { createTokenVerifier } from 'signet-verify'
import { createAuthMiddleware } from 'signet-verify/express'
import { IssuerClient } from '../issuer-calls.ts'
import { randomSecret, startLocalSignet } from '../local-signet.ts'
import { AUDIENCE, createApi } from '../oidc-backend/api.ts'
import { addPeople, create } from '../people.ts'
import { announce, endAtSignal, listen } from '../program.ts'
import { createBackend, SCOPE } from './backend.ts'

const OPERATOR = { id: 'shop-operator', secretIn: 'SHOP_OPERATOR_SECRET' }

// Signet tells the backends when a session ends. It calls no private address that is not named here.
const variables = { SIGNET_OUTBOUND_ALLOW: '127.0.0.1' }
const signet = await startLocalSignet(new URL('signet.yaml', import.meta.url), [OPERATOR], variables)
const { issuer } = signet
const operator = new IssuerClient(issuer, OPERATOR)
const password = randomSecret()
await addPeople(operator, {
  groups: [
    { name: 'acme', claims: { org_slug: 'acme', service_slug: 'shop' } },
    { name: 'clerks', roles: ['clerk'], permissions: ['orders.refund'] },
    { name: 'platform', roles: ['admin'], permissions: ['orders.write'] },
  ],
  users: [
    // She belongs to no organisation, so her tokens have no org_slug.
    {
      username: 'ada',
      name: 'Ada',
      email: 'ada@shop.example',
      groups: ['platform'],
      claims: { is_platform_owner: true },
    },
    { username: 'bob', name: 'Bob', email: 'bob@shop.example', groups: ['acme', 'clerks'] },
    { username: 'eve', name: 'Eve' },
  ],
  password,
})

const verifier = createTokenVerifier({ issuer, revocations: true, name: 'shop-api' })
const auth = createAuthMiddleware({ issuer, audience: AUDIENCE, revocations: true, name: 'shop-api' })
const api = await listen(createApi(verifier, auth))
const apiUrl = `http://127.0.0.1:${api.port}`

/** Listens first, because the client is registered with the backend's own address. */
async function startBackend(clientId: string, fragment: boolean) {
  let serving: RequestListener = (_request, response) => void response.writeHead(503).end()
  const { port, stop } = await listen((request, response) => serving(request, response))
  const url = `http://127.0.0.1:${port}`
  const client = await create(operator, '/admin/api/clients', {
    client_id: clientId,
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: [`${url}/auth/callback`],
    post_logout_redirect_uris: [`${url}/`],
    backchannel_logout_uri: `${url}/auth/backchannel-logout`,
    scope: SCOPE,
    resources: [AUDIENCE],
  })
  const clientSecret = String(client.client_secret)
  const backend = createBackend({ issuer, clientId, clientSecret, url, api: apiUrl, fragment })
  serving = backend.app
  return { url, close: backend.close, stop }
}

const shop = await startBackend('shop', false)
const pages = await startBackend('shop-pages', true)
endAtSignal(
  shop.stop,
  pages.stop,
  api.stop,
  shop.close,
  pages.close,
  () => auth.close(),
  () => verifier.close(),
  signet.stop,
)

announce(
  { signet: issuer, api: apiUrl, shop: shop.url, pages: pages.url, password },
  `
Open ${shop.url} and sign in as ada (platform owner), bob (may refund) or eve (nothing known): the backend keeps the tokens.
Open ${pages.url}: after the sign-in the page has its access token in the fragment.
Open ${shop.url}/auth/login?format=json: the callback answers the tokens as JSON. Use the access_token:
  curl -H 'Authorization: Bearer TOKEN' ${apiUrl}/profile
  curl -H 'Authorization: Bearer TOKEN' -X POST ${apiUrl}/refunds
End a session at ${issuer}/account/sessions, and ask ${shop.url}/auth/me again.`,
)
