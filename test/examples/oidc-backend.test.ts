/**
 * The OIDC backend, started by its one command: who gets in with which claims, and what a refused one reads.
 *
 * Not again on PostgreSQL: each example brings a database of its own.
 */
import { beforeAll, expect, test } from 'vitest'
import { bearer, claimsOf, request } from '../support/client.ts'
import { millisecondsUntil, opens, outcome, startExample, withClaims, type RunningExample } from './run-example.ts'

let example: RunningExample
let api: string

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  example = await startExample('oidc-backend', {}, (end) => ends.push(end))
  api = example.place('api')
  return async () => {
    for (const end of ends) await end()
  }
})

const atWebsite = (path: string, person: string, password = example.place('password')) =>
  request(example.place('website') + path, { json: { person, password } })

async function tokenOf(person: string): Promise<string> {
  const { status, body, text } = await atWebsite('/sign-in', person)
  if (status !== 200) throw new Error(text)
  return body.access_token
}

const verify = (json: Record<string, unknown>) => request(`${api}/verify`, { json })

test('only who signs in gets a token', async () => {
  expect((await atWebsite('/sign-in', 'ada', 'guessed')).status).toBe(403)
  expect((await atWebsite('/sign-in', 'nobody')).status).toBe(403)
  expect((await atWebsite('/sign-in', '__proto__')).status).toBe(403)
})

// Scope read, scope write, role, permission, any permission, platform owner.
const ROUTES = ['GET /orders', 'POST /orders', 'GET /staff', 'POST /refunds', 'GET /reports', 'GET /platform']
const NO = '403 insufficient_scope'
test.each([
  ['ada', ['200', '201', '200', NO, NO, '200']],
  ['bob', ['200', NO, '200', '201', '200', NO]],
  ['eve', ['200', NO, NO, NO, NO, NO]],
  ['mal', ['200', NO, NO, NO, NO, NO]],
])('%s opens what the claims give and nothing else', async (person, expected) => {
  const token = await tokenOf(person)
  const outcomes: string[] = []
  for (const [method, path] of ROUTES.map((route) => route.split(' ')))
    outcomes.push(await opens(`${api}${path}`, token, method))
  expect(outcomes).toEqual(expected)
})

test('a missing scope is named in the challenge', async () => {
  const { headers } = await request(`${api}/orders`, { method: 'POST', headers: bearer(await tokenOf('eve')) })
  expect(headers.get('www-authenticate')).toContain('scope="orders:read orders:write"')
})

test('claims are mapped after verification; absent ones and odd ones become the least', async () => {
  const profile = async (person: string) =>
    (await request(`${api}/profile`, { headers: bearer(await tokenOf(person)) })).body
  expect(await profile('ada')).toEqual({
    sub: 'ada',
    client_id: 'shop',
    scope: ['orders:read', 'orders:write'],
    roles: ['admin'],
    permissions: [],
    org_slug: 'acme',
    service_slug: 'shop',
    is_platform_owner: true,
  })
  const nothing = { org_slug: null, service_slug: null, roles: [], permissions: [], is_platform_owner: false }
  expect(await profile('eve')).toMatchObject({ sub: 'eve', ...nothing })
  expect(await profile('mal')).toMatchObject({ sub: 'mal', ...nothing })
  const forged = withClaims(await tokenOf('eve'), { is_platform_owner: true })
  expect(await opens(`${api}/profile`, forged)).toBe('401 invalid_signature')
})

test('req.auth.claims hold what the token holds, and /auth/me tells it', async () => {
  const token = await tokenOf('bob')
  expect((await request(`${api}/claims`, { headers: bearer(token) })).body).toEqual(claimsOf(token))
  const { status, body } = await request(`${api}/auth/me`, { headers: bearer(token) })
  expect(status).toBe(200)
  expect(body).toMatchObject({ authenticated: true, permissions: ['orders.refund'], claims: claimsOf(token) })
  expect(await opens(`${api}/auth/me`)).toBe('401 missing_token')
})

test('verifyToken(token, { issuer, audience, clockTolerance }) gives claims and header, or the code', async () => {
  const token = await tokenOf('bob')
  const issuer = example.place('signet')
  const good = await verify({ token, issuer, audience: 'https://shop-api.example' })
  expect(good.status).toBe(200)
  expect(good.body).toEqual({
    claims: claimsOf(token),
    header: expect.objectContaining({ typ: 'at+jwt', alg: 'ES256' }),
  })
  expect(outcome(await verify({ token, issuer: `${issuer}/` }))).toBe('401 wrong_issuer')
  expect(outcome(await verify({ token, audience: 'https://other-api.example' }))).toBe('401 wrong_audience')
  expect(outcome(await verify({ token: `Bearer ${token}` }))).toBe('401 malformed_token')
  expect(outcome(await verify({ token: 'nothing' }))).toBe('401 malformed_token')
})

test('signing a person out everywhere is felt within a second, at every route and by nobody else', async () => {
  const [bob, eve] = [await tokenOf('bob'), await tokenOf('eve')]
  expect(await opens(`${api}/orders`, bob)).toBe('200')
  expect((await atWebsite('/sign-out-everywhere', 'bob')).status).toBe(201)
  await millisecondsUntil('401 token_revoked', () => opens(`${api}/orders`, bob), 1000)
  await millisecondsUntil('401 token_revoked', async () => outcome(await verify({ token: bob })), 1000)
  expect(await opens(`${api}/orders`, eve)).toBe('200')
  expect((await atWebsite('/sign-in', 'bob')).status).not.toBe(200)
})

test('Ctrl-C ends it with exit code 0 and without a trace', async () => {
  const other = await startExample('oidc-backend')
  expect(await other.interrupt()).toBe(0)
  expect(other.stderr()).toBe('')
})
