/** Every route of the service on one page, and nothing else. */
import { Hono } from 'hono'
import { listAudit } from './admin/audit.ts'
import { clientsApi } from './admin/clients.ts'
import { grantsApi } from './admin/grants.ts'
import { keysApi } from './admin/keys.ts'
import { resourcesApi } from './admin/resources.ts'
import { usersApi } from './admin/users.ts'
import { addEntry, liftEntry, listEntries, readEntry } from './endpoints/blacklist.ts'
import { feed } from './endpoints/blacklist-feed.ts'
import { discovery } from './endpoints/discovery.ts'
import { docs } from './endpoints/docs.ts'
import { livez, readyz } from './endpoints/health.ts'
import { introspect } from './endpoints/introspect.ts'
import { jwks, resourceJwks } from './endpoints/jwks.ts'
import { metrics } from './endpoints/metrics.ts'
import { openapi } from './endpoints/openapi.ts'
import { revoke } from './endpoints/revoke.ts'
import { refresh, token } from './endpoints/token.ts'
import { ADMIN_SCOPE, BLACKLIST_SCOPE } from './resources/resource.ts'
import { requireScope } from './http/bearer.ts'
import { onError, onNotFound } from './http/on-error.ts'
import { withRequestLog, type Answer } from './http/request-log.ts'
import type { Env, Rooms } from './http/rooms.ts'
import { KnownPathsRouter } from './http/router.ts'

/** The service. An issuer URL with a path is served at that path and at the root alike. */
export function createApp(rooms: Rooms): Answer {
  const base = new URL(rooms.issuer).pathname.replace(/\/$/, '')
  const app = new Hono<Env>({ router: new KnownPathsRouter() })
  app.onError(onError)
  app.notFound(onNotFound(app))
  // Made once: what the routes count and keep is the service's, by whichever path it is asked.
  const every = routes(rooms)
  for (const prefix of new Set(['', base])) app.route(prefix || '/', every)
  if (base !== '') {
    // RFC 8414 §3.1 puts the path behind the well-known part; clients try both forms for both documents.
    app.get(`/.well-known/oauth-authorization-server${base}`, discovery(rooms))
    app.get(`/.well-known/openid-configuration${base}`, discovery(rooms))
  }
  return withRequestLog(app, rooms)
}

function routes(rooms: Rooms): Hono<Env> {
  const app = new Hono<Env>()

  app.get('/.well-known/openid-configuration', discovery(rooms))
  app.get('/.well-known/oauth-authorization-server', discovery(rooms))
  app.get('/.well-known/jwks.json', jwks(rooms))
  app.get('/jwks/:resource', resourceJwks(rooms))
  app.post('/token', token(rooms))
  app.post('/refresh', refresh(rooms))
  app.post('/revoke', revoke(rooms))
  app.post('/introspect', introspect(rooms))

  const blacklister = requireScope(rooms, BLACKLIST_SCOPE)
  app.get('/blacklist/feed', feed(rooms))
  app.post('/blacklist', blacklister, addEntry(rooms))
  app.get('/blacklist', blacklister, listEntries(rooms))
  app.get('/blacklist/:id', blacklister, readEntry(rooms))
  app.delete('/blacklist/:id', blacklister, liftEntry(rooms))

  const admin = requireScope(rooms, ADMIN_SCOPE)
  const clients = clientsApi(rooms)
  app.get('/admin/api/clients', admin, clients.list)
  app.post('/admin/api/clients', admin, clients.create)
  app.get('/admin/api/clients/:id', admin, clients.read)
  app.patch('/admin/api/clients/:id', admin, clients.update)
  app.delete('/admin/api/clients/:id', admin, clients.remove)
  app.post('/admin/api/clients/:id/rotate-secret', admin, clients.rotateSecret)
  app.post('/admin/api/clients/:id/disable', admin, clients.disable)
  app.post('/admin/api/clients/:id/enable', admin, clients.enable)
  const resources = resourcesApi(rooms)
  app.get('/admin/api/resources', admin, resources.list)
  app.post('/admin/api/resources', admin, resources.create)
  app.get('/admin/api/resources/:id', admin, resources.read)
  app.patch('/admin/api/resources/:id', admin, resources.update)
  app.delete('/admin/api/resources/:id', admin, resources.remove)
  const keys = keysApi(rooms)
  app.get('/admin/api/keys', admin, keys.list)
  app.post('/admin/api/keys/rotate', admin, keys.rotate)
  app.post('/admin/api/keys/:id/revoke', admin, keys.revoke)
  const grants = grantsApi(rooms)
  app.get('/admin/api/grants', admin, grants.list)
  app.get('/admin/api/grants/:id', admin, grants.read)
  app.delete('/admin/api/grants/:id', admin, grants.end)
  const users = usersApi(rooms)
  app.get('/admin/api/users', admin, users.list)
  app.get('/admin/api/users/:id', admin, users.read)
  app.post('/admin/api/users/:id/disable', admin, users.disable)
  app.post('/admin/api/users/:id/enable', admin, users.enable)
  app.get('/admin/api/audit', admin, listAudit(rooms))

  app.get('/livez', livez)
  app.get('/readyz', readyz(rooms))
  app.get('/metrics', metrics(rooms))
  app.get(
    '/openapi.json',
    openapi(rooms, () => import('./openapi/document.ts')),
  )
  const { page, file } = docs()
  app.get('/docs', page)
  app.get('/docs/:file', file)
  return app
}
