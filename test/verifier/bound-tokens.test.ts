/**
 * Tokens that are bound to a key (RFC 9449): a proof is for one request, and good for all guards of that request.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { createHash } from 'node:crypto'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { SignJWT, calculateJwkThumbprint } from 'jose'
import { describe, expect, onTestFinished, test } from 'vitest'
import * as forExpress from '../../verifiers/node/src/express.ts'
import * as forFastify from '../../verifiers/node/src/fastify.ts'
import * as forHono from '../../verifiers/node/src/hono.ts'
import { createTokenVerifier, type AuthMiddlewareOptions } from '../../verifiers/node/src/index.ts'
import { bareKey, closing, FRAMEWORKS, listen, rawStatus, startApi } from './guarded-apis.ts'
import { API, sign, startKeyServer } from './key-server.ts'

describe.each(Object.keys(FRAMEWORKS))('%s', () => {
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

/** An API whose route has three guards, two of which share a verifier; `between` stands before the last one. */
const GUARDED_TWICE: Record<string, (options: AuthMiddlewareOptions, more: AuthMiddlewareOptions) => Promise<string>> =
  {
    express(options, more) {
      const [auth, other] = [options, more].map((each) => closing(forExpress.createAuthMiddleware(each)))
      const app = express()
      app.post(
        '/',
        auth!.requireAuth(),
        express.json(),
        auth!.requireScope('a'),
        other!.requireAuth(),
        (_r, s) => void s.json({}),
      )
      return listen(app)
    },
    async fastify(options, more) {
      const [auth, other] = [options, more].map((each) => closing(forFastify.createAuthMiddleware(each)))
      const app = Fastify()
      const preHandler = [auth!.requireScope('a'), other!.requireAuth()]
      app.post('/', { onRequest: auth!.requireAuth(), preHandler }, (_request, reply) => reply.send({}))
      onTestFinished(() => app.close())
      return app.listen({ port: 0, host: '127.0.0.1' })
    },
    hono(options, more) {
      const [auth, other] = [options, more].map((each) => closing(forHono.createAuthMiddleware(each)))
      const app = new Hono()
      const limit = bodyLimit({ maxSize: 1000 })
      app.post('/', auth!.requireAuth(), limit, auth!.requireScope('a'), limit, other!.requireAuth(), async (c) =>
        c.json(await c.req.json()),
      )
      return listen((request, response) => void getRequestListener(app.fetch)(request, response))
    },
  }

test.each(Object.keys(GUARDED_TWICE))('%s: one proof passes all guards of its request, and no other', async (name) => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const verifier = createTokenVerifier({ issuer: server.issuer, audience: API })
  onTestFinished(() => verifier.close())
  const url = await GUARDED_TWICE[name]!({ verifier }, { verifier })
  const jwk = bareKey(key)
  const token = await sign(server, key, { scope: 'a', cnf: { jkt: await calculateJwkThumbprint(jwk) } })
  const ath = createHash('sha256').update(token).digest('base64url')
  const proof = await new SignJWT({ htm: 'POST', htu: url, ath, jti: crypto.randomUUID() })
    .setIssuedAt()
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
    .sign(key.privateKey)
  // A body without a length is wrapped by bodyLimit, into another Request.
  const send = () =>
    fetch(url, {
      method: 'POST',
      headers: { authorization: `DPoP ${token}`, dpop: proof, 'content-type': 'application/json' },
      body: ReadableStream.from([new TextEncoder().encode('{"a":1}')]),
      duplex: 'half',
    })
  expect((await send()).status).toBe(200)
  const again = await send()
  expect([again.status, await again.json()]).toMatchObject([
    401,
    { error_description: expect.stringMatching(/used before/) },
  ])
})

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
