/** Every route of the service on one page, and the app of Hono that they make. */
import type { RequestListener } from 'node:http'
import { Hono, type Context } from 'hono'
import { auditApi } from './admin/audit.ts'
import { clientsApi } from './admin/clients.ts'
import { grantsApi } from './admin/grants.ts'
import { keysApi } from './admin/keys.ts'
import { resourcesApi } from './admin/resources.ts'
import { consentsApi } from './admin/consents.ts'
import { sessionsApi } from './admin/sessions.ts'
import { groupsApi } from './admin/groups.ts'
import { invitationsApi } from './admin/invitations.ts'
import { usersApi } from './admin/users.ts'
import { authorize } from './endpoints/authorize.ts'
import { blacklist } from './endpoints/blacklist.ts'
import { feed } from './endpoints/blacklist-feed.ts'
import { demoToken } from './endpoints/demo-token.ts'
import { discovery } from './endpoints/discovery.ts'
import { docs } from './endpoints/docs.ts'
import { endSession } from './endpoints/end-session.ts'
import { front } from './endpoints/front.ts'
import { health } from './endpoints/health.ts'
import { introspect } from './endpoints/introspect.ts'
import { jwks } from './endpoints/jwks.ts'
import { metrics } from './endpoints/metrics.ts'
import { openapi } from './endpoints/openapi.ts'
import { revoke } from './endpoints/revoke.ts'
import { refresh, token } from './endpoints/token.ts'
import { userinfo } from './endpoints/userinfo.ts'
import type { Env } from './http/context.ts'
import { openDoor, type DoorNeeds } from './http/door.ts'
import type { Route } from './http/route.ts'
import { KnownPathsRouter } from './http/router.ts'
import { Routes } from './http/routes.ts'
import { fail, serve } from './http/serve.ts'
import { errorPageOf } from './pages/page.ts'
import { pages } from './pages/routes.ts'

/** The needs of one door. */
type NeedsOf<Door> = Door extends (needs: infer Needs) => unknown ? Needs : never

/** The needs of all doors together. No door is given them: each names its own. */
export type ServiceNeeds = DoorNeeds &
  NeedsOf<typeof discovery> &
  NeedsOf<typeof jwks> &
  NeedsOf<typeof token> &
  NeedsOf<typeof revoke> &
  NeedsOf<typeof introspect> &
  NeedsOf<typeof userinfo> &
  NeedsOf<typeof feed> &
  NeedsOf<typeof blacklist> &
  NeedsOf<typeof clientsApi> &
  NeedsOf<typeof resourcesApi> &
  NeedsOf<typeof keysApi> &
  NeedsOf<typeof grantsApi> &
  NeedsOf<typeof usersApi> &
  NeedsOf<typeof groupsApi> &
  NeedsOf<typeof invitationsApi> &
  NeedsOf<typeof sessionsApi> &
  NeedsOf<typeof consentsApi> &
  NeedsOf<typeof auditApi> &
  NeedsOf<typeof docs> &
  NeedsOf<typeof demoToken> &
  NeedsOf<typeof health> &
  NeedsOf<typeof metrics> &
  NeedsOf<typeof endSession> &
  NeedsOf<typeof authorize> &
  NeedsOf<typeof pages>

/** Answers every request that the server receives. */
export const createApp = (needs: ServiceNeeds): RequestListener =>
  serveRoutes(listRoutes(needs), { ...needs, unknownPage: errorPageOf(needs) }, newApp())

/** The path has one reader: the router looks up the path that target.ts has read. */
export const newApp = () =>
  new Hono<Env>({ router: new KnownPathsRouter(), getPath: (_, options) => options?.env?.target?.path ?? '' })

/** @param app may hold middleware already. */
export function serveRoutes(all: readonly Route[], needs: DoorNeeds, app: Hono<Env>): RequestListener {
  const routes = new Routes(all, needs.issuer, app.router)
  // Hono makes a `Response` when its headers are read. Without middleware there are none.
  const hasMiddleware = app.routes.length > 0
  const handler = (c: Context<Env>) => serve(c, routes, needs, hasMiddleware ? c.res.headers : undefined)
  for (const [method, path] of routes.places()) app.on(method, path, handler)
  app.notFound(handler)
  app.onError((error, c) => fail(c.env, error, needs, c.res.headers))
  return openDoor(app, routes, needs)
}

export function listRoutes(needs: ServiceNeeds): Route[] {
  const routes: Route[] = [
    token(needs),
    refresh(needs),
    revoke(needs),
    introspect(needs),
    ...userinfo(needs),
    ...discovery(needs),
    ...jwks(needs),
    feed(needs),
    ...blacklist(needs),
    ...clientsApi(needs),
    ...resourcesApi(needs),
    ...keysApi(needs),
    ...grantsApi(needs),
    ...usersApi(needs),
    ...groupsApi(needs),
    ...invitationsApi(needs),
    ...sessionsApi(needs),
    ...consentsApi(needs),
    auditApi(needs),
    front(needs),
    ...health(needs),
    metrics(needs),
    openapi(async () => {
      const { describeService } = await import('./openapi/document.ts')
      return describeService(needs.issuer, routes)
    }),
    ...docs(needs),
    ...demoToken(needs),
    ...endSession(needs),
    ...authorize(needs),
    ...pages(needs),
  ]
  return routes
}
