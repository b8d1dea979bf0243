/**
 * Whatever is sent, the answer is a refusal that a client can read: a registered error, never a 5xx, never
 * stored, never the caller's own input back (RFC 6749 §3.2 and §5.2, RFC 9110).
 */
import { connect } from 'node:net'
import * as fc from 'fast-check'
import { exportJWK, generateKeyPair } from 'jose'
import { describe, expect, test } from 'vitest'
import { hostileTexts } from '../harness/hostile.ts'
import { sendRaw } from '../harness/raw.ts'
import { refresh, tokens, until } from './support/admin.ts'
import { basic, bearer, post, request, type Answer, type Credentials } from './support/client.ts'
import { ask, assertionOf, fresh, refusal, registered, shareWithApi } from './support/shared.ts'

const issuer = shareWithApi()

/** RFC 6749 §5.2, RFC 6750 §3.1, RFC 8707 §2, RFC 7591 §3.2.2. */
const REGISTERED =
  /^(invalid_(request|client|grant|scope|target|token|client_metadata)|unauthorized_client|unsupported_grant_type|insufficient_scope)$/

/** Checks the rules for every refusal. @param sent a text that must not come back */
function expectPoliteRefusal(answer: Answer, sent?: string): void {
  expect(answer.status).toBeGreaterThanOrEqual(400)
  expect(answer.status).toBeLessThan(500)
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(answer.headers.get('x-request-id')).toMatch(/^[\w-]{12,64}$/)
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  expect(answer.headers.get('location')).toBeNull()
  expect(answer.body.error).toMatch(REGISTERED)
  // RFC 6749 §5.2: the characters of error_description.
  expect(answer.body.error_description).toMatch(/^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/)
  if (answer.status === 401) expect(answer.headers.get('www-authenticate')).toMatch(/^(Basic|Bearer) realm="signet"/)
  if (sent !== undefined) expect(answer.text).not.toContain(sent)
}

/** Sends bytes as they are and gives back the answer. */
const raw = (...pieces: (string | Uint8Array)[]): Promise<string> => sendRaw(issuer().port, ...pieces)

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])

const FORM = 'Content-Type: application/x-www-form-urlencoded\r\n'

/** A POST of raw bytes. */
const send = (path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Answer> => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  return request(issuer().url + path, { method: 'POST', body, headers: { ...form, ...headers } })
}

describe('a parameter', () => {
  test.each([
    'grant_type',
    'scope',
    'client_id',
    'client_secret',
    'client_assertion',
    'client_assertion_type',
    'refresh_token',
    'subject',
    'subject_claims',
  ])('sent twice is refused at /token: %s', async (name) => {
    const client = await registered(issuer())
    const once = new URLSearchParams({ grant_type: 'client_credentials' })
    once.append(name, 'a')
    once.append(name, 'a')
    const byHeader = ['client_secret', 'client_assertion', 'client_id'].includes(name) ? {} : basic(client)
    const answer = await send('/token', once.toString(), byHeader)
    expectPoliteRefusal(answer)
    expect(refusal(answer)).toBe('400 invalid_request')
    expect(answer.body.error_description).toContain(name)
  })

  test.each(['/revoke', '/introspect'])('sent twice is refused at %s', async (path) => {
    const client = await registered(issuer())
    for (const body of ['token=a&token=b', 'token=a&token_type_hint=b&token_type_hint=b']) {
      expect(refusal(await send(path, body, basic(client)))).toBe('400 invalid_request')
    }
  })

  test('without a value counts as absent', async () => {
    const client = await registered(issuer())
    const body =
      'grant_type=client_credentials&scope=&resource=&audience=&client_id=&client_secret=&client_assertion=&subject='
    expect((await send('/token', body, basic(client))).body).toMatchObject({ scope: 'a b', token_type: 'Bearer' })
    expect(refusal(await send('/token', 'grant_type=', basic(client)))).toBe('400 invalid_request')
    expect(refusal(await send('/refresh', 'refresh_token=', basic(client)))).toBe('400 invalid_request')
  })

  test('that nobody knows is ignored, even twice', async () => {
    const body =
      'grant_type=client_credentials&state=x&state=y&__proto__=z&constructor=z&toString=z&response_type=token'
    expect((await send('/token', body, basic(await registered(issuer())))).status).toBe(200)
  })

  test('in the query is never looked at: neither credentials nor anything else', async () => {
    const client = await registered(issuer())
    const credentials = new URLSearchParams({ client_id: client.clientId, client_secret: client.secret }).toString()
    const body = 'grant_type=client_credentials'
    expect(refusal(await send(`/token?${credentials}`, body))).toBe('401 invalid_client')
    expect(refusal(await send(`/token?${body}`, '', basic(client)))).toBe('400 invalid_request')
    expect((await send('/token?scope=zzz&resource=zzz', body, basic(client))).body).toMatchObject({ scope: 'a b' })
    expect(issuer().logged.join('\n')).not.toContain(client.secret)
    const { access_token: token } = await tokens(issuer(), client)
    expect((await request(`${issuer().url}/admin/api/clients?access_token=${token}`)).status).toBe(401)
  })

  test('is one of at most a hundred', async () => {
    const client = await registered(issuer())
    const many = (pairs: number) => `grant_type=client_credentials${'&x=1'.repeat(pairs - 1)}`
    expect((await send('/token', many(100), basic(client))).status).toBe(200)
    const answer = await send('/token', many(101), basic(client))
    expectPoliteRefusal(answer)
    expect(refusal(answer)).toBe('400 invalid_request')
  })
})

describe('a body', () => {
  test.each([
    'text/plain',
    'application/json',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencodedx',
    'x',
    '',
  ])('of type %j is no form', async (type) => {
    const client = await registered(issuer())
    for (const path of ['/token', '/revoke', '/introspect']) {
      const answer = await send(path, 'grant_type=client_credentials&token=x', {
        ...basic(client),
        'content-type': type,
      })
      expectPoliteRefusal(answer)
      expect(refusal(answer)).toBe('400 invalid_request')
    }
  })

  test('may say its charset, in any case', async () => {
    const type = { 'content-type': 'Application/X-WWW-Form-Urlencoded ; charset=UTF-8' }
    const answer = await send('/token', 'grant_type=client_credentials', {
      ...basic(await registered(issuer())),
      ...type,
    })
    expect(answer.status).toBe(200)
  })

  test('of 64 KiB is read, of one byte more refused as 413', async () => {
    const client = await registered(issuer())
    const start = 'grant_type=client_credentials&x='
    const sized = (bytes: number) => start + 'x'.repeat(bytes - start.length)
    expect((await send('/token', sized(65_536), basic(client))).status).toBe(200)
    const answer = await send('/token', sized(65_537), basic(client))
    expectPoliteRefusal(answer)
    expect(refusal(answer)).toBe('413 invalid_request')
  })

  test.each([
    ['/token', 'application/x-www-form-urlencoded'],
    ['/refresh', 'application/json'],
    ['/revoke', 'application/x-www-form-urlencoded'],
    ['/introspect', 'application/x-www-form-urlencoded'],
  ])('is refused as 413 at %s also where it comes in chunks that say no length', async (path, type) => {
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
    const answer = await raw(head, ...Array.from({ length: 5 }, () => chunk))
    expect(statusOf(answer)).toBe(413)
    expect(answer).toContain('"error":"invalid_request"')
  })

  test('that says a length it will never have is refused before it comes', async () => {
    const answer = await raw(`POST /token HTTP/1.1\r\nHost: x\r\n${FORM}Content-Length: 99999999999\r\n\r\n`)
    expect(statusOf(answer)).toBe(413)
  })

  test('that ends too early, because its sender hung up, is no defect in the log', async () => {
    const logged = issuer().logged.length
    const socket = connect(issuer().port, '127.0.0.1')
    socket.write(
      `POST /token HTTP/1.1\r\nHost: x\r\n${FORM}Content-Length: 100\r\nExpect: 100-continue\r\n\r\ngrant_type=`,
    )
    // The server answers 100 once it listens to the body.
    await new Promise((arrived) => socket.once('data', arrived))
    socket.destroy()
    const later = () => issuer().logged.slice(logged).join('\n')
    await until(() => later().includes('"route":"/token"'))
    expect(later()).toContain('ended before its body')
    expect(later()).not.toMatch(/server_error|"level":"error"/)
  })

  test.each([
    '',
    '{',
    '[]',
    '[{"refresh_token":"x"}]',
    '"x"',
    'null',
    '5',
    '{"refresh_token":5}',
    '{"refresh_token":{"a":1}}',
    '{"refresh_token":["a","b"]}',
    '{"refresh_token":[["a"]]}',
    '{"a":1,',
    '\u0000',
    '['.repeat(30_000),
  ])('of JSON at /refresh that is not an object of strings is refused: %.40j', async (body) => {
    const answer = await send('/refresh', body, {
      ...basic(await registered(issuer())),
      'content-type': 'application/json',
    })
    expectPoliteRefusal(answer)
    expect(refusal(answer)).toBe('400 invalid_request')
  })

  test.each([
    '',
    '{',
    '[]',
    '5',
    'null',
    '{"kind":"jti"}',
    '{"jti":5}',
    '{"jti":""}',
    '{"jti":"a","sid":"b"}',
    '{"sub":"a","expires_at":"yesterday"}',
    '{"sub":"a","expires_at":1e400}',
    '{"sub":"a","expires_at":-1}',
    '{"sub":"a","reason":{}}',
    '{"token":"sgr_x"}',
    '{"__proto__":{"jti":"a"}}',
  ])('of JSON at /blacklist that is no entry is refused: %j', async (body) => {
    const answer = await send('/blacklist', body, {
      ...bearer(await issuer().operator.token()),
      'content-type': 'application/json',
    })
    expectPoliteRefusal(answer)
    expect(refusal(answer)).toBe('400 invalid_request')
  })
})

describe('a method', () => {
  test.each([
    ['GET', '/token', 'POST'],
    ['PUT', '/token', 'POST'],
    ['OPTIONS', '/token', 'POST'],
    ['GET', '/refresh', 'POST'],
    ['DELETE', '/revoke', 'POST'],
    ['GET', '/introspect', 'POST'],
    ['POST', '/.well-known/jwks.json', 'GET, HEAD'],
    ['POST', '/.well-known/openid-configuration', 'GET, HEAD'],
    ['POST', '/.well-known/oauth-authorization-server', 'GET, HEAD'],
    ['PATCH', '/blacklist', 'GET, HEAD, POST'],
    ['PUT', '/admin/api/clients', 'GET, HEAD, POST'],
    ['POST', '/livez', 'GET, HEAD'],
  ])('that the path does not know is 405 and told which it knows: %s %s', async (method, path, allow) => {
    const answer = await request(issuer().url + path, { method })
    expectPoliteRefusal(answer)
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe(allow)
  })

  test('that no server knows, and requests that are no HTTP, are refused by the connection', async () => {
    const garbage = [
      'FOO /token HTTP/1.1\r\nHost: x\r\n\r\n',
      'POST /token\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      `${FORM}\r\n`,
      'GET /livez HTTP/1.1\r\n\r\n',
    ]
    for (const text of garbage) expect(statusOf(await raw(text))).toBe(400)
  })

  test.each([
    ['GET /livez HTTP/1.1\r\n\r\n', 400],
    ['GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['POST /token HTTP/1.1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc', 400],
    ['GET /livez HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n', 417],
    ['POST /token HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 3\r\n\r\nabc', 417],
    ['CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', 400],
    ['FOO /token HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ])('that Node would answer by itself is told the reason in JSON: %j', async (text, status) => {
    const answer = await raw(text)
    const [head = '', body = ''] = answer.split('\r\n\r\n')
    expect([statusOf(answer), /^content-type: application\/json/im.test(head)], answer).toEqual([status, true])
    expect(JSON.parse(body)).toEqual({ error: 'invalid_request', error_description: expect.stringMatching(/../) })
  })

  test('on a path that does not exist is 404, whatever the path holds', async () => {
    for (const path of [
      '/tokens',
      '/token/',
      '/TOKEN',
      '/%zz',
      '/token%00',
      '/token;x',
      '/../token/x',
      '/admin/api',
      '/.env',
    ]) {
      const answer = await request(issuer().url + path, { method: 'POST' })
      expectPoliteRefusal(answer, path)
      expect(answer.status).toBe(404)
    }
  })
})

describe('headers', () => {
  test('over 16 KB are refused before anything is read', async () => {
    const line = (bytes: number) => `GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(bytes)}\r\n\r\n`
    expect(statusOf(await raw(line(15_000)))).toBe(200)
    expect(statusOf(await raw(line(17_000)))).toBe(431)
    expect(statusOf(await raw(`GET /livez?${'x'.repeat(17_000)} HTTP/1.1\r\nHost: x\r\n\r\n`))).toBe(431)
  })

  test.each([
    ['Authorization', basic({ clientId: 'demo', secret: 'wrong' }).authorization],
    ['authorization', 'Bearer made-up'],
    ['Content-Type', 'application/json'],
    ['HOST', 'other.example'],
  ])('that may be sent once are refused with a second line: %s', async (name, value) => {
    const { clientId, secret } = await registered(issuer())
    const body = 'grant_type=client_credentials'
    const lines = `Host: x\r\nAuthorization: ${basic({ clientId, secret }).authorization}\r\n${FORM}Content-Length: ${body.length}\r\n`
    const withLine = (more: string) => raw(`POST /token HTTP/1.1\r\n${lines}${more}\r\n${body}`)
    expect(statusOf(await withLine(''))).toBe(200)
    expect(statusOf(await withLine(`${name}: ${value}\r\n`))).toBe(400)
  })

  test('that smuggle a second request are refused', async () => {
    const both = `POST /token HTTP/1.1\r\nHost: x\r\n${FORM}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`
    expect(statusOf(await raw(both))).toBe(400)
    const twice = `POST /token HTTP/1.1\r\nHost: x\r\n${FORM}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde`
    expect(statusOf(await raw(twice))).toBe(400)
  })

  test('about host and proxies change nothing in metadata, tokens or challenges', async () => {
    const client = await registered(issuer())
    const lies = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-prefix': '/evil',
      'x-original-url': '/admin/api/clients',
      'x-rewrite-url': '/admin/api/clients',
      'x-http-method-override': 'DELETE',
      forwarded: 'host=evil.example;proto=https;for=127.0.0.1',
    }
    const plain = await request(`${issuer().url}/.well-known/openid-configuration`)
    const lied = await request(`${issuer().url}/.well-known/openid-configuration`, { headers: lies })
    expect(lied.text).toBe(plain.text)
    const answer = await post(issuer(), '/token', { grant_type: 'client_credentials' }, client)
    const again = await request(`${issuer().url}/token`, {
      form: { grant_type: 'client_credentials' },
      headers: { ...lies, ...basic(client) },
    })
    expect([again.status, again.body.scope]).toEqual([200, answer.body.scope])
    const elsewhere = await raw(
      'GET /.well-known/openid-configuration HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    )
    expect(elsewhere).toContain(plain.text)
    expect(elsewhere).not.toContain('evil')
  })

  test('with a host that is none are refused', async () => {
    for (const host of ['a b', 'evil.example/x?', 'user@evil.example', 'x:y:z', '[::1']) {
      expect(statusOf(await raw(`GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`))).toBe(400)
    }
  })

  test('cannot bring a request id of their own: two requests could be made to look like one', async () => {
    const answers = await Promise.all(
      [1, 2].map(() => request(`${issuer().url}/livez`, { headers: { 'x-request-id': 'mine' } })),
    )
    const ids = answers.map(({ headers }) => headers.get('x-request-id'))
    expect(new Set([...ids, 'mine']).size).toBe(3)
  })
})

describe('credentials', () => {
  test('in two ways at once are refused, even where both are right', async () => {
    const client = await registered(issuer())
    const { clientId: client_id, secret: client_secret } = client
    const grant = { grant_type: 'client_credentials' }
    const both = await request(`${issuer().url}/token`, {
      form: { ...grant, client_id, client_secret },
      headers: basic(client),
    })
    expectPoliteRefusal(both, client_secret)
    expect(refusal(both)).toBe('400 invalid_request')
    const assertion = { client_assertion: 'x', client_assertion_type: 'y' }
    expect(refusal(await post(issuer(), '/token', { ...grant, ...assertion }, client))).toBe('400 invalid_request')
    const three = await post(issuer(), '/token', { ...grant, ...assertion, client_id, client_secret })
    expect(refusal(three)).toBe('400 invalid_request')
  })

  test('by Basic may repeat their client_id in the body, and no other', async () => {
    const client = await registered(issuer())
    expect((await ask(issuer(), client, { client_id: client.clientId })).status).toBe(200)
    expect(refusal(await ask(issuer(), client, { client_id: 'somebody' }))).toBe('400 invalid_request')
  })

  test.each([
    ['no scheme', () => 'x'],
    ['another scheme', () => 'Bearer x'],
    ['no value', () => 'Basic'],
    ['no base64', () => 'Basic !!!'],
    [
      'base64 with a space inside',
      ({ clientId, secret }: Credentials) => `Basic ${encoded(clientId, secret).replace(/^(....)/, '$1 ')}`,
    ],
    [
      'two credentials',
      ({ clientId, secret }: Credentials) => `Basic ${encoded(clientId, secret)}, Basic ${encoded(clientId, secret)}`,
    ],
    ['base64 without its padding', () => `Basic ${encoded('ab', 'c').replaceAll('=', '')}`],
    ['base64url', () => `Basic ${Buffer.from('~~~?:???').toString('base64url')}`],
    ['trailing bits', ({ clientId, secret }: Credentials) => `Basic ${encoded(clientId, secret)}AA`],
    ['no colon', ({ clientId }: Credentials) => `Basic ${Buffer.from(clientId).toString('base64')}`],
    ['an empty id', ({ secret }: Credentials) => `Basic ${encoded('', secret)}`],
    ['an empty secret', ({ clientId }: Credentials) => `Basic ${encoded(clientId, '')}`],
    ['bytes that are no UTF-8', () => `Basic ${Buffer.from([0xff, 0x3a, 0xfe]).toString('base64')}`],
    ['a broken percent escape', ({ clientId }: Credentials) => `Basic ${encoded(clientId, '%zz')}`],
    ['an escape that is no UTF-8', ({ clientId }: Credentials) => `Basic ${encoded(clientId, '%ff')}`],
    ['NUL in the secret', ({ clientId, secret }: Credentials) => `Basic ${encoded(clientId, `${secret}\0`)}`],
    [
      'an escaped line break in the id',
      ({ clientId, secret }: Credentials) => `Basic ${encoded(`${clientId}%0d%0aX-Evil:1`, secret)}`,
    ],
    ['__proto__ as id', () => `Basic ${encoded('__proto__', 'x')}`],
    ['10 KB', () => `Basic ${encoded('x'.repeat(4000), 'x'.repeat(4000))}`],
  ])('by Basic with %s are 401 with a challenge', async (_, authorization) => {
    const client = await registered(issuer())
    const answer = await send('/token', 'grant_type=client_credentials', { authorization: authorization(client) })
    expectPoliteRefusal(answer, client.secret)
    expect(refusal(answer)).toBe('401 invalid_client')
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm=/)
  })

  test('that are missing are 401 with a challenge, at every endpoint that asks for a client', async () => {
    for (const path of ['/token', '/refresh', '/revoke', '/introspect']) {
      const answer = await send(path, 'grant_type=refresh_token&refresh_token=x&token=x')
      expectPoliteRefusal(answer)
      expect(refusal(answer)).toBe('401 invalid_client')
    }
  })

  test('in the wrong field do not reach the log', async () => {
    const { clientId, secret } = await registered(issuer())
    const swapped = await ask(issuer(), { clientId: secret, secret: clientId })
    expect(refusal(swapped)).toBe('401 invalid_client')
    expect(refusal(await post(issuer(), '/token', { client_id: secret }))).toBe('401 invalid_client')
    expect(issuer().logged.join('\n')).not.toContain(secret)
  })

  test('by an assertion of more than 16 KB are refused unread, right as it may be', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const jwks = { keys: [await exportJWK(publicKey)] }
    const { clientId } = await registered(issuer(), { token_endpoint_auth_method: 'private_key_jwt', jwks })
    const use = async (padding: number) => {
      const client_assertion = await assertionOf(clientId, issuer(), privateKey, {
        claims: { padding: 'x'.repeat(padding) },
      })
      const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
      return post(issuer(), '/token', { grant_type: 'client_credentials', client_assertion, client_assertion_type })
    }
    expect((await use(8000)).status).toBe(200)
    expect(refusal(await use(13_000))).toBe('401 invalid_client')
  })
})

const encoded = (id: string, secret: string): string => Buffer.from(`${id}:${secret}`).toString('base64')

describe('hostile values', () => {
  const MARK = '<img/src=x-onerror=mark>'
  const hostile = hostileTexts(MARK)
  /** Those that fit into a body that is read. */
  const short = hostile.filter((text) => text.length < 50_000)
  const places: [string, Record<string, string>, string][] = [
    ['/token', {}, 'grant_type'],
    ['/token', { grant_type: 'client_credentials' }, 'scope'],
    ['/token', { grant_type: 'client_credentials' }, 'resource'],
    ['/token', { grant_type: 'client_credentials' }, 'audience'],
    ['/token', { grant_type: 'refresh_token' }, 'refresh_token'],
    ['/token', { grant_type: 'client_credentials' }, 'client_id'],
    ['/refresh', {}, 'refresh_token'],
    ['/refresh', { refresh_token: 'x' }, 'scope'],
  ]

  test.each(places)('at %s with %j in %s are refused and not repeated', async (path, form, name) => {
    const client = await registered(issuer())
    for (const value of hostile) {
      const answer = await post(issuer(), path, { ...form, [name]: value }, client)
      expectPoliteRefusal(answer, MARK)
      expect(answer.headers.get('set-cookie')).toBeNull()
    }
  })

  test('as credentials are refused and not repeated', async () => {
    for (const value of hostile) {
      expectPoliteRefusal(await post(issuer(), '/token', { client_id: value, client_secret: value }), MARK)
      const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
      expectPoliteRefusal(await post(issuer(), '/token', { client_assertion: value, client_assertion_type }), MARK)
    }
  })

  test('as tokens are inactive at /introspect and nothing at /revoke', async () => {
    const client = await registered(issuer())
    for (const token of short) {
      expect((await post(issuer(), '/introspect', { token }, client)).text).toBe('{"active":false}')
      expect(await post(issuer(), '/revoke', { token }, client)).toMatchObject({ status: 200, text: '' })
      const answer = await request(`${issuer().url}/admin/api/clients`, {
        headers: { authorization: `Bearer ${encodeURIComponent(token.slice(0, 4000))}` },
      })
      expectPoliteRefusal(answer, MARK)
    }
  })

  test('in any parameter, in any bytes, never make a 5xx', async () => {
    const client = await registered(issuer())
    const name = fc.constantFrom(
      'grant_type',
      'scope',
      'resource',
      'audience',
      'refresh_token',
      'client_id',
      'client_secret',
      'client_assertion',
      'client_assertion_type',
      'subject',
      'subject_claims',
      'token',
      'x',
    )
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.constantFrom('client_credentials', 'refresh_token', '%', '%%%', '%ff%fe', '%00', '&&&', '=', '+'),
    )
    const pair = fc.tuple(name, fc.oneof(text.map(encodeURIComponent), text)).map((each) => each.join('='))
    const path = fc.constantFrom('/token', '/refresh', '/revoke', '/introspect')
    const run = fc.asyncProperty(path, fc.array(pair, { maxLength: 6 }), fc.boolean(), async (where, pairs, known) => {
      const answer = await send(where, pairs.join('&'), known ? basic(client) : {})
      if (answer.status !== 200) expectPoliteRefusal(answer)
    })
    await fc.assert(run, { numRuns: 300 })
  })

  test('as raw bytes never make a 5xx', async () => {
    const client = await registered(issuer())
    const run = fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      expectPoliteRefusal(await send('/token', bytes, basic(client)))
      expectPoliteRefusal(await send('/refresh', bytes, { ...basic(client), 'content-type': 'application/json' }))
    })
    await fc.assert(run, { numRuns: 100 })
  })
})

test('nothing of the above was a defect in the log, and no secret or token reached it', async () => {
  const client = await registered(issuer())
  const { access_token: access = '', refresh_token: held = '' } = await tokens(issuer(), client, {
    scope: 'a offline_access',
  })
  await refresh(issuer(), client, held)
  await refresh(issuer(), { clientId: fresh('nobody'), secret: client.secret }, held)
  await post(issuer(), '/introspect', { token: access }, client)
  const log = issuer().logged.join('\n')
  expect(log).toContain(client.clientId)
  expect(log).not.toMatch(/server_error|"status":5/)
  for (const secret of [client.secret, access, held, basic(client).authorization ?? ''])
    expect(log).not.toContain(secret)
})
