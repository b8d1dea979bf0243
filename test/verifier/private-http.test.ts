/** `allowHttp`: a verifier, a guard, a sign-in and a resource on plain http to another machine, for development. */
import { Hono } from 'hono'
import { afterEach, beforeEach, expect, test, vi, type MockInstance } from 'vitest'
import * as forHono from '../../verifiers/node/src/hono.ts'
import { createTokenVerifier } from '../../verifiers/node/src/index.ts'
import { freePort } from '../support/foreign-client.ts'
import { API, ask, registered, startWithApi } from '../support/shared.ts'

/** An address that leads to this machine on Linux and macOS, and is no loopback name by its text. */
async function startExposed() {
  const port = await freePort()
  const issuer = `http://0.0.0.0:${port}`
  return startWithApi({ SIGNET_PORT: String(port), SIGNET_ISSUER: issuer, SIGNET_ALLOW_HTTP: 'true' })
}

let warned: MockInstance<typeof console.warn>
beforeEach(() => {
  warned = vi.spyOn(console, 'warn').mockImplementation(() => {})
})
afterEach(() => warned.mockRestore())

const warnings = (): string[] => warned.mock.calls.map(([line]) => String(line))

test('keys, revocations and metadata come from such an issuer, and the start warns of it', async () => {
  const issuer = await startExposed()
  const verifier = createTokenVerifier({
    issuer: issuer.issuer,
    audience: API,
    revocations: true,
    allowHttp: true,
    clock: issuer.clock,
  })
  const { body } = await ask(issuer, await registered(issuer))
  expect((await verifier.verifyToken(String(body.access_token))).claims.iss).toBe(issuer.issuer)
  await verifier.close()
  expect(warnings()).toEqual([expect.stringMatching(/^signet-verify: allowHttp: plain http to 0\.0\.0\.0:\d+: /)])
})

test('without it each address is refused by name, with the option that would take it', () => {
  const http = 'http://signet:3000'
  const fine = { issuer: 'https://auth.example', audience: API }
  for (const [name, options] of [
    ['issuer', { issuer: http, audience: API }],
    ['jwksUri', { ...fine, jwksUri: `${http}/.well-known/jwks.json` }],
    ['revocations.feedUrl', { ...fine, revocations: { feedUrl: `${http}/blacklist/feed` } }],
    ['resourceMetadata', { ...fine, resourceMetadata: `${http}/x` }],
  ] as const) {
    expect(() => createTokenVerifier(options)).toThrow(new RegExp(`^${name} has to be https.*allowHttp: true`))
    expect(() => createTokenVerifier({ ...options, allowHttp: false })).toThrow(`${name} has to be https`)
    expect(() => createTokenVerifier({ ...options, allowHttp: true })).not.toThrow()
  }
})

test('it warns only of what is exposed', async () => {
  const loopback = { audience: API, allowHttp: true }
  await createTokenVerifier({ ...loopback, issuer: 'http://localhost:3000' }).close()
  await createTokenVerifier({ ...loopback, issuer: 'https://auth.example' }).close()
  expect(warnings()).toEqual([])
})

test('it is true or false, and lets no other scheme and no password pass', () => {
  // A program in JavaScript may pass any value.
  const slip = { issuer: 'http://signet:3000', audience: API, allowHttp: 'yes' } as unknown
  expect(() => createTokenVerifier(slip as { issuer: string })).toThrow('allowHttp is true or false')
  for (const issuer of ['ftp://signet:3000', 'http://user:secret@signet:3000'])
    expect(() => createTokenVerifier({ issuer, audience: API, allowHttp: true })).toThrow(TypeError)
})

test('guards from options and from the environment take it too', async () => {
  const issuer = await startExposed()
  const { body } = await ask(issuer, await registered(issuer))
  const told: string[] = []
  const options = { issuer: issuer.issuer, audience: API, clock: issuer.clock, publicOrigin: 'http://orders:8080' }
  const env = { AUTH_ENABLED: 'true', AUTH_MODE: 'oidc', AUTH_JWT_ISSUER: issuer.issuer, AUTH_JWT_AUDIENCE: API }
  for (const auth of [
    forHono.createAuthMiddleware({ ...options, allowHttp: true }),
    forHono.authFromEnv({ env, allowHttp: true, warn: (line) => told.push(line) }),
  ]) {
    const app = new Hono()
    app.get('/', auth.requireAuth(), (c) => c.text('ok'))
    const answer = await app.request('/', { headers: { authorization: `Bearer ${String(body.access_token)}` } })
    expect(answer.status).toBe(200)
    await auth.close()
  }
  expect(told).toEqual([expect.stringContaining('plain http')])
  expect(() => forHono.createAuthMiddleware(options)).toThrow('has to be https')
  expect(() => forHono.authFromEnv({ env })).toThrow('AUTH_JWT_ISSUER has to be https')
})

test('a sign-in leads to such an issuer, and its cookie is one that comes back over http', async () => {
  const issuer = await startExposed()
  const options = { issuer: issuer.issuer, clientId: 'app', publicOrigin: 'http://app:8080' }
  expect(() => forHono.signIn(options)).toThrow('has to be https')
  const people = forHono.signIn({ ...options, allowHttp: true })
  const answer = await new Hono().route('/', people).request('http://app:8080/auth/login')
  await people.close()
  expect(answer.headers.get('location')).toMatch(`${issuer.issuer}/authorize?`)
  expect(answer.headers.getSetCookie().join()).not.toMatch(/secure|__Host-/i)
})

test('an API publishes its metadata on a private name', async () => {
  const options = { resource: 'http://orders:8080', issuer: 'http://signet:3000' }
  expect(() => forHono.protectedResource(options)).toThrow('resource has to be https')
  const app = new Hono().use(forHono.protectedResource({ ...options, allowHttp: true }))
  const answer = await app.request('http://orders:8080/.well-known/oauth-protected-resource')
  expect(await answer.json()).toMatchObject({ resource: options.resource, authorization_servers: [options.issuer] })
  expect(warnings()).toHaveLength(1)
})

/** The verifiers for Python and Go are tested with the same addresses. */
test.each([
  'http://localhost:3000',
  'http://LOCALHOST',
  'http://app.localhost/x',
  'http://127.0.0.1:80',
  'http://127.9.9.9',
  'http://[::1]:3000',
  'https://issuer.example/',
  'https://issuer.example:8443/a',
])('%s is an address of an issuer', async (issuer) => {
  await createTokenVerifier({ issuer, audience: API }).close()
})

test.each([
  'http://127.1',
  'http://2130706433',
  'http://0x7f.0.0.1',
  'http://127.0.0.01',
  'http://127.0.0.1.',
  'http://127.0.0.256',
  'http://[::ffff:127.0.0.1]:1',
  'http://[0:0:0:0:0:0:0:1]',
  'http://[::2]',
  'http://localhost.',
  'http://%6cocalhost',
  'http:localhost',
  'http:///localhost',
  'http://localhost:99999',
  'https:issuer.example',
  'https:///issuer.example',
  'https://@issuer.example',
  'https://issuer.example ',
  ' https://issuer.example',
  'https://issuer.example/a ',
  'https://issuer.example/a\tb',
  'https://issuer.example\\a',
  'https://issuer.example/"',
  'https://m\u00fcller.example',
  'https://issuer.example?tenant=a',
  'https://issuer.example?',
  'https://issuer.example#a',
  'https://issuer.example/#',
])('%j may be read in two ways, and is no address of an issuer', (issuer) => {
  expect(() => createTokenVerifier({ issuer, audience: API })).toThrow(/^issuer (is|has|holds) /)
})
