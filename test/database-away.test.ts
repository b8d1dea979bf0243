/**
 * An issuer whose PostgreSQL is away, comes back, or ends its connections. The server is this file's own.
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { findPostgres, startPostgres, type PostgresServer } from '../harness/postgres-server.ts'
import {
  createBackend,
  createResource,
  grantTokens,
  introspect,
  refresh,
  startAdministered,
  type AdministeredIssuer,
} from './support/admin.ts'
import { post, request, type Answer, type Credentials } from './support/client.ts'
import { startProxy } from './support/database-proxy.ts'
import { follow } from './support/follower.ts'
import { inTime } from './support/in-time.ts'

const endings: (() => Promise<void> | void)[] = []
let server: PostgresServer

beforeAll(async () => {
  if (findPostgres() !== undefined) server = await startPostgres((work) => void endings.unshift(work))
}, 60_000)
afterAll(async () => {
  for (const end of endings) await end()
})

const API = 'https://api.example.com'

interface Setting {
  issuer: AdministeredIssuer
  backend: Credentials
  granted: Record<string, string>
}

async function startOn(url: string, env: Record<string, string> = {}): Promise<Setting> {
  const issuer = await startAdministered({ ...env, SIGNET_DATABASE_URL: url })
  await createResource(issuer.operator, API)
  const backend = await createBackend(issuer.operator, { resources: [API] })
  // The first signature reserves time for the key, with which signing goes on without the database.
  await post(issuer, '/token', { grant_type: 'client_credentials' }, backend)
  return { issuer, backend, granted: await grantTokens(issuer, backend) }
}

/** The same database, by way of a proxy. */
const through = (url: string, { port }: { port: number }): string => url.replace(`:${server.port}/`, `:${port}/`)

/** Words of the statement that writes a refresh, and of no other. */
const REFRESH = 'access_expires_at = greatest('

const ready = ({ url }: { url: string }) => request(`${url}/readyz`)

/** Asks until it is so; the contract gives five seconds. */
async function within(seconds: number, ask: () => Promise<Answer>, good: (answer: Answer) => boolean): Promise<Answer> {
  const deadline = performance.now() + seconds * 1000
  for (;;) {
    const answer = await ask()
    if (good(answer)) return answer
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${answer.status} ${answer.text}`)
    await new Promise((wake) => setTimeout(wake, 20))
  }
}

const isOk = ({ status }: Answer) => status === 200

/** What goes on without the database, whatever is wrong with it. */
async function requireGoingOn({ issuer, backend }: Setting): Promise<void> {
  for (const path of ['/.well-known/jwks.json', '/.well-known/oauth-authorization-server', '/livez'])
    expect((await request(issuer.url + path)).status, path).toBe(200)
  const issued = await post(issuer, '/token', { grant_type: 'client_credentials' }, backend)
  expect(issued.status, issued.text).toBe(200)
}

async function requireRefused(asked: Promise<Answer>): Promise<void> {
  const began = performance.now()
  const answer = await asked
  expect(answer.status, answer.text).toBe(503)
  expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
  expect(answer.body).toMatchObject({ error: 'temporarily_unavailable' })
  expect(performance.now() - began).toBeLessThan(inTime(2500))
}

describe.runIf(findPostgres() !== undefined)('the database away', () => {
  let database: string
  beforeEach(async () => {
    database = await server.createDatabase()
  })

  test('what needs no database goes on, the rest is 503 in time, and all is well again without a restart', async () => {
    const setting = await startOn(server.url(database))
    const { issuer, backend, granted } = setting
    const feed = () => request(`${issuer.url}/blacklist/feed`)
    const follower = await follow(issuer)
    await server.halt()
    onTestFinished(() => server.resume())
    await requireGoingOn(setting)
    await Promise.all([
      requireRefused(refresh(issuer, backend, String(granted.refresh_token))),
      requireRefused(issuer.operator.call('POST', '/admin/api/resources', { id: 'https://other.example.com' })),
      requireRefused(
        post(issuer, '/token', { grant_type: 'client_credentials', scope: 'read offline_access' }, backend),
      ),
    ])
    expect((await introspect(issuer, backend, String(granted.access_token))).body.active).toBe(true)
    expect((await ready(issuer)).status).toBe(200)
    expect((await feed()).status).toBe(200)

    issuer.clock.advance(5)
    const unready = await ready(issuer)
    expect(unready.status).toBe(503)
    expect(unready.text).toContain('database')
    expect((await introspect(issuer, backend, String(granted.access_token))).status).toBe(200)

    issuer.clock.advance(5)
    await requireRefused(introspect(issuer, backend, String(granted.access_token)))
    expect((await feed()).status).toBe(200)
    await follower.ended
    await requireGoingOn(setting)

    await server.resume()
    await within(5, () => refresh(issuer, backend, String(granted.refresh_token)), isOk)
    await within(5, () => ready(issuer), isOk)
    await within(5, () => introspect(issuer, backend, String(granted.access_token)), isOk)
    await within(5, feed, isOk)
    expect(issuer.logged.join('\n')).not.toContain('rd%23')
  })

  test('a server that takes no writes is named, counts as away, and is used again when it does', async () => {
    const { issuer, backend, granted } = await startOn(server.url(database))
    const restartConnections = (setting: string) =>
      server.query(
        `ALTER DATABASE ${database} ${setting}; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`,
      )
    await restartConnections('SET default_transaction_read_only = on')
    const refused = await refresh(issuer, backend, String(granted.refresh_token))
    expect(refused.status).toBe(503)
    expect(issuer.logged.join('\n')).toContain('it is a standby, or read-only')
    expect(issuer.logged.join('\n')).not.toContain('may be stored')
    issuer.clock.advance(5)
    await within(
      5,
      () => ready(issuer),
      ({ status }) => status === 503,
    )

    await restartConnections('RESET default_transaction_read_only')
    await within(5, () => refresh(issuer, backend, String(granted.refresh_token)), isOk)
    await within(5, () => ready(issuer), isOk)
  })

  test('the last connection that a full server has left is waited for', async () => {
    const role = await server.createRole()
    const owned = await server.createDatabase(role)
    const { issuer, backend, granted } = await startOn(server.url(owned, '', role))
    // A connection listens, so one is left.
    await server.query(`ALTER ROLE ${role} CONNECTION LIMIT 2`)
    await server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${role}'`)
    await within(5, () => refresh(issuer, backend, String(granted.refresh_token)), isOk)
    const all = await Promise.all(Array.from({ length: 8 }, () => issuer.operator.call('GET', '/admin/api/grants')))
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 200))
  })

  test('connections that are ended again and again cost nobody an answer', async () => {
    const { issuer, backend, granted } = await startOn(server.url(database))
    let token = String(granted.refresh_token)
    for (let round = 0; round < 20; round++) {
      const ending = server.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}' AND pid <> pg_backend_pid()`,
      )
      const [answer] = await Promise.all([refresh(issuer, backend, token), ending])
      expect(answer.status, answer.text).toBe(200)
      token = answer.body.refresh_token
    }
  })

  test('a network that swallows everything is noticed, and recovers', async () => {
    const proxy = await startProxy(server.port)
    const setting = await startOn(through(server.url(database), proxy))
    const { issuer, backend, granted } = setting
    // A refusal is noted, and a list of events writes the notes first.
    await post(issuer, '/token', { grant_type: 'client_credentials' }, { ...backend, secret: 'wrong' })
    proxy.swallow(true)
    await requireRefused(issuer.operator.call('GET', '/admin/api/audit'))
    expect(issuer.logged.join('\n')).toContain('the newest audit events could not be written')
    await requireGoingOn(setting)
    await requireRefused(refresh(issuer, backend, String(granted.refresh_token)))
    await within(
      5,
      () => Promise.resolve(issuer.clock.advance(5)).then(() => ready(issuer)),
      ({ status }) => status === 503,
    )
    await requireGoingOn(setting)
    proxy.swallow(false)
    await within(5, () => refresh(issuer, backend, String(granted.refresh_token)), isOk)
    await within(5, () => ready(issuer), isOk)
  })

  const generationsIn = async (of: string) =>
    (await server.query('SELECT generation FROM signet.grants', of)).map(({ generation }) => Number(generation))

  test('a refresh that was written and whose answer broke off brings the token that was written', async () => {
    const proxy = await startProxy(server.port)
    // Without a time for repetitions, the written generation could be told from a reuse by nothing but this process.
    const { issuer, backend, granted } = await startOn(through(server.url(database), proxy), {
      SIGNET_REFRESH_GRACE: '0s',
    })
    const lost = proxy.loseAnswerTo(REFRESH, 'breaks')
    const [answer] = await Promise.all([refresh(issuer, backend, String(granted.refresh_token)), lost])
    expect(answer.status, answer.text).toBe(200)
    expect(await generationsIn(database)).toEqual([1])
    const next = await refresh(issuer, backend, answer.body.refresh_token)
    expect(next.status, next.text).toBe(200)
    // The token before it counts as used, although nobody heard of the write.
    expect((await refresh(issuer, backend, String(granted.refresh_token))).body.error).toBe('invalid_grant')
    expect((await refresh(issuer, backend, next.body.refresh_token)).body.error).toBe('invalid_grant')
  })

  test('a refresh that was written and whose answer never came brings that token, at once or when it is repeated', async () => {
    const proxy = await startProxy(server.port)
    const { issuer, backend, granted } = await startOn(through(server.url(database), proxy))
    const token = String(granted.refresh_token)
    const lost = proxy.loseAnswerTo(REFRESH, 'is silent')
    // Whether there is time to ask over another connection depends on when the silent one is given up.
    const [told] = await Promise.all([refresh(issuer, backend, token), lost])
    expect([200, 503], told.text).toContain(told.status)
    expect(await generationsIn(database)).toEqual([1])
    let again = await refresh(issuer, backend, token)
    for (let tries = 0; again.status === 503 && tries < 5; tries++) again = await refresh(issuer, backend, token)
    expect(again.status, again.text).toBe(200)
    if (told.status === 200) expect(again.body.refresh_token).toBe(told.body.refresh_token)
    expect(await generationsIn(database)).toEqual([1])
    expect((await refresh(issuer, backend, again.body.refresh_token)).status).toBe(200)
  })
})
