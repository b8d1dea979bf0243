/**
 * Of two issuers with one PostgreSQL, one is cut off from it alone. Nobody who goes by what it says may be misled.
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { describe, expect, test } from 'vitest'
import { createClient, startAdministered, startReplica, type AdministeredIssuer } from './support/admin.ts'
import { post, request, type Answer, type Credentials } from './support/client.ts'
import { startProxy } from './support/database-proxy.ts'
import { follow } from './support/follower.ts'
import type { TestIssuer } from './support/issuer.ts'
import { hasPostgres, newDatabase } from './support/postgres.ts'

interface Apart {
  one: AdministeredIssuer
  /** Reaches the database by the proxy. */
  two: TestIssuer
  client: Credentials
  cut(): void
}

const tokenAt = (at: TestIssuer, client: Credentials) =>
  post(at, '/token', { grant_type: 'client_credentials' }, client)

async function startApart(): Promise<Apart> {
  const url = await newDatabase()
  const one = await startAdministered({ SIGNET_DATABASE_URL: url })
  const address = new URL(url)
  const proxy = await startProxy(Number(address.port))
  address.port = String(proxy.port)
  const two = await startReplica(one, { SIGNET_DATABASE_URL: address.href })
  const client = await createClient(one.operator, { scope: 'read' })
  // The first signature reserves time, with which signing goes on without the database.
  await until(
    () => tokenAt(two, client),
    ({ status }) => status === 200,
  )
  return { one, two, client, cut: () => proxy.swallow(true) }
}

async function until(ask: () => Promise<Answer>, good: (answer: Answer) => boolean): Promise<Answer> {
  const deadline = performance.now() + 10_000
  for (;;) {
    const answer = await ask()
    if (good(answer)) return answer
    if (performance.now() > deadline) throw new Error(`not in time: ${answer.status} ${answer.text}`)
    await new Promise((wake) => setTimeout(wake, 20))
  }
}

const partOf = (token: string, part: 0 | 1): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[part] ?? '', 'base64url').toString())

const isReady = async (at: TestIssuer) => (await request(`${at.url}/readyz`)).status === 200

async function publishes(at: TestIssuer, kid: unknown): Promise<boolean> {
  const { body } = await request(`${at.url}/.well-known/jwks.json`)
  return (body.keys as { kid: string }[]).some((key) => key.kid === kid)
}

describe.runIf(hasPostgres)('a replica that is cut off alone', () => {
  test('is not ready any more when a fresh key signs that it does not publish', async () => {
    const { one, two, client, cut } = await startApart()
    cut()
    // The second emergency needs the key that the first one has made.
    for (let round = 0; round < 2; round++) {
      const rotated = await one.operator.call('POST', '/admin/api/keys/rotate', { alg: 'ES256', emergency: true })
      expect(rotated.status, rotated.text).toBe(200)
    }
    const issued = await tokenAt(one, client)
    expect(issued.status, issued.text).toBe(200)
    const { kid } = partOf(issued.body.access_token, 0)
    expect(await publishes(one, kid)).toBe(true)
    expect((await publishes(two, kid)) || !(await isReady(two))).toBe(true)
  })

  test('tells the age of its feed and ends its streams, so that followers do not take themselves for fresh', async () => {
    const { one, two, cut } = await startApart()
    const feedOf = ({ url }: TestIssuer, query = '', accept = 'application/json') =>
      request(`${url}/blacklist/feed${query}`, { headers: { accept } })
    const followers = { one: await follow(one), two: await follow(two) }
    await Promise.all([followers.one.next(), followers.two.next()])
    cut()
    expect((await one.operator.call('POST', '/blacklist', { sub: 'mallory' })).status).toBe(201)
    expect((await followers.one.next()).data.entries).toHaveLength(1)
    expect((await feedOf(two)).status).toBe(200)
    one.clock.advance(10)
    const old = await until(
      () => feedOf(two),
      ({ headers }) => headers.has('age'),
    )
    expect(old).toMatchObject({ status: 200, body: { entries: [] } })
    expect(Number(old.headers.get('age'))).toBeGreaterThan(10)
    await followers.two.ended
    const refused = await feedOf(two, '', 'text/event-stream')
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)

    const current = await feedOf(one)
    expect(current).toMatchObject({ status: 200, body: { entries: [{ kind: 'sub' }] } })
    expect(current.headers.has('age')).toBe(false)
    const { cursor } = current.body as { cursor: string }
    // It would start over with a list that lacks the denial.
    expect((await feedOf(two, `?after=${cursor}`)).status).toBe(503)
    const unchanged = { 'if-none-match': old.headers.get('etag') ?? '' }
    const same = await request(`${two.url}/blacklist/feed`, { headers: unchanged })
    expect(same.status).toBe(304)
    expect(Number(same.headers.get('age'))).toBeGreaterThan(10)
  })

  test('issues for a client that was deleted, and the feed of the other one denies those tokens', async () => {
    const { one, two, client, cut } = await startApart()
    cut()
    expect((await one.operator.call('DELETE', `/admin/api/clients/${client.clientId}`)).status).toBe(204)
    one.clock.advance(60)
    const issued = await tokenAt(two, client)
    expect(issued.status, issued.text).toBe(200)
    const { iat, exp } = partOf(issued.body.access_token, 1)
    const { entries } = (await request(`${one.url}/blacklist/feed`)).body as {
      entries: { kind: string; issued_before: number; expires_at: number }[]
    }
    const denying = entries.filter(({ kind, issued_before: before }) => kind === 'client_id' && before >= Number(iat))
    expect(Math.max(...denying.map(({ expires_at: end }) => end))).toBeGreaterThanOrEqual(Number(exp))
    expect(
      JSON.stringify(
        (await post(one, '/introspect', { token: issued.body.access_token }, one.operator.credentials)).body,
      ),
    ).toBe('{"active":false}')
  })
})
