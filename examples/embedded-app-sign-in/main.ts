/** A person signs in to a portal, which frames an app on another origin and forwards the token of the person to it. */
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { IssuerClient } from '../issuer-calls.ts'
import { randomSecret, startLocalSignet } from '../local-signet.ts'
import { addPeople, create } from '../people.ts'
import { announce, endAtSignal, listen } from '../program.ts'
import { createApp } from './app.ts'
import { createPortal, SCOPE } from './portal.ts'

const APP = { id: 'assistant-app', secretIn: 'ASSISTANT_APP_SECRET' }
const OPERATOR = { id: 'portal-operator', secretIn: 'PORTAL_OPERATOR_SECRET' }
const ORGANISATION = 'org_42'

// Signet tells the portal when a session ends. It calls no private address that is not named here.
const variables = { SIGNET_OUTBOUND_ALLOW: 'localhost' }
const signet = await startLocalSignet(new URL('signet.yaml', import.meta.url), [APP, OPERATOR], variables)
const { issuer } = signet
const operator = new IssuerClient(issuer, OPERATOR)
const password = randomSecret()
await addPeople(operator, {
  groups: [{ name: 'legal', roles: ['admin'] }, { name: 'sales' }],
  users: [
    { username: 'ada', name: 'Ada', email: 'ada@org42.example', groups: ['sales', 'legal'] },
    { username: 'lin', name: 'Lin', email: 'lin@org42.example', groups: ['sales'] },
  ],
  password,
})

// Each site needs the origin of the other, and free ports are known only when both listen.
const sites: { portal?: Hono; app?: Hono } = {}
const serve = (name: keyof typeof sites) => {
  const answer = getRequestListener((request) => sites[name]?.fetch(request) ?? new Response(null, { status: 503 }))
  return listen((request, response) => void answer(request, response))
}
const [portalSite, appSite] = [await serve('portal'), await serve('app')]
// The sites have two hosts, not only two ports, because cookies do not distinguish ports.
const [portalOrigin, appOrigin] = [`http://localhost:${portalSite.port}`, `http://127.0.0.1:${appSite.port}`]

const client = await create(operator, '/admin/api/clients', {
  client_id: 'portal',
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: [`${portalOrigin}/auth/callback`],
  post_logout_redirect_uris: [`${portalOrigin}/`],
  backchannel_logout_uri: `${portalOrigin}/auth/backchannel-logout`,
  scope: SCOPE,
  resources: [ORGANISATION],
})
const { portal, close } = createPortal({
  issuer,
  clientId: 'portal',
  clientSecret: String(client.client_secret),
  portalOrigin,
  appOrigin,
  organisation: ORGANISATION,
})
sites.portal = portal
const organisations = [ORGANISATION, 'org_7']
sites.app = createApp({ issuer, organisations, portalOrigin, signet: new IssuerClient(issuer, APP) })
endAtSignal(portalSite.stop, appSite.stop, close, signet.stop)

const credentials = `${OPERATOR.id}:${process.env[OPERATOR.secretIn]}`
announce(
  { signet: issuer, portal: portalOrigin, app: appOrigin, password, operator: credentials },
  `
Open ${portalOrigin} and sign in as ada or lin: the app in the frame says who you are, by the keys of ${issuer}/jwks/${ORGANISATION}.
'Renew the token' asks the portal, which refreshes its token in the last minute of five. Disable the person, and press 'Ask my API' again:
  TOKEN=$(curl -s -u '${credentials}' -d grant_type=client_credentials ${issuer}/token | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
  curl -X POST -H "Authorization: Bearer $TOKEN" ${issuer}/admin/api/users/ada/disable`,
)
