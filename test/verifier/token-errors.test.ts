/**
 * The fault of a token is told by a code from a closed list; forged tokens of every kind are refused.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { createHash, generateKeyPairSync, sign as rawSign } from 'node:crypto'
import {
  FlattenedSign,
  SignJWT,
  calculateJwkThumbprint,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  type CryptoKey,
} from 'jose'
import { expect, onTestFinished, test } from 'vitest'
import {
  TOKEN_ERROR_CODES,
  TokenError,
  createTokenVerifier,
  protectedResourceMetadata,
  type TokenVerifier,
  type TokenVerifierOptions,
  type VerifyOverrides,
} from '../../verifiers/node/src/index.ts'
import { createAuthMiddleware } from '../../verifiers/node/src/express.ts'
import {
  API,
  JWKS,
  json,
  nested,
  sign,
  signWithJson,
  startKeyServer,
  type KeyServer,
  type SigningKey,
} from './key-server.ts'

interface Scene {
  server: KeyServer
  key: SigningKey
  verifier: TokenVerifier
}

async function scene(options: Partial<TokenVerifierOptions> = {}): Promise<Scene> {
  const server = await startKeyServer()
  const key = await server.addKey()
  await server.addKey('RS256')
  return { server, key, verifier: open(server, options) }
}

function open(server: KeyServer, options: Partial<TokenVerifierOptions> = {}): TokenVerifier {
  const verifier = createTokenVerifier({ issuer: server.issuer, audience: API, clock: server.clock, ...options })
  onTestFinished(() => verifier.close())
  return verifier
}

async function refusal(verifier: TokenVerifier, token: unknown, overrides?: VerifyOverrides): Promise<TokenError> {
  const outcome = await verifier.verifyToken(token as string, overrides).catch((error: unknown) => error)
  if (!(outcome instanceof TokenError)) throw new Error(`not refused: ${JSON.stringify(outcome)}`)
  return outcome
}

const codeOf = async (verifier: TokenVerifier, token: unknown, overrides?: VerifyOverrides): Promise<string> =>
  (await refusal(verifier, token, overrides)).code

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Sound: only a symmetric JWK gives bytes. */
const publicKeyOf = async ({ publicJwk, alg }: SigningKey) => (await importJWK(publicJwk, alg)) as CryptoKey

test('a good token gives its claims and header', async () => {
  const { server, key, verifier } = await scene()
  const { claims, header } = await verifier.verifyToken(await sign(server, key, { scope: 'read' }))
  expect(claims).toMatchObject({ iss: server.issuer, sub: 'ada', aud: API, scope: 'read' })
  expect(header).toEqual({ alg: 'ES256', kid: key.kid, typ: 'at+jwt' })
})

test.each(['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA'])('tokens signed with %s are verified', async (alg) => {
  const { server, verifier } = await scene()
  const token = await sign(server, await server.addKey(alg))
  expect((await verifier.verifyToken(token)).header.alg).toBe(alg)
})

test('the codes are a closed list with fixed statuses', () => {
  const statuses = Object.fromEntries(TOKEN_ERROR_CODES.map((code) => [code, new TokenError(code, 'x').status]))
  expect(statuses).toEqual({
    missing_token: 401,
    malformed_token: 401,
    unsupported_algorithm: 401,
    unknown_key: 401,
    invalid_signature: 401,
    token_expired: 401,
    token_not_active: 401,
    wrong_issuer: 401,
    wrong_audience: 401,
    wrong_type: 401,
    token_revoked: 401,
    insufficient_scope: 403,
    issuer_unavailable: 503,
    revocations_stale: 503,
  })
})

test('no token is missing_token, with a bare challenge', async () => {
  const { verifier } = await scene({ resourceMetadata: 'https://api.example/.well-known/oauth-protected-resource' })
  for (const absent of ['', undefined, null]) expect(await codeOf(verifier, absent)).toBe('missing_token')
  const refused = await verifier.verifyRequest(new Request('http://localhost/')).catch((error: unknown) => error)
  expect(refused).toMatchObject({
    code: 'missing_token',
    status: 401,
    wwwAuthenticate: 'Bearer resource_metadata="https://api.example/.well-known/oauth-protected-resource"',
  })
})

test('whatever is no signed JWT is malformed_token, and the text says what it seems to be', async () => {
  const { server, key, verifier } = await scene()
  const good = await sign(server, key)
  const [header, payload, signature] = good.split('.')
  const wrong: [unknown, RegExp][] = [
    ['nonsense', /no signed JWT/],
    ['a.b.c', /no signed JWT/],
    [`${good}.`, /no signed JWT/],
    [`Bearer ${good}`, /the word Bearer/],
    [`"${good}"`, /quotes/],
    [`${good}\n`, /white space/],
    [`${header}.${payload}`, /no signed JWT/],
    [`..${signature}`, /no signed JWT/],
    ['sgr_abcdef', /refresh token/],
    [`${good}.x.y`, /encrypted/],
    ['x'.repeat(20_000), /longer than 16384/],
    [17, /string/],
    ['\u0000\uD800.é.💥', /JWT/],
  ]
  for (const [token, description] of wrong) {
    const refused = await refusal(verifier, token)
    expect([refused.code, refused.message]).toEqual(['malformed_token', expect.stringMatching(description)])
  }
})

test('a signed token with claims of the wrong form is malformed_token', async () => {
  const { server, key, verifier } = await scene()
  const fresh = Math.floor(Date.now() / 1000) + 600
  const payloads = [
    '[]',
    '"x"',
    'null',
    '17',
    '{',
    '',
    '{"exp":"soon"}',
    '{}',
    '{"exp":null}',
    `{"exp":${fresh},"iat":"x"}`,
  ]
  payloads.push(`{"exp":${fresh},"sub":17}`, `{"exp":1e999}`, `{"exp":${fresh},"jti":{}}`, `{"exp":${fresh},"nbf":[]}`)
  for (const payload of payloads) {
    const signed = await new FlattenedSign(new TextEncoder().encode(payload))
      .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt' })
      .sign(key.privateKey)
    const token = `${signed.protected}.${signed.payload}.${signed.signature}`
    expect([payload, await codeOf(verifier, token)]).toEqual([payload, 'malformed_token'])
    expect(server.issuer).toBeTruthy()
  }
})

test('alg none is unsupported_algorithm, however it is written and whatever is the signature', async () => {
  const { server, key, verifier } = await scene()
  const [, payload, signature] = (await sign(server, key)).split('.')
  for (const alg of ['none', 'None', 'NONE', 'nOnE', 'HS256', 'HS512', 'dir', 'constructor', '__proto__'])
    for (const end of ['', signature])
      expect(await codeOf(verifier, `${base64url({ alg, kid: key.kid, typ: 'at+jwt' })}.${payload}.${end}`)).toBe(
        'unsupported_algorithm',
      )
  for (const alg of [17, null, [], {}, '', undefined])
    expect(await codeOf(verifier, `${base64url({ alg, kid: key.kid })}.${payload}.${signature}`)).toBe(
      'malformed_token',
    )
})

test('a public key as HMAC secret opens nothing', async () => {
  const { server, key, verifier } = await scene()
  const spki = await exportSPKI(await publicKeyOf(key))
  for (const secret of [spki, JSON.stringify(key.publicJwk)]) {
    const token = await sign(server, { alg: 'HS256', kid: key.kid, privateKey: new TextEncoder().encode(secret) })
    expect(await codeOf(verifier, token)).toBe('unsupported_algorithm')
  }
})

test('an algorithm that is not the named key’s is unsupported_algorithm', async () => {
  const { server, key, verifier } = await scene()
  const { privateKey } = await generateKeyPair('RS256')
  expect(await codeOf(verifier, await sign(server, { alg: 'RS256', kid: key.kid, privateKey }))).toBe(
    'unsupported_algorithm',
  )
  const rsa = await server.addKey('RS256')
  const otherwise = createTokenVerifier({ issuer: server.issuer, audience: API, algorithms: ['ES256'] })
  expect(await codeOf(otherwise, await sign(server, rsa))).toBe('unsupported_algorithm')
  await otherwise.close()
})

test('an RSA key of 1024 bits is not used', async () => {
  const { server, verifier } = await scene()
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  server.keys.push({ ...(publicKey.export({ format: 'jwk' }) as object), kty: 'RSA', kid: 'weak', alg: 'RS256' })
  const input = `${base64url({ alg: 'RS256', kid: 'weak', typ: 'at+jwt' })}.${base64url({ iss: server.issuer, aud: API, exp: 9e9 })}`
  const token = `${input}.${rawSign('sha256', Buffer.from(input), privateKey).toString('base64url')}`
  expect(await codeOf(verifier, token)).toBe('unsupported_algorithm')
})

test('keys that a token brings along or points to are never used', async () => {
  const { server, key, verifier } = await scene()
  const own = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(own.publicKey)
  server.answers.set('/evil', json({ keys: [{ ...jwk, kid: 'evil', alg: 'ES256' }] }))
  const evil = `${server.issuer}/evil`
  for (const header of [{ jwk }, { jku: evil }, { x5u: evil }, { x5c: ['MII='] }]) {
    const forged = { alg: 'ES256', privateKey: own.privateKey }
    expect(await codeOf(verifier, await sign(server, { ...forged, kid: key.kid }, {}, header))).toBe(
      'invalid_signature',
    )
    expect(await codeOf(verifier, await sign(server, { ...forged, kid: 'evil' }, {}, header))).toBe('unknown_key')
  }
  expect(server.count('/evil')).toBe(0)
})

test('extensions that have to be understood are not', async () => {
  const { server, key, verifier } = await scene()
  for (const [name, value] of [
    ['b64', true],
    ['exp', 1],
    ['urn:example:x', 1],
  ] as const) {
    const header = base64url({ alg: key.alg, kid: key.kid, typ: 'at+jwt', crit: [name], [name]: value })
    const [, payload, signature] = (await sign(server, key)).split('.')
    expect(await codeOf(verifier, `${header}.${payload}.${signature}`)).toBe('malformed_token')
  }
})

test('a kid is needed where the issuer has several keys, and not where it has one', async () => {
  const { server, key, verifier } = await scene()
  const { alg, privateKey } = key
  expect(await codeOf(verifier, await sign(server, { alg, privateKey }))).toBe('unknown_key')
  expect(await codeOf(verifier, await sign(server, { alg, privateKey }, {}, { kid: 17 }))).toBe('malformed_token')
  const single = await startKeyServer()
  const only = await single.addKey()
  await expect(open(single).verifyToken(await sign(single, { alg, privateKey: only.privateKey }))).resolves.toBeTruthy()
})

test('a key for encryption, a symmetric one and one that is damaged are as good as not there', async () => {
  const { server, key, verifier } = await scene()
  server.keys.push(
    { kty: 'oct', k: Buffer.from('x'.repeat(32)).toString('base64url'), kid: 'oct', alg: 'HS256' },
    { ...key.publicJwk, kid: 'enc', use: 'enc' },
    { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'damaged' },
  )
  for (const kid of ['oct', 'enc', 'damaged'])
    expect(await codeOf(verifier, await sign(server, { ...key, kid }))).toBe('unknown_key')
})

test('another key’s signature, and a changed token, are invalid_signature', async () => {
  const { server, key, verifier } = await scene()
  const other = await generateKeyPair('ES256')
  expect(await codeOf(verifier, await sign(server, { ...key, privateKey: other.privateKey }))).toBe('invalid_signature')
  const [header, , signature] = (await sign(server, key)).split('.')
  const changed = base64url({ iss: server.issuer, aud: API, sub: 'eve', exp: 9e9 })
  expect(await codeOf(verifier, `${header}.${changed}.${signature}`)).toBe('invalid_signature')
  expect(await codeOf(verifier, `${header}.${changed}.AAAA`)).toBe('invalid_signature')
})

test('time: expired, not yet valid, issued in the future; the clocks may differ by five seconds unless told', async () => {
  const { server, key, verifier } = await scene()
  const now = Math.floor(server.clock.now() / 1000)
  const check = async (claims: Record<string, unknown>, overrides?: VerifyOverrides) =>
    verifier.verifyToken(await sign(server, key, claims), overrides).then(
      () => 'good',
      (error: TokenError) => error.code,
    )
  expect(await check({ exp: now - 3 })).toBe('good')
  expect(await check({ exp: now - 10 })).toBe('token_expired')
  expect(await check({ exp: now - 3 }, { clockTolerance: 0 })).toBe('token_expired')
  expect(await check({ exp: now - 50 }, { clockTolerance: 60 })).toBe('good')
  expect(await check({ nbf: now + 30 })).toBe('token_not_active')
  expect(await check({ nbf: now + 30 }, { clockTolerance: 45 })).toBe('good')
  expect(await check({ iat: now + 30 })).toBe('token_not_active')
  expect(await check({ iat: now + 3 })).toBe('good')
  await expect(verifier.verifyToken(await sign(server, key), { clockTolerance: 3600 })).rejects.toThrow(TypeError)
  expect(await refusal(verifier, await sign(server, key, { exp: now - 100 }))).toMatchObject({
    message: expect.stringMatching(/expired 10\d s ago/),
    wwwAuthenticate: expect.stringMatching(/^Bearer error="invalid_token", error_description="the token expired/),
  })
})

test('issuer and audience are compared exactly; aud may be a list; a waiver has to be said', async () => {
  const { server, key, verifier } = await scene()
  expect(await codeOf(verifier, await sign(server, key, { iss: `${server.issuer}/` }))).toBe('wrong_issuer')
  expect(await codeOf(verifier, await sign(server, key, { iss: undefined }))).toBe('wrong_issuer')
  for (const aud of [undefined, 'https://other.example', [], ['x', 'y'], `${API}/`, { [API]: 1 }, 17])
    expect(await codeOf(verifier, await sign(server, key, { aud }))).toBe('wrong_audience')
  await expect(verifier.verifyToken(await sign(server, key, { aud: ['x', API] }))).resolves.toBeTruthy()
  const foreign = await sign(server, key, { iss: 'https://elsewhere.example', aud: 'another' })
  await expect(
    verifier.verifyToken(foreign, { issuer: 'https://elsewhere.example', audience: ['one', 'another'] }),
  ).resolves.toBeTruthy()
  await expect(
    verifier.verifyToken(foreign, { issuer: 'https://elsewhere.example', anyAudience: true }),
  ).resolves.toBeTruthy()
})

test('only access tokens are taken, unless other types are named', async () => {
  const { server, key, verifier } = await scene()
  for (const typ of ['JWT', 'logout+jwt', undefined, 17, ''])
    expect(await codeOf(verifier, await sign(server, key, {}, { typ }))).toBe('wrong_type')
  for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt'])
    await expect(verifier.verifyToken(await sign(server, key, {}, { typ }))).resolves.toBeTruthy()
  await expect(verifier.verifyToken(await sign(server, key, {}, { typ: 'JWT' }), { typ: 'JWT' })).resolves.toBeTruthy()
  const untyped = await sign(server, key, {}, { typ: undefined })
  await expect(verifier.verifyToken(untyped, { typ: ['JWT', ''] })).resolves.toBeTruthy()
})

test('what a token says cannot break out of the challenge', async () => {
  const { server, key, verifier } = await scene()
  const refused = await refusal(verifier, await sign(server, key, { aud: 'x", evil="1\r\nSet-Cookie: a=b 💥\\' }))
  expect(refused.code).toBe('wrong_audience')
  expect(refused.wwwAuthenticate).toMatch(
    /^Bearer error="invalid_token", error_description="[\x20\x21\x23-\x5b\x5d-\x7e]*"$/,
  )
  expect(new Headers(refused.headers).get('www-authenticate')).toBe(refused.wwwAuthenticate)
})

test('no error ever holds the token', async () => {
  const { server, key, verifier } = await scene()
  const token = await sign(server, key, { aud: 'another' })
  const refused = await refusal(verifier, token)
  expect(JSON.stringify([refused.body, refused.headers])).not.toContain(token.slice(-20))
})

test('a token in the request is taken from the Authorization header alone', async () => {
  const { server, key, verifier } = await scene()
  const token = await sign(server, key)
  const ask = (authorization: string, url = 'http://localhost/') =>
    verifier.verifyRequest(new Request(url, { headers: { authorization } })).then(
      (auth) => auth.token,
      (error: TokenError) => error.code,
    )
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) expect(await ask(`${scheme} ${token}`)).toBe(token)
  expect(await ask(`Bearer   ${token}`)).toBe(token)
  for (const other of ['Basic abc', 'Bearer', 'Bearer ', token, 'Digest x'])
    expect([other, await ask(other, `http://localhost/?access_token=${token}`)]).toEqual([other, 'missing_token'])
  expect(await ask(`\u00a0Bearer ${token}`)).toBe('missing_token')
  for (const other of [`Bearer ${token}\u00a0`, `Bearer ${token} x`, `Bearer ${token}, Bearer ${token}`, `Bearer ,`])
    expect(await ask(other)).toBe('malformed_token')
})

test('a verifier without an audience takes one from each call, and none without', async () => {
  const verifier = createTokenVerifier({ issuer: 'https://issuer.example' })
  onTestFinished(() => verifier.close())
  await expect(verifier.verifyToken('a.b.c')).rejects.toThrow(/audience is missing.*anyAudience/)
  await expect(verifier.verifyToken('a.b.c', { audience: API })).rejects.toThrow(TokenError)
  expect(() => createAuthMiddleware({ issuer: 'https://issuer.example' })).toThrow(/audience is missing/)
  expect(() => createAuthMiddleware({ verifier })).toThrow(/audience is missing/)
})

test('audience: false waives the check by name, for a verifier, a call, a guard or a route', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  const foreign = await sign(server, key, { aud: 'https://another.example' })
  const waiving = open(server, { audience: false })
  expect((await waiving.verifyToken(foreign)).claims.aud).toBe('https://another.example')
  expect(await codeOf(waiving, foreign, { audience: API })).toBe('wrong_audience')
  const naming = open(server)
  expect(await codeOf(naming, foreign)).toBe('wrong_audience')
  expect((await naming.verifyToken(foreign, { audience: false })).claims.sub).toBe('ada')
  expect(createAuthMiddleware({ verifier: waiving }).requireAuth({ audience: false })).toBeTypeOf('function')
  for (const wrong of [true, null, 0, [false]])
    expect(() => open(server, { audience: wrong as never })).toThrow(/audience/)
})

test('wrong options are told when the verifier is made', () => {
  const issuer = 'https://issuer.example'
  const wrong: [Partial<TokenVerifierOptions>, RegExp][] = [
    [{ audience: [] }, /audience/],
    [{ audience: '' }, /audience/],
    [{ audience: API, issuer: 'http://issuer.example' }, /issuer has to be https/],
    [{ audience: API, issuer: 'issuer' }, /issuer is not a URL/],
    [{ audience: API, jwksUri: 'http://issuer.example/jwks' }, /jwksUri has to be https/],
    [{ audience: API, algorithms: ['HS256'] }, /HS256/],
    [{ audience: API, algorithms: ['none'] }, /none/],
    [{ audience: API, algorithms: [] }, /algorithms/],
    [{ audience: API, clockTolerance: 61 }, /clockTolerance.*60/],
    [{ audience: API, clockTolerance: -1 }, /clockTolerance/],
    [{ audience: API, name: 'x\r\ny' }, /name/],
    [{ audience: API, revocations: { whenStale: 'ajar' as 'open' } }, /whenStale/],
    [{ audience: API, revocations: { maxStalenessSeconds: Infinity } }, /maxStalenessSeconds/],
    [{ audience: API, revocations: { maxStalenessSeconds: 1e308 } }, /maxStalenessSeconds/],
    [{ audience: API, cache: { maxTokens: 0 } }, /maxTokens/],
  ]
  for (const [options, message] of wrong) expect(() => createTokenVerifier({ issuer, ...options })).toThrow(message)
  for (const good of ['http://localhost:3000', 'http://127.0.0.1', 'http://[::1]:1', 'http://a.localhost', issuer])
    expect(() => createTokenVerifier({ issuer: good, audience: API })).not.toThrow()
  expect(() =>
    createTokenVerifier({ issuer, anyAudience: true, clockTolerance: 90, maxClockTolerance: 120 }),
  ).not.toThrow()
})

test('the keys may lie at a path of their own, the audience be an organisation', async () => {
  const server = await startKeyServer()
  const key = await server.addKey()
  server.answers.set('/jwks/acme', json({ keys: [key.publicJwk] }))
  const verifier = open(server, { jwksUri: `${server.issuer}/jwks/acme`, audience: 'org_acme' })
  const token = await sign(server, key, { aud: 'org_acme', email: 'a@b.example', role: 'admin', teams: ['x'] })
  expect((await verifier.verifyToken(token)).claims).toMatchObject({
    email: 'a@b.example',
    role: 'admin',
    teams: ['x'],
  })
  expect([server.count('/.well-known/openid-configuration'), server.count(JWKS)]).toEqual([0, 0])
})

test('an API tells about itself where RFC 9728 looks for it', () => {
  const authorizationServers = ['https://issuer.example']
  expect(
    protectedResourceMetadata({ resource: 'https://api.example/v1', authorizationServers, scopes: ['read'] }),
  ).toEqual({
    path: '/.well-known/oauth-protected-resource/v1',
    url: 'https://api.example/.well-known/oauth-protected-resource/v1',
    document: {
      resource: 'https://api.example/v1',
      authorization_servers: authorizationServers,
      bearer_methods_supported: ['header'],
      scopes_supported: ['read'],
    },
  })
  expect(() => protectedResourceMetadata({ resource: 'orders', authorizationServers })).toThrow(/resource is not a URL/)
})

test.each([false, true])('claims and headers that go deep are malformed; cache: %s', async (cache) => {
  const { server, key, verifier } = await scene({ cache })
  const { claims } = await verifier.verifyToken(await signWithJson(server, key, 'act', nested(20)))
  expect(claims.act).toEqual(JSON.parse(nested(20)))
  for (const levels of [33, 5000]) {
    for (const name of ['deep', 'aud', 'cnf', 'iss', 'exp'])
      expect(await codeOf(verifier, await signWithJson(server, key, name, nested(levels)))).toBe('malformed_token')
    for (const name of ['alg', 'kid', 'typ', 'jwk']) {
      const header = Buffer.from(`{"alg":"ES256","${name}":${nested(levels)}}`).toString('base64url')
      expect(['malformed_token', 'unsupported_algorithm']).toContain(await codeOf(verifier, `${header}.e30.AAAA`))
    }
  }
  expect(await codeOf(verifier, await sign(server, key, {}, { typ: JSON.parse(nested(33)) }))).toBe('malformed_token')
})

const known = { issuer: 'https://issuer.example', audience: API }

test.each([
  [{ bogus: 1 }, /createTokenVerifier has no option 'bogus': it takes issuer, audience/],
  [{ audiance: 'x' }, /'audiance': did you mean audience\?/],
  [{ clocktolerance: 1 }, /did you mean clockTolerance\?/],
  [{ revocations: { whenstale: 'open' } }, /revocations has no option 'whenstale': did you mean whenStale\?/],
  [{ cache: { maxToken: 1 } }, /cache has no option 'maxToken': did you mean maxTokens\?/],
  [{ cookie: 'session' }, /no option 'cookie'/],
])('an option that there is not stops the start: %j', (options, message) => {
  expect(() => createTokenVerifier({ ...known, ...options } as TokenVerifierOptions)).toThrow(TypeError)
  expect(() => createTokenVerifier({ ...known, ...options } as TokenVerifierOptions)).toThrow(message)
})

test('so does one of a guard, of a route or of a call', async () => {
  const { verifier } = await scene()
  const guard = (options: object) => () => createAuthMiddleware({ ...known, ...options })
  expect(guard({ cookie: 'session', publicOrigin: 'https://api.example' })).not.toThrow()
  expect(guard({ publicOrgin: 'https://api.example' })).toThrow(/did you mean publicOrigin\?/)
  expect(guard({ publicOrigin: 'https://api.example/v1' })).toThrow(/publicOrigin is an origin, without a path/)
  // Given with a verifier, these would count for nothing.
  expect(guard({ verifier })).toThrow(/createAuthMiddleware with a verifier has no option 'issuer'/)
  const auth = createAuthMiddleware({ verifier })
  expect(() => auth.requireAuth({ audiences: 'x' } as object)).toThrow(
    /requireAuth has no option 'audiences'.*audience\?/,
  )
  expect(() => auth.requireAuth({ revocations: { feedUrl: 'x' } as object })).toThrow(/no option 'feedUrl'/)
  await expect(verifier.verifyToken('x', { aud: API } as object)).rejects.toThrow(/verifyToken has no option 'aud'/)
})

/** A clock, and proofs that are used at a verifier. */
async function proofs() {
  const { server, key, verifier } = await scene()
  const holder = await server.addKey()
  const { kid: _kid, alg: _alg, use: _use, ...jwk } = holder.publicJwk
  const bound = await sign(server, key, { cnf: { jkt: await calculateJwkThumbprint(jwk) }, exp: 2 ** 40 })
  const ath = createHash('sha256').update(bound).digest('base64url')
  const url = 'https://api.example/any'
  const proofOf = () =>
    new SignJWT({ htm: 'GET', htu: url, ath, jti: crypto.randomUUID(), iat: Math.floor(server.clock.now() / 1000) })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .sign(holder.privateKey)
  const use = (proof: string) =>
    verifier.verifyToken(bound, { dpop: { proof, method: 'GET', url } }).then(
      () => 'good',
      (error: TokenError) => error.message,
    )
  return { clock: server.clock, proofOf, use }
}

test('a proof that was used does not count again because the clock was ahead for a moment', async () => {
  const { clock, proofOf, use } = await proofs()
  const proof = await proofOf()
  expect(await use(proof)).toBe('good')
  clock.jump(3600)
  expect(await use(await proofOf())).toBe('good')
  clock.jump(-3600)
  expect(await use(proof)).toContain('used before')
})

test('a proof that was used does not count again when a clock that was set back comes to its time once more', async () => {
  const { clock, proofOf, use } = await proofs()
  const proof = await proofOf()
  expect(await use(proof)).toBe('good')
  clock.jump(-3600)
  clock.advance(3600)
  expect(await use(await proofOf())).toBe('good')
  expect(await use(proof)).toContain('used before')
})
