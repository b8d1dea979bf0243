/**
 * The issuer's keys: when they are fetched, how they are kept, and what happens while the issuer is away.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { lookAtKeySet } from '../../src/doctor/remote-keys.ts'
import {
  createTokenVerifier,
  type TokenError,
  type TokenVerifier,
  type TokenVerifierOptions,
} from '../../verifiers/node/src/index.ts'
import { VERSION } from '../../verifiers/node/src/version.ts'
import { until } from '../support/admin.ts'
import { API, DISCOVERY, JWKS, json, sign, startKeyServer, type Answer, type KeyServer } from './key-server.ts'
import { inTime } from '../support/in-time.ts'

function open(server: KeyServer, options: Partial<TokenVerifierOptions> = {}): TokenVerifier {
  const verifier = createTokenVerifier({ issuer: server.issuer, audience: API, clock: server.clock, ...options })
  onTestFinished(() => verifier.close())
  return verifier
}

const outcome = (verifier: TokenVerifier, token: string): Promise<string> =>
  verifier.verifyToken(token).then(
    () => 'good',
    (error: TokenError) => error.code,
  )

test('keys are fetched once for however many tokens come at once, and then kept', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const verifier = open(server)
  expect(server.asked).toEqual([])
  const tokens = await Promise.all(Array.from({ length: 50 }, () => sign(server, key)))
  expect(new Set(await Promise.all(tokens.map((token) => outcome(verifier, token))))).toEqual(new Set(['good']))
  expect(server.asked).toEqual([DISCOVERY, JWKS])
})

test('a verifier introduces itself by its name', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  await outcome(open(server, { name: 'orders-api' }), await sign(server, key))
  await outcome(open(server), await sign(server, key))
  expect([...server.agents]).toEqual([`signet-verifier/${VERSION} (orders-api)`, `signet-verifier/${VERSION}`])
})

test('no compressed answer is asked for or taken', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  let asked: unknown
  server.answers.set(JWKS, (request, response) => {
    asked = request.headers['accept-encoding']
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(JSON.stringify({ keys: server.keys })))
  })
  const refused = open(server).verifyToken(await sign(server, key))
  await expect(refused).rejects.toMatchObject({
    code: 'issuer_unavailable',
    message: expect.stringContaining('compressed (gzip)'),
  })
  expect(asked).toBe('identity')
})

test('an unplanned rotation is noticed with the first token of the new key', async () => {
  const server = await startKeyServer()
  const first = await server.addKey()
  const verifier = open(server)
  expect(await outcome(verifier, await sign(server, first))).toBe('good')
  server.keys.length = 0
  const second = await server.addKey()
  const tokens = await Promise.all(Array.from({ length: 20 }, () => sign(server, second)))
  expect(new Set(await Promise.all(tokens.map((token) => outcome(verifier, token))))).toEqual(new Set(['good']))
  expect(server.count(JWKS)).toBe(2)
  expect(await outcome(verifier, await sign(server, first))).toBe('unknown_key')
})

test('many unknown keys cause few fetches, and after the cooldown the next one asks again', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const verifier = open(server)
  await outcome(verifier, await sign(server, key))
  for (let each = 0; each < 100; each++)
    expect(await outcome(verifier, await sign(server, { ...key, kid: `made-up-${each}` }))).toBe('unknown_key')
  expect(server.count(JWKS)).toBe(2)
  const fresh = await server.addKey()
  expect(await outcome(verifier, await sign(server, fresh))).toBe('unknown_key')
  server.clock.advance(6)
  expect(await outcome(verifier, await sign(server, fresh))).toBe('good')
  expect(server.count(JWKS)).toBe(3)
})

test('the first token of all, with an unknown key, costs one fetch', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  expect(await outcome(open(server), await sign(server, { ...key, kid: 'made-up' }))).toBe('unknown_key')
  expect(server.count(JWKS)).toBe(1)
})

test.each([
  ['max-age=60', 59, 61],
  ['public, max-age=1', 29, 31],
  ['max-age=86400', 599, 601],
  ['no-store', 29, 31],
  ['', 299, 301],
])('keys with Cache-Control "%s" are fresh for %d s and fetched anew after %d s', async (control, fresh, over) => {
  const server = await startKeyServer()
  const key = await server.addKey()
  server.answers.set(JWKS, json({ keys: server.keys }, { 'cache-control': control }))
  const verifier = open(server)
  await outcome(verifier, await sign(server, key))
  server.clock.advance(fresh)
  await outcome(verifier, await sign(server, key))
  expect(server.count(JWKS)).toBe(1)
  server.clock.advance(over - fresh + 120)
  expect(await outcome(verifier, await sign(server, key))).toBe('good')
  expect(server.count(JWKS)).toBe(2)
})

test('a key that was taken out of the set is refused once the set is fetched anew; the cache of tokens knows it too', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const verifiers = [open(server), open(server, { cache: true })]
  const token = await sign(server, key)
  for (const verifier of verifiers) expect(await outcome(verifier, token)).toBe('good')
  server.keys.length = 0
  await server.addKey()
  server.clock.advance(420)
  for (const verifier of verifiers) expect(await outcome(verifier, token)).toBe('unknown_key')
})

test('an unchanged set is answered with 304 and stays', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const statuses: number[] = []
  server.answers.set(JWKS, (request, response) => {
    const status = request.headers['if-none-match'] === '"one"' ? 304 : 200
    statuses.push(status)
    response.writeHead(status, { etag: '"one"', 'cache-control': 'max-age=60', 'content-type': 'application/json' })
    response.end(status === 200 ? JSON.stringify({ keys: server.keys }) : '')
  })
  const verifier = open(server)
  for (let each = 0; each < 3; each++) {
    expect(await outcome(verifier, await sign(server, key))).toBe('good')
    server.clock.advance(180)
  }
  expect(statuses).toEqual([200, 304, 304])
})

test('while the issuer is down keys are used for an hour past their time, then 503; when it is back all is well', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const verifier = open(server)
  await outcome(verifier, await sign(server, key))
  await server.stop()
  for (const seconds of [310, 600, 2900]) {
    server.clock.advance(seconds - (seconds === 2900 ? 100 : 0))
    const started = performance.now()
    expect(await outcome(verifier, await sign(server, key))).toBe('good')
    expect(performance.now() - started).toBeLessThan(inTime(1000))
  }
  server.clock.advance(300)
  expect(await outcome(verifier, await sign(server, key))).toBe('issuer_unavailable')
  await server.start()
  server.clock.advance(6)
  expect(await outcome(verifier, await sign(server, key))).toBe('good')
})

test('an issuer that was never there is 503, says why, and is asked again only after a while', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  server.answers.set(DISCOVERY, (_request, response) => void response.writeHead(502).end())
  const verifier = open(server)
  const refused = await verifier.verifyToken(await sign(server, key)).catch((error: TokenError) => error)
  expect(refused).toMatchObject({ code: 'issuer_unavailable', status: 503, wwwAuthenticate: undefined })
  expect(refused).toMatchObject({ message: expect.stringContaining('answered 502'), headers: { 'retry-after': '5' } })
  for (let each = 0; each < 20; each++) await outcome(verifier, await sign(server, key))
  expect(server.asked).toEqual([DISCOVERY])
  server.answers.set(DISCOVERY, json({ issuer: server.issuer, jwks_uri: server.issuer + JWKS }))
  server.clock.advance(6)
  expect(await outcome(verifier, await sign(server, key))).toBe('good')
})

test('metadata that lies is not believed, nor redirects, nor pages that are not JSON', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const { issuer } = server
  const redirect: Answer = (_request, response) => void response.writeHead(302, { location: `${issuer}/x` }).end()
  const html: Answer = (_request, response) =>
    void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')
  const huge = json({ keys: server.keys, more: 'x'.repeat(600_000) })
  const hangsUp: Answer = (request) => void request.socket.destroy()
  const good = json({ issuer, jwks_uri: issuer + JWKS })
  const cases: [string, Answer, RegExp][] = [
    [DISCOVERY, json({ issuer: `${issuer}/`, jwks_uri: issuer + JWKS }), /names the issuer/],
    [DISCOVERY, json({ issuer }), /names no jwks_uri/],
    [DISCOVERY, json({ issuer, jwks_uri: 'http://keys.example/jwks' }), /not https/],
    [DISCOVERY, json({ issuer, jwks_uri: 'file:///etc/passwd' }), /not https/],
    [DISCOVERY, json(null), /names the issuer/],
    [DISCOVERY, redirect, /redirects to/],
    [JWKS, redirect, /redirects to/],
    [JWKS, html, /text\/html instead of JSON/],
    [JWKS, (_request, response) => void response.end('keys'), /answered no JSON/],
    [JWKS, huge, /more than/],
    [JWKS, json({ keys: [] }), /no public signature key/],
    [JWKS, json([]), /no public signature key/],
    [JWKS, hangsUp, /could not be reached/],
  ]
  const original = server.answers.get(JWKS) ?? good
  for (const [path, answer, message] of cases) {
    server.answers.set(DISCOVERY, good).set(JWKS, original).set(path, answer)
    const refused = await open(server)
      .verifyToken(await sign(server, key))
      .catch((error: TokenError) => error)
    expect(refused).toMatchObject({ code: 'issuer_unavailable', message: expect.stringMatching(message) })
  }
  expect(server.count('/x')).toBe(0)
})

test('an issuer with OAuth metadata alone is found by it, its path in its place', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const issuer = `${server.issuer}/tenant`
  server.answers.set('/.well-known/oauth-authorization-server/tenant', json({ issuer, jwks_uri: server.issuer + JWKS }))
  const verifier = open(server, { issuer })
  expect(await outcome(verifier, await sign(server, key, { iss: issuer }))).toBe('good')
})

test('a closed verifier lets nobody wait', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  server.answers.set(JWKS, () => {})
  const verifier = open(server)
  const waiting = outcome(verifier, await sign(server, key))
  await new Promise((resolve) => setTimeout(resolve, 50))
  const started = performance.now()
  await verifier.close()
  expect(await waiting).toBe('issuer_unavailable')
  expect(await outcome(verifier, await sign(server, key))).toBe('issuer_unavailable')
  expect(performance.now() - started).toBeLessThan(inTime(200))
})

test('remembered tokens are checked for time, expectations and number all the same', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const verifier = open(server, { cache: { maxTokens: 2 } })
  const token = await sign(server, key, { deep: { list: [1] } })
  const { claims } = await verifier.verifyToken(token)
  expect((await verifier.verifyToken(token)).claims).toBe(claims)
  expect(() => ((claims.deep as { list: number[] }).list[0] = 2)).toThrow(TypeError)
  await expect(verifier.verifyToken(token, { audience: 'another' })).rejects.toMatchObject({ code: 'wrong_audience' })
  for (const _ of [1, 2]) await verifier.verifyToken(await sign(server, key))
  expect((await verifier.verifyToken(token)).claims).not.toBe(claims)
  server.clock.advance(700)
  expect(await outcome(verifier, token)).toBe('token_expired')
})

test('a fetch that failed while the clock was ahead is tried again after the same few seconds', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const verifier = open(server)
  const token = await sign(server, key, { exp: Math.floor(server.clock.now() / 1000) + 600 })
  const year = 365 * 86_400
  server.clock.jump(year)
  await server.stop()
  expect(await outcome(verifier, await sign(server, key))).toBe('issuer_unavailable')
  await server.start()
  server.clock.jump(-year)
  expect(await outcome(verifier, token)).toBe('issuer_unavailable')
  server.clock.advance(6)
  expect(await outcome(verifier, token)).toBe('good')
})

test('an unknown key that came while the clock was ahead delays the next rotation by the same few seconds', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const verifier = open(server)
  server.clock.jump(3600)
  expect(await outcome(verifier, await sign(server, key))).toBe('good')
  expect(await outcome(verifier, await sign(server, { ...key, kid: 'made-up' }))).toBe('unknown_key')
  server.clock.jump(-3600)
  const next = await server.addKey()
  server.clock.advance(6)
  expect(await outcome(verifier, await sign(server, next))).toBe('good')
})

test('a set that was fetched while the clock was ahead is not kept for longer', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const verifier = open(server)
  server.clock.jump(86_400)
  expect(await outcome(verifier, await sign(server, key))).toBe('good')
  server.clock.jump(-86_400)
  server.keys.length = 0
  await server.addKey()
  server.clock.advance(420)
  expect(await outcome(verifier, await sign(server, key))).toBe('unknown_key')
})

/** Answers to questions about keys are made at once, as of then, and arrive when they are sent. */
function holdKeys(server: KeyServer): { count(): number; send(): void } {
  const held: (() => void)[] = []
  const former = server.answers.get(JWKS)
  server.answers.set(JWKS, (request, response) => {
    const keys = [...server.keys]
    held.push(() => json({ keys }, { 'cache-control': 'public, max-age=300' })(request, response))
  })
  return {
    count: () => held.length,
    send() {
      if (former) server.answers.set(JWKS, former)
      for (const each of held.splice(0)) each()
    },
  }
}

test('a set that was asked for before a key was missed is asked for again', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const verifier = open(server)
  await outcome(verifier, await sign(server, key))
  server.clock.advance(310)
  const late = holdKeys(server)
  expect(await outcome(verifier, await sign(server, key))).toBe('good')
  await until(() => late.count() === 1)
  const fresh = await server.addKey()
  const asking = outcome(verifier, await sign(server, fresh))
  await new Promise((resolve) => setTimeout(resolve, 20))
  late.send()
  expect(await asking).toBe('good')
  expect(server.count(JWKS)).toBe(3)
})

test('a set that was asked for before a key was revoked does not count as fresh', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const hash = createHash('sha256').update('kid:another').digest('base64url')
  const entry = { id: 'e', kind: 'kid', hash, issued_before: 9e9, expires_at: 9e9 }
  const tell = (cursor: string, entries: object[]) =>
    server.answers.set('/blacklist/feed', (request, response) => {
      if (request.headers.accept === 'text/event-stream') return void response.writeHead(406).end()
      return json({ cursor, entries, removed: [] })(request, response)
    })
  tell('1', [])
  const verifier = open(server, { revocations: true })
  await outcome(verifier, await sign(server, key))
  server.clock.advance(310)
  const late = holdKeys(server)
  expect(await outcome(verifier, await sign(server, key))).toBe('good')
  await until(() => late.count() === 1)
  server.clock.advance(1)
  tell('2', [entry])
  await until(() => verifier.revocationStatus()?.cursor === '2')
  late.send()
  await until(async () => {
    await outcome(verifier, await sign(server, key))
    return server.count(JWKS) === 3
  })
})

test('a set that a cache has kept is fresh for the rest of its time', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  server.answers.set(JWKS, json({ keys: server.keys }, { 'cache-control': 'max-age=300', age: '200' }))
  const verifier = open(server)
  await outcome(verifier, await sign(server, key))
  server.clock.advance(90)
  await outcome(verifier, await sign(server, key))
  expect(server.count(JWKS)).toBe(1)
  server.clock.advance(20)
  await outcome(verifier, await sign(server, key))
  await until(() => server.count(JWKS) === 2)
})

test.each([
  'application/octet-stream',
  'text/plain; charset=utf-8',
  'binary/octet-stream',
  'application/jwk-set+json',
  '',
])('a key set is one by its content, also as "%s"', async (type) => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const asType = (body: unknown) => (_request: unknown, response: ServerResponse) => {
    if (type !== '') response.setHeader('content-type', type)
    response.end(`\uFEFF${JSON.stringify(body)}`)
  }
  server.answers.set(DISCOVERY, asType({ issuer: server.issuer, jwks_uri: server.issuer + JWKS }))
  server.answers.set(JWKS, asType({ keys: server.keys }))
  server.answers.set('/blacklist/feed', asType({ cursor: '0', entries: [], removed: [] }))
  expect(await outcome(open(server, { revocations: true }), await sign(server, key))).toBe('good')
  // The doctor sees what the verifier sees.
  const { jwks } = await lookAtKeySet(server.issuer + JWKS, { prepublishSeconds: undefined, unreachableFix: '' })
  expect(jwks?.keys).toHaveLength(1)
})

test('a revoked key that has left the set is refused as revoked, also while the issuer is away', async () => {
  const server = await startKeyServer()
  const revoked = await server.addKey()
  const hash = createHash('sha256').update(`kid:${revoked.kid}`).digest('base64url')
  const entry = { id: 'e', kind: 'kid', hash, issued_before: 9e9, expires_at: 9e9 }
  server.answers.set('/blacklist/feed', (request, response) => {
    if (request.headers.accept === 'text/event-stream') return void response.writeHead(406).end()
    return json({ cursor: '1', entries: [entry], removed: [] })(request, response)
  })
  server.keys.length = 0
  const key = await server.addKey()
  const verifiers = [open(server, { revocations: true }), open(server, { revocations: true, cache: true })]
  const tokens = [key, { ...key, kid: 'unknown' }, revoked].map((each) => sign(server, each))
  for (const verifier of verifiers) expect(await outcome(verifier, await sign(server, key))).toBe('good')
  server.answers.delete(JWKS)
  for (const verifier of verifiers) {
    const outcomes = []
    for (const token of tokens) outcomes.push(await outcome(verifier, await token))
    expect(outcomes).toEqual(['good', 'issuer_unavailable', 'token_revoked'])
  }
})
