/** The portal: people sign in at Signet, and it forwards their tokens to the app that it embeds. */
import type { Hono } from 'hono'
import { signIn } from 'signet-verify/hono'
import { answerPage, createSite } from '../embedded-app/site.ts'

export interface PortalOptions {
  issuer: string
  clientId: string
  clientSecret: string
  portalOrigin: string
  appOrigin: string
  organisation: string
}

export interface Portal {
  portal: Hono
  close(): Promise<void>
}

export const SCOPE = 'openid profile assistant offline_access'

export function createPortal({ appOrigin, organisation, portalOrigin, ...client }: PortalOptions): Portal {
  // Code and PKCE; the refresh token stays here, and `signedIn` renews the access token near its end.
  const people = signIn({ ...client, scope: SCOPE, resource: organisation, publicOrigin: portalOrigin })
  const portal = createSite({ frames: appOrigin })
  portal.route('/', people)
  portal.get('/', (c) => answerPage(c, 'portal-sign-in.html', { app: appOrigin }))
  portal.post('/forwarded-token', async (c) => {
    const person = await people.signedIn(c)
    if (!person) return c.json({ error: 'signed_out' }, 401)
    return c.json({ token: person.accessToken, organisation })
  })
  return { portal, close: () => people.close() }
}
