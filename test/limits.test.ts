/** Limits of a network, a client, a connection and all of them together, and the callers that they do not touch. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { BEHIND_PROXY } from '../harness/network.ts'
import { PasswordQueue } from '../src/ground/hash-queue.ts'
import { RateLimit } from '../src/limits/rate-limit.ts'
import { readConfig } from '../src/index.ts'
import { refresh, tokens, until, type AdministeredIssuer } from './support/admin.ts'
import { post, request, type Answer, type Credentials } from './support/client.ts'
import { expectDocumented, readDescription } from './support/described.ts'
import { movableClock } from './support/issuer.ts'
import { follow } from './support/follower.ts'
import { REPLICAS } from './support/replicas.ts'
import { ask, refusal, registered, startWithApi } from './support/shared.ts'
import { sqliteTest } from './support/sqlite.ts'
import { inTime } from './support/in-time.ts'

const NOBODY = { clientId: 'nobody', secret: 'sgs_none' }
const WRONG = '401 invalid_client'
const BUSY = 'temporarily_unavailable'
const OVER = `429 ${BUSY}`
const OPEN = [
  '/livez',
  '/readyz',
  '/.well-known/jwks.json',
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
  '/blacklist/feed',
]

type At = { url: string; port: number }

/** Asks for a token as somebody behind a proxy. */
const from = (address: string, at: { url: string }, client: Credentials = NOBODY): Promise<Answer> =>
  request(`${at.url}/token`, {
    headers: {
      'x-forwarded-for': address,
      authorization: `Basic ${Buffer.from(`${client.clientId}:${client.secret}`).toString('base64')}`,
    },
    form: { grant_type: 'client_credentials' },
  })

/** The outcomes of so many requests, in order. */
async function inTurn(count: number, send: (index: number) => Promise<Answer>): Promise<string[]> {
  const outcomes: string[] = []
  for (let index = 0; index < count; index++) {
    const answer = await send(index)
    outcomes.push(answer.status === 200 ? '200' : refusal(answer))
  }
  return outcomes
}

const together = async (count: number, send: (index: number) => Promise<Answer>): Promise<string[]> =>
  (await Promise.all(Array.from({ length: count }, (_, index) => send(index)))).map((answer) =>
    answer.status === 200 ? '200' : refusal(answer),
  )

const times = <T>(count: number, what: T): T[] => Array.from({ length: count }, () => what)

/** A connection that is cut at the end of the test; an error of it is its end and nothing more. */
function line({ port }: At, host = '127.0.0.1'): Socket {
  const socket = connect(port, host)
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  return socket
}

const closed = (socket: Socket): Promise<void> => new Promise((done) => socket.once('close', () => done()))

/** Fails unless /openapi.json tells of such an answer. */
async function expectDescribed(at: At, operationId: string, answer: Answer): Promise<void> {
  const described = await readDescription(at)
  const operation = described.operations.find((each) => each.operation.operationId === operationId)
  if (!operation) throw new Error(`${operationId} is not described`)
  expectDocumented(described, operation, answer)
}

// ------------------------------------------------------------------ by network

describe('a network whose requests are refused', () => {
  const limited = (env: Record<string, string> = {}) =>
    startWithApi({ ...BEHIND_PROXY, SIGNET_RATE_LIMIT_NETWORK: '5', ...env })

  test('gets 429 when its minute is used up, with the time to come back, and is served in the next', async () => {
    const own = await limited()
    expect(await inTurn(6, () => from('198.51.100.7', own))).toEqual([...times(5, WRONG), OVER])
    const over = await from('198.51.100.7', own)
    const { headers, body } = over
    await expectDescribed(own, 'issueToken', over)
    const seconds = Number(headers.get('retry-after'))
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(60)
    expect(headers.get('ratelimit')).toBe(`"network";r=0;t=${seconds}`)
    expect(headers.get('ratelimit-policy')).toBe('"network";q=5;w=60')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('content-type')).toBe('application/json')
    expect(headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/)
    expect(body.error_description).toMatch(/^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/)
    own.clock.advance(seconds)
    expect(refusal(await from('198.51.100.7', own))).toBe(WRONG)
  })

  test('does not touch another network, and reads keys, metadata, health and the feed as before', async () => {
    const own = await limited()
    await inTurn(8, () => from('198.51.100.7', own))
    expect(refusal(await from('198.51.100.8', own))).toBe(WRONG)
    for (const path of OPEN) {
      const answer = await request(own.url + path, { headers: { 'x-forwarded-for': '198.51.100.7' } })
      expect(answer.status, path).toBe(200)
    }
  })

  test('is one however it knocks: unknown paths, wrong methods and pages for anybody count as well', async () => {
    const own = await limited()
    const knock = (path: string, method: string) =>
      request(own.url + path, { method, headers: { 'x-forwarded-for': '198.51.100.7' } })
    const statuses: number[] = []
    for (const [path, method] of [
      ['/nothing', 'GET'],
      ['/token', 'PUT'],
      ['/openapi.json', 'GET'],
      ['/introspect', 'POST'],
      ['/admin/api/keys', 'GET'],
      ['/livez', 'POST'],
    ] as const)
      statuses.push((await knock(path, method)).status)
    expect(statuses).toEqual([404, 405, 200, 400, 401, 429])
  })

  test('keeps its whole minute for refusals: what a client rightly gets costs nothing of it', async () => {
    const own = await limited()
    const client = await registered(own)
    expect(await inTurn(20, () => from('198.51.100.7', own, client))).toEqual(times(20, '200'))
    expect(await inTurn(6, () => from('198.51.100.7', own))).toEqual([...times(5, WRONG), OVER])
    expect(refusal(await from('198.51.100.7', own, client))).toBe(OVER)
  })

  test('is not used up by an administrator at the API, who authenticates by a token', async () => {
    const own = await limited()
    const headers = { authorization: `Bearer ${await own.operator.token()}`, 'x-forwarded-for': '198.51.100.7' }
    expect(await inTurn(20, () => request(`${own.url}/admin/api/keys`, { headers }))).toEqual(times(20, '200'))
  })

  test('is told in the log once a minute, whatever it sends', async () => {
    const own = await limited()
    await inTurn(20, () => from('198.51.100.7', own))
    expect(own.logged.filter((each) => each.includes('198.51.100.7'))).toHaveLength(1)
    own.clock.advance(60)
    await inTurn(20, () => from('198.51.100.7', own))
    expect(own.logged.filter((each) => each.includes('198.51.100.7'))).toHaveLength(2)
  })

  test('has no limit where it is off', async () => {
    const own = await startWithApi({ ...BEHIND_PROXY, SIGNET_RATE_LIMIT_NETWORK: 'off' })
    expect(await inTurn(20, () => from('198.51.100.7', own))).toEqual(times(20, WRONG))
  })
})

describe('the address of a caller', () => {
  test('is one in every spelling, and an IPv6 network is a /64', async () => {
    const own = await startWithApi({ ...BEHIND_PROXY, SIGNET_RATE_LIMIT_NETWORK: '1' })
    const first = async (address: string) => refusal(await from(address, own))
    expect(await first('2001:db8:0:1::1')).toBe(WRONG)
    for (const same of [
      '2001:DB8::1:0:0:0:1',
      '2001:0db8:0000:0001:ffff:ffff:ffff:ffff',
      '2001:db8:0:1::198.51.100.7',
      '[2001:db8:0:1::9]',
      '[2001:db8:0:1::9]:4711',
      ' 2001:db8:0:1::2%eth0 ',
    ])
      expect(await first(same), same).toBe(OVER)
    expect(await first('2001:db8:0:2::1')).toBe(WRONG)
    expect(await first('198.51.100.7')).toBe(WRONG)
    for (const same of ['::ffff:198.51.100.7', '::FFFF:C633:6407', '0:0:0:0:0:ffff:c633:6407', '198.51.100.7:8080'])
      expect(await first(same), same).toBe(OVER)
    expect(await first('198.51.100.70')).toBe(WRONG)
  })

  test('is the last that no proxy of ours has; what stands left of it may be made up', async () => {
    const own = await startWithApi({
      SIGNET_RATE_LIMIT_NETWORK: '3',
      SIGNET_TRUSTED_PROXIES: 'loopback, 10.0.0.0/8, 2001:db8:ffff::/48',
    })
    const made = [
      '198.51.100.7',
      '6.6.6.6, 198.51.100.7',
      'unknown,198.51.100.7,10.1.2.3',
      '198.51.100.7, 2001:db8:FFFF::1',
    ]
    expect(await inTurn(4, (index) => from(made[index] ?? '', own))).toEqual([...times(3, WRONG), OVER])
  })

  test('that cannot be read is that of the proxy: nobody gets a quota by an invented one', async () => {
    const own = await startWithApi({ ...BEHIND_PROXY, SIGNET_RATE_LIMIT_NETWORK: '3' })
    const made = ['x', '198.51.100', '010.1.1.1', '1.2.3.4.5', ':::', '2001:db8::1::2', 'a'.repeat(9000), ',,,']
    expect(await inTurn(8, (index) => from(made[index] ?? '', own))).toEqual([...times(3, WRONG), ...times(5, OVER)])
  })

  test('is this machine where no proxy says otherwise, and that has no limit', async () => {
    const own = await startWithApi({ SIGNET_RATE_LIMIT_NETWORK: '1' })
    expect(await inTurn(20, () => ask(own, NOBODY))).toEqual(times(20, WRONG))
  })

  test.each([{}, { SIGNET_TRUSTED_PROXIES: 'none' }, { SIGNET_TRUSTED_PROXIES: '10.0.0.1' }])(
    'is not looked for in what a stranger says of it: %j',
    async (env) => {
      const own = await startWithApi({ SIGNET_RATE_LIMIT_NETWORK: '1', ...env })
      expect(await inTurn(3, () => from('198.51.100.7', own))).toEqual(times(3, WRONG))
      await Promise.all(Array.from({ length: 501 }, () => follow(own, { 'x-forwarded-for': '198.51.100.7' })))
    },
  )

  test('comes from the proxy on this machine where the issuer has another name, unless told otherwise', async () => {
    for (const issuer of ['https://login.example', 'https://127.0.0.1.example', 'https://localhost.example/idp']) {
      const own = await startWithApi({ SIGNET_RATE_LIMIT_NETWORK: '1', SIGNET_ISSUER: issuer })
      expect(await inTurn(2, () => from('198.51.100.7', own)), issuer).toEqual([WRONG, OVER])
    }
    for (const issuer of ['http://127.0.0.1:1', 'https://auth.localhost:8443', 'http://[::1]/idp'])
      expect(readConfig({ SIGNET_ISSUER: issuer }).trustedProxies, issuer).toEqual([])
  })

  const outside = Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === 'IPv4' && !each.internal)?.address
  test.skipIf(outside === undefined)(
    'is the peer for whoever comes from outside, whatever its headers say',
    async () => {
      const own = await startWithApi({ SIGNET_RATE_LIMIT_NETWORK: '2', SIGNET_HOST: '0.0.0.0' })
      const at = { url: `http://${outside}:${own.port}` }
      expect(await inTurn(4, (index) => from(`198.51.100.${index}`, at))).toEqual([WRONG, WRONG, OVER, OVER])
      expect(refusal(await post(at, '/token', {}))).toBe(OVER)
    },
  )

  test('is missed in the log, once, where the issuer has a name and its callers have none', async () => {
    const own = await startWithApi({ SIGNET_ISSUER: 'https://login.example' })
    await inTurn(3, () => ask(own, NOBODY))
    expect(own.logged.filter((each) => each.includes('X-Forwarded-For'))).toHaveLength(1)
  })
})

test('a hundred thousand networks are remembered, and the one counted longest goes for the next', () => {
  const limit = new RateLimit('network', 1, movableClock())
  const isFirst = (index: number) => limit.take(`2001:db8:${index >> 16}:${index & 0xff_ff}::/64`) !== undefined
  for (let index = 0; index < 100_000; index++) expect(isFirst(index)).toBe(true)
  expect(isFirst(0)).toBe(false)
  expect(isFirst(99_999)).toBe(false)
  for (let index = 100_000; index < 200_000; index++) isFirst(index)
  expect(isFirst(199_999)).toBe(false)
  expect(isFirst(0)).toBe(true)
})

// ------------------------------------------------------------------ by client

describe('a client that asks too often', () => {
  test('gets 429 at every endpoint, exactly from its limit on, however much it asks at once', async () => {
    const own = await startWithApi({ SIGNET_RATE_LIMIT_CLIENT: '10' })
    const client = await registered(own)
    const outcomes = await together(30, () => ask(own, client))
    expect(outcomes.toSorted()).toEqual([...times(10, '200'), ...times(20, OVER)])
    const over = await post(own, '/introspect', { token: 'x' }, client)
    expect(refusal(over)).toBe(OVER)
    await expectDescribed(own, 'introspectToken', over)
    expect(over.headers.get('ratelimit')).toMatch(/^"client";r=0;t=\d+$/)
    expect(over.headers.get('ratelimit-policy')).toBe('"client";q=10;w=60')
    expect(over.headers.get('retry-after')).toMatch(/^[1-9]\d?$/)
    expect(over.headers.get('cache-control')).toBe('no-store')
    expect((await ask(own, await registered(own))).status).toBe(200)
    own.clock.advance(60)
    expect((await ask(own, client)).status).toBe(200)
  })

  test('is the client itself: whoever only names it uses nothing of its limit', async () => {
    const own = await startWithApi({ SIGNET_RATE_LIMIT_CLIENT: '5' })
    const client = await registered(own)
    expect(await inTurn(20, () => ask(own, { ...client, secret: 'sgs_wrong' }))).toEqual(times(20, WRONG))
    expect(await inTurn(6, () => ask(own, client))).toEqual([...times(5, '200'), OVER])
  })

  test('is not refused by its network too for that', async () => {
    const own = await startWithApi({ ...BEHIND_PROXY, SIGNET_RATE_LIMIT_CLIENT: '2', SIGNET_RATE_LIMIT_NETWORK: '3' })
    const client = await registered(own)
    expect(await inTurn(8, () => from('198.51.100.7', own, client))).toEqual(['200', '200', ...times(6, OVER)])
    expect(await inTurn(4, () => from('198.51.100.7', own))).toEqual([...times(3, WRONG), OVER])
  })
})

describe('guesses at a secret that an operator brought, which cost argon2id', () => {
  test('from one network keep the client itself, at another, not out: turns go round by network', async () => {
    process.env.LIMITS_BROUGHT = 'a secret of an operator, long enough to be one'
    onTestFinished(() => void delete process.env.LIMITS_BROUGHT)
    const declared = '  - { client_id: dear, resources: [api], client_secret: { env: LIMITS_BROUGHT } }\n'
    const own = await startWithApi({ SIGNET_RATE_LIMIT_NETWORK: 'off' }, { declared })
    const guess = (index: number) => ({ clientId: 'dear', secret: `a guess that is long enough, number ${index}` })
    const over = new AbortController()
    const flood = Promise.all(
      Array.from({ length: 20 }, async (_, lane) => {
        for (let index = 0; !over.signal.aborted; index++) await from('198.51.100.7', own, guess(lane * 1000 + index))
      }),
    )
    await until(async () => (await from('198.51.100.7', own, guess(-1))).status === 503)
    expect((await from('203.0.113.5', own, { clientId: 'dear', secret: process.env.LIMITS_BROUGHT })).status).toBe(200)
    over.abort()
    await flood
  })

  test.each([
    { cores: 1, atOnce: 1 },
    { cores: 2, atOnce: 1 },
    { cores: 3, atOnce: 2 },
    { cores: 64, atOnce: 2 },
  ])('leave one of $cores cores to other requests: $atOnce at once', async ({ cores, atOnce }) => {
    const queue = new PasswordQueue(cores)
    const begun: (() => void)[] = []
    const hash = (network: string) =>
      queue.run({ client: 'dear', network }, () => new Promise<void>((done) => begun.push(done)))
    const all = Promise.all(['a', 'b', 'c', 'd'].map(hash))
    expect(begun).toHaveLength(atOnce)
    for (let done = 0; done < 4; done++) {
      begun[done]?.()
      await turn()
      expect(begun).toHaveLength(Math.min(4, atOnce + done + 1))
    }
    await all
  })
})

// ------------------------------------------------------------------ all together

describe('more than can be done at once', () => {
  sqliteTest('is shed with 503 before it is begun, while keys, metadata, health and the feed go on', async () => {
    const own = await startWithApi({ SIGNET_MAX_IN_FLIGHT: '2' })
    const client = await registered(own)
    const held = [
      await tokens(own, client, { scope: 'a offline_access' }),
      await tokens(own, client, { scope: 'a offline_access' }),
    ]
    const other = new Database(join(own.folder, 'data/signet.db'))
    onTestFinished(() => void other.close())
    other.exec('BEGIN IMMEDIATE')
    const waiting = held.map(({ refresh_token = '' }) => refresh(own, client, refresh_token))
    let shed: Answer | undefined
    await until(async () => {
      const probe = await ask(own, client)
      if (probe.status === 503) shed = probe
      return shed !== undefined
    })
    expect(shed?.headers.get('retry-after')).toBe('1')
    expect(shed?.headers.get('cache-control')).toBe('no-store')
    expect(shed?.body.error).toBe('temporarily_unavailable')
    for (const path of OPEN) expect((await request(own.url + path)).status, path).toBe(200)
    other.exec('ROLLBACK')
    await Promise.all(waiting)
    expect((await ask(own, client)).status).toBe(200)
  })

  test('is not what only half arrives: slow bodies keep nobody out', async () => {
    const own = await startWithApi({ SIGNET_MAX_IN_FLIGHT: '2' })
    const client = await registered(own)
    const type = 'Content-Type: application/x-www-form-urlencoded'
    for (let index = 0; index < 20; index++)
      line(own).write(`POST /token HTTP/1.1\r\nHost: x\r\n${type}\r\nContent-Length: 100\r\n\r\ngrant_type=`)
    expect(await inTurn(10, () => ask(own, client))).toEqual(times(10, '200'))
  })

  test('shows in an event loop that is seconds late: new work is shed until it keeps time again', async () => {
    const own = await startWithApi()
    const client = await registered(own)
    for (let round = 0; round < 4; round++) {
      const end = performance.now() + 1400
      while (performance.now() < end);
      await turn()
    }
    const late = await ask(own, client)
    expect(refusal(late)).toBe('503 temporarily_unavailable')
    expect(late.headers.get('retry-after')).toBe('1')
    for (const path of OPEN) expect((await request(own.url + path)).status, path).toBe(200)
    await until(async () => (await ask(own, client)).status === 200)
  }, 20_000)
})

// ------------------------------------------------------------------ connections

describe('a connection', () => {
  test('may send ten requests ahead of an answer; then it is told so once, and closed', async () => {
    const own = await startWithApi()
    const socket = line(own)
    let got = ''
    socket.on('data', (chunk) => (got += String(chunk)))
    socket.write('GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(300))
    await closed(socket)
    const statuses = [...got.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status)
    expect(statuses).toEqual([...times(11, '404'), '503'])
    expect(got).toMatch(/"temporarily_unavailable"/)
  })

  test('that is silent longest is closed when there is no room: idle ones keep nobody out', async () => {
    const own = await startWithApi({ SIGNET_MAX_CONNECTIONS: '50' })
    const asking = line(own)
    let asked = 0
    asking.on('data', (chunk) => (asked += String(chunk).match(/HTTP\/1\.1 200/g)?.length ?? 0))
    let cut = 0
    for (let batch = 1; batch <= 10; batch++) {
      const idle = Array.from({ length: 20 }, () => line(own))
      for (const socket of idle) socket.once('close', () => (cut += 1)).resume()
      for (const socket of idle) if (socket.connecting) await once(socket, 'connect')
      asking.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')
      await until(() => asked === batch)
    }
    expect(asking.closed).toBe(false)
    await until(() => cut >= 200 + 1 - 50)
    expect((await request(`${own.url}/livez`)).status).toBe(200)
  })

  test('that does not fetch its answers is closed within 15 seconds', async () => {
    const own = await startWithApi()
    const socket = line(own)
    const one = 'GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n'
    socket.pause()
    const cut = closed(socket)
    await once(socket, 'connect')
    const began = performance.now()
    socket.write(one.repeat(50))
    // A closed line shows only to whoever reads or writes.
    const knock = setInterval(() => socket.write('\r\n'), 500)
    await cut
    clearInterval(knock)
    const seconds = (performance.now() - began) / 1000
    expect(seconds).toBeGreaterThan(9)
    expect(seconds).toBeLessThan(inTime(15))
  }, 30_000)
})

// ------------------------------------------------------------------ variables

test.each([
  ['SIGNET_TRUSTED_PROXIES', '10.0.0.0/33'],
  ['SIGNET_TRUSTED_PROXIES', 'proxy.example'],
  ['SIGNET_TRUSTED_PROXIES', '10.0.0.1,'],
  ['SIGNET_TRUSTED_PROXIES', 'fe80::1%eth0'],
  ['SIGNET_RATE_LIMIT_NETWORK', '0'],
  ['SIGNET_RATE_LIMIT_CLIENT', '1.5'],
  ['SIGNET_RATE_LIMIT_CLIENT', '-1'],
  ['SIGNET_MAX_IN_FLIGHT', '100001'],
  ['SIGNET_MAX_CONNECTIONS', '0'],
])('%s=%s is refused at the start, with what is accepted', (name, value) => {
  expect(() => readConfig({ [name]: value })).toThrow(`${name}: read ${JSON.stringify(value)}; accepted: `)
})

test('SIGNET_METRICS_TOKEN has 16 characters at least, and is not repeated where it is refused', () => {
  expect(() => readConfig({ SIGNET_METRICS_TOKEN: 'too-short' })).toThrow(/^SIGNET_METRICS_TOKEN: read 9 characters; /)
  expect(readConfig({ SIGNET_METRICS_TOKEN: 'long-enough-for-it' }).metricsToken).toBe('long-enough-for-it')
})

test('one network cannot take all streams of the feed, and has its own again as soon as one leaves', async () => {
  const { url, logged } = await startWithApi(BEHIND_PROXY)
  const followFrom = (address: string) => follow({ url }, { 'x-forwarded-for': address })
  const followers = await Promise.all(
    Array.from({ length: 500 }, (_, each) => followFrom(`2001:db8::${each.toString(16)}`)),
  )
  await expect(followFrom('2001:db8::ffff')).rejects.toThrow(/^503 .*temporarily_unavailable/)
  await Promise.all([followFrom('2001:db8:0:1::1'), followFrom('192.0.2.7')])
  expect((await request(`${url}/blacklist/feed`, { headers: { 'x-forwarded-for': '2001:db8::ffff' } })).status).toBe(
    200,
  )
  const refused = logged.filter((each) => each.includes('too many followers'))
  expect(refused.map((each) => JSON.parse(each).level)).toEqual(['debug'])
  followers.pop()?.leave()
  await until(async () => (await followFrom('2001:db8::ffff').catch(() => undefined)) !== undefined)
})

// ------------------------------------------------------------------ the log

describe('lines of the log that strangers can cause are so many in a second, and the rest is counted:', () => {
  const FLOOD = 2000
  const linesOf = ({ logged }: AdministeredIssuer, route: string) =>
    logged.filter((each) => each.includes(`"route":"${route}"`)).length
  const countedIn = ({ logged }: AdministeredIssuer) =>
    logged
      .flatMap((each) => /^{"level":"warn","message":"more requests were refused.*"count":(\d+)/.exec(each)?.[1] ?? [])
      .reduce((sum, count) => sum + Number(count), 0)

  /** So many requests; fails where more lines than the cap came of them. */
  async function flood(issuer: AdministeredIssuer, path: string, route: string): Promise<void> {
    const began = performance.now()
    await together(FLOOD, () => request(issuer.url + path))
    const seconds = Math.ceil((performance.now() - began) / 1000) + 1
    expect(linesOf(issuer, route)).toBeLessThanOrEqual(500 * REPLICAS * seconds)
  }

  test.each([
    ['what is refused', '/nothing-is-here', '(none)'],
    ['what is open to anybody', '/livez', '/livez'],
  ])('%s, and the count comes soon after, whoever asks or not', async (_, path, route) => {
    const issuer = await startWithApi()
    const client = await registered(issuer)
    await flood(issuer, path, route)
    const before = linesOf(issuer, '/token')
    expect((await ask(issuer, client)).status).toBe(200)
    expect(linesOf(issuer, '/token')).toBe(before + 1)
    await until(() => linesOf(issuer, route) + countedIn(issuer) === FLOOD)
  })

  test('a stop does not lose the count', async () => {
    const issuer = await startWithApi()
    await flood(issuer, '/livez', '/livez')
    await issuer.stop()
    expect(linesOf(issuer, '/livez') + countedIn(issuer)).toBe(FLOOD)
  })

  const guessAt = (issuer: AdministeredIssuer, clientId: string) => ask(issuer, { clientId, secret: 'sgs_a-guess' })
  const guessesAt = ({ logged }: AdministeredIssuer, clientId: string) =>
    logged.filter((each) => each.includes('"error":"invalid_client"') && each.includes(`"client_id":"${clientId}"`))

  test.each([
    ['public documents', '/livez', '/livez'],
    ['refusals of other kinds', '/nothing-is-here', '(none)'],
  ])('a guess at a secret has its line behind a flood of %s', async (_, path, route) => {
    const issuer = await startWithApi()
    const { clientId } = await registered(issuer)
    await flood(issuer, path, route)
    expect((await guessAt(issuer, clientId)).status).toBe(401)
    expect(guessesAt(issuer, clientId)).toHaveLength(1)
  })

  test('a refusal has its line behind a flood of public documents', async () => {
    const issuer = await startWithApi()
    await flood(issuer, '/livez', '/livez')
    await request(`${issuer.url}/nothing-is-here`)
    expect(linesOf(issuer, '(none)')).toBe(1)
  })

  test('guesses without a line are counted with the client that they aimed at', async () => {
    const issuer = await startWithApi()
    const { clientId } = await registered(issuer)
    await together(FLOOD, () => guessAt(issuer, clientId))
    const counted = () =>
      issuer.logged
        .map((each) => JSON.parse(each))
        .filter(
          ({ message, client_id: aimedAt }) =>
            String(message).startsWith('more credentials of a client') && aimedAt === clientId,
        )
        .reduce((sum, { count }) => sum + Number(count), 0)
    await until(
      () => guessesAt(issuer, clientId).filter((each) => each.includes('"route"')).length + counted() === FLOOD,
    )
  })

  test('what is turned away for load has a line only at debug', async () => {
    const issuer = await startWithApi({ SIGNET_RATE_LIMIT_CLIENT: '2' })
    const client = await registered(issuer)
    await inTurn(4, () => ask(issuer, client))
    const lines = issuer.logged.filter((each) => each.includes(BUSY))
    expect(lines.map((each) => JSON.parse(each).level)).toEqual(times(lines.length, 'debug'))
    expect(lines.length).toBeGreaterThan(0)
  })
})

describe('whoever only names a public client', () => {
  const PUBLIC = { token_endpoint_auth_method: 'none', grant_types: ['refresh_token'] }
  const revoke = (at: { url: string }, client_id: string) =>
    request(`${at.url}/revoke`, { form: { client_id, token: 'x' }, headers: { 'x-forwarded-for': '198.51.100.7' } })

  test('has proved nothing: its network is counted', async () => {
    const own = await startWithApi({ ...BEHIND_PROXY, SIGNET_RATE_LIMIT_NETWORK: '5' })
    const { clientId } = await registered(own, PUBLIC)
    expect(await inTurn(8, () => revoke(own, clientId))).toEqual([...times(5, '200'), ...times(3, OVER)])
  })

  test('uses up nothing of what is the client’s', async () => {
    const own = await startWithApi({ ...BEHIND_PROXY, SIGNET_RATE_LIMIT_CLIENT: '5' })
    const { clientId } = await registered(own, PUBLIC)
    expect(await inTurn(20, () => revoke(own, clientId))).toEqual(times(20, '200'))
  })
})
