/** The embedded app: a page for each organisation, and an API that accepts only tokens of that organisation. */
import { type Handler, type Hono } from 'hono'
import { createAuthMiddleware, type HonoAuth } from 'signet-verify/hono'
import { answerPage, createSite } from './site.ts'

export interface AppOptions {
  issuer: string
  organisations: readonly string[]
  /** The one origin that may embed the app and forward tokens to it. */
  portalOrigin: string
}

export interface EmbeddedApp {
  app: Hono
  close(): Promise<void>
}

export function createApp({ issuer, organisations, portalOrigin }: AppOptions): EmbeddedApp {
  // All organisations share `iss`. Each has its own key set and `aud`, so a token of another organisation fails at both.
  const guardOf = (organisation: string): HonoAuth =>
    createAuthMiddleware({
      issuer,
      audience: organisation,
      jwksUri: `${issuer}/jwks/${organisation}`,
      revocations: true,
      name: `embedded-app ${organisation}`,
    })
  const guards = new Map(organisations.map((organisation) => [organisation, guardOf(organisation)]))
  const app = createSite({ framedBy: portalOrigin })
  const page: Handler = (c) => answerPage(c, 'app.html', { portal: portalOrigin })
  for (const [organisation, guard] of guards) {
    app.get(`/${organisation}/`, page)
    app.get(`/${organisation}/api/me`, guard.me())
    app.get(`/${organisation}/api/settings`, guard.requireRole('admin'), (c) => c.json({ model: 'small' }))
  }
  return {
    app,
    async close() {
      await Promise.all([...guards.values()].map((guard) => guard.close()))
    },
  }
}
