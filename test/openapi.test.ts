/** /openapi.json: that it tells all of the service, nothing else, and the truth. */
import { readFileSync } from 'node:fs'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { SUBJECT_GRANT } from './support/admin.ts'
import { basic, bearer, claimsOf, request, type Answer, type Credentials } from './support/client.ts'
import { addClient, addUser, codeForm, signIn } from './support/codes.ts'
import {
  expectDocumented,
  readDescription,
  type Described,
  type DescribedOperation,
  type Json,
} from './support/described.ts'
import { startTestIssuer } from './support/issuer.ts'
import { addPerson, storeOf } from './support/people.ts'
import { readRoutes } from './support/routes.ts'
import { API, assertionOf, fresh, registered, shareWithApi } from './support/shared.ts'

const shared = shareWithApi()
let described: Described

beforeAll(async () => {
  described = await readDescription(shared())
})

const named = (operationId: string): DescribedOperation => {
  const found = described.operations.find(({ operation }) => operation.operationId === operationId)
  if (!found) throw new Error(`no operation ${operationId}`)
  return found
}

const needsBearer = ({ operation }: DescribedOperation): boolean =>
  operation.security.some((each: Json) => 'bearer' in each)
const isForClients = ({ operation }: DescribedOperation): boolean =>
  operation.security.some((each: Json) => 'client_secret_basic' in each)
const FORM = 'application/x-www-form-urlencoded'

/** Every answer that a test of this file got and found documented: `operationId status`. */
const seen = new Set<string>()

interface Sent {
  in?: Record<string, string>
  query?: string
  headers?: Record<string, string>
  form?: Record<string, string> | [string, string][]
  json?: unknown
}

/** Sends what an operation takes, and holds the answer against its description. */
async function send(operation: DescribedOperation, { in: ids = {}, query = '', ...sent }: Sent = {}): Promise<Answer> {
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(ids[name] ?? 'nothing'))
  const answer = await request(shared().url + path + query, { method: operation.method, ...sent })
  expectDocumented(described, operation, answer)
  seen.add(`${operation.operation.operationId} ${answer.status}`)
  return answer
}

/** The same as administrator, or as who the headers say. */
const call = async (operationId: string, sent: Sent = {}): Promise<Answer> =>
  send(named(operationId), { headers: bearer(await shared().operator.token()), ...sent })

// ------------------------------------------------------------------ the document

describe('the document', () => {
  const schema = z.looseObject({})
  const header = z.union([
    z.strictObject({ $ref: z.string() }),
    z.strictObject({ description: z.string().min(1), required: z.boolean(), schema }),
  ])
  const media = z
    .strictObject({
      schema,
      example: z.unknown().optional(),
      examples: z.record(z.string(), z.strictObject({ summary: z.string(), value: z.unknown() })).optional(),
    })
    .refine((each) => !(each.example !== undefined && each.examples !== undefined))
  const content = z.record(z.string().regex(/^[a-z]+\/[a-z.+-]+$/), media)
  const response = z.strictObject({
    description: z.string().min(1),
    headers: z.record(z.string(), header).optional(),
    content: content.optional(),
  })
  const parameter = z.strictObject({
    name: z.string(),
    in: z.enum(['query', 'path', 'header']),
    description: z.string().min(1),
    required: z.boolean().optional(),
    schema,
    example: z.unknown().optional(),
  })
  const operation = z.strictObject({
    operationId: z.string().regex(/^[a-z][A-Za-z]+$/),
    tags: z.array(z.string()).length(1),
    summary: z.string().min(1),
    description: z.string().min(1).optional(),
    security: z.array(z.record(z.string(), z.array(z.string()))),
    parameters: z.array(parameter).optional(),
    requestBody: z.strictObject({ required: z.boolean(), content }).optional(),
    responses: z.record(z.string().regex(/^[2345]\d\d$/), z.union([z.strictObject({ $ref: z.string() }), response])),
  })
  const scheme = z.discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('http'),
      scheme: z.enum(['basic', 'bearer']),
      bearerFormat: z.string().optional(),
      description: z.string(),
    }),
    z.strictObject({
      type: z.literal('oauth2'),
      description: z.string(),
      flows: z.strictObject({
        clientCredentials: z.strictObject({ tokenUrl: z.url(), scopes: z.record(z.string(), z.string()) }),
      }),
    }),
  ])
  /** OpenAPI 3.1.1 §4.8, as far as this document goes; what it does not name here must not be in it. */
  const openapi = z.strictObject({
    openapi: z.string().regex(/^3\.1\.\d+$/),
    info: z.strictObject({ title: z.string(), version: z.string(), summary: z.string(), description: z.string() }),
    servers: z.array(z.strictObject({ url: z.url() })),
    tags: z.array(z.strictObject({ name: z.string(), description: z.string() })),
    paths: z.record(z.string().startsWith('/'), z.partialRecord(z.enum(['get', 'post', 'patch', 'delete']), operation)),
    components: z.strictObject({
      schemas: z.record(z.string().regex(/^[A-Za-z]+$/), schema),
      responses: z.record(z.string().regex(/^[A-Za-z]+$/), response),
      headers: z.record(z.string(), header),
      securitySchemes: z.record(z.string(), scheme),
    }),
  })

  test('has the shape of OpenAPI 3.1, with no member that it does not know', () => {
    expect(openapi.safeParse(described.document).error?.message).toBeUndefined()
  })

  test('says of every operation its own id, a known tag, known ways to authenticate, and the parameters of its path', () => {
    const { document, operations } = described
    const ids = operations.map(({ operation: { operationId } }) => operationId)
    expect(new Set(ids).size).toBe(ids.length)
    const tags = document.tags.map(({ name }: Json) => name)
    const { scopes } = document.components.securitySchemes.oauth2.flows.clientCredentials
    for (const { path, operation: one } of operations) {
      expect(tags).toContain(one.tags[0])
      for (const way of one.security) {
        expect(Object.keys(document.components.securitySchemes)).toEqual(expect.arrayContaining(Object.keys(way)))
        for (const scope of Object.values<string[]>(way).flat()) expect(Object.keys(scopes)).toContain(scope)
      }
      const inPath = (one.parameters ?? []).filter((each: Json) => each.in === 'path')
      expect(inPath.every((each: Json) => each.required)).toBe(true)
      expect(inPath.map(({ name }: Json) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? [])
    }
    expect(
      new Set(
        operations.map(
          ({
            operation: {
              tags: [tag],
            },
          }) => tag,
        ),
      ),
    ).toEqual(new Set(tags))
  })

  test('refers to nothing that is not there, and holds nothing that nobody refers to', () => {
    const { document, deref } = described
    const text = JSON.stringify(document)
    const refs = new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, at]) => at ?? ''))
    for (const $ref of refs) expect(deref({ $ref })).toBeTypeOf('object')
    for (const kind of ['schemas', 'responses', 'headers']) {
      for (const name of Object.keys(document.components[kind])) expect(refs).toContain(`#/components/${kind}/${name}`)
    }
  })

  test('says of every member what it means', () => {
    const bare: string[] = []
    const look = (value: any, at: string): void => {
      if (typeof value !== 'object' || value === null) return
      if (value.type === 'object' && value.properties) {
        for (const [name, member] of Object.entries<Json>(value.properties))
          if (member.description === undefined) bare.push(`${at}.${name}`)
      }
      for (const [key, inner] of Object.entries(value)) look(inner, `${at}.${key}`)
    }
    look(described.document.components.schemas, '')
    const bodies = described.operations.map(({ operation: { requestBody } }) => requestBody)
    look(bodies, 'bodies')
    expect(bare).toEqual([])
  })

  test('gives examples that are what it describes', () => {
    let checked = 0
    const check = (what: string, { schema: one, example, examples }: Json) => {
      const given = example === undefined ? Object.values<Json>(examples ?? {}).map(({ value }) => value) : [example]
      for (const value of given) {
        expect(described.check(one).safeParse(value).error?.message, what).toBeUndefined()
        checked += 1
      }
    }
    for (const { method, path, operation: one } of described.operations) {
      for (const each of one.parameters ?? []) check(`${method} ${path} ${each.name}`, each)
      for (const [type, each] of Object.entries<Json>(one.requestBody?.content ?? {}))
        check(`${method} ${path} ${type}`, each)
      for (const [status, told] of Object.entries<Json>(one.responses))
        for (const each of Object.values<Json>(described.deref(told).content ?? {}))
          check(`${method} ${path} ${status}`, each)
    }
    expect(checked).toBeGreaterThan(200)
  })

  test('names the issuer as its server and where its tokens are asked for, whatever Host was sent', async () => {
    const issuer = 'https://sso.example.com/auth/'
    const { url } = await startTestIssuer({ SIGNET_ISSUER: issuer })
    for (const path of ['/openapi.json', '/auth/openapi.json']) {
      const { body } = await request(url + path, { headers: { 'x-forwarded-host': 'evil.example' } })
      expect(body.servers).toEqual([{ url: 'https://sso.example.com/auth' }])
      const { tokenUrl } = body.components.securitySchemes.oauth2.flows.clientCredentials
      expect(tokenUrl).toBe('https://sso.example.com/auth/token')
    }
    expect(described.document.servers).toEqual([{ url: shared().issuer }])
  })

  test('is public, is kept by its entity tag, and answers HEAD', async () => {
    const first = await send(named('readOpenapi'))
    expect(first.headers.get('cache-control')).toBe('public, no-cache')
    expect(first.headers.get('access-control-allow-origin')).toBe('*')
    const etag = first.headers.get('etag') ?? ''
    const again = await send(named('readOpenapi'), { headers: { 'if-none-match': etag } })
    expect(again).toMatchObject({ status: 304, text: '' })
    const head = await request(`${shared().url}/openapi.json`, { method: 'HEAD' })
    expect(head).toMatchObject({ status: 200, text: '' })
    expect(head.headers.get('etag')).toBe(etag)
  })
})

// ------------------------------------------------------------------ paths and methods

describe('its paths', () => {
  const routes = readFileSync(new URL('../src/app.ts', import.meta.url), 'utf8')

  test('are those of the service, with the same methods', async () => {
    const interfaces = (await readRoutes()).filter(({ access }) => access.kind !== 'page' && !access.isUndescribed)
    const served = interfaces.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
    expect(served.length).toBeGreaterThan(30)
    expect(described.operations.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(served.sort())
  })

  test('refuse every other method with 405, and Allow names the ones that are documented', async () => {
    const paths = Object.entries<Json>(described.document.paths)
    for (const [path, methods] of paths) {
      const documented = new Set(Object.keys(methods).map((method) => method.toUpperCase()))
      if (documented.has('GET')) documented.add('HEAD')
      const others = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].filter(
        (each) => !documented.has(each),
      )
      for (const method of others) {
        const answer = await request(shared().url + path.replaceAll(/\{\w+\}/g, 'x'), { method })
        expect(answer.status, `${method} ${path}`).toBe(405)
        expect(new Set(answer.headers.get('allow')?.split(', ')), path).toEqual(documented)
      }
    }
  })

  test('are described by files that the service loads only when it is asked for them', () => {
    expect(routes).toMatch(/import\('\.\/openapi\/document\.ts'\)/)
    expect(routes).not.toMatch(/from '\.\/openapi\//)
  })
})

// ------------------------------------------------------------------ what is taken

describe('what it says is taken', () => {
  test('a parameter that may be sent once is refused twice; one that may repeat is not; others are ignored', async () => {
    const client = await registered(shared())
    const headers = basic(client)
    const forms = described.operations.filter(({ operation }) => operation.requestBody?.content[FORM])
    expect(forms.map(({ path }) => path)).toEqual(['/token', '/refresh', '/revoke', '/introspect', '/userinfo'])
    for (const operation of forms.filter(isForClients)) {
      const { properties, required } = operation.operation.requestBody.content[FORM].schema
      const rest: [string, string] = [required[0], required[0] === 'grant_type' ? 'client_credentials' : 'x']
      for (const [name, { type }] of Object.entries<Json>(properties)) {
        const twice: [string, string][] = [
          [name, API],
          [name, API],
        ]
        const form = required.includes(name) ? twice : [rest, ...twice]
        const answer = await send(operation, { headers, form })
        const told = `${name} was sent 2 times`
        if (type === 'array') expect(answer.text, operation.path).not.toContain(told)
        else
          expect(answer, `${operation.path} ${name}`).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
        if (type !== 'array') expect(answer.text).toContain(told)
      }
      const foreign = await send(operation, {
        headers,
        form: [
          ['colour', 'red'],
          ['colour', 'blue'],
        ],
      })
      expect(foreign.text).toMatch(/(grant_type|token) is missing/)
    }
  })

  test('a parameter that is required is refused where it is absent', async () => {
    const headers = basic(await registered(shared()))
    for (const operation of described.operations.filter(isForClients)) {
      const { required } = operation.operation.requestBody.content[FORM].schema
      expect(required).toHaveLength(1)
      const answer = await send(operation, { headers, form: {} })
      expect(answer).toMatchObject({ status: 400, body: { error_description: `${required[0]} is missing` } })
    }
  })

  test('a body in JSON that the description refuses is refused', async () => {
    const wrong = [
      true,
      7.5,
      -1,
      {},
      [7],
      [''],
      '',
      'none such',
      'x'.repeat(20_000),
      'sgr_0123456789',
      ['x'.repeat(600)],
    ]
    let refused = 0
    for (const operation of described.operations.filter(needsBearer)) {
      const content = operation.operation.requestBody?.content['application/json']
      if (!content) continue
      const accepts = (body: unknown) => described.check(content.schema).safeParse(body).success
      const { properties } = described.deref(content.schema)
      for (const [name, value] of Object.keys(properties).flatMap((each) => wrong.map((one) => [each, one] as const))) {
        const json = { ...content.example, [name]: value }
        if (accepts(json)) continue
        const answer = await call(operation.operation.operationId, { json })
        expect(answer.status, `${operation.path} ${name} ${JSON.stringify(value).slice(0, 60)}`).toBe(400)
        refused += 1
      }
      expect((await call(operation.operation.operationId, { json: [] })).status).toBe(400)
      expect((await call(operation.operation.operationId, { form: {} })).status).toBe(400)
    }
    expect(refused).toBeGreaterThan(100)
  })

  test('a query that the description refuses is refused, and its bounds are taken', async () => {
    const bad: Record<string, string[]> = { limit: ['0', '1001', 'x', '1.5', '-1'], after: ['x', '-1', '1'.repeat(16)] }
    const good: Record<string, string[]> = { limit: ['1', '1000'], after: ['0', '1'.repeat(15)] }
    let asked = 0
    for (const { operation } of described.operations) {
      for (const { in: place, name, schema } of operation.parameters ?? []) {
        if (place !== 'query' || (schema.minimum ?? schema.pattern) === undefined) continue
        const accepts = (value: string) =>
          described.check(schema).safeParse(schema.type === 'integer' ? Number(value) : value).success
        for (const value of bad[name] ?? []) {
          expect(accepts(value)).toBe(false)
          expect((await call(operation.operationId, { query: `?${name}=${value}` })).status).toBe(400)
        }
        for (const value of good[name] ?? []) {
          expect(accepts(value)).toBe(true)
          expect((await call(operation.operationId, { query: `?${name}=${value}` })).status).toBe(200)
        }
        asked += 1
      }
    }
    expect(asked).toBe(11)
  })
})

// ------------------------------------------------------------------ what is answered

describe('what it says is answered', () => {
  test('to clients and verifiers', async () => {
    const issuer = shared()
    const own = await call('createResource', { json: { id: 'https://own.example.com/v1', own_keys: true } })
    const client = await registered(issuer, {
      grant_types: ['client_credentials', 'refresh_token', SUBJECT_GRANT],
      allowed_claims: ['username'],
    })
    const headers = basic(client)
    const scope = 'a offline_access'
    const ask = (form: Sent['form'], more: Record<string, string> = {}) =>
      send(named('issueToken'), { headers: { ...headers, ...more }, form: form ?? {} })
    const claims = { subject: fresh('ada'), subject_claims: '{"username":"Ada"}' }
    const granted = await ask({ grant_type: SUBJECT_GRANT, scope, ...claims })
    const plain = await ask({ grant_type: 'client_credentials' })
    const bound = await ask({ grant_type: 'client_credentials' }, { dpop: await proof(`${issuer.issuer}/token`) })
    expect(bound.body.token_type).toBe('DPoP')

    const inForm = await send(named('refreshToken'), { headers, form: { refresh_token: granted.body.refresh_token } })
    const inJson = await send(named('refreshToken'), {
      headers,
      json: { refresh_token: inForm.body.refresh_token, scope: 'a' },
    })
    expect(inJson.body.scope).toBe('a')

    const state = (token: string) => send(named('introspectToken'), { headers, form: { token } })
    for (const { body } of [granted, plain, bound]) expect((await state(body.access_token)).body.active).toBe(true)
    expect((await state(granted.body.access_token)).body.username).toBe('Ada')
    expect((await state(bound.body.access_token)).body.cnf).toBeDefined()
    expect((await state(inJson.body.refresh_token)).body.token_type).toBe('refresh_token')
    expect((await state('nonsense')).text).toBe('{"active":false}')
    expect((await send(named('revokeToken'), { headers, form: { token: plain.body.access_token } })).status).toBe(200)

    for (const operationId of ['readOpenidConfiguration', 'readMetadata', 'readKeys', 'readDocs', 'readFront'])
      await expectCached(operationId)
    await expectCached('readResourceKeys', { resource: own.body.id })
    await expectCached('readDocsFile', { file: 'start.js' })
    await expectCached('readDocsFile', { file: 'swagger-ui.css' })
    await call('addBlacklistEntry', { json: { token: inJson.body.access_token } })
    await expectCached('followBlacklist')
    for (const operationId of ['readLiveness', 'readReadiness'])
      expect((await send(named(operationId))).status).toBe(200)
  })

  test('to those who hold the token of a person', async () => {
    const client = await addClient(shared())
    const person = await addUser(await storeOf(shared()))
    const { code } = await signIn(shared(), client, person)
    const issued = await send(named('issueToken'), { headers: basic(client), form: codeForm(code) })
    const { access_token: token, refresh_token } = issued.body
    expect(issued.body.id_token).toBeDefined()
    const state = await send(named('introspectToken'), { headers: basic(client), form: { token } })
    expect(state.body).toMatchObject({ username: person.username, acr: '1' })
    expect((await send(named('refreshToken'), { headers: basic(client), form: { refresh_token } })).status).toBe(200)
    const service = await send(named('issueToken'), {
      headers: basic(await registered(shared())),
      form: { grant_type: 'client_credentials' },
    })
    for (const operationId of ['readUserinfo', 'postUserinfo']) {
      const ask = (sent: Sent) => send(named(operationId), sent)
      expect((await ask({ headers: bearer(token) })).body.sub).toBe(person.id)
      expect((await ask({})).status).toBe(401)
      expect((await ask({ headers: bearer(service.body.access_token) })).status).toBe(403)
    }
    const twice = await send(named('postUserinfo'), { headers: bearer(token), form: { access_token: token } })
    expect(twice.status).toBe(400)
    expect((await send(named('postUserinfo'), { form: { x: 'x'.repeat(70_000) } })).status).toBe(413)
    await shared().operator.call('PATCH', `/admin/api/clients/${client.clientId}`, {
      userinfo_signed_response_alg: 'ES256',
    })
    expect((await send(named('readUserinfo'), { headers: bearer(token) })).text).toMatch(/^eyJ/)
  })

  test('to administrators about sessions and consents', async () => {
    const client = await addClient(shared())
    const person = await addUser(await storeOf(shared()))
    const { code } = await signIn(shared(), client, person)
    await send(named('issueToken'), { headers: basic(client), form: codeForm(code) })
    const query = `?user=${person.id}`
    const [session] = items(await call('listSessions', { query }))
    expect((await call('readSession', { in: { id: session?.id } })).body.user_id).toBe(person.id)
    expect((await call('listConsents')).status).toBe(200)
    expect((await call('listConsents', { query: '?limit=0' })).status).toBe(400)
    expect(items(await call('listConsents', { query }))).toEqual([])
    expect((await call('withdrawConsent', { query })).status).toBe(400)
    const both = { query: `${query}&client_id=${client.clientId}` }
    expect((await call('withdrawConsent', both)).status).toBe(204)
    expect((await call('withdrawConsent', both)).status).toBe(404)
    expect((await call('endSession', { in: { id: session?.id } })).status).toBe(204)
  })

  test('to followers of the feed as a stream', async () => {
    const leaving = new AbortController()
    const response = await fetch(`${shared().url}/blacklist/feed`, {
      headers: { accept: 'text/event-stream' },
      signal: leaving.signal,
    })
    const told = named('followBlacklist').operation.responses['200']
    const told200 = Object.entries<Json>(told.headers)
      .filter(([, { required }]) => required)
      .map(([name]) => name)
    for (const name of [...told200, 'x-accel-buffering']) expect(response.headers.has(name), name).toBe(true)
    expect(Object.keys(told.content)).toContain(response.headers.get('content-type')?.split(';')[0])
    const first = await response.body?.getReader().read()
    leaving.abort()
    const data = /^data: (.*)$/m.exec(Buffer.from(first?.value ?? []).toString())?.[1] ?? ''
    expect(described.check({ $ref: '#/components/schemas/Feed' }).safeParse(JSON.parse(data)).error).toBeUndefined()
  })

  test('to administrators about clients', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one' }] }
    const example = named('createClient').operation.requestBody.content['application/json'].example
    const { body: made } = await call('createClient', { json: example })
    const at = { id: made.client_id }
    expect((await call('createClient', { json: example })).status).toBe(409)
    const { body: signer } = await call('createClient', {
      json: { token_endpoint_auth_method: 'private_key_jwt', jwks, refresh_grace: 5, claims: { tier: 1 } },
    })
    const client_assertion = await assertionOf(signer.client_id, shared(), privateKey, { header: { kid: 'one' } })
    const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    const asserted = {
      grant_type: 'client_credentials',
      client_id: signer.client_id,
      client_assertion,
      client_assertion_type,
    }
    expect((await send(named('issueToken'), { form: asserted })).status).toBe(200)
    const change = named('updateClient').operation.requestBody.content['application/json'].example
    expect((await call('updateClient', { in: at, json: change })).body).toMatchObject({ access_token_ttl: 600 })
    expect((await call('rotateClientSecret', { in: at, json: { overlap: '1h' } })).body.secrets).toHaveLength(2)
    expect((await call('rotateClientSecret', { in: at })).body.client_secret).toMatch(/^sgs_/)
    expect((await call('rotateClientSecret', { in: { id: signer.client_id } })).status).toBe(400)
    expect((await call('disableClient', { in: at })).body.status).toBe('disabled')
    expect((await call('enableClient', { in: at })).body.status).toBe('enabled')
    expect((await call('readClient', { in: at })).body.client_id).toBe(made.client_id)
    expect((await call('listClients')).text).toContain(made.client_id)
    expect((await call('deleteClient', { in: at })).status).toBe(204)
  })

  test('to administrators about resources', async () => {
    const example = named('createResource').operation.requestBody.content['application/json'].example
    const { body: made } = await call('createResource', { json: example })
    const at = { id: made.id }
    expect((await call('createResource', { json: example })).status).toBe(409)
    const change = named('updateResource').operation.requestBody.content['application/json'].example
    expect((await call('updateResource', { in: at, json: change })).body.ttl).toBe(300)
    expect((await call('updateResource', { in: { id: shared().issuer }, json: change })).status).toBe(409)
    expect((await call('readResource', { in: at })).body.id).toBe(made.id)
    expect((await call('listResources')).text).toContain(made.id)
    await call('createClient', { json: { resources: [made.id] } })
    expect((await call('deleteResource', { in: at })).status).toBe(409)
    expect((await call('deleteResource', { in: at, query: '?force=1' })).status).toBe(400)
    expect((await call('deleteResource', { in: at, query: '?force=true' })).status).toBe(204)
  })

  test('to administrators about keys', async () => {
    await call('createResource', { json: { id: 'ringed', own_keys: true } })
    await request(`${shared().url}/jwks/ringed`, { headers: { 'user-agent': 'orders-api signet-verify/0.1.0' } })
    await request(`${shared().url}/.well-known/jwks.json`, {
      headers: { 'user-agent': 'orders-api signet-verify/0.1.0' },
    })
    const keys = items(await call('listKeys'))
    expect(keys.some(({ resource }) => resource === 'ringed')).toBe(true)
    expect(keys.some(({ seen_by: seenBy }) => seenBy?.length > 0)).toBe(true)
    expect((await call('rotateKeys', { json: { resource: 'unknown' } })).status).toBe(404)
    const example = named('rotateKeys').operation.requestBody.content['application/json'].example
    const rotated = items(await call('rotateKeys', { json: example }))
    // Just made, it has not been published for long enough.
    expect((await call('rotateKeys', { json: { alg: 'ES256' } })).status).toBe(409)
    const old = rotated.find(({ alg, status }) => alg === 'ES256' && status === 'retiring')
    expect(items(await call('revokeKey', { in: { id: old?.kid } })).some(({ status }) => status === 'revoked')).toBe(
      true,
    )
    // The token that was used until now was signed by that key.
    await shared().operator.call('GET', '/admin/api/keys')
    expect((await call('revokeKey', { in: { id: old?.kid } })).status).toBe(409)
  })

  test('to administrators about grants, persons, the blacklist and what was done', async () => {
    const client = await registered(shared(), { grant_types: ['refresh_token', SUBJECT_GRANT] })
    const [ada, lin] = [fresh('ada'), fresh('lin')]
    const [first, second] = [await grantFor(client, ada), await grantFor(client, lin)]
    const page = await call('listGrants', { query: `?client_id=${client.clientId}&limit=1` })
    const more = new URL(page.headers.get('link')?.match(/<([^>]+)>; rel="next"/)?.[1] ?? '', shared().url).search
    expect(
      items(page)
        .concat(items(await call('listGrants', { query: more })))
        .map(({ sid }) => sid),
    ).toEqual([first, second])
    expect((await call('readGrant', { in: { id: first } })).body.sub).toBe(ada)
    expect((await call('endGrant', { in: { id: first } })).status).toBe(204)
    expect((await call('readGrant', { in: { id: first } })).body.status).toBe('ended')

    expect(items(await call('listUsers', { query: '?limit=1' }))).toHaveLength(1)
    expect((await call('readUser', { in: { id: lin } })).body.live_grants).toBe(1)
    const { body: disabled } = await call('disableUser', { in: { id: lin } })
    expect(disabled.status).toBe('disabled')
    expect((await call('readBlacklistEntry', { in: { id: disabled.blacklist_entry } })).body.sub).toBe(lin)
    expect((await call('enableUser', { in: { id: lin } })).body.status).toBe('enabled')

    const example = named('addBlacklistEntry').operation.requestBody.content['application/json'].example
    const added = await call('addBlacklistEntry', {
      json: { ...example, sub: fresh('mallory'), expires_at: '2099-01-31T12:00:00Z' },
    })
    expect((await call('listBlacklist', { query: '?limit=1' })).body.next).not.toBeNull()
    expect((await call('liftBlacklistEntry', { in: { id: added.body.id } })).status).toBe(204)
    await call('disableClient', { in: { id: client.clientId } })
    const { body: list } = await call('listBlacklist', { query: '?limit=1000' })
    const made = list.entries.find(({ value }: Json) => value === client.clientId)
    expect((await call('liftBlacklistEntry', { in: { id: made.id } })).status).toBe(409)
    expect(items(await call('listAudit', { query: `?target=${client.clientId}` })).length).toBeGreaterThan(1)
  })

  test('to operators who make users, groups and invitations', async () => {
    const username = fresh('ada')
    const group = (await call('createGroup', { json: { name: fresh('group') } })).body
    expect((await call('createGroup', { json: { name: group.name } })).status).toBe(409)
    const wanted = { username, groups: [group.name], invite: true }
    const user = (await call('createUser', { json: wanted })).body
    expect((await call('createUser', { json: { username } })).status).toBe(409)
    const one = { in: { id: user.id } }
    expect((await call('readUser', one)).body.username).toBe(username)
    expect(items(await call('listUsers', { query: `?group=${group.name}&search=${username}` }))).toHaveLength(1)
    expect((await call('updateUser', { ...one, json: { name: 'Ada' } })).body.name).toBe('Ada')
    const other = (await call('createUser', { json: { username: fresh('grace') } })).body
    expect((await call('updateUser', { ...one, json: { username: other.username } })).status).toBe(409)
    const password = 'four words of no meaning'
    expect((await call('createGroup', { json: { name: '' } })).status).toBe(400)
    expect((await call('createInvitation', { json: { uses: 0 } })).status).toBe(400)
    await call('createUser', { json: { username: fresh('lin'), email: 'lin@invited.example' } })
    expect((await call('createInvitation', { json: { email: 'lin@invited.example' } })).status).toBe(409)
    expect((await call('setUserPassword', { ...one, json: { password } })).status).toBe(200)
    expect((await call('makeSignInLink', one)).status).toBe(201)
    const withApp = await addPerson(await storeOf(shared()), { username: fresh('app'), user: { totpSecret: 'sealed' } })
    for (const status of [200, 404])
      expect((await call('removeUserFactors', { in: { id: withApp.id }, json: { all: true } })).status).toBe(status)
    await call('disableUser', one)
    expect((await call('makeSignInLink', one)).status).toBe(409)
    expect((await call('enableUser', one)).status).toBe(200)
    await call('createClient', { json: { client_id: other.id } })
    expect((await call('enableUser', { in: { id: other.id } })).status).toBe(409)

    // A backend has a person of that name.
    await grantFor(await registered(shared(), { grant_types: ['refresh_token', SUBJECT_GRANT] }), username)
    const both = { in: { id: username } }
    for (const operationId of ['readUser', 'updateUser', 'deleteUser', 'disableUser', 'enableUser'])
      expect((await call(operationId, { ...both, ...(operationId === 'updateUser' && { json: {} }) })).status).toBe(409)
    expect((await call('setUserPassword', { ...both, json: { password } })).status).toBe(409)
    expect((await call('removeUserFactors', { ...both, json: { all: true } })).status).toBe(409)

    const ofGroup = { in: { id: group.name } }
    expect((await call('readGroup', ofGroup)).body.members).toBe(1)
    expect((await call('updateGroup', { ...ofGroup, json: { roles: ['editor'] } })).status).toBe(200)
    expect((await call('removeMembers', { ...ofGroup, json: { users: [username] } })).body.members).toBe(0)
    expect((await call('addMembers', { ...ofGroup, json: { users: [user.id] } })).body.members).toBe(1)
    expect((await call('deleteGroup', ofGroup)).status).toBe(204)
    expect((await call('deleteGroup', { in: { id: 'signet-admins' } })).status).toBe(409)

    const invitation = (await call('createInvitation', { json: { email: 'x@example.com' } })).body
    expect(items(await call('listInvitations', { query: '?limit=1000' }))).not.toHaveLength(0)
    expect((await call('revokeInvitation', { in: { id: invitation.id } })).status).toBe(204)
    expect((await call('deleteUser', one)).status).toBe(204)
  })

  test('to those who may not, who ask for what is not there, and who send too much', async () => {
    const low = await registered(shared(), { resources: [shared().issuer], scope: '' })
    const token = (await send(named('issueToken'), { headers: basic(low), form: { grant_type: 'client_credentials' } }))
      .body
    const tooLong = { x: 'x'.repeat(70_000) }
    for (const operation of described.operations) {
      const { responses, requestBody } = operation.operation
      const admin = bearer(await shared().operator.token())
      if (needsBearer(operation)) {
        expect((await send(operation)).status).toBe(401)
        expect((await send(operation, { headers: bearer('nonsense') })).status).toBe(401)
        expect((await send(operation, { headers: bearer(token.access_token) })).status).toBe(403)
      }
      if (isForClients(operation)) {
        const asNobody = { form: { client_id: 'nobody', client_secret: 'wrong' } }
        expect((await send(operation, asNobody)).status).toBe(401)
        expect((await send(operation, { form: tooLong })).status).toBe(413)
      }
      const isNamed = operation.path.includes('{')
      const headers = needsBearer(operation) ? admin : {}
      // The example is a body that is taken.
      const example = requestBody?.content['application/json']?.example
      const sent = { headers, ...(requestBody?.required && { json: example ?? {} }) }
      // Any name may be that of a person, but a client's.
      const isOfUser = operation.path.startsWith('/admin/api/users/')
      const missing = isOfUser ? { in: { id: low.clientId } } : {}
      if (isNamed) expect((await send(operation, { ...sent, ...missing })).status).toBe(404)
      // An act that takes no body refuses one.
      const isAct = needsBearer(operation) && operation.method.toUpperCase() === 'POST' && !requestBody
      if (isAct) expect((await send(operation, { headers, json: { x: 1 } })).status).toBe(400)
      if (isAct || (needsBearer(operation) && requestBody))
        expect((await send(operation, { headers, json: tooLong })).status).toBe(413)
      expect('404' in responses).toBe(
        isNamed || ['rotateKeys', 'withdrawConsent'].includes(operation.operation.operationId),
      )
    }
  })

  test('to clients that ask for what they may not have: each registered code that is documented', async () => {
    const client = await registered(shared())
    const headers = basic(client)
    const cases: [string, Record<string, string>, Record<string, string>?][] = [
      ['invalid_request', {}],
      ['unsupported_grant_type', { grant_type: 'password' }],
      ['unauthorized_client', { grant_type: SUBJECT_GRANT, subject: 'ada' }],
      ['invalid_scope', { grant_type: 'client_credentials', scope: 'c' }],
      ['invalid_target', { grant_type: 'client_credentials', resource: 'elsewhere' }],
      ['invalid_grant', { grant_type: 'refresh_token', refresh_token: 'sgr_none' }],
      ['invalid_dpop_proof', { grant_type: 'client_credentials' }, { dpop: 'none' }],
    ]
    const told = new Set<string>()
    for (const [code, form, more] of cases) {
      const { status, body } = await send(named('issueToken'), { headers: { ...headers, ...more }, form })
      expect({ status, error: body.error }).toEqual({ status: 400, error: code })
      told.add(code)
    }
    const documented = named('issueToken').operation.responses['400'].content['application/json'].schema
    expect(new Set(documented.properties.error.enum)).toEqual(told)
  })

  test('to scrapers: the metrics, to this machine or to whoever has the token', async () => {
    const operation = named('readMetrics')
    expect((await send(operation)).status).toBe(200)
    expect((await send(operation, { headers: { via: '1.1 proxy' } })).status).toBe(403)
    const issuer = await startTestIssuer({ SIGNET_METRICS_TOKEN: 'scraper-0123456789' })
    const answer = await request(`${issuer.url}/metrics`)
    expectDocumented(described, operation, answer)
    seen.add(`readMetrics ${answer.status}`)
    expect(answer.status).toBe(401)
  })

  test('and each of these answers was given in this file, but those of outages', () => {
    const all = described.operations.flatMap(({ operation: { operationId, responses } }) =>
      Object.keys(responses).map((status) => `${operationId} ${status}`),
    )
    const never = all.filter((each) => !seen.has(each) && !/ (429|50[03])$/.test(each))
    expect(never).toEqual([])
  })
})

const items = (answer: Answer): Json[] => answer.body as unknown as Json[] // lists come as arrays

/** A document is given whole, and not again to who has it. */
async function expectCached(operationId: string, ids: Record<string, string> = {}): Promise<void> {
  const { status, headers } = await send(named(operationId), { in: ids })
  expect(status).toBe(200)
  const again = await send(named(operationId), { in: ids, headers: { 'if-none-match': headers.get('etag') ?? '' } })
  expect(again).toMatchObject({ status: 304, text: '' })
}

/** Begins a grant for a person, and tells its id. */
async function grantFor(client: Credentials, subject: string): Promise<string> {
  const form = { grant_type: SUBJECT_GRANT, subject, scope: 'a offline_access' }
  const { body } = await send(named('issueToken'), { headers: basic(client), form })
  return claimsOf(body.access_token).sid
}

/** Proof of a fresh key for one request (RFC 9449 §4.2). */
async function proof(htu: string): Promise<string> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  return new SignJWT({ htm: 'POST', htu, jti: crypto.randomUUID() })
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: await exportJWK(publicKey) })
    .setIssuedAt(Math.floor(shared().clock.now() / 1000))
    .sign(privateKey)
}
