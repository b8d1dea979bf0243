/** The door: one reading of a path, preflights, headers of replies, and what an issuer with a path serves where. */
import { connect } from 'node:net'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BEHIND_PROXY } from '../harness/network.ts'
import { newApp, serveRoutes } from '../src/app.ts'
import { UnderWay } from '../src/ground/under-way.ts'
import { READERS } from '../src/http/access.ts'
import type { DoorNeeds } from '../src/http/door.ts'
import { json } from '../src/http/reply.ts'
import { route } from '../src/http/route.ts'
import { createResource, until } from './support/admin.ts'
import { bearer, request } from './support/client.ts'
import { startTestIssuer } from './support/issuer.ts'
import { ask, fresh, registered, shareWithApi, startWithApi } from './support/shared.ts'

const issuer = shareWithApi()

interface Told {
  status: number
  headers: IncomingMessage['headers']
  text: string
}

/** A request whose target goes out as it stands here: `fetch` would put it into normal form. */
const send = (
  method: string,
  path: string,
  headers: Record<string, string> = {},
  port = issuer().port,
): Promise<Told> =>
  new Promise((done, fail) => {
    const sent = httpRequest({ host: '127.0.0.1', port, method, path, headers }, (got) => {
      let text = ''
      got.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      got.on('end', () => done({ status: got.statusCode ?? 0, headers: got.headers, text }))
    })
    sent.on('error', fail).end()
  })

/** Sends bytes as they are and gives back all that comes. */
const raw = (text: string): Promise<string> =>
  new Promise((done, fail) => {
    let got = ''
    const socket = connect(issuer().port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (chunk) => (got += chunk.toString('latin1')))
    socket.on('close', () => done(got))
    socket.on('error', fail)
  })

// ------------------------------------------------------------------ paths

describe('a path that is not in normal form', () => {
  const NOT_NORMAL = [
    '//token',
    '/token//',
    '/jwks/../admin/api/clients',
    '/jwks/./x',
    '/x/../admin/api/clients',
    '/..',
    '/jwks/%2e%2e/admin/api/clients',
    '/jwks/%2E%2E/admin/api/clients',
    '/jwks/.%2e/admin/api/clients',
    '/%61dmin/api/clients',
    '/admin/api/client%73',
    '/admin%2Dapi',
    '/%7Ex',
    '/admin\\api\\clients',
    '/jwks/..\\admin/api/clients',
    '/livez"',
    '/livez|x',
    '/livez^',
    '/{x}',
  ]

  test.each(NOT_NORMAL)('is 400 whatever the method: %s', async (path) => {
    const token = await issuer().operator.token()
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS']) {
      const told = await send(method, path, bearer(token))
      expect(told.status, method).toBe(400)
      if (method !== 'HEAD') expect(told.text).toContain('not in normal form')
    }
  })

  test('is counted with its network, and never as an open path', async () => {
    const own = await startWithApi({ SIGNET_RATE_LIMIT_NETWORK: '5', ...BEHIND_PROXY })
    const from = { 'x-forwarded-for': '198.51.100.9' }
    const statuses: number[] = []
    for (let turn = 0; turn < 8; turn++)
      statuses.push((await send('GET', '/jwks/../admin/api/clients', from, own.port)).status)
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429, 429, 429])
    expect((await send('GET', '/admin/api/clients', from, own.port)).status).toBe(429)
    expect((await send('GET', '/livez', from, own.port)).status).toBe(200)
  })

  test('is named in the log by no route', async () => {
    const before = issuer().logged.length
    await send('GET', '/livez/../admin/api/clients')
    await until(() => issuer().logged.length > before)
    expect(issuer().logged.slice(before).join('\n')).toContain('"route":"(none)"')
  })
})

test('a path that is known answers by no route that takes its last part for an id', async () => {
  const told = await send('DELETE', '/blacklist/feed')
  expect([told.status, told.headers.allow]).toEqual([405, 'GET, HEAD'])
  for (const path of ['/jwks/:resource', '/blacklist/:id', '/docs/:file', '/*', '/jwks/*'])
    expect((await send('GET', path)).status, path).toBeLessThan(500)
})

describe('a path in normal form', () => {
  test.each([
    ['an escape that an id needs', '/jwks/https%3A%2F%2Fx.example', 404],
    ['a lower-case escape', '/jwks/https%3a%2f%2fx.example', 404],
    ['a broken escape', '/jwks/%zz', 404],
    ['the absolute form', 'http://signet.example/livez', 200],
    ['the absolute form without a path', 'http://signet.example', 200],
    ['a query with anything', '/livez?x=/../%2e%2e//', 200],
    ['characters that a path may hold', "/jwks/a!$&'()*+,;=:@b", 404],
  ])('is read: %s', async (_, path, status) => {
    expect((await send('GET', path)).status).toBe(status)
  })

  test.each([
    ['/tokens', '/token'],
    ['/token/', '/token'],
    ['/TOKEN', '/token'],
    ['/oauth/token', '/token'],
    ['/oauth2/token', '/token'],
    ['/realms/master/protocol/openid-connect/token', '/token'],
    ['/oauth2/v1/introspect/', '/introspect'],
    ['/jwks.json', '/.well-known/jwks.json'],
    ['/.well-known/jwks', '/.well-known/jwks.json'],
    ['/health', '/readyz'],
    ['/docs/', '/docs'],
    ['//token', '/token'],
    ['/introspekt', '/introspect'],
  ])('that is a slip is told the right one: %s', async (path, meant) => {
    const told = await send('GET', path)
    expect(told.status).toBe(path.startsWith('//') ? 400 : 404)
    expect(JSON.parse(told.text).error_description).toContain(`(did you mean ${meant}?)`)
  })
})

describe('the root', () => {
  const BROWSER = { accept: 'text/html,application/xhtml+xml' }
  const linksOf = (page: string) => [...page.matchAll(/<a [^>]*href="(\/[^"]*)"/g)].map(([, at = '']) => at)

  test('is a page in a browser, and every link of it leads somewhere', async () => {
    const page = await send('GET', '/', BROWSER)
    expect(page.status).toBe(200)
    expect(page.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', vary: 'Accept, Accept-Language' })
    expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'self';/)
    expect(page.text.length).toBeLessThan(10_000)
    const links = linksOf(page.text)
    for (const path of ['/account', '/docs', '/openapi.json', '/readyz', '/.well-known/jwks.json'])
      expect(links).toContain(path)
    // The account sends a person who is not signed in to the sign-in page.
    for (const path of links) expect([200, 303], path).toContain((await send('GET', path)).status)
  })

  test('has the brand of the operator, and the language of the browser', async () => {
    const { port } = await startTestIssuer({ SIGNET_BRAND_NAME: 'Acme & Sons', SIGNET_LOCALE: 'zh' })
    const pageFor = async (language: string) =>
      (await send('GET', '/', { ...BROWSER, 'accept-language': language }, port)).text
    expect(await pageFor('de')).toMatch(/<html lang="de"[^]*Acme &amp; Sons[^]*Bei Ihrem Konto anmelden/)
    expect(await pageFor('en-GB')).toContain('Sign in to your account')
    expect(await pageFor('fr')).toContain('登录您的账户')
  })

  test('is JSON to everybody else, with public addresses', async () => {
    const others = ['*/*', 'application/json', 'text/html;q=0', 'application/json, text/html;q=0.5', 'text/html-like']
    for (const accept of others) {
      const { status, headers, text } = await send('GET', '/', { accept })
      expect([status, headers['content-type']]).toEqual([200, 'application/json'])
      const { issuer: name, jwks, health } = JSON.parse(text)
      expect({ name, jwks, health }).toEqual({
        name: issuer().issuer,
        jwks: `${issuer().issuer}/.well-known/jwks.json`,
        health: `${issuer().issuer}/readyz`,
      })
    }
    expect((await send('POST', '/')).headers.allow).toBe('GET, HEAD')
  })

  test.each(['TEXT/HTML', 'application/json;q=0.9, text/html', 'text/html;level=1'])(
    'is a page to %s',
    async (accept) => {
      expect((await send('GET', '/', { accept })).headers['content-type']).toBe('text/html; charset=utf-8')
    },
  )

  test('of an issuer with a path is there too, with addresses below the path', async () => {
    const { port } = await startTestIssuer({ SIGNET_ISSUER: 'https://host.example/auth' })
    for (const path of ['/', '/auth', '/auth/']) {
      expect(linksOf((await send('GET', path, BROWSER, port)).text), path).toContain('/auth/docs')
      expect(JSON.parse((await send('GET', path, {}, port)).text)).toMatchObject({
        docs: 'https://host.example/auth/docs',
      })
    }
  })
})

test('an address that is none is a page to a browser that opens it, and JSON to a program', async () => {
  const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'accept-language': 'de' }
  const page = await send('GET', '/acount', browser)
  expect([page.status, page.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8'])
  expect(page.text).toMatch(/data-error="not_found"[^]*href="\/account"/)
  expect(page.text.length).toBeLessThan(5000)
  for (const [method, headers] of [
    ['GET', {}],
    ['GET', { accept: 'application/json, text/html;q=0.5' }],
    ['POST', browser],
  ] as const)
    expect(JSON.parse((await send(method, '/acount', headers)).text)).toMatchObject({ error: 'invalid_request' })
  // An address that takes another method is none that a person mistyped.
  expect((await send('GET', '/token', browser)).headers['content-type']).toBe('application/json')
})

test('unknown key sets count as refused requests of their network', async () => {
  const own = await startWithApi({ SIGNET_RATE_LIMIT_NETWORK: '5', ...BEHIND_PROXY })
  const from = { 'x-forwarded-for': '198.51.100.9' }
  for (let turn = 0; turn < 6; turn++) expect((await send('GET', `/jwks/x${turn}`, from, own.port)).status).toBe(404)
  expect((await send('GET', '/nothing', from, own.port)).status).toBe(429)
})

// ------------------------------------------------------------------ own keys

test('the key set of a resource that is a URI has an address without %2F, and the percent-encoded one still works', async () => {
  const id = await createResource(issuer().operator, fresh('https://own.example/v'), { own_keys: true })
  const client = await registered(issuer(), { resources: [id] })
  await ask(issuer(), client)
  const plain = `/jwks/~${Buffer.from(id).toString('base64url')}`
  const [encoded, short] = [await send('GET', `/jwks/${encodeURIComponent(id)}`), await send('GET', plain)]
  expect([short.status, short.text]).toEqual([200, encoded.text])
  expect(short.text).toContain('"kid"')
  expect((await send('GET', '/jwks/~')).status).toBe(404)
  expect((await send('GET', '/jwks/~AAAA')).status).toBe(404)
})

// ------------------------------------------------------------------ preflight

describe('a preflight', () => {
  const asked = {
    origin: 'https://app.example',
    'access-control-request-method': 'GET',
    'access-control-request-headers': 'mcp-protocol-version, x-other',
  }
  const PUBLIC = [
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
    '/.well-known/jwks.json',
    '/jwks/https%3A%2F%2Fx.example',
    '/blacklist/feed',
    '/openapi.json',
  ]

  test.each(PUBLIC)('of a public document is answered: %s', async (path) => {
    const { status, headers, text } = await send('OPTIONS', path, asked)
    expect([status, text]).toEqual([204, ''])
    expect(headers['access-control-allow-origin']).toBe('*')
    expect(headers['access-control-allow-methods']).toBe('GET, HEAD')
    expect(headers['access-control-allow-headers']).toBe('mcp-protocol-version, x-other')
  })

  test.each(['/admin/api/clients', '/blacklist', '/blacklist/x', '/introspect', '/metrics', '/livez', '/authorize'])(
    'of anything else is refused: %s',
    async (path) => {
      const { status, headers } = await send('OPTIONS', path, asked)
      expect(status).toBe(405)
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    },
  )

  test('takes nothing of a quota', async () => {
    const own = await startWithApi({ SIGNET_RATE_LIMIT_NETWORK: '2', ...BEHIND_PROXY })
    const from = { ...asked, 'x-forwarded-for': '198.51.100.9' }
    for (let turn = 0; turn < 5; turn++)
      expect((await send('OPTIONS', '/.well-known/jwks.json', from, own.port)).status).toBe(204)
  })
})

// ------------------------------------------------------------------ HTTP/1.0

test('HTTP/1.0 without Host is answered, at every kind of route', async () => {
  for (const path of ['/readyz', '/livez', '/.well-known/jwks.json', '/blacklist/feed'])
    expect(await raw(`GET ${path} HTTP/1.0\r\n\r\n`), path).toMatch(/^HTTP\/1\.[01] 200 /)
  expect(await raw('GET /metrics HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.[01] 403 /)
  expect(await raw('GET /admin/api/clients HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.[01] 401 /)
  expect(await raw('HEAD /readyz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.[01] 200 [^]*\r\n\r\n$/)
})

test('a Host that no URL can hold makes no defect', async () => {
  for (const host of ['', '%zz', 'a%00b', '..', '1.2.3.4.5', '[::]', '0x7f.1'])
    for (const path of ['/metrics', '/livez', '/.well-known/openid-configuration']) {
      const status = /^HTTP\/1\.1 (\d{3}) /.exec(
        await raw(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
      )
      expect(Number(status?.[1]), `${path} ${host}`).toBeLessThan(500)
    }
})

// ------------------------------------------------------------------ an issuer with a path

describe('an issuer with a path', () => {
  const NAME = 'https://host.example/auth'

  test('serves administration, the metrics and the blacklist below it only', async () => {
    const own = await startWithApi({ SIGNET_ISSUER: NAME, SIGNET_METRICS_TOKEN: 'scraper-0123456789' })
    const token = await own.operator.token()
    for (const path of ['/admin/api/clients', '/admin/api/audit', '/blacklist']) {
      expect((await send('GET', path, bearer(token), own.port)).status, path).toBe(404)
      expect((await send('GET', `/auth${path}`, bearer(token), own.port)).status, path).toBe(200)
    }
    const scraper = bearer('scraper-0123456789')
    expect((await send('GET', '/metrics', scraper, own.port)).status).toBe(404)
    expect((await send('GET', '/auth/metrics', scraper, own.port)).status).toBe(200)
    for (const path of ['/livez', '/.well-known/jwks.json', '/blacklist/feed', '/openapi.json', '/docs'])
      for (const prefix of ['', '/auth'])
        expect((await send('GET', prefix + path, {}, own.port)).status, prefix + path).toBe(200)
  })

  test('names its path in Location', async () => {
    const { url, operator } = await startWithApi({ SIGNET_ISSUER: NAME })
    const headers = bearer(await operator.token())
    const made = [
      ['/auth/blacklist', { sub: 'ada' }],
      ['/auth/admin/api/clients', { client_id: 'billing' }],
      ['/auth/admin/api/resources', { id: 'https://orders.example' }],
    ] as const
    for (const [path, body] of made) {
      const answered = await request(url + path, { headers, json: body })
      const location = answered.headers.get('location') ?? ''
      expect(location).toMatch(new RegExp(`^${path}/`))
      expect((await request(url + location, { headers })).status).toBe(200)
    }
  })

  test('is told in a slip', async () => {
    const { port } = await startTestIssuer({ SIGNET_ISSUER: NAME })
    expect((await send('GET', '/auth/tokens', {}, port)).text).toContain('(did you mean /auth/token?)')
    expect((await send('GET', '/admin/api/clients', {}, port)).text).toContain('/auth/admin/api/clients')
  })
})

// ------------------------------------------------------------------ replies

describe('headers that were set before', () => {
  const page = route(
    { get: '/page/:name', id: 'page', tag: 'x', says: 'x', answers: {}, access: READERS },
    ({ params }) => ({
      status: 200,
      headers: ['Content-Type', 'text/html', 'Cache-Control', 'private'],
      body: `<p>${params.name}`,
    }),
  )
  const value = route({ get: '/value', id: 'value', tag: 'x', says: 'x', answers: {}, access: READERS }, () =>
    json({ done: true }),
  )

  /** The door with these routes, behind a middleware that sets headers in both ways. */
  async function serveBehindMiddleware(): Promise<number> {
    const limits = { admit: () => undefined, lines: { hasRoom: () => true } }
    const log = { info: () => {}, debug: () => {}, error: () => {}, warn: () => {} }
    const needs = {
      issuer: 'http://localhost',
      limits,
      log,
      traffic: { note: () => {} },
      requests: new UnderWay(),
      isReady: () => true,
    }
    const app = newApp()
    app.use('*', async (c, next) => {
      c.header('Set-Cookie', 'a=1', { append: true })
      c.header('Set-Cookie', 'b=2', { append: true })
      c.header('Cache-Control', 'public')
      c.env.outgoing.setHeader('X-Node', 'kept')
      await next()
    })
    const server = createServer(serveRoutes([page, value], needs as unknown as DoorNeeds, app))
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    onTestFinished(() => void server.close())
    return (server.address() as AddressInfo).port // bound to a TCP port, so it is no path
  }

  test.each(['GET', 'HEAD'])('are kept by a reply, whose own come first: %s', async (method) => {
    const { headers, text } = await send(method, '/value', {}, await serveBehindMiddleware())
    expect(headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(headers['cache-control']).toBe('no-store')
    expect(headers['x-node']).toBe('kept')
    expect(headers['x-request-id']).toMatch(/^[\w-]{36}$/)
    expect(text).toBe(method === 'HEAD' ? '' : '{"done":true}')
  })

  test('are kept by a refusal', async () => {
    const { status, headers } = await send('GET', '/nothing', {}, await serveBehindMiddleware())
    expect([status, headers['set-cookie']]).toEqual([404, ['a=1', 'b=2']])
  })

  test.each(['GET', 'HEAD'])('on the response of Node are kept by a page: %s', async (method) => {
    const { status, headers, text } = await send(method, '/page/a%2Fb', {}, await serveBehindMiddleware())
    expect([status, text]).toEqual([200, method === 'HEAD' ? '' : '<p>a/b'])
    expect(headers['content-type']).toBe('text/html')
    expect(headers['x-node']).toBe('kept')
    expect(headers['x-content-type-options']).toBe('nosniff')
  })
})
