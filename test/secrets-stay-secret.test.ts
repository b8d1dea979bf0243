/**
 * Every endpoint is driven with good requests and with secrets where they do not belong; then every place
 * that keeps or shows something is searched for every secret that was used.
 */
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sqliteTest } from './support/sqlite.ts'
import {
  SUBJECT_GRANT,
  createBackend,
  createClient,
  createResource,
  grantTokens,
  refresh,
  startAdministered,
  type AdministeredIssuer,
} from './support/admin.ts'
import { basic, bearer, claimsOf, post, request, type Answer, type Credentials } from './support/client.ts'

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

type Key = Awaited<ReturnType<typeof generateKeyPair>>['privateKey']

/**
 * Secrets that must be found nowhere: name and value. Tokens and generated secrets are known by their looks wherever they
 * are put; a secret that an operator made up can look like any name, and where a name belongs it is taken for one.
 */
type Secrets = Map<string, string>

interface Run {
  issuer: AdministeredIssuer
  secrets: Secrets
  /** Answers that no secret belongs into: refusals, and documents. */
  told: Answer[]
}

/** Everything that a log line, row or body could give away, in the spellings it could have there. */
function findLeaks(text: string, secrets: Secrets): string[] {
  const leaks: string[] = []
  for (const [name, value] of secrets) {
    const spellings = [
      value,
      encodeURIComponent(value),
      JSON.stringify(value).slice(1, -1),
      Buffer.from(value).toString('base64'),
    ]
    // Half a token is enough to look for it.
    if (value.length > 40) spellings.push(value.slice(-30))
    if (spellings.some((spelling) => text.includes(spelling))) leaks.push(name)
  }
  return leaks
}

async function assertion(clientId: string, issuer: string, key: Key, claims: object = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({
    iss: clientId,
    sub: clientId,
    aud: issuer,
    iat: now,
    exp: now + 60,
    jti: randomUUID(),
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256' })
    .sign(key)
}

/** A household of clients of every kind, each of its secrets noted. */
async function moveIn(): Promise<
  Run & { shop: Credentials; held: Record<string, string>; used: string; robotKey: Key }
> {
  const issuer = await startAdministered({ SIGNET_LOG_LEVEL: 'debug' })
  const { operator } = issuer
  const secrets: Secrets = new Map()
  const shop = await createBackend(operator, {
    client_id: 'shop',
    resources: ['api', issuer.issuer],
    allowed_claims: ['email'],
  })
  await createResource(operator, 'api')
  const { publicKey, privateKey: robotKey } = await generateKeyPair('ES256')
  const jwks = { keys: [await exportJWK(publicKey)] }
  await createClient(operator, { client_id: 'robot', token_endpoint_auth_method: 'private_key_jwt', jwks })
  const rotated = await operator.call('POST', '/admin/api/clients/shop/rotate-secret')
  const held = await grantTokens(issuer, shop, 'ada')
  const renewed = (await refresh(issuer, shop, held.refresh_token ?? '')).body
  secrets.set('brought secret', operator.credentials.secret)
  secrets.set('generated secret', shop.secret)
  secrets.set('rotated secret', rotated.body.client_secret)
  secrets.set('access token', held.access_token ?? '')
  secrets.set('refresh token', renewed.refresh_token)
  secrets.set('used refresh token', held.refresh_token ?? '')
  secrets.set('second access token', renewed.access_token)
  secrets.set('admin token', await operator.token())
  secrets.set('wrong secret', 'correct-horse-battery-staple-correct')
  secrets.set('wrong secret in our form', `sgs_${'Wr0ng'.repeat(9).slice(0, 43)}`)
  secrets.set('password', 'Tr0ub4dor&3-of-ada')
  secrets.set('assertion', await assertion('robot', issuer.issuer, robotKey))
  secrets.set('refused assertion', await assertion('robot', 'https://elsewhere.example', robotKey))
  secrets.set('authorization', basic(shop).authorization ?? '')
  secrets.set('subject claims', 'ada.lovelace@private.example')
  secrets.set('master key', readFileSync(join(issuer.folder, 'keys/master.key'), 'utf8').trim())
  return { issuer, secrets, told: [], shop, held: renewed, used: held.refresh_token ?? '', robotKey }
}

const OAUTH_PATHS = ['/token', '/refresh', '/revoke', '/introspect']

/** Good requests of each kind; what they answer may hold tokens, what is logged of them may not. */
async function behaveWell({ issuer, secrets, shop, held }: Awaited<ReturnType<typeof moveIn>>): Promise<void> {
  const form = { client_assertion_type: ASSERTION_TYPE, client_assertion: secrets.get('assertion') ?? '' }
  const subject = {
    grant_type: SUBJECT_GRANT,
    subject: 'grace',
    subject_claims: JSON.stringify({ email: secrets.get('subject claims') }),
  }
  const good = [
    await post(issuer, '/token', { grant_type: 'client_credentials', ...form }),
    await post(issuer, '/token', { ...subject, scope: 'read offline_access' }, shop),
    await post(issuer, '/introspect', { token: held.access_token ?? '' }, shop),
    await post(issuer, '/introspect', { token: held.refresh_token ?? '' }, shop),
    await issuer.operator.call('POST', '/blacklist', { token: held.access_token, reason: 'a test' }),
    await issuer.operator.call('GET', '/admin/api/clients'),
    await issuer.operator.call('GET', '/admin/api/grants'),
  ]
  for (const [index, { status, text }] of good.entries()) expect(status, `${index}: ${text}`).toBeLessThan(300)
  const fresh = await grantTokens(issuer, shop, 'linus')
  for (const token of [fresh.access_token, fresh.refresh_token])
    expect((await post(issuer, '/revoke', { token: token ?? '' }, shop)).status).toBe(200)
  for (const [index, { body }] of good.entries()) {
    if (body.access_token) secrets.set(`access token ${index}`, body.access_token)
    if (body.refresh_token) secrets.set(`refresh token ${index}`, body.refresh_token)
  }
}

/** Each secret where it does not belong: query, path, headers, other parameters, other grants. */
async function misbehave({
  issuer,
  secrets,
  told,
  shop,
  used,
  robotKey,
}: Awaited<ReturnType<typeof moveIn>>): Promise<void> {
  const note = async (answer: Promise<Answer>) => void told.push(await answer)
  const admin = bearer(await issuer.operator.token())
  for (const [kind, secret] of secrets) {
    const isKnown = /^(sg[rs]_|eyJ)/.test(secret)
    const encoded = encodeURIComponent(secret)
    // queries and paths
    const query = `?access_token=${encoded}&client_secret=${encoded}&refresh_token=${encoded}&token=${encoded}`
    for (const path of OAUTH_PATHS) {
      await note(request(issuer.url + path + query, { form: {} }))
      await note(request(issuer.url + path + query))
      await note(request(`${issuer.url}${path}/${encoded}`, { form: {} }))
    }
    for (const path of [
      '/blacklist',
      '/admin/api/clients',
      '/admin/api/grants',
      '/admin/api/keys',
      '/admin/api/audit',
      '/nowhere',
    ]) {
      await note(request(issuer.url + path + query))
    }
    await note(request(`${issuer.url}/blacklist/feed?after=${encoded}`))
    for (const collection of ['clients', 'resources', 'grants', 'users', 'keys']) {
      await note(request(`${issuer.url}/admin/api/${collection}/${encoded}`, { headers: admin }))
      // Any text may be the name of a person who is to be denied, and is shown as such.
      if (collection === 'users' && !isKnown) continue
      await note(
        request(`${issuer.url}/admin/api/${collection}/${encoded}/disable`, { method: 'POST', headers: admin }),
      )
    }
    await note(request(`${issuer.url}/admin/api/keys/${encoded}/revoke`, { method: 'POST', headers: admin }))
    for (const method of ['GET', 'DELETE'])
      await note(request(`${issuer.url}/blacklist/${encoded}`, { method, headers: admin }))
    // headers
    const headers = {
      'user-agent': secret,
      referer: `http://x/?s=${encoded}`,
      cookie: `s=${encoded}`,
      'x-request-id': secret,
      'x-api-key': secret,
    }
    await note(request(`${issuer.url}/token`, { form: { grant_type: 'password' }, headers }))
    const asId = [`${secret}:x`, `${encoded}:x`].map((pair) => `Basic ${Buffer.from(pair).toString('base64')}`)
    for (const authorization of [
      ...asId,
      `Bearer ${secret}`,
      `Basic ${secret}`,
      `Basic ${Buffer.from(secret).toString('base64')}`,
      `Basic ${Buffer.from(`shop:x${secret}`).toString('base64')}`,
      secret,
    ]) {
      await note(
        request(`${issuer.url}/token`, { form: { grant_type: 'client_credentials' }, headers: { authorization } }),
      )
      if (authorization.startsWith('Bearer') && authorization !== admin.authorization)
        await note(request(`${issuer.url}/admin/api/clients/unknown`, { headers: { authorization } }))
    }
    // parameters
    for (const name of [
      'grant_type',
      'scope',
      'resource',
      'refresh_token',
      'subject_claims',
      'client_id',
      'token_type_hint',
      'code',
      'assertion',
    ]) {
      const grant =
        name === 'refresh_token' ? 'refresh_token' : name === 'subject_claims' ? SUBJECT_GRANT : 'client_credentials'
      const isGood =
        name === 'token_type_hint' || name === 'code' || name === 'assertion' || kind.startsWith('refresh token')
      const form = { grant_type: grant, ...(name === 'subject_claims' && { subject: 'ada' }), [name]: secret }
      if (!isGood) await note(post(issuer, '/token', form, shop))
      await note(post(issuer, '/token', { ...form, client_secret: `x${secret}` }))
    }
    await note(post(issuer, '/token', { grant_type: 'password', username: 'ada', password: secret }, shop))
    await note(
      post(issuer, '/token', {
        client_assertion_type: ASSERTION_TYPE,
        client_assertion: `${secret}x`,
        grant_type: 'client_credentials',
      }),
    )
    await note(request(`${issuer.url}/refresh`, { json: { refresh_token: { secret } }, headers: basic(shop) }))
    await note(request(`${issuer.url}/refresh`, { json: { [secret]: 5 }, headers: basic(shop) }))
    for (const json of [
      { token: `${secret}x` },
      { jti: secret, sid: secret },
      { expires_at: secret, sub: 'x' },
      { [secret]: 1 },
      [secret],
      secret,
    ]) {
      await note(request(`${issuer.url}/blacklist`, { json, headers: admin }))
    }
    for (const json of [
      { scope: `"${secret}` },
      { grant_types: [secret] },
      { token_endpoint_auth_method: secret },
      { access_token_ttl: secret },
    ]) {
      await note(request(`${issuer.url}/admin/api/clients`, { json, headers: admin }))
    }
    for (const json of [{ id: `${secret} x` }, { id: 'x', alg: secret }, { id: 'x', ttl: secret }]) {
      await note(request(`${issuer.url}/admin/api/resources`, { json, headers: admin }))
    }
    await note(request(`${issuer.url}/admin/api/audit?limit=${encoded}`, { headers: admin }))
  }
  // wrong secrets, used and foreign tokens, refused and repeated assertions
  const wrong = ['wrong secret', 'wrong secret in our form'].map((name) => secrets.get(name) ?? '')
  for (const secret of wrong)
    for (const path of OAUTH_PATHS)
      await note(post(issuer, path, { token: used, grant_type: 'client_credentials' }, { ...shop, secret }))
  for (const name of ['assertion', 'refused assertion']) {
    await note(
      post(issuer, '/token', {
        grant_type: 'client_credentials',
        client_assertion_type: ASSERTION_TYPE,
        client_assertion: secrets.get(name) ?? '',
      }),
    )
  }
  const mangled = await assertion('robot', issuer.issuer, robotKey, { jti: 'x'.repeat(300) })
  secrets.set('assertion with a long jti', mangled)
  await note(
    post(issuer, '/token', {
      grant_type: 'client_credentials',
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: mangled,
    }),
  )
  await note(refresh(issuer, issuer.operator.credentials, used))
  issuer.clock.advance(60)
  await note(refresh(issuer, shop, used))
}

sqliteTest(
  'no secret, token, assertion or Authorization value is in logs, audit rows, documents, errors or the database',
  async () => {
    const run = await moveIn()
    const { issuer, secrets, told } = run
    await behaveWell(run)
    await misbehave(run)

    // Refusals repeat nothing of what was sent, however it was sent.
    const refusals = told.filter(({ status }) => status >= 400)
    expect(refusals.length).toBeGreaterThan(1000)
    expect(refusals.filter(({ status }) => status >= 500).map(({ text }) => text)).toEqual([])
    const leaking = refusals.flatMap(({ text }) => (findLeaks(text, secrets).length > 0 ? [text] : []))
    expect([...new Set(leaking)]).toEqual([])

    const documents = [
      ...(await Promise.all(
        [
          '/.well-known/openid-configuration',
          '/.well-known/oauth-authorization-server',
          '/.well-known/jwks.json',
          '/blacklist/feed',
          '/livez',
          '/readyz',
        ].map((path) => request(issuer.url + path)),
      )),
      ...(await Promise.all(
        [
          '/admin/api/clients',
          '/admin/api/resources',
          '/admin/api/keys',
          '/admin/api/grants',
          '/admin/api/users',
          '/admin/api/audit?limit=1000',
          '/blacklist',
        ].map((path) => issuer.operator.call('GET', path)),
      )),
    ]
    // A person's claims are shown to administrators, who see the grant, and to nobody else.
    const { 'subject claims': claims, ...others } = Object.fromEntries(secrets)
    for (const { status, text } of documents) {
      expect(status).toBe(200)
      expect(findLeaks(text, new Map(Object.entries(others)))).toEqual([])
      expect(text).not.toMatch(/sgs_|sgr_|eyJ[\w-]+\.eyJ|PRIVATE|"d":/)
    }
    expect(documents.filter(({ text }) => text.includes(claims ?? '')).length).toBeLessThanOrEqual(1)

    await issuer.stop()
    // Not as many lines as answers: of a flood of refusals only some are logged.
    expect(issuer.logged.length).toBeGreaterThan(told.length / 4)
    const lines = issuer.logged.filter(
      (line) => findLeaks(line, secrets).length > 0 || /sg[rs]_\w{8}|eyJ[\w-]+\.eyJ/.test(line),
    )
    expect([...new Set(lines.map((line) => JSON.parse(line).reason ?? line))]).toEqual([])

    // At rest: what the files hold, as bytes. A person's claims are kept on purpose.
    const files = readdirSync(join(issuer.folder, 'data'))
    expect(files).toContain('signet.db')
    for (const name of files) {
      const bytes = readFileSync(join(issuer.folder, 'data', name)).toString('latin1')
      expect(findLeaks(bytes, new Map(Object.entries(others))), name).toEqual([])
      expect(bytes).not.toMatch(/sgs_|sgr_|PRIVATE KEY|"(d|p|q|dp|dq|qi)":"/)
    }
  },
)

test('line breaks and control characters that a caller sends cannot forge a line of the log', async () => {
  const issuer = await startAdministered()
  const forged = 'x\n{"level":"info","message":"all is well"}\r\n\u001b[31mred\u2028'
  const before = issuer.logged.length
  await post(issuer, '/token', { grant_type: forged, client_id: forged, client_secret: forged })
  await post(issuer, '/token', { grant_type: 'client_credentials', scope: forged }, issuer.operator.credentials)
  await request(`${issuer.url}/admin/api/clients/${encodeURIComponent(forged)}`, {
    headers: bearer(await issuer.operator.token()),
  })
  const lines = issuer.logged.slice(before)
  expect(lines.length).toBeGreaterThanOrEqual(3)
  for (const line of lines) for (const control of ['\n', '\r', '\u001b']) expect(line).not.toContain(control)
  expect(lines.filter((line) => JSON.parse(line).message === 'all is well')).toEqual([])
  expect(claimsOf(await issuer.operator.token()).sub).toBe('operator')
})
