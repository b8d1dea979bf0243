/**
 * The JWT gateway, started by its one command and driven over HTTP: two verifiers, the same answers.
 *
 * Not again on PostgreSQL: each example brings a database of its own.
 */
import { beforeAll, expect, test } from 'vitest'
import { bearer, claimsOf, headerOf, request, type Answer } from '../support/client.ts'
import {
  millisecondsUntil,
  opens,
  outcome,
  startExample,
  withClaims,
  withHeader,
  type RunningExample,
} from './run-example.ts'
import { inTime } from '../support/in-time.ts'

let gateway: RunningExample
let url: string

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  gateway = await startExample('digital-seal', {}, (end) => ends.push(end))
  url = gateway.place('gateway')
  return async () => {
    for (const end of ends) await end()
  }
})

const operate = (path: string, json: unknown): Promise<Answer> =>
  request(url + path, { json, headers: bearer(gateway.place('operator key')) })

async function seal(resource: string, subject = 'ada'): Promise<{ access: string; refresh: string }> {
  const { status, body, text } = await operate('/seal', { subject, resource, department: 'post' })
  if (status !== 200) throw new Error(text)
  return { access: body.access_token, refresh: body.refresh_token }
}

/** The verdicts of both verifiers on a token. */
const checked = async (token?: string): Promise<string[]> => [
  await opens(`${url}/check`, token),
  await opens(`${url}/check/second`, token),
]
const both = (expected: string): string[] => [expected, expected]

test.each([
  ['letters', 'ES256'],
  ['invoices', 'RS256'],
])('%s are sealed with %s and a kid, and both verifiers accept them', async (resource, alg) => {
  const { access } = await seal(resource)
  expect(headerOf(access)).toEqual({ alg, kid: expect.any(String), typ: 'at+jwt' })
  for (const path of ['/check', '/check/second']) {
    const { status, body } = await request(url + path, { headers: bearer(access) })
    expect(status).toBe(200)
    expect(body.claims).toMatchObject({ sub: 'ada', aud: resource, department: 'post', iss: gateway.place('signet') })
  }
})

test('sealing, blacklisting and rotating are for operators alone', async () => {
  const { access } = await seal('letters')
  for (const path of ['/seal', '/blacklist', '/keys/rotate']) {
    expect(await opens(url + path, undefined, 'POST')).toBe('401 missing_token')
    expect(await opens(url + path, access, 'POST')).toBe('401 unknown_key')
  }
})

test('a token that is wrong is told from one that is missing or broken', async () => {
  const { access } = await seal('letters')
  expect(await checked()).toEqual(both('401 missing_token'))
  expect(await checked('no.token')).toEqual(both('401 malformed_token'))
  expect(await checked('bm8.anNvbg.')).toEqual(both('401 malformed_token'))
  expect(await checked(access.slice(0, -6))).toEqual(both('401 invalid_signature'))
  expect(await checked(withClaims(access, { sub: 'eve' }))).toEqual(both('401 invalid_signature'))
  expect(await checked(withHeader(access, { alg: 'RS256' }))).toEqual(both('401 unsupported_algorithm'))
  expect(await checked(withHeader(access, { alg: 'HS256' }))).toEqual(both('401 unsupported_algorithm'))
  expect(await checked(withHeader(access, { alg: 'none' }))).toEqual(both('401 unsupported_algorithm'))
  expect(await checked(withHeader(access, { kid: 'made-up' }))).toEqual(both('401 unknown_key'))
  expect(await checked((await seal('archive')).access)).toEqual(both('401 wrong_audience'))
  expect(await checked((await seal('drafts')).access)).toEqual(both('401 wrong_type'))
})

test('an expired token is good within the clock tolerance and token_expired afterwards', async () => {
  const { access } = await seal('stamps')
  const end = claimsOf(access).exp * 1000
  await millisecondsUntil('past its end', async () => (Date.now() > end + 100 ? 'past its end' : 'not yet'))
  expect(await checked(access)).toEqual(both('200'))
  await millisecondsUntil('past the tolerance', async () =>
    Date.now() > end + 3100 ? 'past the tolerance' : 'not yet',
  )
  expect(await checked(access)).toEqual(both('401 token_expired'))
})

test('refreshing rotates, and a refresh token that was left behind ends the whole family', async () => {
  const renew = (token: string) => request(`${url}/refresh`, { json: { refresh_token: token } })
  const first = await seal('letters')
  const second = await renew(first.refresh)
  expect(second.status).toBe(200)
  expect(second.body.refresh_token).not.toBe(first.refresh)
  expect(await checked(second.body.access_token)).toEqual(both('200'))
  const third = await renew(second.body.refresh_token)
  expect(outcome(await renew(first.refresh))).toBe('400 invalid_grant')
  expect(outcome(await renew(third.body.refresh_token))).toBe('400 invalid_grant')
  // The first verifier follows what Signet ended; the second one cannot know.
  await millisecondsUntil('401 token_revoked', () => opens(`${url}/check`, third.body.access_token), 1000)
  expect(await opens(`${url}/check/second`, third.body.access_token)).toBe('200')
})

test('a blacklisted token is refused within a second, another one of the same person is not', async () => {
  const [{ access }, other] = [await seal('invoices'), await seal('invoices')]
  expect(await opens(`${url}/check`, access)).toBe('200')
  expect((await operate('/blacklist', { token: access, reason: 'lost' })).status).toBe(201)
  const took = await millisecondsUntil('401 token_revoked', () => opens(`${url}/check`, access), 1000)
  expect(took).toBeLessThan(inTime(1000))
  expect(await opens(`${url}/check`, other.access)).toBe('200')
})

test('keys rotate while it runs: old and new seals are good, and the caching client asks once', async () => {
  const before = [await seal('letters'), await seal('invoices')]
  for (const { access } of before) expect(await checked(access)).toEqual(both('200'))
  expect((await operate('/keys/rotate', {})).status).toBe(200)
  const after = [await seal('letters'), await seal('invoices')]
  for (const [index, { access }] of after.entries())
    expect(headerOf(access).kid).not.toBe(headerOf(before[index]?.access ?? '').kid)
  for (const { access } of [...before, ...after]) expect(await checked(access)).toEqual(both('200'))

  const fetches = async () =>
    (await request(`${url}/check/second`, { headers: bearer(after[0]?.access ?? '') })).body.fetches
  const known = await fetches()
  for (let turn = 0; turn < 20; turn++)
    for (const { access } of [...before, ...after]) await opens(`${url}/check/second`, access)
  expect(await fetches()).toBe(known)
})

test('a second rotation at once is refused with the time from which it is safe', async () => {
  const { status, body } = await operate('/keys/rotate', {})
  expect(status).toBe(409)
  expect(body.error_description).toMatch(/safe from \d{4}-/)
})

test('made-up kids use up what the rate-limited client may ask; the other one goes on answering', async () => {
  const { access } = await seal('letters')
  expect(await checked(access)).toEqual(both('200'))
  const outcomes: string[][] = []
  for (let turn = 0; turn < 12; turn++) outcomes.push(await checked(withHeader(access, { kid: `made-up-${turn}` })))
  expect(new Set(outcomes.map(([first]) => first))).toEqual(new Set(['401 unknown_key']))
  expect(outcomes.at(-1)?.[1]).toBe('503 issuer_unavailable')
  expect(await checked(access)).toEqual(both('200'))
})

test('a body that is no JSON, or an unknown resource, is the caller’s fault', async () => {
  const headers = { ...bearer(gateway.place('operator key')), 'content-type': 'application/json' }
  const broken = await fetch(`${url}/seal`, { method: 'POST', headers, body: '{' })
  expect([broken.status, await broken.json()]).toEqual([400, expect.objectContaining({ error: 'invalid_request' })])
  expect(outcome(await operate('/seal', { subject: 'ada', resource: 'nothing' }))).toBe('400 invalid_target')
  expect(outcome(await operate('/seal', { resource: 'letters' }))).toBe('400 invalid_request')
})

test('Ctrl-C ends it with exit code 0 and without a trace', async () => {
  const example = await startExample('digital-seal')
  expect(await example.interrupt()).toBe(0)
  expect(example.stderr()).toBe('')
})
