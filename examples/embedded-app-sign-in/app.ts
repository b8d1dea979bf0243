/** The embedded app: a page for each organisation, and an API that accepts only tokens of that organisation. */
import { Hono, type MiddlewareHandler } from 'hono'
import { answerPage, createSite } from '../embedded-app/site.ts'
import type { IssuerClient } from '../issuer-calls.ts'
import { requireMember, type MemberEnv } from './member.ts'

export interface AppOptions {
  issuer: string
  organisations: readonly string[]
  /** The one origin that may embed the app and forward tokens to it. */
  portalOrigin: string
  /** The app as a client, to ask about tokens. */
  signet: IssuerClient
}

export function createApp({ issuer, organisations, portalOrigin, signet }: AppOptions): Hono {
  const app = createSite({ framedBy: portalOrigin })
  for (const organisation of organisations) {
    app.get(`/${organisation}/`, (c) => answerPage(c, 'app.html', { portal: portalOrigin }))
    app.route(`/${organisation}/api`, apiOf(requireMember(issuer, organisation), requireLive(signet)))
  }
  return app
}

function apiOf(...guards: MiddlewareHandler<MemberEnv>[]): Hono<MemberEnv> {
  const api = new Hono<MemberEnv>()
  for (const guard of guards) api.use(guard)
  return api.get('/me', (c) => c.json({ claims: c.get('claims') }))
}

/**
 * A signature says nothing about what happened since, so the app asks Signet, and what ended is refused at once. A verifier
 * of `signet-verify` with `revocations` follows the blacklist, and needs no question.
 */
const requireLive =
  (signet: IssuerClient): MiddlewareHandler<MemberEnv> =>
  async (c, next) => {
    const token = c.req.header('authorization')?.replace(/^Bearer +/i, '') ?? ''
    const { body } = await signet.introspect(token)
    if (body.active === true) return next()
    return c.json({ error: 'invalid_token' }, 401, { 'www-authenticate': 'Bearer error="invalid_token"' })
  }
