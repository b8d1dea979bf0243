/**
 * The JWT gateway for people, started by its one command: a person signs in, jsonwebtoken and jwks-rsa decide.
 *
 * Not again on PostgreSQL: each example brings a database of its own.
 */
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { createVerifier } from '../../examples/digital-seal-sign-in/gateway.ts'
import { bearer, claimsOf, headerOf, request } from '../support/client.ts'
import { opens, outcome, startExample, withClaims, withHeader, type RunningExample } from './run-example.ts'
import { atSignet, personBrowser, signInThrough } from './sign-in-at.ts'

let example: RunningExample
let url: string

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  example = await startExample('digital-seal-sign-in', {}, (end) => ends.push(end))
  url = example.place('gateway')
  return async () => {
    for (const end of ends) await end()
  }
})

const newBrowser = () => personBrowser(url, example.place('signet'))

interface Tokens {
  access_token: string
  refresh_token: string
  expires_in: number
}

async function signIn(username: string): Promise<Tokens> {
  const { status, html } = await signInThrough(newBrowser(), '/sign-in', {
    username,
    password: example.place('password'),
  })
  if (status !== 200) throw new Error(html)
  return JSON.parse(html) as Tokens
}

test('a person who signs in gets an RS256 token for the gateway, with roles, name and email', async () => {
  const { access_token: token } = await signIn('ada')
  expect(headerOf(token)).toMatchObject({ alg: 'RS256', typ: 'at+jwt' })
  const claims = claimsOf(token)
  expect(claims).toMatchObject({
    iss: example.place('signet'),
    aud: 'https://seal.example',
    client_id: 'seal-gateway',
    roles: ['reader', 'sealer'],
    name: 'Ada Lovelace',
    email: 'ada@seal.example',
  })
  const { status, body } = await request(`${url}/check`, { headers: bearer(token) })
  expect([status, body]).toEqual([200, claims])
})

test('a role opens a route, and its absence closes it', async () => {
  const [ada, bob] = [await signIn('ada'), await signIn('bob')]
  const sealed = await request(`${url}/seal`, { method: 'POST', headers: bearer(ada.access_token) })
  expect([sealed.status, sealed.body]).toEqual([201, { sealed_by: 'Ada Lovelace' }])
  expect(await opens(`${url}/seal`, bob.access_token, 'POST')).toBe('403 insufficient_scope')
  expect(await opens(`${url}/check`, bob.access_token)).toBe('200')
})

test('a token that was changed, or is missing, is refused', async () => {
  const { access_token: token } = await signIn('bob')
  expect(await opens(`${url}/check`)).toBe('401 missing_token')
  expect(await opens(`${url}/seal`, withClaims(token, { roles: ['sealer'] }), 'POST')).toBe('401 invalid_signature')
  expect(await opens(`${url}/check`, withHeader(token, { alg: 'none' }))).toBe('401 unsupported_algorithm')
})

test('a token is good for 30 seconds after its end, and no longer', async () => {
  const { access_token: token } = await signIn('bob')
  const end = claimsOf(token).exp
  const verifier = createVerifier(example.place('signet'))
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  vi.setSystemTime((end + 29) * 1000)
  expect((await verifier.verify(token)).claims.exp).toBe(end)
  vi.setSystemTime((end + 31) * 1000)
  await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'token_expired' })
})

test('/refresh takes JSON, rotates, and tells the same person', async () => {
  const first = await signIn('ada')
  const { status, body } = await request(`${url}/refresh`, { json: { refresh_token: first.refresh_token } })
  expect(status).toBe(200)
  expect(body.refresh_token).not.toBe(first.refresh_token)
  const [before, after] = [claimsOf(first.access_token), claimsOf(body.access_token)]
  for (const name of ['sub', 'sid', 'auth_time', 'roles', 'email']) expect(after[name]).toEqual(before[name])
  expect(await opens(`${url}/check`, body.access_token)).toBe('200')
  expect(outcome(await request(`${url}/refresh`, { json: { refresh_token: 'guessed' } }))).toBe('400 invalid_grant')
})

test('the answer of a sign-in counts once, and in the browser that began it', async () => {
  const [mine, other] = [newBrowser(), newBrowser()]
  const person = { username: 'ada', password: example.place('password') }
  const back = await mine.signet.submit(await atSignet(mine, '/sign-in'), person, 'sign-in')
  expect((await other.app.get(back.url.href)).status).toBe(400)
  expect((await mine.app.get(back.url.href)).status).toBe(200)
  expect((await mine.app.get(back.url.href)).status).toBe(400)
})

test('Ctrl-C ends it with exit code 0', async () => {
  expect(await example.interrupt()).toBe(0)
})
