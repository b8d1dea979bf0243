/** Names: which ids a client or a resource may have, and what is said of a name that nobody knows. */
import { writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { SUBJECT_GRANT, createClient, isActive, tokens } from './support/admin.ts'
import { basic, bearer, claimsOf, post, request, type Answer } from './support/client.ts'
import { signet } from './support/process.ts'
import { API, fresh, refusal, registered, resource, shareWithApi } from './support/shared.ts'

const issuer = shareWithApi({ SIGNET_LOG_LEVEL: 'debug' })

const at = (id: string) => `/admin/api/clients/${encodeURIComponent(id)}`

describe('an id from elsewhere', () => {
  test.each([
    "it's(a)*client!",
    '{a4ccb7a6-6f0d-4e39}',
    '-leading-dash',
    '_base64url-',
    'a+b=c&d',
    'a%41',
    '%2e%2e',
    '50%',
    'a?b#c',
    'a/b//c/../d',
    'a:b@c',
    '"quoted"',
    'back\\slash',
    '<script>',
    '$(id)`id`;',
    'a,b|c',
    '~!#$%^&*()=[];',
    '...',
    'x'.repeat(128),
  ])('%s is registered, gets tokens, and is read, changed, disabled and deleted', async (id) => {
    const client = await createClient(issuer().operator, { client_id: id, scope: 'a', resources: [API] })
    const { access_token: token = '' } = await tokens(issuer(), client)
    expect(claimsOf(token)).toMatchObject({ sub: id, client_id: id })
    const inBody = { grant_type: 'client_credentials', client_id: id, client_secret: client.secret }
    expect(refusal(await post(issuer(), '/token', inBody))).not.toContain('invalid_request')
    expect(await isActive(issuer(), client, token)).toBe(true)
    const { operator } = issuer()
    expect((await operator.call('GET', at(id))).body.client_id).toBe(id)
    expect((await operator.call('PATCH', at(id), { client_name: 'moved' })).body.client_name).toBe('moved')
    expect((await operator.call('POST', `${at(id)}/disable`)).status).toBe(200)
    expect(await isActive(issuer(), await registered(issuer(), { resources: [API] }), token)).toBe(false)
    expect((await operator.call('POST', `${at(id)}/enable`)).status).toBe(200)
    const rows = await operator.call('GET', `/admin/api/audit?target=${encodeURIComponent(id)}`)
    expect((rows.body as unknown as { target: string }[]).every(({ target }) => target === id)).toBe(true)
    expect((await operator.call('DELETE', at(id))).status).toBe(204)
    expect((await operator.call('GET', at(id))).status).toBe(404)
  })

  test('is given to the command line as it is', async () => {
    const id = '-$(id)'
    const made = await signet(['client', 'create', '--id', id, '--json'], issuer().env)
    expect([made.code, JSON.parse(made.stdout).client_id]).toEqual([0, id])
    expect((await signet(['client', 'show', '--json', '--', id], issuer().env)).code).toBe(0)
  })
})

const LOOKS_SECRET = [
  'eyJaaaaaaaa.bbb.ccc',
  'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln',
  `sgs_${'a'.repeat(43)}`,
  `sgr_${'a'.repeat(71)}`,
  `x/eyJaaaaaaaa.bbb.ccc`,
]
const RESERVED = ['cli', 'system', 'config', 'unknown']
const PREFIXED = ['signet:operator', 'signet:admin', 'signet:anything', 'SIGNET:x']
const NO_IDS = ['', ' ', 'a b', 'a\tb', 'a\nb', 'caf\u00e9', 'a\u200bb', '.', '..', 'x'.repeat(129), 'x'.repeat(50_000)]

describe('an id is refused', () => {
  test.each([...LOOKS_SECRET, ...RESERVED, ...PREFIXED, ...NO_IDS])('for a client: %s', async (id) => {
    const answer = await issuer().operator.call('POST', '/admin/api/clients', { client_id: id })
    expect(refusal(answer)).toBe('400 invalid_client_metadata')
    expect(answer.body.error_description).toContain('client_id: ')
    if (LOOKS_SECRET.includes(id)) expect(answer.text).not.toContain(id)
  })

  test.each([...LOOKS_SECRET.map((each) => `urn:${each}`), LOOKS_SECRET[0] ?? '', ...PREFIXED, 'a b', '', '.', '..'])(
    'for a resource: %s',
    async (id) => {
      const answer = await issuer().operator.call('POST', '/admin/api/resources', { id })
      expect(refusal(answer)).toBe('400 invalid_request')
      if (id.includes('eyJ') || id.includes('sg')) expect(answer.text).not.toContain(id)
    },
  )

  test('by the command line as bad usage, and a plain name of Signet’s is no resource of its own', async () => {
    const create = (id: string) => signet(['client', 'create', '--id', id], issuer().env)
    for (const refused of await Promise.all([create('cli'), create(`sgs_${'a'.repeat(43)}`)]))
      expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(await resource(issuer(), { id: 'config' }).catch(String)).not.toContain('Error')
  })
})

/** A secret that an operator made up: nothing in it tells that it is one. */
const BROUGHT = 'correct-horse-battery-staple-4711-prod'

describe('a name that nobody knows', () => {
  const lastReason = (answer: Answer): string => {
    const id = answer.headers.get('x-request-id')
    const line = issuer().logged.findLast((each) => each.includes(`"request_id":"${id}"`))
    return line === undefined ? 'no line' : String(JSON.parse(line).reason)
  }
  const unsigned = (claims: object) =>
    ['{"alg":"ES256"}', JSON.stringify(claims), 'x'.repeat(64)]
      .map((part) => Buffer.from(part).toString('base64url'))
      .join('.')
  const form = { grant_type: 'client_credentials' }
  const ways: [string, () => Promise<Answer>][] = [
    [
      'Basic with swapped fields',
      () => request(`${issuer().url}/token`, { form, headers: basic({ clientId: BROUGHT, secret: 'dear' }) }),
    ],
    ['client_id alone', () => post(issuer(), '/token', { ...form, client_id: BROUGHT })],
    ['client_id with a secret', () => post(issuer(), '/token', { ...form, client_id: BROUGHT, client_secret: 'dear' })],
    ['client_id at introspection', () => post(issuer(), '/introspect', { token: 'x', client_id: BROUGHT })],
    ['client_id at revocation', () => post(issuer(), '/revoke', { token: 'x', client_id: BROUGHT })],
    [
      'iss of an assertion',
      () =>
        post(issuer(), '/token', {
          ...form,
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: unsigned({ iss: BROUGHT, sub: BROUGHT }),
        }),
    ],
  ]

  test.each(ways)('as %s is in the log by its beginning, length and fingerprint', async (_, send) => {
    issuer().clock.advance(2)
    const [first, second] = [await send(), await send()]
    expect(first.status).toBe(401)
    expect(lastReason(first)).toMatch(/^no client "corr…" \(38 characters, fingerprint [\da-f]{10}\)$/)
    expect(lastReason(second)).toBe(lastReason(first))
    expect(issuer().logged.filter((line) => line.includes('horse'))).toEqual([])
    expect(first.text).not.toContain('corr')
  })

  test('has another fingerprint where it is another name, and tells of white space', async () => {
    issuer().clock.advance(2)
    const [one, other] = [
      await post(issuer(), '/token', { ...form, client_id: `${BROUGHT}1` }),
      await post(issuer(), '/token', { ...form, client_id: ` ${BROUGHT}` }),
    ]
    expect(lastReason(one)).not.toBe(lastReason(other))
    expect(lastReason(other)).toMatch(/^no client "\?cor…" \(39 characters, white space among them, fingerprint/)
  })

  test('as a resource, scope, grant type, parameter or member is nowhere in the log', async () => {
    const client = await registered(issuer(), { grant_types: ['client_credentials', SUBJECT_GRANT] })
    const admin = bearer(await issuer().operator.token())
    const json = (path: string, body: object) => request(issuer().url + path, { json: body, headers: admin })
    const answers = [
      await post(issuer(), '/token', { ...form, resource: BROUGHT }, client),
      await post(issuer(), '/token', { ...form, resource: `https://x.example/${BROUGHT}` }, client),
      await post(issuer(), '/token', { ...form, scope: BROUGHT }, client),
      await post(issuer(), '/token', { grant_type: BROUGHT }, client),
      await post(issuer(), '/token', { ...form, [BROUGHT]: 'x', redirect_uri: BROUGHT, code: BROUGHT }),
      await post(
        issuer(),
        '/token',
        { grant_type: SUBJECT_GRANT, subject: 'a', subject_claims: `{"${BROUGHT}":1}` },
        client,
      ),
      await post(
        issuer(),
        '/token',
        { grant_type: SUBJECT_GRANT, subject: 'a', subject_claims: `{"a":1,"a":"${BROUGHT}"}` },
        client,
      ),
      await json('/admin/api/clients', { [BROUGHT]: 1 }),
      await json('/admin/api/clients', { correcthorsebattery_staple: 1 }),
      await json('/admin/api/clients', { claims: { [BROUGHT]: 1e300 } }),
      await json('/admin/api/clients', { redirect_uris: [BROUGHT] }),
      await json('/admin/api/resources', { id: `${BROUGHT} x` }),
      await json('/blacklist', { [BROUGHT]: 1 }),
      await request(`${issuer().url}/admin/api/keys/${BROUGHT}/revoke`, { method: 'POST', headers: admin }),
      await request(`${issuer().url}/${BROUGHT}`),
      await request(`${issuer().url}/livez?${BROUGHT}=1`),
    ]
    expect(answers.filter(({ status }) => status >= 500)).toEqual([])
    expect(issuer().logged.filter((line) => /horse/.test(line))).toEqual([])
  })
})

test('the doctor names the client that an unknown one may have meant', async () => {
  const id = fresh('orders-backend')
  await registered(issuer(), { client_id: id })
  const answer = await post(issuer(), '/token', {
    grant_type: 'client_credentials',
    client_id: `${id}x`,
    client_secret: 'y',
  })
  const request_id = answer.headers.get('x-request-id') ?? ''
  const line = issuer().logged.find((each) => each.includes(request_id)) ?? ''
  const file = `${issuer().folder}/doctor.log`
  writeFileSync(file, `${line}\n`)
  const { stdout } = await signet(['doctor', '--request', request_id, '--log', file, '--json'], issuer().env)
  expect(JSON.parse(stdout)[0].fix).toContain(id)
})

test('a command that the doctor shows holds names of a foreign token as words, and not as commands', async () => {
  const evil = "x'; rm -rf $(pwd) #"
  const token = [{ alg: 'ES256', kid: 'k' }, { iss: 'x', client_id: evil, aud: [evil] }, {}]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const { stdout } = await signet(['doctor', token, '--resource', 'a b;c', '--json'], issuer().env)
  const fixes = (JSON.parse(stdout) as { fix: string | null }[]).map(({ fix }) => fix ?? '')
  const quoted = `'x'\\''; rm -rf $(pwd) #'`
  expect(fixes).toContainEqual(expect.stringContaining(`signet client create --id ${quoted}`))
  expect(fixes).toContainEqual(expect.stringContaining(`signet resource create ${quoted}`))
  expect(fixes).toContainEqual(expect.stringContaining(`--resource 'a b;c'`))
})
