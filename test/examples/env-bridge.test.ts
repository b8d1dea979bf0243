/** The bridge, started by its one command in every mode: what it takes, what it refuses, what it does not start with. */
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { basic, bearer, request, type Credentials } from '../support/client.ts'
import { createClient, createResource, startAdministered, tokens } from '../support/admin.ts'
import { temporaryFolder } from '../support/issuer.ts'
import { opens, outcome, runToEnd, startExample, type RunningExample } from './run-example.ts'

const SECRET = randomBytes(48).toString('base64')
const now = () => Math.floor(Date.now() / 1000)

/** A token of whoever shares the secret. */
const hs256 = (claims: Record<string, unknown> = {}, { typ = 'JWT', secret = SECRET } = {}): Promise<string> =>
  new SignJWT({ iss: 'https://old.example', aud: 'bridge', sub: 'ada', exp: now() + 60, ...claims })
    .setProtectedHeader({ alg: 'HS256', typ })
    .sign(new TextEncoder().encode(secret))

const withCookie = async (url: string, cookie: string, method = 'GET', headers: Record<string, string> = {}) =>
  outcome(await request(url, { method, headers: { cookie, ...headers } }))

/** Nothing that is secret may be in what was printed. */
function expectSilence(example: RunningExample, ...secrets: string[]): void {
  for (const secret of secrets) expect(example.stdout() + example.stderr()).not.toContain(secret)
}

test('without any variable it starts a Signet of its own and verifies its tokens', async () => {
  const example = await startExample('env-bridge')
  const [url, signet] = [example.place('bridge'), example.place('signet')]
  const [, clientId = '', secret = ''] = /curl -u '([^:]+):([^']+)'/.exec(example.stdout()) ?? []
  const client: Credentials = { clientId, secret }
  const { access_token: token = '' } = await tokens({ url: signet }, client)

  const me = await request(`${url}/auth/me`, { headers: bearer(token) })
  expect(me.body).toMatchObject({ authenticated: true, sub: clientId, client_id: clientId, scope: ['read'] })
  expect(await opens(`${url}/notes`, token, 'POST')).toBe('201')
  expect(await opens(`${url}/auth/me`)).toBe('401 missing_token')
  expect(await opens(`${url}/auth/me`, token.slice(0, -2))).toBe('401 invalid_signature')
  expect(outcome(await request(`${url}/auth/me`, { headers: basic(client) }))).toBe('401 missing_token')
  expect(await opens(`${url}/healthz`)).toBe('200')

  expect(await withCookie(`${url}/auth/me`, `bridge_token=${token}`)).toBe('200')
  expect(await withCookie(`${url}/auth/me`, `theme=dark; bridge_token="${token}"; bridge_token=other`)).toBe('200')
  expect(await withCookie(`${url}/auth/me`, 'bridge_token=%E0%A4%A; x')).toBe('401 malformed_token')
  expect(await withCookie(`${url}/auth/me`, `bridge_token=${token}`, 'GET', bearer('x.y.z'))).toBe(
    '401 malformed_token',
  )
  expect(await withCookie(`${url}/auth/me`, `other=${token}`)).toBe('401 missing_token')

  expect(await example.interrupt()).toBe(0)
  expect(example.stderr()).toBe('')
  expectSilence(example, token)
})

test('oidc: the variables name an issuer elsewhere, with discovery or a key set by its URL', async () => {
  const issuer = await startAdministered()
  for (const id of ['bridge', 'other-api']) await createResource(issuer.operator, id)
  const client = await createClient(issuer.operator, { resources: ['bridge', 'other-api'] })
  const oidc = { AUTH_ENABLED: 'true', AUTH_MODE: 'oidc', AUTH_JWT_ISSUER: issuer.issuer, AUTH_JWT_AUDIENCE: 'bridge' }
  const token = (await tokens(issuer, client)).access_token ?? ''
  const foreign = (await tokens(issuer, client, { resource: 'other-api' })).access_token
  const shared = await hs256({ iss: issuer.issuer })

  for (const more of [{}, { AUTH_JWKS_URL: `${issuer.url}/.well-known/jwks.json` }]) {
    const url = (await startExample('env-bridge', { ...oidc, ...more })).place('bridge')
    expect(await opens(`${url}/notes`, token)).toBe('200')
    expect(await opens(`${url}/notes`, foreign)).toBe('401 wrong_audience')
    expect(await opens(`${url}/notes`, shared)).toBe('401 unsupported_algorithm')
  }
  const misled = await startExample('env-bridge', {
    ...oidc,
    AUTH_JWT_ISSUER: 'https://elsewhere.example',
    AUTH_JWKS_URL: `${issuer.url}/.well-known/jwks.json`,
  })
  expect(await opens(`${misled.place('bridge')}/notes`, token)).toBe('401 wrong_issuer')
})

test('oidc: an issuer that cannot be reached is 503, and no fault of the token', async () => {
  const gone = await startAdministered()
  await createResource(gone.operator, 'bridge')
  const token = (await tokens(gone, await createClient(gone.operator, { resources: ['bridge'] }))).access_token
  await gone.stop()
  const example = await startExample('env-bridge', {
    AUTH_ENABLED: 'true',
    AUTH_MODE: 'oidc',
    AUTH_JWT_ISSUER: gone.issuer,
    AUTH_JWT_AUDIENCE: 'bridge',
  })
  expect(await opens(`${example.place('bridge')}/auth/me`, token)).toBe('503 issuer_unavailable')
})

test('static: the tokens of the list, from header or cookie, and no others', async () => {
  const example = await startExample('env-bridge', {
    AUTH_ENABLED: 'true',
    AUTH_MODE: 'static',
    AUTH_TOKENS: 'first-token, second-token',
    AUTH_COOKIE: 'session',
  })
  const url = `${example.place('bridge')}/auth/me`
  expect(await opens(url, 'first-token')).toBe('200')
  expect(await opens(url, 'second-token')).toBe('200')
  expect(await opens(url, 'first-token,second-token')).toBe('401 malformed_token')
  expect(await opens(url, 'first-toke')).toBe('401 unknown_key')
  expect(await opens(url)).toBe('401 missing_token')
  expect(await withCookie(url, 'session=first%2Dtoken')).toBe('200')
  expect(await withCookie(url, 'session="second-token"')).toBe('200')
  // A fixed token carries no scopes.
  expect(await opens(`${example.place('bridge')}/notes`, 'first-token', 'POST')).toBe('403 insufficient_scope')
  expectSilence(example, 'first-token', 'second-token')
})

test('jwt: HS256 by the shared secret, held to issuer and audience', async () => {
  const example = await startExample('env-bridge', {
    AUTH_ENABLED: 'true',
    AUTH_MODE: 'jwt',
    AUTH_JWT_SECRET: SECRET,
    AUTH_JWT_ISSUER: 'https://old.example',
    AUTH_JWT_AUDIENCE: 'bridge',
  })
  const url = `${example.place('bridge')}/auth/me`
  const outcomes = {
    good: await opens(url, await hs256()),
    otherSecret: await opens(url, await hs256({}, { secret: randomBytes(32).toString('hex') })),
    expired: await opens(url, await hs256({ exp: now() - 60 })),
    notYet: await opens(url, await hs256({ nbf: now() + 60 })),
    otherIssuer: await opens(url, await hs256({ iss: 'https://old.example/' })),
    otherAudience: await opens(url, await hs256({ aud: 'orders' })),
    otherType: await opens(url, await hs256({}, { typ: 'id_token+jwt' })),
  }
  expect(outcomes).toEqual({
    good: '200',
    otherSecret: '401 invalid_signature',
    expired: '401 token_expired',
    notYet: '401 token_not_active',
    otherIssuer: '401 wrong_issuer',
    otherAudience: '401 wrong_audience',
    otherType: '401 wrong_type',
  })
  expectSilence(example, SECRET)
})

test.each(['false', 'False'])('AUTH_ENABLED=%s checks nothing, and says so at start', async (value) => {
  const example = await startExample('env-bridge', { AUTH_ENABLED: value })
  const url = example.place('bridge')
  expect(example.place('mode')).toBe('off')
  expect(example.stderr()).toMatch(/AUTH_ENABLED.*NO REQUEST IS CHECKED/)
  expect(await opens(`${url}/notes`)).toBe('200')
  expect((await request(`${url}/auth/me`, { headers: bearer('anything') })).body).toEqual({ authenticated: false })
})

const enabled = { AUTH_ENABLED: 'true' }
const oidc = { ...enabled, AUTH_MODE: 'oidc', AUTH_JWT_ISSUER: 'https://issuer.example', AUTH_JWT_AUDIENCE: 'bridge' }
const short = 'hunter2-hunter2'

test.each<[string, Record<string, string>, string]>([
  ['an empty switch', { AUTH_ENABLED: '' }, 'AUTH_ENABLED'],
  ['no mode', enabled, 'AUTH_MODE'],
  ['an unknown mode', { ...enabled, AUTH_MODE: 'saml' }, 'AUTH_MODE'],
  ['static without tokens', { ...enabled, AUTH_MODE: 'static' }, 'AUTH_TOKENS'],
  ['jwt without a secret', { ...enabled, AUTH_MODE: 'jwt' }, 'AUTH_JWT_SECRET'],
  ['jwt with a short secret', { ...enabled, AUTH_MODE: 'jwt', AUTH_JWT_SECRET: short }, 'AUTH_JWT_SECRET'],
  ['oidc without an issuer', { ...oidc, AUTH_JWT_ISSUER: '' }, 'AUTH_JWT_ISSUER'],
  ['oidc without an audience', { ...oidc, AUTH_JWT_AUDIENCE: '' }, 'AUTH_JWT_AUDIENCE'],
  ['oidc with an issuer by plain http', { ...oidc, AUTH_JWT_ISSUER: 'http://issuer.example' }, 'AUTH_JWT_ISSUER'],
  ['oidc with keys by plain http', { ...oidc, AUTH_JWKS_URL: 'http://issuer.example/jwks' }, 'AUTH_JWKS_URL'],
  ['a cookie that has no such name', { ...oidc, AUTH_COOKIE: 'a cookie' }, 'AUTH_COOKIE'],
])('%s: refused at start, naming the variable', async (_, env, variable) => {
  const { code, stdout, stderr } = await runToEnd('env-bridge', env)
  expect(code).toBe(1)
  expect(stdout).toBe('')
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(stderr).toContain(`does not start: ${variable}`)
  expect(stderr).not.toContain(short)
})

test('an example that does not exist is told with those that do', async () => {
  const { code, stderr } = await runToEnd('nothing')
  expect(code).toBe(2)
  for (const name of ['digital-seal', 'oidc-backend', 'env-bridge', 'embedded-app']) expect(stderr).toContain(name)
})

test('an example that was ended leaves no folder behind', async () => {
  const folder = temporaryFolder()
  const example = await startExample('env-bridge', { TMPDIR: folder })
  expect(readdirSync(folder)).toEqual([expect.stringMatching(/^signet-example-/)])
  await example.interrupt()
  expect(readdirSync(folder)).toEqual([])
})
