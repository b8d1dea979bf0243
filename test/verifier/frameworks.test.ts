/**
 * Guards on real Express, Fastify and Hono servers, over HTTP: who gets in, who is told what, and never a 500.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import express from 'express'
import { Hono } from 'hono'
import { describe, expect, onTestFinished, test } from 'vitest'
import * as forExpress from '../../verifiers/node/src/express.ts'
import * as forHono from '../../verifiers/node/src/hono.ts'
import { createTokenVerifier } from '../../verifiers/node/src/index.ts'
import { until } from '../support/admin.ts'
import { closing, FRAMEWORKS, listen, rawStatus, startApi } from './guarded-apis.ts'
import { API, nested, sign, signWithJson, startKeyServer } from './key-server.ts'

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
      `Authorization: Basic eDp5\r\nAuthorization: Bearer ${good}\r\nCookie: session=${good}`,
      `Authorization: \r\nAuthorization: DPoP ${good}\r\nCookie: session=${good}`,
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
})

test('a guard judges what the request carries now, not what another one saw', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const auth = closing(forExpress.createAuthMiddleware({ issuer: server.issuer, audience: API }))
  const app = express()
  const swap: express.RequestHandler = (request, _response, next) => {
    request.headers.authorization = 'Bearer nonsense'
    delete request.headersDistinct.authorization
    next()
  }
  app.get('/', auth.requireAuth(), swap, auth.requireAuth(), (_request, response) => void response.json({}))
  const url = await listen(app)
  const response = await fetch(url, { headers: { authorization: `Bearer ${await sign(server, key)}` } })
  expect(response.status).toBe(401)
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
