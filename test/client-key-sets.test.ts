/** Clients that publish their keys (RFC 7591 §2, `jwks_uri`), with a key server of the test. */
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { until, type AdministeredIssuer } from './support/admin.ts'
import { post, type Answer } from './support/client.ts'
import { movableClock } from './support/issuer.ts'
import { signet } from './support/process.ts'
import { API, assertionOf, change, fresh, refusal, registered, startWithApi } from './support/shared.ts'

const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

interface Pair {
  kid: string
  privateKey: CryptoKey
  jwk: JWK
}

let issuer: AdministeredIssuer
/** The partner's host: what it answers, and the paths that it was asked for. */
let answer: (response: ServerResponse, path: string) => void
let asked: string[] = []
let base: string
let portOfNobody: number

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  const host = createServer(({ url = '' }, response) => {
    asked.push(url)
    answer(response, url)
  }).listen(0, '127.0.0.1')
  const closed = createServer().listen(0, '127.0.0.1')
  await Promise.all([once(host, 'listening'), once(closed, 'listening')])
  const { port } = host.address() as AddressInfo // it listens on a port
  portOfNobody = (closed.address() as AddressInfo).port // so does this one
  closed.close()
  base = `http://127.0.0.1:${port}`
  const env = { SIGNET_RATE_LIMIT_NETWORK: 'off', SIGNET_OUTBOUND_ALLOW: `127.0.0.1:${port},127.0.0.1:${portOfNobody}` }
  // Time stands still, so that a slow machine makes no pause between two fetches.
  const clock = movableClock({ from: Date.now() })
  issuer = await startWithApi(env, { clock, onEnd: (work) => void ends.unshift(work) })
  return async () => {
    for (const end of ends) await end()
    host.closeAllConnections()
    host.close()
  }
})

let keys: JWK[] = []

beforeEach(() => {
  asked = []
  keys = []
  answer = (response) => void response.setHeader('Content-Type', 'text/plain').end(JSON.stringify({ keys }))
})

async function pairOf(kid = fresh('key'), alg = 'ES256'): Promise<Pair> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid } }
}

/** A client whose keys are at a path of its own. */
async function partner(metadata: Record<string, unknown> = {}): Promise<string> {
  const { clientId } = await registered(issuer, {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: `${base}/${fresh('keys')}`,
    ...metadata,
  })
  return clientId
}

const ask = async (clientId: string, { kid, privateKey }: Pair, header: Record<string, unknown> = { kid }) =>
  post(issuer, '/token', {
    grant_type: 'client_credentials',
    client_assertion_type: ASSERTION,
    client_assertion: await assertionOf(clientId, issuer, privateKey, { header }),
  })

const status = async (clientId: string, pair: Pair, header?: Record<string, unknown>): Promise<number> =>
  (await ask(clientId, pair, header)).status

/** The reason of the latest refusal, which the log alone has. */
const loggedReason = (): string => {
  const line = issuer.logged.findLast((each) => each.includes('"route":"/token"') && each.includes('"reason"'))
  return String(JSON.parse(line ?? '{}').reason)
}

describe('a client with a jwks_uri', () => {
  test('authenticates by a key there, which is fetched when it is needed and used for five minutes', async () => {
    const pair = await pairOf()
    keys = [pair.jwk]
    const client = await partner()
    expect(asked).toEqual([])
    expect(await status(client, pair)).toBe(200)
    expect(await status(client, pair)).toBe(200)
    issuer.clock.advance(290)
    expect(await status(client, pair)).toBe(200)
    expect(asked).toHaveLength(1)
    issuer.clock.advance(11)
    expect(await status(client, pair)).toBe(200)
    expect(asked).toHaveLength(2)
  })

  test.each([
    ['max-age=120', 110, 11],
    ['max-age=5', 50, 11],
    ['no-store', 50, 11],
    ['public, max-age=86400', 3590, 11],
  ])(
    'has its keys used for as long as Cache-Control %s says, from a minute to an hour',
    async (value, before, more) => {
      const pair = await pairOf()
      answer = (response) => void response.setHeader('Cache-Control', value).end(JSON.stringify({ keys: [pair.jwk] }))
      const client = await partner()
      expect(await status(client, pair)).toBe(200)
      issuer.clock.advance(before)
      expect(await status(client, pair)).toBe(200)
      expect(asked).toHaveLength(1)
      issuer.clock.advance(more)
      expect(await status(client, pair)).toBe(200)
      expect(asked).toHaveLength(2)
    },
  )

  test('changes its keys: the new one works at once, and the former one no longer than it is published', async () => {
    const [old, young] = [await pairOf(), await pairOf()]
    keys = [old.jwk]
    const client = await partner()
    expect(await status(client, old)).toBe(200)
    issuer.clock.advance(6)
    keys = [young.jwk]
    expect(await status(client, young)).toBe(200)
    expect(await status(client, old)).toBe(401)
    expect(asked).toHaveLength(2)
  })

  test('may leave kid out where one key fits, and may use one kid for keys of two kinds', async () => {
    const [elliptic, edwards] = [await pairOf('same'), await pairOf('same', 'EdDSA')]
    keys = [elliptic.jwk, edwards.jwk]
    const client = await partner()
    expect(await status(client, elliptic, {})).toBe(200)
    expect(await status(client, edwards, { alg: 'EdDSA', kid: 'same' })).toBe(200)
  })

  test('is asked at most once in five seconds, whatever a flood of assertions names', async () => {
    const [good, made] = [await pairOf(), await pairOf()]
    keys = [good.jwk]
    const client = await partner()
    const flood = () =>
      Promise.all(Array.from({ length: 40 }, async (_, index) => status(client, made, { kid: `made-up-${index}` })))
    expect(new Set(await flood())).toEqual(new Set([401]))
    expect(asked).toHaveLength(1)
    expect(await status(client, good)).toBe(200)
    issuer.clock.advance(4)
    await flood()
    expect(asked).toHaveLength(1)
    issuer.clock.advance(2)
    await flood()
    expect(asked).toHaveLength(2)
    expect(await status(client, good)).toBe(200)
  })

  test('is served while a flood waits for its host: a key that is known waits for nothing', async () => {
    const [good, made] = [await pairOf(), await pairOf()]
    keys = [good.jwk]
    const client = await partner()
    expect(await status(client, good)).toBe(200)
    issuer.clock.advance(6)
    const held: ServerResponse[] = []
    answer = (response) => void held.push(response)
    const flood = Array.from({ length: 120 }, async () => ask(client, made))
    await until(() => held.length === 1)
    expect(await status(client, good)).toBe(200)
    for (const response of held) response.end(JSON.stringify({ keys }))
    // The places of one network are counted, and whoever gets none is told to try again.
    expect(new Set((await Promise.all(flood)).map(refusal))).toEqual(
      new Set(['401 invalid_client', '503 temporarily_unavailable']),
    )
    expect(held).toHaveLength(1)
  })

  test('may publish keys of other kinds beside, and as many as fifty', async () => {
    const pair = await pairOf()
    const other = { kty: 'AKP', alg: 'ML-DSA-44', kid: 'pq', pub: 'AAAA' }
    keys = [other, ...Array.from({ length: 48 }, (_, index) => ({ ...other, kid: `pq-${index}` })), pair.jwk]
    expect(await status(await partner(), pair)).toBe(200)
    keys = [...keys, other]
    expect(await status(await partner(), pair)).toBe(401)
    expect(loggedReason()).toContain('at most 50')
  })
})

describe('keys are not used', () => {
  const huge = (response: ServerResponse) => void response.end(JSON.stringify({ keys: [], junk: 'x'.repeat(70_000) }))
  test.each<[string, (response: ServerResponse) => void, RegExp]>([
    ['from an answer of 500', (response) => void response.writeHead(500).end(), /the answer was 500/],
    ['by a redirect', (response) => void response.writeHead(302, { Location: '/good' }).end(), /redirects are not/],
    ['from an answer of more than 64 KB', huge, /larger than 65536 bytes/],
    ['from an answer that is no JSON', (response) => void response.end('<html>'), /no JWK Set/],
    ['from JSON that is no key set', (response) => void response.end('[]'), /no JWK Set/],
    ['from a key set whose keys are text', (response) => void response.end('{"keys":["x"]}'), /no JWK Set/],
    ['from an answer that breaks off', (response) => void response.destroy(), /could not be fetched/],
    ['from an empty set', (response) => void response.end('{"keys":[]}'), /no key in it serves/],
  ])('%s', async (_, bad, reason) => {
    const pair = await pairOf()
    answer = (response, path) =>
      path === '/good' ? void response.end(JSON.stringify({ keys: [pair.jwk] })) : bad(response)
    const client = await partner()
    const refused = await ask(client, pair)
    expect(refusal(refused)).toBe('401 invalid_client')
    expect(loggedReason()).toMatch(reason)
    expect(asked).not.toContain('/good')
    // The caller learns neither the reason nor the address.
    expect(refused.text).not.toMatch(/127\.0\.0\.1:\d|fetch|redirect|500/)
    answer = (response) => void response.end(JSON.stringify({ keys: [pair.jwk] }))
    issuer.clock.advance(6)
    expect(await status(client, pair)).toBe(200)
  })

  test.each([
    ['private', 'd', 'AAAA'],
    ['symmetric', 'k', 'c2VjcmV0'],
  ])('where a %s key stands among them, and former keys end by that', async (_, member, value) => {
    const pair = await pairOf()
    keys = [pair.jwk]
    const client = await partner()
    expect(await status(client, pair)).toBe(200)
    issuer.clock.advance(301)
    keys = [pair.jwk, { kty: 'oct', [member]: value }]
    expect(await status(client, pair)).toBe(401)
    expect(loggedReason()).toContain('private members')
  })

  test.each([
    ['https://10.0.0.7/keys', 'its address is private'],
    ['https://[::1]/keys', 'its address is private'],
    ['https://localhost/keys', 'its name leads to a private address'],
    ['http://127.0.0.1:1/keys', 'name 127.0.0.1:1 in SIGNET_OUTBOUND_ALLOW'],
  ])('of %s, which leads inside', async (jwks_uri, reason) => {
    expect(await status(await partner({ jwks_uri }), await pairOf())).toBe(401)
    expect(loggedReason()).toContain(reason)
    expect(loggedReason()).toMatch(/^assertion refused: the key set at its jwks_uri could not be fetched: /)
  })

  test('of a host that takes longer than five seconds', async () => {
    answer = (response) => void response.write('{"keys":[')
    expect(await status(await partner(), await pairOf())).toBe(401)
    expect(loggedReason()).toContain('no answer within 5 s')
  })
})

describe('while the host is away', () => {
  test('former keys go on for an hour, without waiting, and no longer', async () => {
    const pair = await pairOf()
    keys = [pair.jwk]
    const client = await partner()
    expect(await status(client, pair)).toBe(200)
    answer = (response) => void response.writeHead(503).end()
    issuer.clock.advance(1800)
    expect(await status(client, pair)).toBe(200)
    issuer.clock.advance(6)
    const held: ServerResponse[] = []
    answer = (response) => void held.push(response)
    expect(await status(client, pair)).toBe(200)
    await until(() => held.length === 1)
    expect(await status(client, pair)).toBe(200)
    answer = (response) => void response.writeHead(503).end()
    for (const response of held) response.writeHead(503).end()
    issuer.clock.advance(1800)
    expect(await status(client, pair)).toBe(401)
    expect(loggedReason()).toContain('the answer was 503')
    answer = (response) => void response.end(JSON.stringify({ keys }))
    issuer.clock.advance(6)
    expect(await status(client, pair)).toBe(200)
  })

  test('the log says once that it went, and once that it is back', async () => {
    const pair = await pairOf()
    keys = [pair.jwk]
    answer = (response) => void response.writeHead(503).end()
    const client = await partner()
    const lines = () =>
      issuer.logged.filter((line) => line.includes(`"${client}"`) && /"message":"the keys of a client/.test(line))
    for (let round = 0; round < 3; round++) {
      expect(await status(client, pair)).toBe(401)
      issuer.clock.advance(6)
    }
    expect(lines()).toHaveLength(1)
    answer = (response) => void response.end(JSON.stringify({ keys }))
    expect(await status(client, pair)).toBe(200)
    expect(lines()).toHaveLength(2)
  })
})

describe('what happens while keys are fetched counts:', () => {
  /** Sends an assertion, does something while the host thinks, and lets it answer. */
  async function meanwhile(act: (client: string) => Promise<unknown>, claims = {}): Promise<Answer> {
    const pair = await pairOf()
    const client = await partner()
    const held: ServerResponse[] = []
    answer = (response) => void held.push(response)
    const pending = ask(client, pair, { kid: pair.kid, ...claims })
    await until(() => held.length === 1)
    await act(client)
    for (const response of held) response.end(JSON.stringify({ keys: [pair.jwk] }))
    return pending
  }
  const operator = (method: string, path: string) => issuer.operator.call(method, `/admin/api/clients/${path}`)

  test.each<[string, (client: string) => Promise<unknown>]>([
    ['the client is deleted', (client) => operator('DELETE', client)],
    ['the client is disabled', (client) => operator('POST', `${client}/disable`)],
    [
      'its jwks_uri is another',
      (clientId) => change(issuer, { clientId, secret: '' }, { jwks_uri: `${base}/${fresh('keys')}` }),
    ],
    [
      'it authenticates by a secret',
      (clientId) => change(issuer, { clientId, secret: '' }, { token_endpoint_auth_method: 'client_secret_basic' }),
    ],
    ['the assertion expires', async () => issuer.clock.advance(61)],
  ])('%s', async (_, act) => {
    expect(refusal(await meanwhile(act))).toBe('401 invalid_client')
  })

  test('nothing', async () => {
    expect((await meanwhile(async () => {})).status).toBe(200)
  })
})

test('an assertion works once, however its keys come', async () => {
  const pair = await pairOf()
  keys = [pair.jwk]
  const client_assertion = await assertionOf(await partner(), issuer, pair.privateKey, { header: { kid: pair.kid } })
  const form = { grant_type: 'client_credentials', client_assertion_type: ASSERTION, client_assertion }
  const answers = await Promise.all([post(issuer, '/token', form), post(issuer, '/token', form)])
  expect(answers.map((each) => each.status).toSorted((a, b) => a - b)).toEqual([200, 401])
})

test('a client that is registered anew under its id begins without the keys of the former one', async () => {
  const [old, young] = [await pairOf(), await pairOf()]
  keys = [old.jwk]
  const jwks_uri = `${base}/${fresh('keys')}`
  const client = await partner({ jwks_uri })
  expect(await status(client, old)).toBe(200)
  await issuer.operator.call('DELETE', `/admin/api/clients/${client}`)
  keys = [young.jwk]
  issuer.clock.advance(3)
  await partner({ client_id: client, jwks_uri })
  expect(await status(client, old)).toBe(401)
  issuer.clock.advance(6)
  expect(await status(client, young)).toBe(200)
})

test('an update of the address forgets the keys of the former one', async () => {
  const [old, young] = [await pairOf(), await pairOf()]
  keys = [old.jwk]
  const clientId = await partner()
  expect(await status(clientId, old)).toBe(200)
  keys = [young.jwk]
  await change(issuer, { clientId, secret: '' }, { jwks_uri: `${base}/${fresh('keys')}` })
  expect([await status(clientId, old), await status(clientId, young)]).toEqual([401, 200])
})

describe('a caller cannot tell', () => {
  test('a client whose keys cannot be fetched from one that does not exist, is disabled, or has registered keys', async () => {
    const pair = await pairOf()
    const away = await partner({ jwks_uri: `http://127.0.0.1:${portOfNobody}/keys` })
    keys = [(await pairOf()).jwk]
    const disabled = await partner()
    await issuer.operator.call('POST', `/admin/api/clients/${disabled}/disable`)
    const local = await partner({ jwks_uri: null, jwks: { keys } })
    const answers = await Promise.all(
      [away, 'nobody', disabled, local, await partner()].map((client) => ask(client, pair)),
    )
    expect(new Set(answers.map(({ status: code, text }) => `${code} ${text}`)).size).toBe(1)
    expect(answers[0] && refusal(answers[0])).toBe('401 invalid_client')
  })

  test('by the time of a refusal: an assertion in the name of nobody waits as long as a fetch, as often', async () => {
    const pair = await pairOf()
    // Far longer than a refusal takes on a busy machine.
    const slow = 2000
    answer = (response) => void setTimeout(() => response.end('{"keys":[]}'), slow)
    // All fetches that are remembered are as slow as this one.
    await Promise.all(Array.from({ length: 16 }, async () => status(await partner(), pair)))
    const took = async (client: string) => {
      const began = performance.now()
      await ask(client, pair)
      return performance.now() - began
    }
    const local = await partner({ jwks_uri: null, jwks: { keys: [(await pairOf()).jwk] } })
    for (const client of [fresh('nobody'), local]) {
      expect(await took(client)).toBeGreaterThan(slow - 10)
      expect(Math.min(await took(client), await took(client))).toBeLessThan(slow - 10)
      issuer.clock.advance(6)
      expect(await took(client)).toBeGreaterThan(slow - 10)
    }
  })
})

describe('metadata', () => {
  const create = (metadata: Record<string, unknown>) =>
    issuer.operator.call('POST', '/admin/api/clients', {
      client_id: fresh('partner'),
      token_endpoint_auth_method: 'private_key_jwt',
      resources: [API],
      ...metadata,
    })

  test.each([
    'http://keys.example.com/jwks',
    'https://user:pass@keys.example.com/jwks',
    'https://keys.example.com/jwks#x',
    'com.example.app:/jwks',
    'javascript:alert(1)',
    'keys.example.com',
    '',
    5,
  ])('refuses %s', async (jwks_uri) => {
    const refused = await create({ jwks_uri })
    expect(refusal(refused)).toBe('400 invalid_client_metadata')
    expect(refused.body.error_description).toContain('jwks_uri')
  })

  test('has jwks or jwks_uri, not both, and one of them: at the registration and at an update', async () => {
    const jwks = { keys: [(await pairOf()).jwk] }
    const jwks_uri = 'https://keys.example.com/jwks'
    expect(refusal(await create({ jwks, jwks_uri }))).toBe('400 invalid_client_metadata')
    expect(refusal(await create({}))).toBe('400 invalid_client_metadata')
    const wrongMethod = await create({ jwks_uri, token_endpoint_auth_method: 'client_secret_basic' })
    expect(wrongMethod.body.error_description).toContain('jwks_uri is for token_endpoint_auth_method')
    const { body } = await create({ jwks_uri })
    expect(body).toMatchObject({ jwks: null, jwks_uri })
    const path = `/admin/api/clients/${body.client_id}`
    const update = (metadata: object) => issuer.operator.call('PATCH', path, metadata)
    expect((await update({ jwks })).body.error_description).toContain('exclude each other')
    expect((await update({ jwks_uri: null })).status).toBe(400)
    expect((await update({ jwks, jwks_uri: null })).body).toMatchObject({ jwks, jwks_uri: null })
    expect((await update({ jwks_uri })).body.error_description).toContain('exclude each other')
    expect((await update({ jwks: null, jwks_uri })).body).toMatchObject({ jwks: null, jwks_uri })
    const bySecret = await update({ token_endpoint_auth_method: 'client_secret_basic' })
    expect(bySecret.body).toMatchObject({ jwks: null, jwks_uri: null })
  })

  test('comes by the declarative file as well, in place of jwks, and is exported', async () => {
    const pair = await pairOf()
    const client_id = fresh('declared')
    const file = join(issuer.folder, 'partner.yaml')
    const apply = async (metadata: object) => {
      const client = { client_id, token_endpoint_auth_method: 'private_key_jwt', resources: [API], ...metadata }
      writeFileSync(file, JSON.stringify({ clients: [client] }))
      return signet(['apply', file], issuer.env)
    }
    expect((await apply({ jwks: { keys: [pair.jwk] } })).code).toBe(0)
    const jwks_uri = `${base}/declared`
    expect((await apply({ jwks_uri })).stderr).toContain('exclude each other')
    expect((await apply({ jwks: null, jwks_uri })).code).toBe(0)
    keys = [pair.jwk]
    await until(async () => (await status(client_id, pair)) === 200)
    expect(asked).toEqual(['/declared'])
    const exported = join(issuer.folder, 'exported.yaml')
    expect((await signet(['export', exported], issuer.env)).code).toBe(0)
    expect(readFileSync(exported, 'utf8')).toContain(`jwks_uri: ${jwks_uri}`)
  })

  test('comes by the command line as well, and the doctor names the key sets that are no good', async () => {
    const pair = await pairOf()
    answer = (response, path) => void response.end(JSON.stringify({ keys: path === '/bad' ? [] : [pair.jwk] }))
    const run = (...command: string[]) => signet(command, issuer.env)
    const made = (id: string, uri: string) =>
      run('client', 'create', '--id', id, '--auth-method', 'private_key_jwt', '--jwks-uri', uri, '--json')
    const doctor = async () => {
      const { stdout } = await run('doctor', '--json')
      const checks = JSON.parse(stdout) as { check: string; ok: boolean; found: string; fix: string }[] // the contract's form
      return checks.find(({ check }) => check === 'client key sets')
    }
    for (const { client_id: id, jwks_uri } of (await issuer.operator.call('GET', '/admin/api/clients'))
      .body as unknown as {
      client_id: string
      jwks_uri: string | null
    }[])
      if (jwks_uri !== null) await issuer.operator.call('DELETE', `/admin/api/clients/${id}`)
    expect(await doctor()).toBeUndefined()
    expect(JSON.parse((await made('sound', `${base}/good`)).stdout).jwks_uri).toBe(`${base}/good`)
    expect(await doctor()).toMatchObject({ ok: true })
    await made('empty', `${base}/bad`)
    await made('gone', `http://127.0.0.1:${portOfNobody}/keys`)
    await made('inside', 'https://10.0.0.7/keys')
    const found = await doctor()
    expect(found?.ok).toBe(false)
    for (const part of ['empty', 'no key in it serves', 'gone', 'ECONNREFUSED', 'inside', 'its address is private'])
      expect(found?.found).toContain(part)
    expect(found?.found).not.toContain('sound')
    expect(found?.fix).toContain('SIGNET_OUTBOUND_ALLOW')
  })

  test('that cannot be fetched shows in the audit trail, and the doctor says what to do', async () => {
    const client = await partner({ jwks_uri: `http://127.0.0.1:${portOfNobody}/keys` })
    const refused = await ask(client, await pairOf())
    const requestId = refused.headers.get('x-request-id') ?? ''
    const { stdout } = await signet(['doctor', '--request', requestId, '--json'], issuer.env)
    expect(stdout).toContain('ECONNREFUSED')
    expect(JSON.parse(stdout)).toMatchObject([{ ok: false, fix: expect.stringContaining('signet doctor') }])
  })
})
