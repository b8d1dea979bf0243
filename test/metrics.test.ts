/** /metrics: each figure is moved by what it says, who may read them, and what is never in them. */
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join, resolve } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { BEHIND_PROXY } from '../harness/network.ts'
import { expose } from '../src/metrics/family.ts'
import { grantTokens, refresh, tokens, until } from './support/admin.ts'
import { bearer, claimsOf, headerOf, post, request, type Answer } from './support/client.ts'
import { follow } from './support/follower.ts'
import { startTestIssuer } from './support/issuer.ts'
import { API, registered, resource, shareWithApi, startWithApi } from './support/shared.ts'
import { sqliteTest } from './support/sqlite.ts'

type Labels = Record<string, string>

interface Series {
  name: string
  labels: Labels
  value: number
}

const SERIES =
  /^([a-z_][a-z0-9_]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[\d.]+(?:e[+-]?\d+)?|Na[Nn]|\+Inf)$/
const LABEL = /([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"/g

/** Every line that is no comment, each of which must have the form that Prometheus reads. */
function parse(exposition: string): Series[] {
  return exposition
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value = ''] = SERIES.exec(line) ?? []
      expect(name, line).not.toBe('')
      const pairs = [...labels.matchAll(LABEL)].map(([, label = '', said = '']) => [label, said])
      return { name, labels: Object.fromEntries(pairs), value: value === '+Inf' ? Infinity : Number(value) }
    })
}

async function scrape(at: { url: string }, headers: Record<string, string> = {}): Promise<Series[]> {
  const answer = await request(`${at.url}/metrics`, { headers })
  expect(answer.status, answer.text).toBe(200)
  return parse(answer.text)
}

const matching = (series: Series[], name: string, labels: Labels): Series[] =>
  series.filter(
    (each) => each.name === name && Object.entries(labels).every(([label, value]) => each.labels[label] === value),
  )

/** The sum of what matches; none is 0, as a counter that nothing has moved yet. */
const sum = (series: Series[], name: string, labels: Labels = {}): number =>
  matching(series, name, labels).reduce((total, { value }) => total + value, 0)

/** By how much each named figure moved while something was done. */
async function moved(at: { url: string }, names: Record<string, [string, Labels?]>, act: () => Promise<unknown>) {
  const before = await scrape(at)
  await act()
  const after = await scrape(at)
  const by = ([name, labels]: [string, Labels?]) => sum(after, name, labels) - sum(before, name, labels)
  return Object.fromEntries(Object.entries(names).map(([key, name]) => [key, by(name)]))
}

const shared = shareWithApi()

// ------------------------------------------------------------------ what moves them

describe('each figure is moved by what it says:', () => {
  test('tokens and signatures, by grant type and algorithm', async () => {
    const rsa = await resource(shared(), { alg: 'RS256' })
    const client = await registered(shared(), { scope: 'read', resources: [API, rsa] })
    const issued = (grant_type: string, alg: string): [string, Labels] => [
      'signet_tokens_issued_total',
      { grant_type, alg },
    ]
    const figures = {
      es256: issued('client_credentials', 'ES256'),
      rs256: issued('client_credentials', 'RS256'),
      refreshed: issued('refresh_token', 'ES256'),
      signedES256: ['signet_signatures_total', { alg: 'ES256' }] as [string, Labels],
      signedRS256: ['signet_signatures_total', { alg: 'RS256' }] as [string, Labels],
    }
    const by = await moved(shared(), figures, async () => {
      for (let each = 0; each < 3; each++) await tokens(shared(), client, { resource: rsa })
      const { refresh_token: token = '' } = await grantTokens(shared(), client)
      expect((await refresh(shared(), client, token)).status).toBe(200)
      expect((await post(shared(), '/token', { grant_type: 'client_credentials', scope: 'no' }, client)).status).toBe(
        400,
      )
    })
    expect(by).toEqual({ es256: 1, rs256: 3, refreshed: 1, signedES256: 2, signedRS256: 3 })
  })

  test('refreshes, by outcome, and each outcome is told before it ever happened', async () => {
    const issuer = await startWithApi()
    const of = (outcome: string): [string, Labels] => ['signet_refreshes_total', { outcome }]
    const outcomes = { rotated: of('rotated'), repeated: of('repeated'), reused: of('reused'), refused: of('refused') }
    const begin = await scrape(issuer)
    for (const figure of Object.values(outcomes)) expect(matching(begin, ...figure)).toMatchObject([{ value: 0 }])

    const client = await registered(issuer, { scope: 'read' })
    const other = await registered(issuer, { scope: 'read' })
    const { refresh_token: first = '' } = await grantTokens(issuer, client)
    const use = async (token: string, by = client) => (await refresh(issuer, by, token)).status
    const by = await moved(issuer, outcomes, async () => {
      expect([await use(first), await use(first)]).toEqual([200, 200])
      expect([await use(first, other), await use('sgr_unknown')]).toEqual([400, 400])
      issuer.clock.advance(60)
      expect([await use(first), await use(first)]).toEqual([400, 400])
    })
    // The second use after the grace finds a family that is over already.
    expect(by).toEqual({ rotated: 1, repeated: 1, reused: 1, refused: 3 })
  })

  test('requests, by route, method and status, and refusals by their registered code', async () => {
    const client = await registered(shared())
    const at = { endpoint: '/token' }
    const figures: Record<string, [string, Labels]> = {
      good: ['signet_http_requests_total', { ...at, method: 'POST', status: '200' }],
      bad: ['signet_http_requests_total', { ...at, method: 'POST', status: '400' }],
      unknown: ['signet_http_requests_total', { ...at, method: 'POST', status: '401' }],
      heads: ['signet_http_requests_total', { endpoint: '/livez', method: 'HEAD', status: '200' }],
      scope: ['signet_refusals_total', { ...at, error: 'invalid_scope' }],
      client: ['signet_refusals_total', { ...at, error: 'invalid_client' }],
      timed: ['signet_http_request_duration_seconds_count', at],
    }
    const by = await moved(shared(), figures, async () => {
      await tokens(shared(), client)
      await tokens(shared(), client)
      await post(shared(), '/token', { grant_type: 'client_credentials', scope: 'no' }, client)
      await post(shared(), '/token', { grant_type: 'client_credentials' }, { ...client, secret: 'sgs_wrong' })
      await request(`${shared().url}/livez`, { method: 'HEAD' })
    })
    expect(by).toEqual({ good: 2, bad: 1, unknown: 1, heads: 1, scope: 1, client: 1, timed: 4 })
  })

  test('blacklist entries, until they are lifted or their time is over', async () => {
    const issuer = await startWithApi()
    const count = async () => sum(await scrape(issuer), 'signet_blacklist_entries')
    const add = (entry: Record<string, unknown>): Promise<Answer> => issuer.operator.call('POST', '/blacklist', entry)
    expect(await count()).toBe(0)
    const { body } = await add({ sub: 'ada' })
    await add({ sub: 'grace', expires_at: new Date(issuer.clock.now() + 600_000).toISOString() })
    expect(await count()).toBe(2)
    await issuer.operator.call('DELETE', `/blacklist/${body.id}`)
    expect(await count()).toBe(1)
    issuer.clock.advance(601)
    expect(await count()).toBe(0)
  })

  test('a revoked grant is an entry too, while its access token could live', async () => {
    const client = await registered(shared(), { scope: 'read' })
    const { refresh_token: token = '' } = await grantTokens(shared(), client)
    const by = await moved(shared(), { entries: ['signet_blacklist_entries'] }, () =>
      post(shared(), '/revoke', { token }, client),
    )
    expect(by).toEqual({ entries: 1 })
  })

  test('followers of the feed, who come and go', async () => {
    const issuer = await startTestIssuer()
    const count = async () => sum(await scrape(issuer), 'signet_feed_followers')
    const followers = [await follow(issuer), await follow(issuer)]
    for (const follower of followers) await follower.next()
    expect(await count()).toBe(2)
    followers[0]?.leave()
    await until(async () => (await count()) === 1)
  })

  test('caches: a brought secret is hashed once, the feed is made once for each of its changes', async () => {
    const first = await startWithApi()
    const { SIGNET_CONFIG: _declared, ...env } = first.env
    // A process that does not apply the file sees the secret for the first time when the client comes.
    const issuer = await startTestIssuer({ ...env, SIGNET_PORT: '0' }, first)
    const of = (cache: string, outcome: string): [string, Labels] => ['signet_cache_requests_total', { cache, outcome }]
    const figures = {
      hashed: of('client_secret', 'miss'),
      remembered: of('client_secret', 'hit'),
      made: of('feed', 'miss'),
      kept: of('feed', 'hit'),
    }
    const by = await moved(issuer, figures, async () => {
      for (let each = 0; each < 3; each++) await tokens(issuer, first.operator.credentials)
      for (let each = 0; each < 3; each++) await request(`${issuer.url}/blacklist/feed`)
    })
    expect(by).toEqual({ hashed: 1, remembered: 2, made: 1, kept: 2 })
  })

  test('key ages and the next rotation, of the issuer’s own ring and of a resource’s', async () => {
    const issuer = await startWithApi({ SIGNET_KEY_ROTATION: '10d', SIGNET_KEY_PREPUBLISH: '1d' })
    const day = 86_400
    const own = await resource(issuer, { own_keys: true })
    await request(`${issuer.url}/jwks/${encodeURIComponent(own)}`) // makes its keys
    const age = (series: Series[], labels: Labels) => matching(series, 'signet_signing_key_age_seconds', labels)
    const due = (series: Series[], labels: Labels) => sum(series, 'signet_key_rotation_due_timestamp_seconds', labels)
    const es256 = { alg: 'ES256', ring: '' }

    issuer.clock.advance(2 * day)
    const before = await scrape(issuer)
    for (const status of ['active', 'next']) {
      const [key] = age(before, { ...es256, status })
      expect(key?.value).toBeGreaterThanOrEqual(2 * day)
      expect(key?.value).toBeLessThan(2 * day + 60)
    }
    const inDays = (series: Series[], labels: Labels) => (due(series, labels) - issuer.clock.now() / 1000) / day
    expect(inDays(before, es256)).toBeCloseTo(8, 2)
    expect(inDays(before, { alg: 'ES256', ring: own })).toBeCloseTo(8, 2)
    expect(age(before, { status: 'retiring' })).toEqual([])

    const rotated = await issuer.operator.call('POST', '/admin/api/keys/rotate', { alg: 'ES256' })
    expect(rotated.status, rotated.text).toBe(200)
    const after = await scrape(issuer)
    expect(age(after, { ...es256, status: 'next' })[0]?.value).toBeLessThan(60)
    expect(inDays(after, es256)).toBeCloseTo(10, 2)
    expect(inDays(after, { alg: 'RS256', ring: '' })).toBeCloseTo(8, 2)
  })

  test('a rotation that is due by age is told for when the next key has been published for long enough', async () => {
    const issuer = await startWithApi({ SIGNET_KEY_ROTATION: '1h', SIGNET_KEY_PREPUBLISH: '1d' })
    const rotated = await issuer.operator.call('POST', '/admin/api/keys/rotate', { alg: 'ES256' })
    expect(rotated.status, rotated.text).toBe(200)
    const due = sum(await scrape(issuer), 'signet_key_rotation_due_timestamp_seconds', { alg: 'ES256', ring: '' })
    expect((due - issuer.clock.now() / 1000) / 3600).toBeCloseTo(24, 1)
  })

  test('commits and how many changes shared them; asking for a token without a grant commits nothing', async () => {
    const client = await registered(shared(), { scope: 'read' })
    await tokens(shared(), client)
    const figures: Record<string, [string, Labels?]> = {
      commits: ['signet_commits_total'],
      timed: ['signet_commit_duration_seconds_count'],
      changes: ['signet_commit_batch_size_sum'],
    }
    // Housekeeping may write meanwhile, so a figure that is too high is measured again.
    const changed = async (changes: number, act: () => Promise<unknown>) => {
      for (let attempt = 1; ; attempt += 1) {
        const found = await moved(shared(), figures, act)
        if (found.changes === changes || attempt === 5) return found
      }
    }
    let { refresh_token: token = '' } = await grantTokens(shared(), client)
    const refreshOnce = async () => (token = String((await refresh(shared(), client, token)).body.refresh_token))
    expect(await changed(1, refreshOnce)).toEqual({ commits: 1, timed: 1, changes: 1 })
    const many = await changed(20, () => Promise.all(Array.from({ length: 20 }, () => grantTokens(shared(), client))))
    expect(many.changes).toBe(20)
    expect(many.timed).toBe(many.commits)
    expect(many.commits).toBeLessThanOrEqual(20)
    expect(await changed(0, () => tokens(shared(), client))).toEqual({ commits: 0, timed: 0, changes: 0 })
  })

  test('requests that are being answered, the scrape among them', async () => {
    const issuer = await startWithApi()
    const count = async () => sum(await scrape(issuer), 'signet_in_flight_requests')
    expect(await count()).toBe(1)
    const seen = new AbortController()
    const form = { grant_type: 'client_credentials' }
    const guess = async () => {
      // Each of these secrets is hashed, which takes longer than a scrape.
      while (!seen.signal.aborted)
        await post(issuer, '/token', form, { clientId: 'operator', secret: crypto.randomUUID() })
    }
    const guessing = [guess(), guess(), guess()]
    await until(async () => (await count()) > 1).finally(() => seen.abort())
    await Promise.all(guessing)
    expect(await count()).toBe(1)
  })

  test('requests beyond a limit; reasons to turn away are told before they ever came up', async () => {
    const { url } = await startTestIssuer({ SIGNET_RATE_LIMIT_NETWORK: '5', ...BEHIND_PROXY })
    const shed = matching(await scrape({ url }), 'signet_shed_total', {})
    expect(shed.length).toBeGreaterThan(1)
    expect(shed.every(({ value, labels }) => value === 0 && labels.reason !== '')).toBe(true)
    const figures: Record<string, [string, Labels]> = {
      network: ['signet_rate_limited_total', { limit: 'network' }],
      client: ['signet_rate_limited_total', { limit: 'client' }],
    }
    const by = await moved({ url }, figures, async () => {
      for (let each = 0; each < 8; each++)
        await request(`${url}/token`, { method: 'POST', headers: { 'x-forwarded-for': '192.0.2.7' } })
    })
    expect(by).toEqual({ network: 3, client: 0 })
  })

  test('followers of the feed who find no room', async () => {
    const { url } = await startTestIssuer(BEHIND_PROXY)
    const from = { 'x-forwarded-for': '192.0.2.7' }
    await Promise.all(Array.from({ length: 500 }, () => follow({ url }, from)))
    const figures: Record<string, [string, Labels]> = {
      shed: ['signet_shed_total', { reason: 'followers' }],
      errors: ['signet_http_requests_total', { status: '503' }],
    }
    const by = await moved({ url }, figures, async () => {
      for (let each = 0; each < 3; each++) await expect(follow({ url }, from)).rejects.toThrow(/^503 /)
    })
    expect(by).toEqual({ shed: 3, errors: 0 })
  })

  sqliteTest('sizes of database and log, which are those of the files', async () => {
    const series = await scrape(shared())
    expect(sum(series, 'signet_database_bytes') % 4096).toBe(0)
    expect(sum(series, 'signet_database_bytes')).toBeGreaterThan(0)
    expect(sum(series, 'signet_wal_bytes')).toBeGreaterThan(0)
  })

  test('what runs, and that it takes traffic', async () => {
    const { version } = JSON.parse(readFileSync(resolve(import.meta.dirname, '../package.json'), 'utf8'))
    const series = await scrape(shared())
    expect(matching(series, 'signet_build_info', {})).toEqual([
      { name: 'signet_build_info', labels: { version, node: process.version }, value: 1 },
    ])
    expect(sum(series, 'signet_ready')).toBe(1)
    expect(sum(series, 'process_resident_memory_bytes')).toBeGreaterThan(1e6)
  })
})

// ------------------------------------------------------------------ the text

describe('the text', () => {
  test('has help and type once before each metric, and no series twice', async () => {
    const { text, headers } = await request(`${shared().url}/metrics`)
    expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(headers.get('cache-control')).toBe('no-store')
    let current = ''
    const told = new Set<string>()
    const seen = new Set<string>()
    for (const line of text.split('\n').filter((each) => each !== '')) {
      const [, kind, name = ''] = /^# (HELP|TYPE) (\S+) \S/.exec(line) ?? []
      if (kind === 'HELP') {
        expect(told.has(name), name).toBe(false)
        told.add((current = name))
      } else if (kind === 'TYPE') expect(name).toBe(current)
      else {
        expect(line.replace(/(_bucket|_sum|_count)?[{ ].*$/, ''), line).toMatch(
          new RegExp(`^${current.replace(/_(sum|count)$/, '(_(sum|count))?')}$`),
        )
        const series = line.replace(/ \S+$/, '')
        expect(seen.has(series), series).toBe(false)
        seen.add(series)
      }
    }
    expect(told.size).toBeGreaterThan(30)
  })

  test('adds histograms up: each bucket holds those below it, the last all of them', async () => {
    await tokens(shared(), await registered(shared()))
    const series = await scrape(shared())
    const families = ['http_request_duration_seconds', 'commit_duration_seconds', 'commit_batch_size']
    let checked = 0
    for (const name of families.map((each) => `signet_${each}`)) {
      for (const { labels, value: count } of matching(series, `${name}_count`, {})) {
        const buckets = matching(series, `${name}_bucket`, labels)
        const bounds = buckets.map(({ labels: { le = '' } }) => (le === '+Inf' ? Infinity : Number(le)))
        expect(bounds).toEqual(bounds.toSorted((a, b) => a - b))
        expect(bounds.at(-1)).toBe(Infinity)
        const values = buckets.map(({ value }) => value)
        expect(values).toEqual(values.toSorted((a, b) => a - b))
        expect(values.at(-1)).toBe(count)
        // Values in a bucket are above the bound before it, so the sum cannot be less than all of those.
        const least = values.reduce(
          (all, value, at) => all + (value - (values[at - 1] ?? 0)) * (bounds[at - 1] ?? 0),
          0,
        )
        expect(sum(series, `${name}_sum`, labels)).toBeGreaterThanOrEqual(least)
        checked += 1
      }
    }
    expect(checked).toBeGreaterThan(3)
  })

  test('counts as many times as answers, for every route', async () => {
    const series = await scrape(shared())
    const endpoints = new Set(matching(series, 'signet_http_requests_total', {}).map(({ labels }) => labels.endpoint))
    expect(endpoints.size).toBeGreaterThan(2)
    for (const endpoint of endpoints) {
      const labels = { endpoint: endpoint ?? '' }
      expect(sum(series, 'signet_http_request_duration_seconds_count', labels), endpoint).toBe(
        sum(series, 'signet_http_requests_total', labels),
      )
    }
  })

  test('escapes what a label holds, and writes numbers as Prometheus reads them', () => {
    const labels = { ring: 'a"b\\c\nd' }
    const text = expose([{ name: 'x', help: 'a\nb\\c', type: 'gauge', samples: [{ labels, value: 1e21 }] }])
    expect(text).toBe('# HELP x a\\nb\\\\c\n# TYPE x gauge\nx{ring="a\\"b\\\\c\\nd"} 1e+21\n')
  })

  test('is made by what is loaded at the first scrape, and one file alone knows its library', () => {
    const source = resolve(import.meta.dirname, '../src')
    const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
    const naming = (pattern: RegExp) => files.filter((file) => pattern.test(readFileSync(join(source, file), 'utf8')))
    expect(naming(/'prom-client'/)).toEqual([join('metrics', 'exposition.ts')])
    expect(naming(/from '[./]*\/exposition\.ts'/)).toEqual([])
    expect(naming(/import\('[./]*\/metrics\/exposition\.ts'\)/)).toEqual([join('endpoints', 'metrics.ts')])
  })
})

// ------------------------------------------------------------------ what callers cannot do to it

const seriesNames = (series: Series[]): string[] =>
  series
    .filter(({ name }) => name.startsWith('signet_')) // the process has some of its own, for each kind of collection
    .map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`)
    .sort()

test('paths, methods, queries and codes that callers make up add no series', async () => {
  const { url, port } = await startTestIssuer()
  const send = (method: string, path: string) =>
    new Promise<number>((done, fail) => {
      const sent = httpRequest({ host: '127.0.0.1', port, method, path }, (answer) => {
        answer.resume().on('end', () => done(answer.statusCode ?? 0))
      })
      sent.on('error', fail).end()
    })
  const attack = async (round: string) => {
    for (const method of ['GET', 'POST', 'PROPFIND', 'MKCOL', 'PURGE', 'REPORT', 'M-SEARCH'])
      await send(method, `/${round}`)
    for (const path of ['/token/', '/jwks/', '/docs/', '/TOKEN', '/%74oken', '/../token', '/livez?', '/token?'])
      await send('GET', `${path}${round}`)
    await post({ url }, '/token', { grant_type: round }, { clientId: round, secret: round })
    await post({ url }, '/refresh', { refresh_token: `sgr_${round}` })
    await scrape({ url })
  }
  await attack('first')
  const before = await scrape({ url })
  for (let round = 0; round < 20; round++) await attack(`round-${round}-${'x'.repeat(round)}`)
  const after = await scrape({ url })
  expect(seriesNames(after)).toEqual(seriesNames(before))
  expect(sum(after, 'signet_http_requests_total', { endpoint: '(none)' })).toBeGreaterThan(200)
  expect(new Set(after.flatMap(({ labels: { method } }) => method ?? []))).toEqual(new Set(['GET', 'POST', '(other)']))
})

test('an endpoint has one name, below the path of the issuer and at the root', async () => {
  const { url } = await startTestIssuer({ SIGNET_ISSUER: 'http://localhost/tenant' })
  await post({ url }, '/token', {})
  await post({ url }, '/tenant/token', {})
  await request(`${url}/.well-known/openid-configuration/tenant`)
  const series = await scrape({ url: `${url}/tenant` })
  expect(sum(series, 'signet_http_requests_total', { endpoint: '/token' })).toBe(2)
  expect(series.filter(({ labels: { endpoint = '' } }) => endpoint.startsWith('/tenant'))).toEqual([])
})

test('no client, subject, token, key id or secret is in it, whatever was done', async () => {
  const token = 'metrics-token-0123456789'
  const issuer = await startWithApi({ SIGNET_METRICS_TOKEN: token })
  const client = await registered(issuer, {
    client_id: 'very-secret-client',
    scope: 'read',
    grant_types: ['client_credentials', 'refresh_token', 'urn:signet:params:oauth:grant-type:subject'],
  })
  const { refresh_token: first = '', access_token: access = '' } = await grantTokens(issuer, client, 'ada-the-subject')
  const { body: second } = await refresh(issuer, client, first)
  await post(
    issuer,
    '/token',
    { grant_type: 'client_credentials' },
    { clientId: 'guessed-client', secret: client.secret },
  )
  await issuer.operator.call('POST', '/blacklist', { sub: 'grace-the-subject', reason: 'a-reason' })
  await request(`${issuer.url}/token/${access}?token=${first}`)
  await request(`${issuer.url}/metrics`, { headers: bearer(access) })
  const { text } = await request(`${issuer.url}/metrics`, { headers: bearer(token) })
  const { jti, sid } = claimsOf(access)
  const secrets = [token, client.clientId, client.secret, first, second.refresh_token, access, jti, sid]
  const names = [headerOf(access).kid, 'ada-the-subject', 'grace-the-subject', 'guessed-client', 'a-reason', 'operator']
  expect([...secrets, ...names].filter((each) => text.includes(String(each)))).toEqual([])
  expect(issuer.logged.filter((line) => line.includes(token))).toEqual([])
})

// ------------------------------------------------------------------ who may read it

describe('with a token of its own', () => {
  const TOKEN = 'scraper-0123456789-~+/=='

  test('whoever has it may read, from anywhere and behind any proxy', async () => {
    const issuer = await startTestIssuer({ SIGNET_METRICS_TOKEN: TOKEN, SIGNET_ISSUER: 'https://sso.example.com' })
    const headers = { ...bearer(TOKEN), 'x-forwarded-for': '192.0.2.7', forwarded: 'for=192.0.2.7', via: '1.1 proxy' }
    expect(sum(await scrape(issuer, headers), 'signet_ready')).toBe(1)
    expect(sum(await scrape(issuer, { authorization: `bearer ${TOKEN}` }), 'signet_ready')).toBe(1)
    const head = await request(`${issuer.url}/metrics`, { method: 'HEAD', headers: bearer(TOKEN) })
    expect(head).toMatchObject({ status: 200, text: '' })
  })

  test('anybody else is refused with a challenge, this machine too', async () => {
    const issuer = await startWithApi({ SIGNET_METRICS_TOKEN: TOKEN })
    const none = await request(`${issuer.url}/metrics`)
    expect(none).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
    expect(none.headers.get('www-authenticate')).toBe('Bearer realm="signet"')
    expect(none.headers.get('cache-control')).toBe('no-store')
    const wrong = [
      TOKEN.slice(0, -1),
      `${TOKEN}=`,
      TOKEN.toUpperCase(),
      'x',
      'x'.repeat(8000),
      await issuer.operator.token(),
    ]
    for (const token of wrong) {
      const answer = await request(`${issuer.url}/metrics`, { headers: bearer(token) })
      expect(answer, token).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="signet", error="invalid_token"')
      expect(answer.text).not.toContain('signet_')
    }
    const basic = { authorization: `Basic ${Buffer.from(`scraper:${TOKEN}`).toString('base64')}` }
    expect((await request(`${issuer.url}/metrics`, { headers: basic })).status).toBe(401)
    expect((await request(`${issuer.url}/metrics?token=${TOKEN}&access_token=${TOKEN}`)).status).toBe(401)
  })
})

describe('without a token', () => {
  const refused = { status: 403, body: { error: 'invalid_request' } }

  /** A request with a chosen Host and address. */
  const ask = async (
    port: number,
    options: { host?: string; localAddress?: string; headers?: Record<string, string> },
  ) => {
    const sent = httpRequest({ host: '127.0.0.1', port, path: '/metrics', ...options }).end()
    const [answer] = await once(sent, 'response')
    const text = await textOf(answer)
    const body = text.startsWith('{') ? JSON.parse(text) : {}
    return { status: answer.statusCode, body }
  }

  test('this machine may read the metrics of an issuer at localhost', async () => {
    const { port } = await startTestIssuer()
    for (const host of ['localhost:3000', '127.0.0.1', '[::1]:3000'])
      expect((await ask(port, { headers: { host } })).status, host).toBe(200)
  })

  test('nobody may who comes through a proxy, and the answer names the variable that helps', async () => {
    const { port } = await startTestIssuer()
    const headers: [string, string][] = [
      ['forwarded', 'for=127.0.0.1'],
      ['x-forwarded-for', '127.0.0.1'],
      ['X-Forwarded-For', ''],
      ['via', '1.1 localhost'],
    ]
    for (const [name, value] of headers) {
      const answer = await ask(port, { headers: { [name]: value } })
      expect(answer, name).toMatchObject(refused)
      expect(answer.body.error_description).toContain('SIGNET_METRICS_TOKEN')
    }
  })

  test('nobody may at an issuer with a public URL', async () => {
    const { port } = await startTestIssuer({ SIGNET_ISSUER: 'https://sso.example.com' })
    expect(await ask(port, {})).toMatchObject(refused)
  })

  test('a page in this machine’s browser may not, under whatever name it reaches the port', async () => {
    const { port } = await startTestIssuer()
    expect(await ask(port, { headers: { host: 'rebound.example.com:3000' } })).toMatchObject(refused)
  })

  const outside = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address
  const orWhy = outside === undefined ? ' (skipped: this machine has no other address)' : ''

  test.skipIf(outside === undefined)(`nobody may from another address than loopback${orWhy}`, async () => {
    const { port } = await startTestIssuer({ SIGNET_HOST: '0.0.0.0' })
    const from = { host: outside ?? '', headers: { host: 'localhost' } }
    expect(await ask(port, from)).toMatchObject(refused)
    expect((await ask(port, {})).status).toBe(200)
  })
})

// ------------------------------------------------------------------ in trouble

test('a scrape that comes while the service stops is answered, and says that the service is not ready', async () => {
  const issuer = await startTestIssuer()
  expect(sum(await scrape(issuer), 'signet_ready')).toBe(1)
  const socket = connect(issuer.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n')
  // Answered after the half request has arrived.
  await request(`${issuer.url}/livez`)
  const stopped = issuer.stop()
  socket.write('\r\n')
  const answer = await textOf(socket)
  await stopped
  expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  expect(answer).toMatch(/^signet_ready 0$/m)
})
