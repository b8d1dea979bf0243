/**
 * Several issuers with one PostgreSQL: what one has answered holds on the other, within a second.
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { Client } from 'pg'
import { describe, expect, test } from 'vitest'
import {
  createBackend,
  createClient,
  createResource,
  grantTokens,
  operatorOf,
  refresh,
  startAdministered,
  startReplica,
  type AdministeredIssuer,
} from './support/admin.ts'
import { post, request, type Answer, type Credentials } from './support/client.ts'
import { signet } from './support/process.ts'
import type { TestIssuer } from './support/issuer.ts'
import { hasPostgres, newDatabase } from './support/postgres.ts'
import { storeOf } from './support/people.ts'

interface Pair {
  one: AdministeredIssuer
  two: TestIssuer
  url: string
}

async function startPair(): Promise<Pair> {
  const url = await newDatabase()
  const one = await startAdministered({ SIGNET_DATABASE_URL: url })
  return { one, two: await startReplica(one), url }
}

const API = 'https://api.example.com'

async function backendOf({ operator }: AdministeredIssuer): Promise<Credentials> {
  await createResource(operator, API)
  return createBackend(operator, { resources: [API] })
}

/** Ends the connections by which replicas are notified. */
const LISTENING = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"

/** The bound of the contract for a change that was answered by another replica. */
const HEARD_WITHIN_MS = 1000

/** Asks until the answer is the one that is wanted. @returns how long it took, in milliseconds */
async function untilHeard(ask: () => Promise<Answer>, good: (answer: Answer) => boolean): Promise<number> {
  const began = performance.now()
  for (;;) {
    const answer = await ask()
    const took = performance.now() - began
    if (good(answer)) return took
    if (took > HEARD_WITHIN_MS) throw new Error(`not heard within a second: ${answer.status} ${answer.text}`)
    await new Promise((wake) => setTimeout(wake, 10))
  }
}

async function queryOn(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

describe.runIf(hasPostgres)('two replicas', () => {
  test('a token of one is introspected, refreshed and revoked at the other', async () => {
    const { one, two } = await startPair()
    const backend = await backendOf(one)
    await untilHeard(
      () => post(two, '/token', { grant_type: 'client_credentials' }, backend),
      ({ status }) => status === 200,
    )
    const granted = await grantTokens(one, backend)
    const at = (issuer: { url: string }, token: string) => post(issuer, '/introspect', { token }, backend)
    expect((await at(two, String(granted.access_token))).body).toMatchObject({ active: true, iss: one.issuer })
    const renewed = await refresh(two, backend, String(granted.refresh_token))
    expect(renewed.status).toBe(200)
    expect((await at(one, renewed.body.access_token)).body).toMatchObject({ active: true, sid: expect.any(String) })
    const again = await refresh(one, backend, renewed.body.refresh_token)
    expect(again.status).toBe(200)
    expect((await post(two, '/revoke', { token: again.body.refresh_token }, backend)).status).toBe(200)
    expect((await refresh(one, backend, again.body.refresh_token)).status).toBe(400)
    await untilHeard(
      () => at(one, again.body.access_token),
      ({ body }) => body.active === false,
    )
  })

  test('a client that one made, changed and deleted is so at the other within a second', async () => {
    const { one, two } = await startPair()
    await createResource(one.operator, API)
    const client = await createClient(one.operator, { scope: 'read', resources: [API] })
    const ask = () => post(two, '/token', { grant_type: 'client_credentials' }, client)
    await untilHeard(ask, ({ status }) => status === 200)
    await one.operator.call('PATCH', `/admin/api/clients/${client.clientId}`, { scope: 'write' })
    await untilHeard(ask, ({ body }) => body.scope === 'write')
    await one.operator.call('DELETE', `/admin/api/clients/${client.clientId}`)
    await untilHeard(ask, ({ status }) => status === 401)
  })

  test('a cursor of the feed of one continues at the other, in one order', async () => {
    const { one, two } = await startPair()
    const deny = (at: TestIssuer, jti: string) =>
      operatorOf(at, one.operator.credentials).call('POST', '/blacklist', { jti })
    expect((await deny(one, 'first')).status).toBe(201)
    expect((await deny(two, 'second')).status).toBe(201)
    const feed = (at: TestIssuer, after: string) => request(`${at.url}/blacklist/feed?after=${after}`)
    await untilHeard(
      () => feed(one, '0'),
      ({ body }) => body.entries.length === 2,
    )
    const { cursor } = (await feed(one, '0')).body
    expect((await feed(two, cursor)).body).toMatchObject({ cursor, entries: [], removed: [] })
    expect((await deny(one, 'third')).status).toBe(201)
    await untilHeard(
      () => feed(two, cursor),
      ({ body }) => body.entries.length === 1 && Number(body.cursor) > Number(cursor),
    )
    const [left, right] = [(await feed(one, '0')).body, (await feed(two, '0')).body]
    expect(left).toEqual(right)
  })

  test.each(['application/json', 'text/event-stream'])(
    'a cursor of one that the other has not heard of is never from the future there, as %s',
    async (accept) => {
      const { one, two, url } = await startPair()
      // The other is not notified, and hears by its next poll.
      await queryOn(url, `${LISTENING} AND datname = current_database()`)
      for (let round = 0; round < 5; round++) {
        expect((await one.operator.call('POST', '/blacklist', { jti: `denied-${round}` })).status).toBe(201)
        const { cursor } = (await request(`${one.url}/blacklist/feed`)).body
        const headers = { accept, 'last-event-id': cursor }
        const answer = await fetch(`${two.url}/blacklist/feed?after=${cursor}`, { headers })
        const chunk = (await answer.body?.getReader().read())?.value
        // The list that starts over has entries, and one that goes on has none.
        expect(Buffer.from(chunk ?? []).toString()).toContain(`{"cursor":"${cursor}","entries":[],"removed":[]}`)
      }
    },
  )

  test('a notification that is lost is found by polling', async () => {
    const { one, two, url } = await startPair()
    for (let round = 0; round < 3; round++) {
      const ended = await queryOn(url, `${LISTENING} AND datname = current_database()`)
      const client = await createClient(one.operator, { scope: 'read' })
      expect(ended.length).toBeGreaterThan(0)
      await untilHeard(
        () => post(two, '/token', { grant_type: 'client_credentials' }, client),
        ({ status }) => status === 200,
      )
      await new Promise((wake) => setTimeout(wake, 800))
    }
  })

  test('of fifty uses of a refresh token at both, one family comes out, and all agree', async () => {
    const { one, two } = await startPair()
    const backend = await backendOf(one)
    const granted = await grantTokens(one, backend)
    await untilHeard(
      () => post(two, '/token', { grant_type: 'client_credentials' }, backend),
      ({ status }) => status === 200,
    )
    const uses = Array.from({ length: 50 }, (_, each) =>
      refresh(each % 2 ? one : two, backend, String(granted.refresh_token)),
    )
    const answers = await Promise.all(uses)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1)
  })

  test('after an emergency no replica signs with a key that the other does not publish', async () => {
    const { one, two } = await startPair()
    const client = await createClient(one.operator, { scope: 'read' })
    const kids = async (at: TestIssuer) => {
      const { body } = await request(`${at.url}/.well-known/jwks.json`)
      return (body.keys as { kid: string }[]).map(({ kid }) => kid)
    }
    for (let round = 0; round < 4; round++) {
      const rotated = await one.operator.call('POST', '/admin/api/keys/rotate', { alg: 'ES256', emergency: true })
      expect(rotated.status, rotated.text).toBe(200)
      const issued = await post(one, '/token', { grant_type: 'client_credentials' }, client)
      expect(issued.status, issued.text).toBe(200)
      const { kid } = JSON.parse(Buffer.from(issued.body.access_token.split('.')[0], 'base64url').toString())
      expect(await kids(two)).toContain(kid)
    }
  })

  test('signet status lists the replicas', async () => {
    const { one, two } = await startPair()
    const { stdout } = await signet(['status', '--json'], one.env)
    const { replicas, database } = JSON.parse(stdout)
    expect(replicas.map(({ name }: { name: string }) => name.replace(/^.*:/, '')).toSorted()).toEqual(
      [one, two].map(({ port }) => String(port)).toSorted(),
    )
    expect(replicas[0]).toMatchObject({
      version: expect.any(String),
      started_at: expect.stringMatching(/Z$/),
      last_seen_at: expect.stringMatching(/Z$/),
      stopped_at: null,
    })
    expect(JSON.stringify(database)).not.toContain('rd%23')
    // `signet master-key use` names a server that lacks the key as the status does.
    const holders = await (await storeOf(one)).listKeyHolders()
    expect(holders.map(({ server }) => server).toSorted()).toEqual(
      replicas.map(({ name }: { name: string }) => name).toSorted(),
    )
  })

  test('signet status tells a replica that was stopped from those that run', async () => {
    const { one, two } = await startPair()
    await two.stop()
    const { stdout } = await signet(['status', '--json'], one.env)
    const { replicas } = JSON.parse(stdout)
    const stopped = replicas.filter(({ stopped_at: at }: { stopped_at: string | null }) => at !== null)
    expect(stopped).toEqual([
      expect.objectContaining({
        name: expect.stringContaining(`:${two.port}`),
        stopped_at: expect.stringMatching(/Z$/),
      }),
    ])
    expect(replicas).toHaveLength(2)
  })

  test('another issuer, and another master key, are refused in one line', async () => {
    const { one } = await startPair()
    const starting = startReplica(one, { SIGNET_ISSUER: 'https://other.example.com' })
    await expect(starting).rejects.toThrow(/^SIGNET_ISSUER: this replica .* would serve https:\/\/other\.example\.com/)
    const otherKey = startReplica(one, { SIGNET_MASTER_KEY: Buffer.alloc(32, 7).toString('base64url') })
    await expect(otherKey).rejects.toThrow(
      /^SIGNET_MASTER_KEY: the master key is .*, but the database was sealed under/,
    )
  })

  test('of two that start at once with different issuers one is refused, and with one new issuer neither', async () => {
    const { one, two } = await startPair()
    await Promise.all([one.stop(), two.stop()])
    const startBoth = async (...issuers: string[]) => {
      const starts = await Promise.allSettled(issuers.map((SIGNET_ISSUER) => startReplica(one, { SIGNET_ISSUER })))
      const running = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
      await Promise.all(running.map((replica) => replica.stop()))
      return running.length
    }
    expect(await startBoth('https://a.example.com', 'https://b.example.com')).toBe(1)
    for (const name of ['c', 'd', 'e'])
      expect(await startBoth(`https://${name}.example.com`, `https://${name}.example.com`)).toBe(2)
  })

  test('signet backup names pg_dump', async () => {
    const { one } = await startPair()
    const answer = await signet(['backup', '/tmp/never-made'], one.env)
    expect(answer.code).toBe(1)
    expect(answer.stderr).toContain('pg_dump')
  })
})
