/** Identity forwarded into an embedded app: a portal, an app in its frame on another origin, and Signet between. */
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { IssuerClient } from '../issuer-calls.ts'
import { startLocalSignet } from '../local-signet.ts'
import { announce, endAtSignal, listen } from '../program.ts'
import { createApp } from './app.ts'
import { PEOPLE } from './people.ts'
import { createPortal } from './portal.ts'

const PORTAL = { id: 'portal', secretIn: 'PORTAL_SECRET' }
const signet = await startLocalSignet(new URL('signet.yaml', import.meta.url), [PORTAL])

// Each site needs the origin of the other, and free ports are known only when both listen.
const sites: { portal?: Hono; app?: Hono } = {}
const serve = (name: keyof typeof sites) => {
  const answer = getRequestListener((request) => sites[name]?.fetch(request) ?? new Response(null, { status: 503 }))
  return listen((request, response) => void answer(request, response))
}
const [portal, app] = [await serve('portal'), await serve('app')]
// The sites have two hosts, not only two ports, because cookies do not distinguish ports.
const [portalOrigin, appOrigin] = [`http://localhost:${portal.port}`, `http://127.0.0.1:${app.port}`]

const organisations = [...new Set(Object.values(PEOPLE).map(({ organisation }) => organisation))]
const embedded = createApp({ issuer: signet.issuer, organisations, portalOrigin })
sites.app = embedded.app
sites.portal = createPortal(new IssuerClient(signet.issuer, PORTAL), appOrigin)
endAtSignal(portal.stop, app.stop, embedded.close, signet.stop)

announce(
  { signet: signet.issuer, portal: portalOrigin, app: appOrigin },
  `
Open ${portalOrigin} in a browser and sign in: the app in the frame says who you are.
Its token is gone from its address; 'Renew the token' asks the portal for another one.
The organisations' key sets: ${organisations.map((each) => `${signet.issuer}/jwks/${each}`).join(' ')}`,
)
