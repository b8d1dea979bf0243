/** A guard whose mode is chosen by environment variables. A missing or wrong variable stops the start. */
import { Hono } from 'hono'
import { expect, onTestFinished, test } from 'vitest'
import * as forExpress from '../../verifiers/node/src/express.ts'
import * as forFastify from '../../verifiers/node/src/fastify.ts'
import * as forHono from '../../verifiers/node/src/hono.ts'
import { createResource, createBackend, startAdministered, tokens } from '../support/admin.ts'
import { API, JWKS, nested, sign, signWithJson, startKeyServer } from './key-server.ts'
import { inTime } from '../support/in-time.ts'

const SECRET = 'a-secret-of-more-than-thirty-two-bytes'

type Env = Record<string, string | undefined>

function start(env: Env, options: Parameters<typeof forHono.authFromEnv>[0] = {}) {
  const warnings: string[] = []
  const auth = forHono.authFromEnv({ env, warn: (message) => warnings.push(message), ...options })
  onTestFinished(() => auth.close())
  const app = new Hono()
  app.get('/any', auth.requireAuth(), (c) => c.json(c.get('auth') ?? null))
  app.get('/scope', auth.requireScope('read'), (c) => c.json({}))
  app.get('/auth/me', auth.me())
  const get = async (token?: string, headers: Record<string, string> = {}, path = '/any') => {
    const response = await app.request(path, {
      headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
    })
    const text = await response.text()
    return {
      status: response.status,
      code: (JSON.parse(text) as { error?: string } | null)?.error,
      text,
      headers: response.headers,
    }
  }
  return { get, warnings }
}

const ISSUER = { issuer: 'https://issuer.example', clock: Date }
const keyOf = (secret: string) => ({ alg: 'HS256', privateKey: new TextEncoder().encode(secret) })

const hs256 = (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}, secret = SECRET) =>
  sign(ISSUER, keyOf(secret), claims, { typ: 'JWT', ...header })

test.each<[string, Env]>([
  ['false', { AUTH_ENABLED: 'false', AUTH_MODE: 'nonsense' }],
  ['False, with blanks', { AUTH_ENABLED: ' False\n', AUTH_MODE: 'static', AUTH_TOKENS: 'x' }],
  ['no variable at all', {}],
  ['variables without a value', { AUTH_ENABLED: undefined, AUTH_TOKENS: undefined }],
  [
    'service links of Kubernetes alone',
    {
      AUTH_SERVICE_HOST: '10.0.0.11',
      AUTH_SERVICE_PORT: '80',
      AUTH_SERVICE_PORT_HTTP: '80',
      AUTH_PORT: 'tcp://10.0.0.11:80',
      AUTH_PORT_80_TCP: 'tcp://10.0.0.11:80',
      AUTH_PORT_80_TCP_ADDR: '10.0.0.11',
      AUTH_PROXY_SERVICE_HOST: '10.0.0.12',
      OTHER: 'x',
    },
  ],
])('%s: checks nothing, with one warning at start', async (_what, env) => {
  const { get, warnings } = start(env)
  expect(warnings).toEqual([expect.stringMatching(/AUTH_ENABLED.*NO REQUEST IS CHECKED/)])
  expect((await get()).status).toBe(200)
  expect((await get('garbage', {}, '/scope')).status).toBe(200)
  expect(await get(undefined, {}, '/auth/me')).toMatchObject({ status: 200, text: '{"authenticated":false}' })
  expect(warnings).toHaveLength(1)
})

test.each(['true', 'True', 'TRUE', ' true\n'])('AUTH_ENABLED=%j checks', async (value) => {
  const { get, warnings } = start({ AUTH_ENABLED: value, AUTH_MODE: 'static', AUTH_TOKENS: 'x' })
  expect([(await get()).status, (await get('x')).status, warnings]).toEqual([401, 200, []])
})

const oidc = {
  AUTH_ENABLED: 'true',
  AUTH_MODE: 'oidc',
  AUTH_JWT_ISSUER: 'https://issuer.example',
  AUTH_JWT_AUDIENCE: API,
}
const jwt = { AUTH_ENABLED: 'true', AUTH_MODE: 'jwt', AUTH_JWT_SECRET: SECRET }
const wrong: [string, Env, string][] = [
  ...['yes', '1', 'on', '0', 'no', 'off', 'truee', 'true false', '"true"', 'null'].map(
    (value): [string, Env, string] => [`AUTH_ENABLED=${value}`, { ...oidc, AUTH_ENABLED: value }, 'AUTH_ENABLED'],
  ),
  ['AUTH_ENABLED=yes alone', { AUTH_ENABLED: 'yes' }, 'AUTH_ENABLED'],
  ['a secret as AUTH_ENABLED', { AUTH_ENABLED: 'hunter2-hunter2' }, 'AUTH_ENABLED is a value of 15 characters'],
  ['AUTH_ENABLED forgotten', { ...oidc, AUTH_ENABLED: undefined }, 'AUTH_ENABLED is not set'],
  ...['', ' ', '\n', '\t '].flatMap((value): [string, Env, string][] => [
    [`AUTH_ENABLED=${JSON.stringify(value)} alone`, { AUTH_ENABLED: value }, 'AUTH_ENABLED is empty'],
    [`AUTH_ENABLED=${JSON.stringify(value)} with a mode`, { ...oidc, AUTH_ENABLED: value }, 'AUTH_ENABLED is empty'],
  ]),
  ['an empty mode alone', { AUTH_MODE: '' }, 'AUTH_ENABLED is not set'],
  ['AUTH_ENABLED misspelt', { AUTH_ENABLE: 'true' }, 'AUTH_ENABLE is'],
  ['no mode', { AUTH_ENABLED: 'true' }, 'AUTH_MODE'],
  ['an unknown mode', { AUTH_ENABLED: 'true', AUTH_MODE: 'saml' }, 'AUTH_MODE'],
  ['static without tokens', { AUTH_ENABLED: 'true', AUTH_MODE: 'static' }, 'AUTH_TOKENS'],
  ['static with commas alone', { AUTH_ENABLED: 'true', AUTH_MODE: 'static', AUTH_TOKENS: ' , ,' }, 'AUTH_TOKENS'],
  ['jwt without a secret', { AUTH_ENABLED: 'true', AUTH_MODE: 'jwt' }, 'AUTH_JWT_SECRET'],
  [
    'jwt with a short secret',
    { AUTH_ENABLED: 'true', AUTH_MODE: 'jwt', AUTH_JWT_SECRET: 'hunter2' },
    'AUTH_JWT_SECRET',
  ],
  ['jwt with an empty issuer', { ...jwt, AUTH_JWT_ISSUER: '' }, 'AUTH_JWT_ISSUER is empty'],
  ['jwt with a blank audience', { ...jwt, AUTH_JWT_AUDIENCE: ' ' }, 'AUTH_JWT_AUDIENCE is empty'],
  ['oidc without an issuer', { ...oidc, AUTH_JWT_ISSUER: undefined }, 'AUTH_JWT_ISSUER'],
  ['oidc without an audience', { ...oidc, AUTH_JWT_AUDIENCE: ' ' }, 'AUTH_JWT_AUDIENCE'],
  ['oidc with a plain http issuer', { ...oidc, AUTH_JWT_ISSUER: 'http://issuer.example' }, 'AUTH_JWT_ISSUER'],
  ['oidc with a plain http key set', { ...oidc, AUTH_JWKS_URL: 'http://issuer.example/jwks' }, 'AUTH_JWKS_URL'],
  ['oidc with a key set that is no URL', { ...oidc, AUTH_JWKS_URL: 'jwks.json' }, 'AUTH_JWKS_URL'],
  ['a cookie name that is none', { ...oidc, AUTH_COOKIE: 'a b;' }, 'AUTH_COOKIE'],
]

test.each(wrong)('%s: refuses to start, names the variable and no secret', (_what, env, variable) => {
  for (const { authFromEnv } of [forExpress, forFastify, forHono]) {
    expect(() => authFromEnv({ env })).toThrow(variable)
    expect(() => authFromEnv({ env })).not.toThrow(/hunter2/)
  }
})

test('static: only the listed tokens get in, whatever looks like one does not', async () => {
  const { get, warnings } = start({
    AUTH_ENABLED: 'true',
    AUTH_MODE: 'static',
    AUTH_TOKENS: 'alpha-token, beta-token ,',
    AUTH_COOKIE: 'tok',
  })
  expect(warnings).toEqual([])
  for (const good of ['alpha-token', 'beta-token']) expect((await get(good)).status).toBe(200)
  for (const bad of ['alpha', 'alpha-token2', 'ALPHA-TOKEN', '-', await hs256()])
    expect(await get(bad)).toMatchObject({ status: 401, code: 'unknown_key' })
  expect(await get()).toMatchObject({ status: 401, code: 'missing_token' })
  expect((await get(undefined, { cookie: 'tok=beta-token' })).status).toBe(200)
  expect(await get('wrong', { cookie: 'tok=beta-token' })).toMatchObject({ status: 401 })
  expect(await get('alpha-token', {}, '/scope')).toMatchObject({ status: 403, code: 'insufficient_scope' })
  expect(await get('wrong', {}, '/auth/me')).toMatchObject({ status: 401 })
  expect((await get('wrong')).headers.get('www-authenticate')).toMatch(/^Bearer error="invalid_token"/)
})

test('jwt: HS256 with the shared secret and nothing else', async () => {
  const env = {
    AUTH_ENABLED: 'true',
    AUTH_MODE: 'jwt',
    AUTH_JWT_SECRET: SECRET,
    AUTH_JWT_ISSUER: 'https://issuer.example',
    AUTH_JWT_AUDIENCE: API,
  }
  const { get, warnings } = start(env)
  expect(warnings).toEqual([])
  expect((await get(await hs256({ scope: 'read' }), {}, '/scope')).status).toBe(200)
  expect((await get(await hs256({}, { typ: undefined }))).status).toBe(200)
  const server = await startKeyServer()
  const cases: [string, string][] = [
    ['invalid_signature', await hs256({}, {}, `${SECRET}x`)],
    ['token_expired', await hs256({ exp: 1 })],
    ['wrong_issuer', await hs256({ iss: 'another' })],
    ['wrong_audience', await hs256({ aud: 'another' })],
    ['wrong_type', await hs256({}, { typ: 'logout+jwt' })],
    ['malformed_token', await hs256({ exp: undefined })],
    ['unsupported_algorithm', await sign(server, await server.addKey())],
    [
      'unsupported_algorithm',
      await sign(server, { alg: 'HS512', privateKey: new TextEncoder().encode(SECRET.repeat(3)) }),
    ],
    ['malformed_token', 'nonsense'],
  ]
  for (const [code, token] of cases) expect(await get(token)).toMatchObject({ status: 401, code })
})

test('jwt without an audience starts with a warning', async () => {
  const { get, warnings } = start({ AUTH_ENABLED: 'true', AUTH_MODE: 'jwt', AUTH_JWT_SECRET: SECRET })
  expect(warnings).toEqual([expect.stringContaining('AUTH_JWT_AUDIENCE')])
  expect((await get(await hs256({ aud: undefined, iss: undefined }))).status).toBe(200)
})

test('oidc: an issuer’s keys, by URL or by discovery; HS256 is refused', async () => {
  const server = await startKeyServer()
  const key = await server.addKey('RS256')
  const env = { ...oidc, AUTH_JWT_ISSUER: server.issuer, AUTH_JWT_AUDIENCE: `first, ${API}`, AUTH_COOKIE: 'session' }
  for (const jwks of [undefined, server.issuer + JWKS]) {
    const { get, warnings } = start({ ...env, AUTH_JWKS_URL: jwks })
    expect(warnings).toEqual([])
    for (const typ of ['at+jwt', 'JWT', undefined])
      expect((await get(await sign(server, key, {}, { typ }))).status).toBe(200)
    expect((await get(undefined, { cookie: `session=${await sign(server, key)}` }, '/auth/me')).status).toBe(200)
    expect(await get(await sign(server, key, { aud: 'another' }))).toMatchObject({
      status: 401,
      code: 'wrong_audience',
    })
    expect(await get(await sign(server, key, {}, { typ: 'logout+jwt' }))).toMatchObject({
      status: 401,
      code: 'wrong_type',
    })
    expect(await get(await hs256())).toMatchObject({ status: 401, code: 'unsupported_algorithm' })
    expect(await get(await sign(server, key, { exp: 1 }), {}, '/auth/me')).toMatchObject({
      status: 401,
      code: 'token_expired',
    })
  }
  const strict = start(env, { typ: 'at+jwt' })
  expect(await strict.get(await sign(server, key, {}, { typ: 'JWT' }))).toMatchObject({ code: 'wrong_type' })
})

test('oidc works with Signet, its revocations included', async () => {
  const issuer = await startAdministered()
  await createResource(issuer.operator, API)
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources: [API] })
  const { get } = start({ ...oidc, AUTH_JWT_ISSUER: issuer.issuer }, { revocations: true, name: 'bridge' })
  const { access_token: access } = await tokens(issuer, shop, { scope: 'read' })
  expect((await get(access, {}, '/scope')).status).toBe(200)
  await issuer.operator.call('POST', '/blacklist', { token: access })
  const began = Date.now()
  while ((await get(access)).status === 200) expect(Date.now() - began).toBeLessThan(inTime(1000))
  expect(await get(access)).toMatchObject({ status: 401, code: 'token_revoked' })
})

test('a shared secret opens nothing to claims that go deep, and options are known by name here too', async () => {
  const { get } = start({ AUTH_ENABLED: 'true', AUTH_MODE: 'jwt', AUTH_JWT_SECRET: SECRET })
  const deep = await signWithJson(ISSUER, keyOf(SECRET), 'deep', nested(5000))
  expect(await get(deep, {}, '/auth/me')).toMatchObject({ status: 401, code: 'malformed_token' })
  expect((await get(await hs256(), {}, '/auth/me')).status).toBe(200)
  expect(() => start({}, { publicOrgin: 'x' } as object)).toThrow(/authFromEnv .* did you mean publicOrigin\?/)
})
