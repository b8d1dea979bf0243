/** Guards on real Express, Fastify and Hono servers, over HTTP: who gets in, who is told what, and never a 500. */
import { createHash } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { SignJWT, calculateJwkThumbprint, type JWK } from 'jose'
import { expect, onTestFinished, test, describe, type TestContext } from 'vitest'
import * as forExpress from '../../verifier/src/express.ts'
import * as forFastify from '../../verifier/src/fastify.ts'
import * as forHono from '../../verifier/src/hono.ts'
import { createTokenVerifier, type AuthMiddleware, type AuthMiddlewareOptions } from '../../verifier/src/index.ts'
import { until } from '../support/admin.ts'
import { API, nested, sign, signWithJson, startKeyServer, type KeyServer, type SigningKey } from './key-server.ts'

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const closing = <Auth extends AuthMiddleware<unknown, unknown>>(auth: Auth): Auth => {
  onTestFinished(() => auth.close())
  return auth
}

/** The same API three times. */
const FRAMEWORKS: Record<string, (options: AuthMiddlewareOptions) => Promise<string>> = {
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

interface Api {
  server: KeyServer
  key: SigningKey
  url: string
  token(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>
  get(path: string, token?: string, headers?: Record<string, string>): Promise<Seen>
}

interface Seen {
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

async function startApi({ task }: TestContext, more: Partial<AuthMiddlewareOptions> = {}): Promise<Api> {
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

describe.each(Object.keys(FRAMEWORKS))('%s', () => {
  test('a good token gets in, and its claims are with the request', async (context) => {
    const api = await startApi(context)
    const token = await api.token({ scope: 'orders:read' })
    const { status, body } = await api.get('/any', token)
    expect(status).toBe(200)
    expect(body).toMatchObject({ claims: { sub: 'ada', scope: 'orders:read' }, header: { kid: api.key.kid }, token })
    expect((await api.get('/open')).body).toEqual({ auth: null })
    expect((await api.get('/twice', token)).status).toBe(200)
  })

  test('refusals are 401 with a code, a description and a challenge', async (context) => {
    const api = await startApi(context, {
      resourceMetadata: 'https://api.example/.well-known/oauth-protected-resource',
    })
    const metadata = 'resource_metadata="https://api.example/.well-known/oauth-protected-resource"'
    expect(await api.get('/any')).toEqual({
      status: 401,
      body: { error: 'missing_token', error_description: expect.any(String) },
      challenge: `Bearer ${metadata}`,
    })
    const cases: [string, Promise<string>][] = [
      ['token_expired', api.token({ exp: 1 })],
      ['wrong_audience', api.token({ aud: 'another' })],
      ['wrong_issuer', api.token({ iss: 'another' })],
      ['wrong_type', api.token({}, { typ: 'JWT' })],
      ['unknown_key', api.token({}, { kid: 'another' })],
      ['malformed_token', Promise.resolve('x')],
    ]
    for (const [code, token] of cases) {
      const { status, body, challenge } = await api.get('/any', await token)
      expect([status, body.error]).toEqual([401, code])
      expect(challenge).toBe(`Bearer error="invalid_token", error_description="${body.error_description}", ${metadata}`)
    }
    expect((await api.get('/other', await api.token())).body.error).toBe('wrong_audience')
    expect((await api.get('/other', await api.token({ aud: 'https://other.example' }))).status).toBe(200)
  })

  test('a guard that let in on easier terms does not speak for the next one', async (context) => {
    const api = await startApi(context)
    const scope = 'orders:read'
    expect((await api.get('/portal', await api.token({ scope }))).status).toBe(200)
    const refused = await api.get('/portal', await api.token({ scope, aud: 'portal' }))
    expect([refused.status, refused.body?.error]).toEqual([401, 'wrong_audience'])
  })

  test('claims that go thousands of levels deep are 401, and the API goes on', async (context) => {
    const api = await startApi(context)
    for (const path of ['/any', '/auth/me', '/portal']) {
      const { status, body } = await api.get(path, await signWithJson(api.server, api.key, 'deep', nested(5000)))
      expect([status, body.error]).toEqual([401, 'malformed_token'])
    }
    expect((await api.get('/auth/me', await api.token())).status).toBe(200)
  })

  test('whatever Host and path a request names, it is no 500', async (context) => {
    for (const more of [{}, { publicOrigin: 'https://api.example' }]) {
      const api = await startApi(context, more)
      for (const [host, target] of [
        ['[', '/any'],
        ['a:99999', '/any'],
        ['a/b', '/any'],
        ['user@a', '/any'],
        ['a b', '/any'],
        ['', '/any'],
        ['x', '/any?[]#'],
        ['x', '//[/any'],
        ['x', 'http://[/any'],
        ['x', '/%'],
      ]) {
        const head = `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: DPoP aaa.bbb.ccc\r\nDPoP: x`
        const status = await rawStatus(api.url, `${head}\r\nConnection: close\r\n\r\n`)
        // Node's own parser, or a framework, may refuse it before a guard sees it; or no route fits.
        expect([400, 401, 404], `${host} ${target}`).toContain(status)
      }
    }
  })

  test('a missing right is 403, and the scope is named', async (context) => {
    const api = await startApi(context)
    const refused = await api.get('/scope', await api.token({ scope: 'orders:read' }))
    expect([refused.status, refused.body.error]).toEqual([403, 'insufficient_scope'])
    expect(refused.challenge).toMatch(/^Bearer error="insufficient_scope", .*scope="orders:read orders:write"$/)
    expect((await api.get('/scope')).status).toBe(401)
    const cases: [string, Record<string, unknown>, number][] = [
      ['/scope', { scope: 'x orders:write orders:read' }, 200],
      ['/scope', { scp: ['orders:write', 'orders:read'] }, 200],
      ['/role', { role: 'admin' }, 200],
      ['/role', { roles: ['x', 'owner'] }, 200],
      ['/role', { roles: ['x'] }, 403],
      ['/role', { roles: 'admins' }, 403],
      ['/permission', { permissions: ['orders.delete'] }, 200],
      ['/permission', { permissions: ['orders.*'] }, 403],
      ['/either', { permissions: ['b'] }, 200],
      ['/either', { permissions: ['c'] }, 403],
      ['/owner', { is_platform_owner: true }, 200],
      ['/owner', { is_platform_owner: 'true' }, 403],
      ['/owner', { is_platform_owner: 1 }, 403],
    ]
    for (const [path, claims, status] of cases)
      expect([path, claims, (await api.get(path, await api.token(claims))).status]).toEqual([path, claims, status])
  })

  test('claims that are absent or of the wrong type give no right and never a 500', async (context) => {
    const api = await startApi(context)
    const garbage = [undefined, null, 17, true, {}, [], [null, 1, {}], { includes: 1 }, 'x', { 0: 'admin', length: 1 }]
    for (const value of garbage) {
      const claims = {
        scope: value,
        scp: value,
        role: value,
        roles: value,
        permissions: value,
        org_slug: value,
        is_platform_owner: undefined,
      }
      const token = await api.token(claims)
      for (const path of ['/scope', '/role', '/permission', '/either', '/owner'])
        expect([path, value, (await api.get(path, token)).status]).toEqual([path, value, 403])
      expect((await api.get('/auth/me', token)).status).toBe(200)
    }
  })

  test('me() verifies, and answers what the token says', async (context) => {
    const api = await startApi(context)
    expect((await api.get('/auth/me')).body.error).toBe('missing_token')
    expect((await api.get('/auth/me', await api.token({ exp: 1 }))).body.error).toBe('token_expired')
    const bare = await api.get('/auth/me', await api.token())
    expect(bare.body).toMatchObject({
      authenticated: true,
      sub: 'ada',
      client_id: 'shop',
      scope: [],
      roles: [],
      permissions: [],
      org_slug: null,
      service_slug: null,
      is_platform_owner: false,
      claims: { sub: 'ada' },
    })
    const all = { org_slug: 'acme', service_slug: 'crm', permissions: ['a'], is_platform_owner: true }
    const rich = { ...all, roles: ['x'], role: 'y', scope: 'a b' }
    expect((await api.get('/auth/me', await api.token(rich))).body).toMatchObject({
      ...all,
      roles: ['x', 'y'],
      scope: ['a', 'b'],
    })
  })

  test('headers of garbage never give a 500', async (context) => {
    const api = await startApi(context, { cookie: 'session' })
    const good = await api.token()
    const lines = [
      'Authorization: ',
      'Authorization: Bearer',
      'Authorization: Bearer \t',
      `Authorization: Bearer ${'x'.repeat(10_000)}`,
      'Authorization: Bearer \xff\xfe',
      'Authorization: Bearer a.b.c',
      `Authorization: Bearer ${good}\r\nAuthorization: Bearer x`,
      'Authorization: DPoP x',
      `Authorization: DPoP ${good}\r\nDPoP: \xff`,
      'Cookie: session=%E0%A4%A',
      'Cookie: session="',
      'Cookie: session; =; ;;session==',
      'Cookie: __proto__=x; session=\xff',
    ]
    for (const line of lines) {
      const status = await rawStatus(api.url, `GET /any HTTP/1.1\r\nHost: x\r\n${line}\r\nConnection: close\r\n\r\n`)
      // Node's own parser may refuse a header before anybody sees it.
      expect([401, 400], line).toContain(status)
    }
  })

  test('a cookie is looked into where it was asked for; the header wins; another site cannot use it', async (context) => {
    const api = await startApi(context, { cookie: 'session' })
    const good = await api.token()
    for (const cookie of [
      `session=${good}`,
      `a=b; session="${good}"`,
      `session=; session=${encodeURIComponent(good)}; session=x`,
    ])
      expect((await api.get('/any', undefined, { cookie })).status).toBe(200)
    expect((await api.get('/any', undefined, { cookie: `session=${good}`, authorization: 'Basic eDp5' })).status).toBe(
      200,
    )
    expect((await api.get('/any', await api.token({ exp: 1 }), { cookie: `session=${good}` })).body.error).toBe(
      'token_expired',
    )
    expect((await api.get('/any', undefined, { cookie: `other=${good}; session=%` })).body.error).toBe(
      'malformed_token',
    )
    const change = async (site: string) =>
      (
        await fetch(`${api.url}/change`, {
          method: 'POST',
          headers: { cookie: `session=${good}`, 'sec-fetch-site': site },
        })
      ).status
    expect([await change('same-origin'), await change('cross-site')]).toEqual([200, 401])
    const without = await startApi(context)
    expect((await without.get('/any', undefined, { cookie: `session=${await without.token()}` })).body.error).toBe(
      'missing_token',
    )
  })

  test('an issuer that is down is 503 with Retry-After', async (context) => {
    const api = await startApi(context)
    const token = await api.token()
    await api.server.stop()
    const response = await fetch(`${api.url}/any`, { headers: { authorization: `Bearer ${token}` } })
    expect([response.status, response.headers.get('retry-after'), response.headers.get('www-authenticate')]).toEqual([
      503,
      '5',
      null,
    ])
  })

  test('a DPoP-bound token needs its proof, made for this request, once', async (context) => {
    const api = await startApi(context)
    const holder = await api.server.addKey()
    const jwk = bareKey(holder)
    const token = await api.token({ cnf: { jkt: await calculateJwkThumbprint(jwk) } })
    const ath = createHash('sha256').update(token).digest('base64url')
    const prove = (claims: object = {}, header: object = {}, key = holder.privateKey) =>
      new SignJWT({
        htm: 'GET',
        htu: `${api.url}/any`,
        ath,
        jti: crypto.randomUUID(),
        iat: Math.floor(Date.now() / 1000),
        ...claims,
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
        .sign(key)
    const send = (proof: string | undefined, path = '/any', scheme = 'DPoP', using = token) =>
      api.get(path, undefined, { authorization: `${scheme} ${using}`, ...(proof !== undefined && { dpop: proof }) })

    expect((await send(await prove())).status).toBe(200)
    expect((await send(await prove(), '/any?page=2')).status).toBe(200)
    expect((await send(await prove({ htu: `${api.url}/twice` }), '/twice')).body.error).toBe('insufficient_scope')
    const asBearer = await send(await prove(), '/any', 'Bearer')
    expect(asBearer).toMatchObject({
      status: 401,
      body: { error: 'wrong_type' },
      challenge: expect.stringMatching(/^DPoP error="invalid_token"/),
    })
    expect((await send(await prove(), '/any', 'DPoP', await api.token())).body.error).toBe('wrong_type')
    expect((await api.get('/any', await api.token({ cnf: { 'x5t#S256': 'abc' } }))).body.error).toBe('wrong_type')

    const used = await prove()
    expect((await send(used)).status).toBe(200)
    const stranger = await api.server.addKey()
    const symmetric = new TextEncoder().encode('x'.repeat(32))
    const bad: [string, string | undefined][] = [
      ['used before', used],
      ['missing', undefined],
      ['exactly one', `${await prove()}, ${await prove()}`],
      ['htm', await prove({ htm: 'POST' })],
      ['htu', await prove({ htu: `${api.url}/other` })],
      ['htu', await prove({ htu: 17 })],
      ['ath', await prove({ ath: 'x' })],
      ['jti', await prove({ jti: undefined })],
      ['iat', await prove({ iat: 'now' })],
      ['older', await prove({ iat: Math.floor(Date.now() / 1000) - 90 })],
      ['future', await prove({ iat: Math.floor(Date.now() / 1000) + 90 })],
      ['another key', await prove({}, { jwk: bareKey(stranger) }, stranger.privateKey)],
      ['signature', await prove({}, {}, stranger.privateKey)],
      ['typ', await prove({}, { typ: 'JWT' })],
      ['jwk', await prove({}, { jwk: undefined })],
      ['private', await prove({}, { jwk: { ...jwk, d: 'AA' } })],
      ['alg', await prove({}, { alg: 'HS256' }, symmetric as never)],
      ['form', 'nonsense'],
    ]
    for (const [what, proof] of bad) {
      const refused = await send(proof)
      expect([what, refused.status, refused.body.error]).toEqual([what, 401, 'invalid_signature'])
      expect(refused.body.error_description).toContain(what)
      expect(refused.challenge).toMatch(/^DPoP error="invalid_dpop_proof".*algs="/)
    }
  })
})

/** A public key as a proof carries it. */
function bareKey({ publicJwk }: SigningKey): JWK {
  const { kid: _kid, alg: _alg, use: _use, ...bare } = publicJwk
  return bare
}

/** What a client gets that does not keep to HTTP's grammar. */
function rawStatus(url: string, bytes: string): Promise<number> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(Number(port), hostname, () => socket.write(Buffer.from(bytes, 'latin1')))
    socket.on('data', (chunk) => (text += String(chunk)))
    socket.on('error', reject)
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)))
  })
}

test('behind a proxy, DPoP proofs name the public origin', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const jwk = bareKey(key)
  const auth = closing(
    forHono.createAuthMiddleware({ issuer: server.issuer, audience: API, publicOrigin: 'https://api.example' }),
  )
  const app = new Hono().get('/v1/any', auth.requireAuth(), (c) => c.json({}))
  const token = await sign(server, key, { cnf: { jkt: await calculateJwkThumbprint(jwk) } })
  const ath = createHash('sha256').update(token).digest('base64url')
  const proof = await new SignJWT({ htm: 'GET', htu: 'https://api.example/v1/any', ath, jti: 'one' })
    .setIssuedAt()
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
    .sign(key.privateKey)
  const response = await app.request('http://10.0.0.1:8080/v1/any', {
    headers: { authorization: `DPoP ${token}`, dpop: proof },
  })
  expect(response.status).toBe(200)
})

test('what a request says of its own place changes nothing about the URL that a proof has to name', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const jwk = bareKey(key)
  const token = await sign(server, key, { cnf: { jkt: await calculateJwkThumbprint(jwk) } })
  const ath = createHash('sha256').update(token).digest('base64url')
  const prove = (htu: string) =>
    new SignJWT({ htm: 'GET', htu, ath, jti: crypto.randomUUID() })
      .setIssuedAt()
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .sign(key.privateKey)
  const apiOf = (more: object) => {
    const auth = closing(forExpress.createAuthMiddleware({ issuer: server.issuer, audience: API, ...more }))
    return listen(express().use(auth.requireAuth(), (_request, response) => void response.json({})))
  }
  const behindProxy = await apiOf({ publicOrigin: 'https://api.example/' })
  const direct = await apiOf({})
  const ask = async (url: string, htu: string, host: string, target: string) => {
    const head = `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: DPoP ${token}\r\nDPoP: ${await prove(htu)}`
    return rawStatus(url, `${head}\r\nConnection: close\r\n\r\n`)
  }
  const good = [
    ['https://api.example/admin/keys', 'api.example', '/admin/keys'],
    ['https://api.example/admin/keys', '10.0.0.1:8080', '/admin/keys?page=2'],
    ['https://API.example:443/a%20b', '[', '/a%20b'],
    ['https://api.example/', 'x', '/'],
  ] as const
  for (const [htu, host, target] of good) expect(await ask(behindProxy, htu, host, target), target).toBe(200)
  const bad = [
    ['https://api.example/catalogue', 'api.example', '/admin/keys'],
    ['https://api.example/catalogue', 'x/catalogue?', '/admin/keys'],
    ['https://evil.example/x', 'api.example', '//evil.example/x'],
    ['https://api.example/x', 'api.example', '//api.example/x'],
    ['https://api.example/catalogue', 'api.example', '/admin/../catalogue'],
    ['https://api.example/catalogue', 'api.example', '/admin/%2e%2E/catalogue'],
    ['https://api.example/catalogue', 'api.example', 'http://api.example/catalogue'],
    ['https://api.example/a/x', 'api.example', '/a\\x'],
  ] as const
  for (const [htu, host, target] of bad) expect(await ask(behindProxy, htu, host, target), target).toBe(401)
  expect(await ask(direct, 'http://api.example:8080/x', 'api.example:8080', '/x')).toBe(200)
  for (const host of ['api.example/y?', 'api.example#', 'u@api.example', 'api.example:99999', '[', ''])
    expect(await ask(direct, 'http://api.example/x', host, '/x'), host).toBe(401)
})

test('what goes wrong behind a guard is for the error handler of Express, and ends no process', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const auth = closing(forExpress.createAuthMiddleware({ issuer: server.issuer, audience: API }))
  const errors: string[] = []
  const told = express.Router()
  told.use((_request, response, next) => {
    response.end('answered already')
    next()
  })
  const onError: express.ErrorRequestHandler = (error: { code: string }, _request, _response, _next) =>
    void errors.push(error.code)
  const url = await listen(express().use(told, auth.me(), onError))
  for (const token of [await sign(server, key), 'garbage']) {
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
    expect(await response.text()).toBe('answered already')
  }
  await until(() => errors.length === 2)
  expect(errors).toEqual(['ERR_HTTP_HEADERS_SENT', 'ERR_HTTP_HEADERS_SENT'])
})

test('guards may share a verifier, which they leave open', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const verifier = createTokenVerifier({ issuer: server.issuer, audience: API })
  onTestFinished(() => verifier.close())
  const guards = [forHono.createAuthMiddleware({ verifier }), forHono.createAuthMiddleware({ verifier })]
  for (const auth of guards) {
    const app = new Hono().get('/', auth.requireAuth(), (c) => c.text(c.get('auth').claims.sub ?? ''))
    const response = await app.request('/', { headers: { authorization: `Bearer ${await sign(server, key)}` } })
    expect(await response.text()).toBe('ada')
    await auth.close()
  }
  expect(server.asked).toHaveLength(2)
})

test('a guard that demands nothing by mistake is refused at start', () => {
  const auth = forExpress.createAuthMiddleware({ issuer: 'https://issuer.example', audience: API })
  expect(() => auth.requireScope()).toThrow(TypeError)
  expect(() => auth.requireRole('')).toThrow(TypeError)
  expect(() => auth.requireAnyPermission([])).toThrow(TypeError)
  expect(() => auth.requirePermission(undefined as never)).toThrow(TypeError)
  expect(() => auth.requireAuth({ revocations: { whenStale: 'maybe' as never } })).toThrow(TypeError)
})
