/**
 * `protectedResource()` on real servers: metadata where clients look for it, and challenges that lead there.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { describe, expect, onTestFinished, test } from 'vitest'
import * as forExpress from '../../verifiers/node/src/express.ts'
import * as forFastify from '../../verifiers/node/src/fastify.ts'
import * as forHono from '../../verifiers/node/src/hono.ts'
import type { AuthMiddlewareOptions, ProtectedResourceOptions } from '../../verifiers/node/src/index.ts'
import { closing, listen } from './guarded-apis.ts'
import { API, sign, startKeyServer } from './key-server.ts'

type Start = (resource: ProtectedResourceOptions, auth: AuthMiddlewareOptions) => Promise<string>

/** Answers that an app gives by itself: a status, and a challenge of its own. */
const ANSWERS: [path: string, status: number, challenge: string | undefined][] = [
  ['/bare', 401, undefined],
  ['/basic', 401, 'Basic realm="x"'],
  ['/bearer', 401, 'Bearer'],
  ['/told', 401, 'Bearer resource_metadata="https://own.example"'],
  ['/dpop', 401, 'DPoP algs="ES256"'],
  ['/forbidden', 403, undefined],
  ['/teapot', 418, undefined],
]

const STARTS: Record<string, Start> = {
  async express(resource, options) {
    const auth = closing(forExpress.createAuthMiddleware(options))
    const app = express().use(forExpress.protectedResource(resource))
    app.get('/scope', auth.requireScope('orders:read'), (_request, response) => void response.json({}))
    app.get('/role', auth.requireRole('admin'), (_request, response) => void response.json({}))
    for (const [path, status, challenge] of ANSWERS)
      app.get(
        path,
        (_request, response) =>
          void response
            .status(status)
            .set({ ...challengeOf(challenge) })
            .json({}),
      )
    app.get(
      '/raw',
      (_request, response) => void response.writeHead(401, 'No', { 'WWW-Authenticate': 'Bearer', 'X-A': '1' }).end(),
    )
    app.get('/flat', (_request, response) => void response.writeHead(401, ['X-A', '1', 'X-A', '2']).end())
    return listen(app)
  },
  async fastify(resource, options) {
    const auth = closing(forFastify.createAuthMiddleware(options))
    const app = Fastify()
    await app.register(forFastify.protectedResource, resource)
    app.get('/scope', { preHandler: auth.requireScope('orders:read') }, (_request, reply) => reply.send({}))
    app.get('/role', { preHandler: auth.requireRole('admin') }, (_request, reply) => reply.send({}))
    for (const [path, status, challenge] of ANSWERS)
      app.get(path, (_request, reply) =>
        reply
          .code(status)
          .headers({ ...challengeOf(challenge) })
          .send({}),
      )
    onTestFinished(() => app.close())
    return app.listen({ port: 0, host: '127.0.0.1' })
  },
  hono: (resource, options) => startHono(new Hono().use(forHono.protectedResource(resource)), options),
  'hono, mounted': (resource, options) =>
    startHono(new Hono().route('/', forHono.protectedResource(resource)), options),
}

function startHono(app: Hono, options: AuthMiddlewareOptions): Promise<string> {
  const auth = closing(forHono.createAuthMiddleware(options))
  app.get('/scope', auth.requireScope('orders:read'), (c) => c.json({}))
  app.get('/role', auth.requireRole('admin'), (c) => c.json({}))
  for (const [path, status, challenge] of ANSWERS)
    app.get(path, () => new Response('{}', { status, headers: challengeOf(challenge) }))
  return listen((request, response) => void getRequestListener(app.fetch)(request, response))
}

const challengeOf = (challenge: string | undefined): Record<string, string> =>
  challenge === undefined ? {} : { 'www-authenticate': challenge }

const RESOURCE = {
  resource: `${API}/orders`,
  issuer: 'https://issuer.example',
  scopes: ['orders:read', 'orders:write'],
}
const POINTER = `resource_metadata="${API}/.well-known/oauth-protected-resource/orders"`

async function start(name: string, resource: Partial<ProtectedResourceOptions> = {}) {
  const server = await startKeyServer()
  const key = await server.addKey()
  const options = { issuer: server.issuer, audience: API, clock: server.clock }
  const url = await STARTS[name]!({ ...RESOURCE, ...resource }, options)
  const ask = async (path: string, token?: string) => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const response = await fetch(url + path, { headers })
    return { status: response.status, challenge: response.headers.get('www-authenticate'), headers: response.headers }
  }
  return { url, ask, token: (claims: Record<string, unknown>) => sign(server, key, claims) }
}

describe.each(Object.keys(STARTS))('%s', (name) => {
  test('the metadata is where RFC 9728 puts it, for any page, and nowhere else', async () => {
    const { url } = await start(name)
    const path = '/.well-known/oauth-protected-resource/orders'
    const response = await fetch(url + path)
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([200, '*'])
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await response.json()).toEqual({
      resource: `${API}/orders`,
      authorization_servers: ['https://issuer.example'],
      scopes_supported: ['orders:read', 'orders:write'],
      bearer_methods_supported: ['header'],
    })
    expect((await fetch(url + path, { method: 'OPTIONS' })).status).toBe(204)
    expect((await fetch(url + path, { method: 'HEAD' })).status).toBe(200)
    expect((await fetch(url + path, { method: 'POST' })).status).toBe(405)
    for (const other of ['/.well-known/oauth-protected-resource', `${path}/more`, `${path}?x=1`])
      expect((await fetch(url + other)).status).toBe(404)
  })

  test('every 401 points there, those of guards and those of the app alike', async () => {
    const { ask, token } = await start(name)
    expect((await ask('/scope')).challenge).toBe(`Bearer ${POINTER}`)
    const expired = await ask('/scope', await token({ exp: 1 }))
    expect([expired.status, expired.challenge]).toEqual([
      401,
      expect.stringMatching(new RegExp(`^Bearer error="invalid_token", error_description="[^"]+", ${POINTER}$`)),
    ])
    expect((await ask('/bare')).challenge).toBe(`Bearer ${POINTER}`)
    expect((await ask('/bearer')).challenge).toBe(`Bearer ${POINTER}`)
    expect((await ask('/basic')).challenge).toBe(`Basic realm="x", Bearer ${POINTER}`)
    expect((await ask('/dpop')).challenge).toBe(`DPoP algs="ES256", ${POINTER}`)
    expect((await ask('/told')).challenge).toBe('Bearer resource_metadata="https://own.example"')
  })

  test('a 403 for a missing scope names the scope; other answers stay as they are', async () => {
    const { ask, token } = await start(name)
    const scope = await ask('/scope', await token({ scope: 'x' }))
    expect([scope.status, scope.challenge]).toEqual([403, expect.stringContaining(`scope="orders:read", ${POINTER}`)])
    const role = await ask('/role', await token({}))
    expect(role.challenge).toContain(`scope="orders:read orders:write", ${POINTER}`)
    for (const path of ['/forbidden', '/teapot']) expect((await ask(path)).challenge).toBeNull()
    expect((await ask('/scope', await token({ scope: 'orders:read' }))).status).toBe(200)
  })
})

test('an app of Node that writes its head itself is covered too', async () => {
  const { ask } = await start('express')
  const raw = await ask('/raw')
  expect([raw.status, raw.challenge, raw.headers.get('x-a')]).toEqual([401, `Bearer ${POINTER}`, '1'])
  const flat = await ask('/flat')
  expect([flat.status, flat.challenge, flat.headers.get('x-a')]).toEqual([401, `Bearer ${POINTER}`, '1, 2'])
})

test('wrong options are told when it is made', () => {
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ issuer: undefined }, /issuer is missing/],
    [{ issuer: [] }, /authorizationServers is empty/],
    [{ issuer: 'http://issuer.example' }, /has to be https/],
    [{ resource: 'https://api.example#x' }, /no fragment/],
    [{ scope: ['x'] }, /did you mean scopes/],
  ]
  for (const [options, message] of wrong)
    expect(() => forExpress.protectedResource({ ...RESOURCE, ...options })).toThrow(message)
})
