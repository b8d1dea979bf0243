/** The same API behind Express, Fastify and Hono, each on a real server, and callers that keep to no grammar. */
import { createServer, type RequestListener } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import type { JWK } from 'jose'
import { onTestFinished, type TestContext } from 'vitest'
import * as forExpress from '../../verifiers/node/src/express.ts'
import * as forFastify from '../../verifiers/node/src/fastify.ts'
import * as forHono from '../../verifiers/node/src/hono.ts'
import type { AuthMiddleware, AuthMiddlewareOptions } from '../../verifiers/node/src/index.ts'
import { API, sign, startKeyServer, type KeyServer, type SigningKey } from './key-server.ts'

export async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export const closing = <Auth extends AuthMiddleware<unknown, unknown>>(auth: Auth): Auth => {
  onTestFinished(() => auth.close())
  return auth
}

/** The same API three times. */
export const FRAMEWORKS: Record<string, (options: AuthMiddlewareOptions) => Promise<string>> = {
  async express(options) {
    const auth = closing(forExpress.createAuthMiddleware(options))
    const app = express()
    app.get('/open', (request, response) => void response.json({ auth: request.auth ?? null }))
    app.get('/any', auth.requireAuth(), (request, response) => void response.json(request.auth))
    app.get('/scope', auth.requireScope('orders:read', 'orders:write'), (_request, response) => void response.json({}))
    app.get('/role', auth.requireRole('admin', 'owner'), (_request, response) => void response.json({}))
    app.get('/permission', auth.requirePermission('orders.delete'), (_request, response) => void response.json({}))
    app.get('/either', auth.requireAnyPermission(['a', 'b']), (_request, response) => void response.json({}))
    app.get('/owner', auth.requirePlatformOwner(), (_request, response) => void response.json({}))
    app.get(
      '/other',
      auth.requireAuth({ audience: 'https://other.example' }),
      (_request, response) => void response.json({}),
    )
    app.get(
      '/twice',
      auth.requireAuth(),
      auth.requireAuth({ clockTolerance: 1 }),
      auth.requireScope('orders:read'),
      (_r, s) => void s.json({}),
    )
    app.use('/portal', auth.requireAuth({ audience: [API, 'portal'] }))
    app.get('/portal', auth.requireScope('orders:read'), (_request, response) => void response.json({}))
    app.post('/change', auth.requireAuth(), (_request, response) => void response.json({}))
    app.get('/auth/me', auth.me())
    return listen(app)
  },
  async fastify(options) {
    const auth = closing(forFastify.createAuthMiddleware(options))
    const app = Fastify()
    app.get('/open', (request, reply) => reply.send({ auth: request.auth ?? null }))
    app.get('/any', { preHandler: auth.requireAuth() }, (request, reply) => reply.send(request.auth))
    app.get('/scope', { onRequest: auth.requireScope('orders:read', 'orders:write') }, (_request, reply) =>
      reply.send({}),
    )
    app.get('/role', { preHandler: auth.requireRole('admin', 'owner') }, (_request, reply) => reply.send({}))
    app.get('/permission', { preHandler: auth.requirePermission('orders.delete') }, (_request, reply) => reply.send({}))
    app.get('/either', { preHandler: auth.requireAnyPermission(['a', 'b']) }, (_request, reply) => reply.send({}))
    app.get('/owner', { preHandler: auth.requirePlatformOwner() }, (_request, reply) => reply.send({}))
    app.get('/other', { preHandler: auth.requireAuth({ audience: 'https://other.example' }) }, (_request, reply) =>
      reply.send({}),
    )
    app.get(
      '/twice',
      { preHandler: [auth.requireAuth(), auth.requireAuth({ clockTolerance: 1 }), auth.requireScope('orders:read')] },
      (_request, reply) => reply.send({}),
    )
    const portal = [auth.requireAuth({ audience: [API, 'portal'] }), auth.requireScope('orders:read')]
    app.get('/portal', { preHandler: portal }, (_request, reply) => reply.send({}))
    app.post('/change', { preHandler: auth.requireAuth() }, (_request, reply) => reply.send({}))
    app.get('/auth/me', auth.me())
    onTestFinished(() => app.close())
    return app.listen({ port: 0, host: '127.0.0.1' })
  },
  async hono(options) {
    const auth = closing(forHono.createAuthMiddleware(options))
    const app = new Hono()
    app.get('/open', (c) => c.json({ auth: c.get('auth') ?? null }))
    app.get('/any', auth.requireAuth(), (c) => c.json(c.get('auth')))
    app.get('/scope', auth.requireScope('orders:read', 'orders:write'), (c) => c.json({}))
    app.get('/role', auth.requireRole('admin', 'owner'), (c) => c.json({}))
    app.get('/permission', auth.requirePermission('orders.delete'), (c) => c.json({}))
    app.get('/either', auth.requireAnyPermission(['a', 'b']), (c) => c.json({}))
    app.get('/owner', auth.requirePlatformOwner(), (c) => c.json({}))
    app.get('/other', auth.requireAuth({ audience: 'https://other.example' }), (c) => c.json({}))
    app.get(
      '/twice',
      auth.requireAuth(),
      auth.requireAuth({ clockTolerance: 1 }),
      auth.requireScope('orders:read'),
      (c) => c.json({}),
    )
    app.use('/portal', auth.requireAuth({ audience: [API, 'portal'] }))
    app.get('/portal', auth.requireScope('orders:read'), (c) => c.json({}))
    app.post('/change', auth.requireAuth(), (c) => c.json({}))
    app.get('/auth/me', auth.me())
    return listen((request, response) => void getRequestListener(app.fetch)(request, response))
  },
}

export interface Api {
  server: KeyServer
  key: SigningKey
  url: string
  token(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>
  get(path: string, token?: string, headers?: Record<string, string>): Promise<Seen>
}

export interface Seen {
  status: number
  body: any
  challenge: string | null
}

async function seen(response: Response): Promise<Seen> {
  const text = await response.text()
  return {
    status: response.status,
    body: text === '' ? undefined : JSON.parse(text),
    challenge: response.headers.get('www-authenticate'),
  }
}

export async function startApi({ task }: TestContext, more: Partial<AuthMiddlewareOptions> = {}): Promise<Api> {
  const server = await startKeyServer()
  const key = await server.addKey()
  await server.addKey()
  const name = task.suite?.name ?? ''
  const url = await FRAMEWORKS[name]!({
    issuer: server.issuer,
    audience: API,
    clock: server.clock,
    ...more,
  })
  return {
    server,
    key,
    url,
    token: (claims, header) => sign(server, key, claims, header),
    get: async (path, token, headers = {}) =>
      seen(
        await fetch(url + path, {
          headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
        }),
      ),
  }
}

/** A public key as a proof carries it. */
export function bareKey({ publicJwk }: SigningKey): JWK {
  const { kid: _kid, alg: _alg, use: _use, ...bare } = publicJwk
  return bare
}

/** The status for a client that does not keep to HTTP's grammar. */
export function rawStatus(url: string, bytes: string): Promise<number> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(Number(port), hostname, () => socket.write(Buffer.from(bytes, 'latin1')))
    socket.on('data', (chunk) => (text += String(chunk)))
    socket.on('error', reject)
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)))
  })
}
