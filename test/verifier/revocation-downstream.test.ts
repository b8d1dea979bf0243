/** A token that is revoked at the issuer is refused downstream within a second, without a question per request. */
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { expect, onTestFinished, test } from 'vitest'
import {
  createTokenVerifier,
  type TokenError,
  type TokenVerifier,
  type TokenVerifierOptions,
} from '../../verifiers/node/src/index.ts'
import { createAuthMiddleware } from '../../verifiers/node/src/express.ts'
import {
  createBackend,
  createResource,
  grantTokens,
  refresh,
  startAdministered,
  tokens,
  until,
  type AdministeredIssuer,
} from '../support/admin.ts'
import { bearer, claimsOf, headerOf, post, request, type Credentials } from '../support/client.ts'
import { json, sign, startKeyServer } from './key-server.ts'
import { inTime } from '../support/in-time.ts'

const API = 'https://orders.example/v1'

async function scene(): Promise<{ issuer: AdministeredIssuer; shop: Credentials }> {
  const issuer = await startAdministered({ SIGNET_REFRESH_GRACE: '1s' })
  await createResource(issuer.operator, API)
  return { issuer, shop: await createBackend(issuer.operator, { client_id: 'shop', resources: [API] }) }
}

function follow(
  issuer: { issuer: string; clock: { now(): number } },
  options: Partial<TokenVerifierOptions> = {},
): TokenVerifier {
  const verifier = createTokenVerifier({
    issuer: issuer.issuer,
    audience: API,
    clock: issuer.clock,
    revocations: true,
    name: 'orders-api',
    ...options,
  })
  onTestFinished(() => verifier.close())
  return verifier
}

const outcome = (verifier: TokenVerifier, token = '', overrides = {}): Promise<string> =>
  verifier.verifyToken(token, overrides).then(
    () => 'good',
    (error: TokenError) => error.code,
  )

/** Milliseconds until the verifier refuses. */
async function refusedAfter(verifier: TokenVerifier, token: string): Promise<number> {
  const started = performance.now()
  while ((await outcome(verifier, token)) === 'good') {
    if (performance.now() - started > 3000) throw new Error('still accepted after 3 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(await outcome(verifier, token)).toBe('token_revoked')
  return performance.now() - started
}

type Turn = (
  scene: { issuer: AdministeredIssuer; shop: Credentials },
  access: string,
  family: string,
) => Promise<unknown>
const denies =
  (body: (access: string) => Record<string, unknown>): Turn =>
  ({ issuer }, access) =>
    issuer.operator.call('POST', '/blacklist', body(access))

const turns: [string, Turn][] = [
  ['its jti is blacklisted', denies((access) => ({ jti: claimsOf(access).jti }))],
  ['its sid is blacklisted', denies((access) => ({ sid: claimsOf(access).sid }))],
  ['its sub is blacklisted', denies((access) => ({ sub: claimsOf(access).sub }))],
  ['its client is blacklisted', denies((access) => ({ client_id: claimsOf(access).client_id }))],
  ['it is blacklisted itself', denies((access) => ({ token: access }))],
  ['it is revoked by its client', ({ issuer, shop }, access) => post(issuer, '/revoke', { token: access }, shop)],
  [
    'its refresh token is revoked',
    ({ issuer, shop }, _access, family) => post(issuer, '/revoke', { token: family }, shop),
  ],
  [
    'its refresh token is used again',
    async ({ issuer, shop }, _access, family) => {
      const second = (await refresh(issuer, shop, family)).body.refresh_token as string
      await refresh(issuer, shop, second)
      return refresh(issuer, shop, family)
    },
  ],
  [
    'its grant is ended',
    ({ issuer }, access) => issuer.operator.call('DELETE', `/admin/api/grants/${claimsOf(access).sid}`),
  ],
  ['its client is disabled', ({ issuer }) => issuer.operator.call('POST', '/admin/api/clients/shop/disable')],
  ['its user is disabled', ({ issuer }) => issuer.operator.call('POST', '/admin/api/users/ada/disable')],
  [
    'its key is revoked',
    ({ issuer }, access) => issuer.operator.call('POST', `/admin/api/keys/${headerOf(access).kid}/revoke`),
  ],
]

test.each(turns)('a token is refused within a second once %s', async (_name, turn) => {
  const it = await scene()
  const verifiers = [follow(it.issuer), follow(it.issuer, { cache: true })]
  const { access_token: access = '', refresh_token: family = '' } = await grantTokens(it.issuer, it.shop, 'ada')
  for (const verifier of verifiers) expect(await outcome(verifier, access)).toBe('good')
  await turn(it, access, family)
  for (const verifier of verifiers) expect(await refusedAfter(verifier, access)).toBeLessThan(1000)
})

test('another token goes on, and a lifted entry lets its token in again', async () => {
  const { issuer, shop } = await scene()
  const verifier = follow(issuer)
  const [first, second] = [await tokens(issuer, shop), await tokens(issuer, shop)]
  expect(await outcome(verifier, first.access_token)).toBe('good')
  const entry = await issuer.operator.call('POST', '/blacklist', { token: first.access_token })
  expect(await refusedAfter(verifier, first.access_token ?? '')).toBeLessThan(1000)
  expect(await outcome(verifier, second.access_token)).toBe('good')
  await expect(verifier.verifyToken(first.access_token ?? '')).rejects.toMatchObject({
    message: expect.stringContaining(entry.body.id),
    wwwAuthenticate: expect.stringMatching(/^Bearer error="invalid_token"/),
  })
  await issuer.operator.call('DELETE', `/blacklist/${entry.body.id}`)
  await until(async () => (await outcome(verifier, first.access_token)) === 'good', 1000)
})

test('what was revoked before a verifier started is refused from its first token on', async () => {
  const { issuer, shop } = await scene()
  const { access_token: access } = await tokens(issuer, shop)
  await issuer.operator.call('POST', '/blacklist', { token: access })
  const verifier = follow(issuer)
  expect(verifier.revocationStatus()).toEqual({
    mode: 'idle',
    cursor: null,
    entries: 0,
    staleSeconds: Infinity,
    lastError: null,
  })
  expect(await outcome(verifier, access)).toBe('token_revoked')
  expect(verifier.revocationStatus()).toMatchObject({ mode: 'events', entries: 1, lastError: null })
})

test('after a restart of the issuer a verifier goes on where it was', async () => {
  const { issuer, shop } = await scene()
  const verifier = follow(issuer)
  const [first, second] = [await tokens(issuer, shop), await tokens(issuer, shop)]
  await issuer.operator.call('POST', '/blacklist', { token: first.access_token })
  expect(await outcome(verifier, first.access_token)).toBe('token_revoked')
  const cursor = Number(verifier.revocationStatus()?.cursor)
  const again = await issuer.restart()
  expect(await outcome(verifier, first.access_token)).toBe('token_revoked')
  expect(await outcome(verifier, second.access_token)).toBe('good')
  await until(() => verifier.revocationStatus()?.mode === 'events', 5000)
  await issuer.operator.call('POST', '/blacklist', { token: second.access_token })
  expect(await refusedAfter(verifier, second.access_token ?? '')).toBeLessThan(1000)
  expect(verifier.revocationStatus()).toMatchObject({ entries: 2 })
  expect(Number(verifier.revocationStatus()?.cursor)).toBeGreaterThan(cursor)
  expect(again.port).toBe(issuer.port)
})

test('each route chooses: with the issuer gone past the bound, one answers and one is closed', async () => {
  const { issuer, shop } = await scene()
  const verifier = follow(issuer, { revocations: { maxStalenessSeconds: 60 } })
  const auth = createAuthMiddleware({ verifier })
  const app = express()
  app.get(
    '/catalogue',
    auth.requireAuth({ revocations: { whenStale: 'open' } }),
    (_, response) => void response.json({}),
  )
  app.get(
    '/payments',
    auth.requireAuth({ revocations: { whenStale: 'closed' } }),
    (_, response) => void response.json({}),
  )
  const server = app.listen(0)
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo // a TCP port, so it is no path
  const { access_token: access = '' } = await tokens(issuer, shop)
  const ask = (route: string) => request(`http://localhost:${port}${route}`, { headers: bearer(access) })
  expect([(await ask('/catalogue')).status, (await ask('/payments')).status]).toEqual([200, 200])
  await issuer.stop()
  issuer.clock.advance(120)
  expect((await ask('/catalogue')).status).toBe(200)
  const refused = await ask('/payments')
  expect([refused.status, refused.body.error]).toEqual([503, 'revocations_stale'])
})

/** In this order on one scene: a disabled client gets no more tokens. */
const FOR_FIFTY = [
  'it is blacklisted itself',
  'it is revoked by its client',
  'its refresh token is used again',
  'its key is revoked',
  'its client is disabled',
]

test('fifty verifiers follow, and all of them refuse within a second, whatever the cause', async () => {
  const it = await scene()
  const verifiers = Array.from({ length: 50 }, () => follow(it.issuer))
  const delays: number[] = []
  for (const name of FOR_FIFTY) {
    const turn = turns.find(([each]) => each === name)?.[1]
    const { access_token: access = '', refresh_token: family = '' } = await grantTokens(it.issuer, it.shop, 'ada')
    const before = await Promise.all(verifiers.map((verifier) => outcome(verifier, access)))
    expect(new Set(before)).toEqual(new Set(['good']))
    await turn?.(it, access, family)
    delays.push(...(await Promise.all(verifiers.map((verifier) => refusedAfter(verifier, access)))))
  }
  const p99 = delays.toSorted((a, b) => a - b)[Math.floor(delays.length * 0.99)] ?? Infinity
  console.log(`refused downstream after: p99 ${p99.toFixed(0)} ms of ${delays.length}`)
  expect(p99).toBeLessThan(inTime(1000))
})

test('where events do not get through, polling does', async () => {
  const { issuer, shop } = await scene()
  const asked: { url: string | undefined; etag: unknown }[] = []
  // A proxy that takes no streams.
  const proxy = createServer((incoming, outgoing) => {
    if (incoming.headers.accept === 'text/event-stream') return void outgoing.writeHead(406).end()
    asked.push({ url: incoming.url, etag: incoming.headers['if-none-match'] })
    httpRequest(issuer.url + incoming.url, { headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    }).end()
  })
  await new Promise<void>((done) => proxy.listen(0, done))
  onTestFinished(() => void proxy.close())
  const feedUrl = `http://localhost:${(proxy.address() as AddressInfo).port}/blacklist/feed`
  const verifier = follow(issuer, { revocations: { feedUrl } })
  const { access_token: access = '' } = await tokens(issuer, shop)
  expect(await outcome(verifier, access)).toBe('good')
  expect(verifier.revocationStatus()?.mode).toBe('polling')
  await until(() => asked.some(({ etag }) => etag !== undefined))
  await issuer.operator.call('POST', '/blacklist', { token: access })
  expect(await refusedAfter(verifier, access)).toBeLessThan(1000)
  expect(asked.some(({ url }) => url?.includes('?after='))).toBe(true)
})

test('when the issuer is silent for too long, closed refuses and open goes on, per verifier and per call', async () => {
  const { issuer, shop } = await scene()
  const { access_token: access } = await tokens(issuer, shop)
  const closed = follow(issuer, { revocations: { maxStalenessSeconds: 60, whenStale: 'closed' } })
  const open = follow(issuer, { revocations: { maxStalenessSeconds: 60, whenStale: 'open' } })
  for (const verifier of [closed, open]) expect(await outcome(verifier, access)).toBe('good')
  await issuer.stop()
  for (const verifier of [closed, open]) expect(await outcome(verifier, access)).toBe('good')
  issuer.clock.advance(90)
  expect(closed.revocationStatus()?.staleSeconds).toBeGreaterThan(60)
  expect(await outcome(closed, access)).toBe('revocations_stale')
  expect(await outcome(open, access)).toBe('good')
  expect(await outcome(closed, access, { revocations: { whenStale: 'open' } })).toBe('good')
  expect(await outcome(closed, access, { revocations: { maxStalenessSeconds: 3600 } })).toBe('good')
  expect(await outcome(open, access, { revocations: { whenStale: 'closed' } })).toBe('revocations_stale')
  await expect(closed.verifyToken(access ?? '')).rejects.toMatchObject({ status: 503, wwwAuthenticate: undefined })
})

test('a bound that is shorter than the heartbeat asks the issuer instead of refusing', async () => {
  const { issuer, shop } = await scene()
  const { access_token: access } = await tokens(issuer, shop)
  const verifier = follow(issuer)
  expect(await outcome(verifier, access)).toBe('good')
  issuer.clock.advance(5)
  const strict = { revocations: { maxStalenessSeconds: 1, whenStale: 'closed' } }
  expect(await outcome(verifier, access, strict)).toBe('good')
  expect(verifier.revocationStatus()?.staleSeconds).toBeLessThan(1)
})

test('an issuer without a feed is 503 where revocations are to be followed', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const verifier = follow({ issuer: server.issuer, clock: server.clock })
  await expect(verifier.verifyToken(await sign(server, key, { aud: API }))).rejects.toMatchObject({
    code: 'revocations_stale',
    message: expect.stringContaining('answered 404'),
  })
})

test('a feed of nonsense does no harm, and a list that starts over replaces the old one', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const token = await sign(server, key, { aud: API, jti: 'one' })
  const { createHash } = await import('node:crypto')
  const now = Math.floor(server.clock.now() / 1000)
  const entry = {
    id: 'e',
    kind: 'jti',
    hash: createHash('sha256').update('jti:one').digest('base64url'),
    issued_before: now + 60,
    expires_at: now + 60,
  }
  const nonsense = [null, 17, {}, { id: 'x' }, { ...entry, id: 'y', kind: 'moon' }, { ...entry, id: 'z', hash: 1 }]
  server.answers.set('/blacklist/feed', json({ cursor: '9', entries: [...nonsense, entry], removed: [null, 'q'] }))
  const verifier = follow({ issuer: server.issuer, clock: server.clock })
  expect(await outcome(verifier, token)).toBe('token_revoked')
  expect(verifier.revocationStatus()).toMatchObject({ mode: 'polling', cursor: '9', entries: 1 })
  for (const broken of ['<html>', '{"cursor":9}', '[]'])
    server.answers.set('/blacklist/feed', (_request, response) => void response.end(broken))
  await until(() => verifier.revocationStatus()?.lastError !== null, 3000)
  expect(await outcome(verifier, token)).toBe('token_revoked')
  // As after a restore from a backup that was taken before the entry.
  server.answers.set('/blacklist/feed', json({ cursor: '3', entries: [], removed: [] }))
  await until(async () => (await outcome(verifier, token)) === 'good', 5000)
})

test('entries are forgotten when nothing that they deny can be alive', async () => {
  const { issuer, shop } = await scene()
  const verifier = follow(issuer, { revocations: { maxStalenessSeconds: 1 } })
  const { access_token: access } = await tokens(issuer, shop)
  await issuer.operator.call('POST', '/blacklist', { token: access })
  expect(await outcome(verifier, access)).toBe('token_revoked')
  issuer.clock.advance(3600)
  const { access_token: later } = await tokens(issuer, shop)
  expect(await outcome(verifier, later)).toBe('good')
  expect(verifier.revocationStatus()?.entries).toBe(0)
})

test('closing ends the line at once', async () => {
  const { issuer, shop } = await scene()
  const verifier = follow(issuer)
  await outcome(verifier, (await tokens(issuer, shop)).access_token)
  await verifier.close()
  expect(verifier.revocationStatus()?.mode).toBe('closed')
  const started = performance.now()
  await issuer.stop()
  expect(performance.now() - started).toBeLessThan(2000)
})
