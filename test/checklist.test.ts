/** Promises of docs/security-tests.md that belong to no behaviour of their own, and so to no other file. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { SignJWT, exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose'
import { describe, expect, test } from 'vitest'
import { refresh, startReplica, tokens, until } from './support/admin.ts'
import { basic, claimsOf, post, request, type Answer, type Credentials } from './support/client.ts'
import { environmentOf, temporaryFolder } from './support/issuer.ts'
import { isThere, namedTests } from './support/named-tests.ts'
import { serve, signet, type ServerProcess } from './support/process.ts'
import { ask, assertionOf, refusal, registered, shareWithApi, startWithApi } from './support/shared.ts'
import { sqliteTest } from './support/sqlite.ts'
import { inTime } from './support/in-time.ts'

const issuer = shareWithApi()

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const pairs = new Map<string, Promise<{ privateKey: CryptoKey; jwk: JWK }>>()
/** A key for an algorithm, made once. */
const keyFor = (alg: string) => {
  const made = pairs.get(alg) ?? makeKey(alg)
  pairs.set(alg, made)
  return made
}

async function makeKey(alg: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { privateKey, jwk: await exportJWK(publicKey) }
}

/** A DPoP proof for a POST to `htu`. */
async function proof(htu: string, { alg = 'ES256', claims = {} }: { alg?: string; claims?: object } = {}) {
  const { privateKey, jwk } = await keyFor(alg)
  const iat = Math.floor(issuer().clock.now() / 1000)
  return new SignJWT({ jti: crypto.randomUUID(), iat, htm: 'POST', htu, ...claims })
    .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk })
    .sign(privateKey)
}

const askWith = (url: string, dpop: string, client: Credentials, form: Record<string, string> = {}): Promise<Answer> =>
  request(url, { headers: { ...basic(client), dpop }, form: { grant_type: 'client_credentials', ...form } })

/** The first client, as the first start prints it. */
function printedClient(server: ServerProcess): Credentials {
  const [, clientId = '', secret = ''] = /client_id +(\S+)\n# +client_secret +(\S+)/.exec(server.stdout()) ?? []
  return { clientId, secret }
}

const DEMO = { scope: 'demo:read offline_access' }

// ------------------------------------------------------------------ every endpoint

test('headers that are not there in 10 s, a request that is not in 12 s and an idle connection are cut off', async () => {
  const own = await startWithApi({ SIGNET_KEEP_ALIVE: '10s' })
  const began = performance.now()
  const seconds = () => (performance.now() - began) / 1000
  /** Writes `start`, then a byte each second; resolves with what came and when the line was cut. */
  const drip = (start: string, byte = '') =>
    new Promise<{ got: string; after: number }>((done) => {
      const socket = connect(own.port, '127.0.0.1')
      let got = ''
      if (start !== '') socket.write(start)
      const timer = setInterval(() => byte !== '' && socket.write(byte), 1000)
      socket.on('data', (chunk) => (got += String(chunk)))
      socket.on('error', () => {})
      socket.on('close', () => {
        clearInterval(timer)
        done({ got, after: seconds() })
      })
    })
  const form = 'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n'
  const [silent, headers, body, idle] = await Promise.all([
    drip(''),
    drip('POST /token HTTP/1.1\r\nHost: x\r\nX-Slow: ', 'x'),
    drip(`POST /token HTTP/1.1\r\nHost: x\r\n${form}\r\n`, 'x'),
    drip('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'),
  ])
  for (const { after } of [silent, headers, idle]) expect(after).toBeGreaterThan(9)
  for (const { after } of [silent, headers, idle]) expect(after).toBeLessThan(inTime(14))
  expect(body.after).toBeGreaterThan(11)
  expect(body.after).toBeLessThan(inTime(15))
  expect(headers.got).toMatch(/^HTTP\/1\.1 408 (.|\r|\n)*"error":"invalid_request"/)
  expect(idle.got).toMatch(/^HTTP\/1\.1 200 /)
}, 25_000)

// ------------------------------------------------------------------ metadata

describe('what the metadata advertises', () => {
  const metadata = async (): Promise<Record<string, string[]>> =>
    (await request(`${issuer().url}/.well-known/oauth-authorization-server`)).body

  test('works: every endpoint answers as itself, and nobody is sent to one that is not there', async () => {
    const document = await metadata()
    for (const [name, url] of Object.entries(document)) {
      if (!/_(endpoint|uri)$/.test(name)) continue
      const { status } = await request(String(url), { method: name === 'jwks_uri' ? 'GET' : 'POST' })
      const expected = name === 'userinfo_endpoint' ? [401] : [200, 303, 400]
      expect(expected, `${name}: ${String(url)}`).toContain(status)
    }
    expect(document.response_types_supported).toEqual(['code'])
    expect(document.code_challenge_methods_supported).toEqual(['S256'])
    for (const absent of ['registration_endpoint', 'pushed_authorization_request_endpoint'])
      expect(document).not.toHaveProperty(absent)
  })

  test('works: every way to authenticate, by every algorithm', async () => {
    const document = await metadata()
    expect(document.token_endpoint_auth_methods_supported?.toSorted()).toEqual([
      'client_secret_basic',
      'client_secret_post',
      'none',
      'private_key_jwt',
    ])
    for (const alg of document.token_endpoint_auth_signing_alg_values_supported ?? []) {
      const { privateKey, jwk } = await keyFor(alg)
      const { clientId } = await registered(issuer(), {
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [jwk] },
      })
      const client_assertion = await assertionOf(clientId, issuer(), privateKey, { header: { alg } })
      const form = { grant_type: 'client_credentials', client_assertion_type: ASSERTION_TYPE, client_assertion }
      expect((await post(issuer(), '/token', form)).status, alg).toBe(200)
    }
  })

  test('works: proofs by every algorithm', async () => {
    const client = await registered(issuer())
    for (const alg of (await metadata()).dpop_signing_alg_values_supported ?? []) {
      const answer = await askWith(`${issuer().url}/token`, await proof(`${issuer().issuer}/token`, { alg }), client)
      expect([answer.status, answer.body.token_type], alg).toEqual([200, 'DPoP'])
    }
  })
})

test.each(['https://login.example/tenant', 'https://login.example/tenant/'])(
  'an issuer with a path, %s, is found in every form of its well-known address, and served behind any proxy',
  async (name) => {
    const own = await startWithApi({ SIGNET_ISSUER: name })
    const at = async (path: string) => {
      const answer = await request(own.url + path)
      expect(answer.status, path).toBe(200)
      return answer.text
    }
    const documents = await Promise.all(
      ['openid-configuration', 'oauth-authorization-server'].flatMap((document) =>
        [`/.well-known/${document}`, `/tenant/.well-known/${document}`, `/.well-known/${document}/tenant`].map(at),
      ),
    )
    expect(new Set(documents).size).toBe(1)
    const { issuer: said, token_endpoint: url, jwks_uri } = JSON.parse(documents[0] ?? '')
    expect([said, url, jwks_uri]).toEqual([
      name,
      'https://login.example/tenant/token',
      'https://login.example/tenant/.well-known/jwks.json',
    ])
    // With the path kept or taken away on the way here, a proof names the public URL.
    const client = await registered(own)
    for (const path of ['/tenant/token', '/token']) {
      const answer = await askWith(own.url + path, await proof(url), client)
      expect(answer.status, path).toBe(200)
      expect(claimsOf(answer.body.access_token).iss).toBe(name)
      expect(refusal(await askWith(own.url + path, await proof(own.url + path), client))).toBe('400 invalid_dpop_proof')
    }
  },
)

// ------------------------------------------------------------------ proof of possession

test('a proof is good once in all processes, and still spent after a restart', async () => {
  const own = await startWithApi()
  const replica = await startReplica(own)
  const client = await registered(own)
  await until(async () => (await ask(replica, client)).status === 200)
  const dpop = await proof(`${own.issuer}/token`)
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => askWith(`${(index % 2 ? own : replica).url}/token`, dpop, client)),
  )
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  const again = await own.restart()
  expect(refusal(await askWith(`${again.url}/token`, dpop, client))).toBe('400 invalid_dpop_proof')
})

test.each([
  ['an empty one', 'ES256', {}],
  ['text', 'ES256', 'key'],
  ['a list', 'ES256', []],
  ['no point', 'ES256', { kty: 'EC', crv: 'P-256' }],
  ['a point off the curve', 'ES256', { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) }],
  ['a point that is too short', 'ES512', { kty: 'EC', crv: 'P-521', x: 'AA', y: 'AA' }],
  ['another curve', 'ES256', { kty: 'EC', crv: 'P-384', x: 'A'.repeat(64), y: 'A'.repeat(64) }],
  ['numbers for text', 'ES256', { kty: 'EC', crv: 7, x: 1, y: 2 }],
  ['a key for agreement', 'EdDSA', { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43) }],
  ['half a key', 'EdDSA', { kty: 'OKP', crv: 'Ed25519', x: 'AA' }],
  ['no modulus', 'RS256', { kty: 'RSA', n: '', e: '' }],
  ['a modulus of 24 kilobits', 'PS256', { kty: 'RSA', n: '_'.repeat(3000), e: '_'.repeat(3000) }],
  ['a shared secret', 'ES256', { kty: 'oct', k: 'AAAA' }],
])('a proof whose jwk is no usable key is refused, and is no defect: %s', async (_what, alg, jwk) => {
  const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const header = encode({ alg, typ: 'dpop+jwt', jwk })
  const dpop = `${header}.${encode({ jti: 'x', iat: 1, htm: 'POST', htu: 'x' })}.${'A'.repeat(86)}`
  const answer = await askWith(`${issuer().url}/token`, dpop, await registered(issuer()))
  expect(refusal(answer)).toBe('400 invalid_dpop_proof')
})

test('a refused proof leaves the refresh token unused', async () => {
  const client = await registered(issuer(), { refresh_grace: 0 })
  const { refresh_token = '' } = await tokens(issuer(), client, { scope: 'a offline_access' })
  const form = { grant_type: 'refresh_token', refresh_token }
  const url = `${issuer().url}/token`
  for (const htu of [`${issuer().issuer}/refresh`, 'https://elsewhere.example/token'])
    expect(refusal(await askWith(url, await proof(htu), client, form))).toBe('400 invalid_dpop_proof')
  expect((await askWith(url, await proof(`${issuer().issuer}/token`), client, form)).status).toBe(200)
})

// ------------------------------------------------------------------ storage and operation

test('a process that is killed costs its own requests alone: refreshes and rotation go on at the other', async () => {
  const env = environmentOf(temporaryFolder(), { SIGNET_ISSUER: 'http://localhost' })
  const dying = await serve(env)
  const staying = await serve(env)
  const client = printedClient(dying)
  const families = await Promise.all(
    Array.from({ length: 6 }, async () => [(await tokens(dying, client, DEMO)).refresh_token ?? '']),
  )
  const loops = families.map(async (answered) => {
    for (;;) {
      const answer = await refresh(dying, client, answered.at(-1) ?? '').catch(() => undefined)
      if (answer?.status !== 200) return
      answered.push(answer.body.refresh_token)
    }
  })
  await until(() => families.every((answered) => answered.length > 5))
  dying.child.kill('SIGKILL')
  await Promise.all(loops)
  const refreshed = await Promise.all(families.map((answered) => refresh(staying, client, answered.at(-1) ?? '')))
  expect(refreshed.map(({ status }) => status)).toEqual(families.map(() => 200))

  const keySet = () => request(`${staying.url}/.well-known/jwks.json`)
  const before = (await keySet()).text
  expect((await signet(['key', 'rotate', '--json'], env)).code).toBe(0)
  await until(async () => (await keySet()).text !== before, 1000)
  expect((await ask(staying, client)).status).toBe(200)
})

sqliteTest(
  'while the disk takes nothing more, writes are 503 and everything else goes on; then all is well without a restart',
  async ({ skip }) => {
    const limit = (pid: number, bytes: string) =>
      execFileSync('prlimit', [`--pid=${pid}`, `--fsize=${bytes}:unlimited`])
    try {
      limit(process.pid, 'unlimited')
    } catch {
      skip('no prlimit here, so no way to make a process unable to write')
    }
    const server = await serve(environmentOf(temporaryFolder()))
    const client = printedClient(server)
    const held = await tokens(server, client, DEMO)
    const { pid = 0 } = server.child
    limit(pid, '0')
    const used = await refresh(server, client, held.refresh_token ?? '')
    const revoked = await post(server, '/revoke', { token: held.access_token ?? '' }, client)
    const granted = await post(server, '/token', { grant_type: 'client_credentials', ...DEMO }, client)
    for (const answer of [used, revoked, granted]) {
      expect(refusal(answer)).toBe('503 temporarily_unavailable')
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    for (const path of [
      '/livez',
      '/readyz',
      '/.well-known/jwks.json',
      '/.well-known/openid-configuration',
      '/blacklist/feed',
    ])
      expect((await request(server.url + path)).status, path).toBe(200)
    expect((await ask(server, client)).status).toBe(200)
    expect((await post(server, '/introspect', { token: held.access_token ?? '' }, client)).body.active).toBe(true)

    limit(pid, 'unlimited')
    // Nothing was consumed or revoked by what was refused.
    const next = await refresh(server, client, held.refresh_token ?? '')
    expect(next.status, next.text).toBe(200)
    expect((await post(server, '/revoke', { token: held.access_token ?? '' }, client)).status).toBe(200)
    expect((await post(server, '/introspect', { token: held.access_token ?? '' }, client)).body.active).toBe(false)
  },
)

test('no write of the database waits for anything: what SQLite is given to do is never async', () => {
  const sources = ['acts', 'sqlite'].flatMap((room) => {
    const folder = resolve(import.meta.dirname, '../src/store', room)
    return readdirSync(folder).map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }))
  })
  const given = /\b(?:write|transaction|readTogether|act|read)(?:<[^>]*>)?\(\s*/g
  const calls = sources.flatMap(({ name, text }) =>
    [...text.matchAll(given)].map(({ index, 0: match }) => ({ name, rest: text.slice(index + match.length) })),
  )
  expect(calls.length).toBeGreaterThan(20)
  expect(calls.filter(({ rest }) => /^async\b/.test(rest)).map(({ name }) => name)).toEqual([])
})

// ------------------------------------------------------------------ the table itself

test('every test file that docs/security-tests.md names exists', () => {
  const root = resolve(import.meta.dirname, '..')
  const files = readFileSync(join(root, 'docs/security-tests.md'), 'utf8').matchAll(/`(test\/[\w/.-]+\.test\.ts)`/g)
  const named = new Set([...files].map(([, file = '']) => file))
  expect(named.size).toBeGreaterThan(20)
  expect([...named].filter((file) => !existsSync(join(root, file)))).toEqual([])
})

test('every test that docs/security-tests.md names exists', () => {
  const named = namedTests(readFileSync(resolve(import.meta.dirname, '../docs/security-tests.md'), 'utf8'))
  expect(named.length).toBeGreaterThan(250)
  expect(named.filter((each) => !isThere(each))).toEqual([])
})
