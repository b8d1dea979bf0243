/** The admin API: who may call it, what it takes and answers. */
import { exportJWK, generateKeyPair } from 'jose'
import { expect, test } from 'vitest'
import {
  SUBJECT_GRANT,
  createBackend,
  createClient,
  createResource,
  grantTokens,
  isActive,
  operatorOf,
  refresh,
  startAdministered,
  tokens,
  type AdministeredIssuer,
} from './support/admin.ts'
import { at, ask, send, items, walk } from './support/admin-api.ts'
import { basic, bearer, claimsOf, headerOf, post, request, type Credentials } from './support/client.ts'

const ROUTES = `
  GET clients, POST clients, GET clients/shop, PATCH clients/shop, DELETE clients/shop, POST clients/shop/rotate-secret,
  POST clients/shop/disable, POST clients/shop/enable, GET resources, POST resources, GET resources/api, PATCH resources/api,
  DELETE resources/api, GET keys, POST keys/rotate, POST keys/KID/revoke, GET grants, GET grants/SID, DELETE grants/SID,
  GET users, GET users/ada, POST users/ada/disable, POST users/ada/enable, GET audit`
  .split(',')
  .map((route) => route.trim().split(' ') as [string, string])

// ------------------------------------------------------------------ who may

test('every route is closed to nobody, to foreign and low tokens, to clients and to tokens in the wrong place', async () => {
  const issuer = await startAdministered()
  const { operator } = issuer
  await createResource(operator, 'api')
  const shop = await createBackend(operator, {
    client_id: 'shop',
    resources: ['api', issuer.issuer],
    scope: 'read signet:blacklist',
  })
  const held = await grantTokens(issuer, shop, 'ada')
  const admin = await operator.token()
  const low = (await tokens(issuer, shop, { resource: issuer.issuer })).access_token ?? ''
  const bare = await createClient(operator, { client_id: 'bare' })
  const none = (await tokens(issuer, bare)).access_token ?? ''
  const dead = operatorOf(issuer, await createClient(operator, { client_id: 'former', scope: 'signet:admin' }))
  const former = await dead.token()
  await send(issuer, 'POST', 'clients/former/disable')

  // The use of a secret is noted a few seconds late.
  const everything = async () =>
    [
      await ask(issuer, 'clients'),
      await ask(issuer, 'resources'),
      await ask(issuer, 'keys'),
      await ask(issuer, 'grants'),
    ].map(({ text }) => text.replaceAll(/"last_used_at":("[^"]*"|null)/g, ''))
  const before = await everything()
  for (const [method, route] of ROUTES) {
    const path = at(route.replace('KID', headerOf(admin).kid).replace('SID', claimsOf(held.access_token ?? '').sid))
    const attempt = (headers: Record<string, string>, query = '') =>
      request(issuer.url + path + query, { method, headers })
    const nobody = await attempt({})
    expect(nobody, path).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
    expect(nobody.headers.get('www-authenticate')).toBe('Bearer realm="signet"')
    const refused = [held.access_token, held.refresh_token, former, `${admin}x`, admin.slice(0, -2), 'x'].map((token) =>
      bearer(token ?? ''),
    )
    for (const headers of refused) {
      const answer = await attempt(headers)
      expect(answer, path).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
      expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"')
    }
    for (const token of [low, none]) {
      const answer = await attempt(bearer(token))
      expect(answer, path).toMatchObject({ status: 403, body: { error: 'insufficient_scope' } })
      expect(answer.headers.get('www-authenticate')).toContain('scope="signet:admin"')
    }
    const elsewhere = [
      await attempt(basic(operator.credentials)),
      await attempt({}, `?access_token=${admin}`),
      await attempt({ cookie: `access_token=${admin}` }),
      await attempt({ authorization: `DPoP ${admin}` }),
      await attempt({ authorization: admin }),
    ]
    expect(
      elsewhere.map(({ status }) => status),
      path,
    ).toEqual([401, 401, 401, 401, 401])
  }
  expect(await everything()).toEqual(before)
})

test('nobody registers for administration by asking: the scopes of the issuer have to be given', async () => {
  const issuer = await startAdministered()
  const bare = await createClient(issuer.operator)
  const asked = await post(issuer, '/token', { grant_type: 'client_credentials', scope: 'signet:admin' }, bare)
  expect(asked).toMatchObject({ status: 400, body: { error: 'invalid_scope' } })
  expect((await tokens(issuer, bare)).scope).toBeUndefined()
  // A scope for one API is no scope for the issuer.
  await createResource(issuer.operator, 'api')
  const sly = await createClient(issuer.operator, { scope: 'signet:admin', resources: ['api'] })
  const { access_token: token = '' } = await tokens(issuer, sly)
  expect((await request(issuer.url + at('clients'), { headers: bearer(token) })).status).toBe(401)
})

test('unknown paths are 404 and wrong methods 405 with Allow, in JSON', async () => {
  const issuer = await startAdministered()
  const missing = await ask(issuer, 'nothing')
  expect(missing).toMatchObject({ status: 404, body: { error: 'invalid_request' } })
  const wrong = await send(issuer, 'PUT', 'clients')
  expect(wrong).toMatchObject({ status: 405, body: { error: 'invalid_request' } })
  expect(wrong.headers.get('allow')?.split(', ').toSorted()).toEqual(['GET', 'HEAD', 'POST'])
})

// ------------------------------------------------------------------ clients

test('a client is created, read, listed, changed and deleted under its RFC 7591 names', async () => {
  const issuer = await startAdministered()
  await createResource(issuer.operator, 'api')
  const metadata = {
    client_id: 'shop',
    client_name: 'Web shop',
    grant_types: ['client_credentials', 'refresh_token'],
    scope: 'read write',
    resources: ['api'],
    token_endpoint_auth_method: 'client_secret_post',
    access_token_ttl: 120,
    refresh_token_ttl: 3600,
    claims: { tier: 'gold' },
    allowed_claims: ['email'],
  }
  const created = await send(issuer, 'POST', 'clients', metadata)
  expect(created.status).toBe(201)
  expect(created.headers.get('location')).toBe('/admin/api/clients/shop')
  expect(created.body).toMatchObject({ ...metadata, client_secret_expires_at: 0, status: 'enabled' })
  expect(created.body.client_secret).toMatch(/^sgs_[\w-]{43}$/)
  expect(created.body.created_at).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)

  const { client_secret: secret, client_secret_expires_at: _, ...rest } = created.body
  expect((await ask(issuer, 'clients/shop')).body).toEqual(rest)
  expect(items(await ask(issuer, 'clients'))).toContainEqual(rest)

  const changed = await send(issuer, 'PATCH', 'clients/shop', {
    scope: 'read',
    client_name: null,
    access_token_ttl: '5m',
  })
  expect(changed.status).toBe(200)
  expect(changed.body).toMatchObject({
    scope: 'read',
    client_name: null,
    access_token_ttl: 300,
    claims: { tier: 'gold' },
  })
  expect(changed.body).not.toHaveProperty('client_secret')
  const form = { grant_type: 'client_credentials', client_id: 'shop', client_secret: secret }
  const token = await post(issuer, '/token', form)
  expect([token.status, token.body.expires_in, claimsOf(token.body.access_token).tier]).toEqual([200, 300, 'gold'])

  expect((await send(issuer, 'DELETE', 'clients/shop')).status).toBe(204)
  expect((await ask(issuer, 'clients/shop')).status).toBe(404)
  expect((await send(issuer, 'DELETE', 'clients/shop')).status).toBe(404)
  expect((await post(issuer, '/token', form)).status).toBe(401)
})

test('a client without an id gets one; one whose id is taken is 409 and leaves the first as it was', async () => {
  const issuer = await startAdministered()
  const { body } = await send(issuer, 'POST', 'clients', {})
  expect(body.client_id).toMatch(/^[\da-f-]{36}$/)
  const first = await createClient(issuer.operator, { client_id: 'shop', scope: 'read' })
  const again = await send(issuer, 'POST', 'clients', { client_id: 'shop', scope: 'write' })
  expect(again).toMatchObject({ status: 409, body: { error: 'invalid_request' } })
  expect(again.text).not.toContain('sgs_')
  expect((await ask(issuer, 'clients/shop')).body.scope).toBe('read')
  expect((await tokens(issuer, first)).access_token).toBeTruthy()
})

const BAD_METADATA: [string, object][] = [
  ['client_id', { client_id: '' }],
  ['client_id', { client_id: 'signet:operator' }],
  ['client_id', { client_id: 'with space' }],
  ['client_id', { client_id: 'a'.repeat(129) }],
  ['client_id', { client_id: 7 }],
  ['client_name', { client_name: 'n'.repeat(201) }],
  ['grant_types', { grant_types: ['password'] }],
  ['grant_types', { grant_types: ['implicit'] }],
  ['grant_types', { grant_types: 'client_credentials' }],
  ['scope', { scope: 'a"b' }],
  ['scope', { scope: 5 }],
  ['resources', { resources: 'api' }],
  ['token_endpoint_auth_method', { token_endpoint_auth_method: 'client_secret_jwt' }],
  ['token_endpoint_auth_method', { token_endpoint_auth_method: 'none' }],
  ['jwks', { token_endpoint_auth_method: 'private_key_jwt' }],
  ['jwks', { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [] } }],
  ['jwks', { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } }],
  ['jwks', { jwks: { keys: [{ kty: 'EC' }] } }],
  ['redirect_uris', { redirect_uris: ['javascript:alert(1)'] }],
  ['redirect_uris', { redirect_uris: ['http://evil.example/cb'] }],
  ['redirect_uris', { redirect_uris: ['https://ok.example/cb#fragment'] }],
  ['redirect_uris', { redirect_uris: ['https://*.example/cb'] }],
  ['access_token_ttl', { access_token_ttl: 'soon' }],
  ['access_token_ttl', { access_token_ttl: -1 }],
  ['access_token_ttl', { access_token_ttl: 1.5 }],
  ['refresh_token_ttl', { refresh_token_ttl: '1 fortnight' }],
  ['claim', { claims: { sub: 'root' } }],
  ['claim', { claims: { big: 'x'.repeat(5000) } }],
  ['claims', { claims: ['a'] }],
  ['allowed_claims', { allowed_claims: [''] }],
  ['client_secret', { client_secret: 'x'.repeat(40) }],
  ['status', { status: 'disabled' }],
  ['unheard_of', { unheard_of: true }],
]

test('bad metadata is invalid_client_metadata naming the member, at registration and at change, and does nothing', async () => {
  const issuer = await startAdministered()
  await createClient(issuer.operator, { client_id: 'shop' })
  const before = (await ask(issuer, 'clients')).text
  for (const [member, metadata] of BAD_METADATA) {
    const created = await send(issuer, 'POST', 'clients', metadata)
    expect(created, JSON.stringify(metadata)).toMatchObject({ status: 400, body: { error: 'invalid_client_metadata' } })
    expect(created.body.error_description).toContain(member)
    if ('client_id' in metadata) continue
    const changed = await send(issuer, 'PATCH', 'clients/shop', metadata)
    expect(changed, JSON.stringify(metadata)).toMatchObject({ status: 400, body: { error: 'invalid_client_metadata' } })
  }
  expect((await send(issuer, 'PATCH', 'clients/shop', { client_id: 'other' })).status).toBe(400)
  for (const body of [[], 'text', 5, null]) expect((await send(issuer, 'POST', 'clients', body)).status).toBe(400)
  expect((await ask(issuer, 'clients')).text).toBe(before)
})

test('a private key in a registration is refused, and is nowhere in the answer', async () => {
  const issuer = await startAdministered()
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(privateKey)
  const metadata = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } }
  const answer = await send(issuer, 'POST', 'clients', metadata)
  expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_client_metadata' } })
  expect(answer.text).not.toContain(jwk.d)
})

test('a secret is shown once: at registration and at rotation, never in a list or a read', async () => {
  const issuer = await startAdministered()
  const shop = await createClient(issuer.operator, { client_id: 'shop' })
  const rotated = await send(issuer, 'POST', 'clients/shop/rotate-secret', { overlap: '1h' })
  const secret = rotated.body.client_secret
  expect(rotated.status).toBe(201)
  expect(secret).not.toBe(shop.secret)
  const shown = [
    await ask(issuer, 'clients'),
    await ask(issuer, 'clients/shop'),
    await send(issuer, 'PATCH', 'clients/shop', { client_name: 'Shop' }),
    await send(issuer, 'POST', 'clients/shop/disable'),
    await send(issuer, 'POST', 'clients/shop/enable'),
    await ask(issuer, 'audit'),
  ]
  for (const { status, text } of shown) {
    expect(status).toBe(200)
    expect(text).not.toMatch(/sgs_|argon2|client_secret"|digest/)
  }
})

test('both secrets work during the overlap, only the new one after; a rotation that is retried ends none in use', async () => {
  const issuer = await startAdministered()
  const first = await createClient(issuer.operator, { client_id: 'shop' })
  const works = async (secret: string) =>
    (await post(issuer, '/token', { grant_type: 'client_credentials' }, { clientId: 'shop', secret })).status === 200
  const rotate = async (body?: object): Promise<string> =>
    (await send(issuer, 'POST', 'clients/shop/rotate-secret', body)).body.client_secret
  const second = await rotate({ overlap: '10m' })
  expect([await works(first.secret), await works(second)]).toEqual([true, true])
  issuer.clock.advance(601)
  expect([await works(first.secret), await works(second)]).toEqual([false, true])
  const third = await rotate()
  const fourth = await rotate()
  expect([await works(second), await works(third), await works(fourth)]).toEqual([true, true, true])
  const fifth = await rotate({ overlap: 0 })
  expect([await works(second), await works(third), await works(fourth), await works(fifth)]).toEqual([
    false,
    false,
    false,
    true,
  ])
  expect((await ask(issuer, 'clients/shop')).body.secrets).toHaveLength(1)
  expect((await send(issuer, 'POST', 'clients/shop/rotate-secret', { overlap: 'x' })).status).toBe(400)
  expect((await send(issuer, 'POST', 'clients/unknown/rotate-secret')).status).toBe(404)
  await createClient(issuer.operator, {
    client_id: 'spa',
    token_endpoint_auth_method: 'none',
    grant_types: ['refresh_token'],
  })
  expect((await send(issuer, 'POST', 'clients/spa/rotate-secret')).status).toBe(400)
})

test('a disabled client is refused everything until it is enabled; then its unexpired tokens and families work again', async () => {
  const issuer = await startAdministered()
  await createResource(issuer.operator, 'api')
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources: ['api'] })
  const api = await createClient(issuer.operator, { resources: ['api'] })
  const held = await grantTokens(issuer, shop)
  expect(await send(issuer, 'POST', 'clients/shop/disable')).toMatchObject({
    status: 200,
    body: { status: 'disabled' },
  })
  expect((await post(issuer, '/token', { grant_type: 'client_credentials' }, shop)).status).toBe(401)
  expect((await refresh(issuer, shop, held.refresh_token ?? '')).status).toBe(401)
  expect(await isActive(issuer, api, held.access_token ?? '')).toBe(false)
  expect(await send(issuer, 'POST', 'clients/shop/enable')).toMatchObject({
    status: 200,
    body: { status: 'enabled', disabled_at: null },
  })
  expect(await isActive(issuer, api, held.access_token ?? '')).toBe(true)
  expect((await refresh(issuer, shop, held.refresh_token ?? '')).status).toBe(200)
  for (const act of ['disable', 'enable'])
    expect((await send(issuer, 'POST', `clients/unknown/${act}`)).status).toBe(404)
})

// ------------------------------------------------------------------ resources

test('a resource is created, read, listed, changed and deleted; its id may be a URI with slashes', async () => {
  const issuer = await startAdministered()
  const id = 'https://api.example/v1/orders?tenant=a%2Fb'
  const created = await send(issuer, 'POST', 'resources', {
    id,
    alg: 'RS256',
    ttl: '5m',
    scope: 'rabbitmq.read:*/* write',
    typ: 'JWT',
  })
  expect(created).toMatchObject({
    status: 201,
    body: { id, alg: 'RS256', ttl: 300, scope: 'rabbitmq.read:*/* write', typ: 'JWT' },
  })
  const place = created.headers.get('location') ?? ''
  expect(place).toBe(at(`resources/${encodeURIComponent(id)}`))
  expect((await issuer.operator.call('GET', place)).body).toEqual(created.body)
  expect(items(await ask(issuer, 'resources'))).toContainEqual(created.body)
  const client = await createClient(issuer.operator, { resources: [id] })
  const token = (await tokens(issuer, client)).access_token ?? ''
  expect([headerOf(token).alg, headerOf(token).typ, claimsOf(token).aud]).toEqual(['RS256', 'JWT', id])
  expect(await issuer.operator.call('PATCH', place, { alg: 'ES256', ttl: null })).toMatchObject({
    status: 200,
    body: { alg: 'ES256', ttl: null },
  })
  const { clientId } = client
  const held = await issuer.operator.call('DELETE', place)
  expect(held).toMatchObject({ status: 409, body: { error: 'invalid_request' } })
  expect(held.body.error_description).toContain(`is on the list of client ${clientId},`)
  expect(held.body.error_description).toContain('?force=true')
  expect((await issuer.operator.call('DELETE', `${place}?force=yes`)).status).toBe(400)
  expect((await tokens(issuer, client)).access_token).toBeDefined()
  expect((await issuer.operator.call('DELETE', `${place}?force=true`)).status).toBe(204)
  expect((await ask(issuer, `clients/${clientId}`)).body.resources).toEqual([])
  for (const method of ['GET', 'PATCH', 'DELETE']) {
    expect((await issuer.operator.call(method, place, method === 'PATCH' ? {} : undefined)).status).toBe(404)
  }
})

test('a resource that is deleted and created anew brings back neither its tokens nor its refresh tokens', async () => {
  const issuer = await startAdministered()
  for (const id of ['api', 'other']) await createResource(issuer.operator, id)
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources: ['api', 'other'] })
  const offline = { scope: 'read offline_access' }
  const old = await tokens(issuer, shop, offline)
  const both = await tokens(issuer, shop, { ...offline, resource: 'api', audience: 'other' })
  expect(await isActive(issuer, shop, old.access_token ?? '')).toBe(true)
  await send(issuer, 'DELETE', 'resources/api?force=true')
  await createResource(issuer.operator, 'api')
  await send(issuer, 'PATCH', 'clients/shop', { resources: ['api', 'other'] })

  for (const token of [old.access_token, old.refresh_token, both.access_token])
    expect(await isActive(issuer, shop, token ?? '')).toBe(false)
  for (const token of [old.refresh_token, both.refresh_token]) {
    const refused = await refresh(issuer, shop, token ?? '')
    expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_target' } })
    expect(refused.body.error_description).toContain('start over with a new grant')
  }
  // The resource that stayed is the grant's still.
  expect(await isActive(issuer, shop, both.refresh_token ?? '')).toBe(true)
  const form = { grant_type: 'refresh_token', refresh_token: both.refresh_token ?? '', resource: 'other' }
  expect((await post(issuer, '/token', form, shop)).status).toBe(200)
  // Made within the second in which the one before was deleted.
  const young = await tokens(issuer, shop, offline)
  expect(await isActive(issuer, shop, young.access_token ?? '')).toBe(true)
  expect((await refresh(issuer, shop, young.refresh_token ?? '')).status).toBe(200)
})

test('a client id with slashes is reached percent-encoded as well', async () => {
  const issuer = await startAdministered()
  const id = 'https://ci.example/pipelines/7'
  await createClient(issuer.operator, { client_id: id })
  expect((await ask(issuer, `clients/${encodeURIComponent(id)}`)).body.client_id).toBe(id)
  expect((await send(issuer, 'POST', `clients/${encodeURIComponent(id)}/disable`)).body.status).toBe('disabled')
  expect((await send(issuer, 'DELETE', `clients/${encodeURIComponent(id)}`)).status).toBe(204)
})

test('bad resources are refused by name, taken ids are 409, and the issuer cannot be replaced', async () => {
  const issuer = await startAdministered()
  await createResource(issuer.operator, 'api', { scope: 'read' })
  const bad: [string, object][] = [
    ['id', {}],
    ['id', { id: '' }],
    ['id', { id: 'https://api.example/#part' }],
    ['id', { id: 'with space' }],
    ['id', { id: '-dash' }],
    ['alg', { id: 'x', alg: 'HS256' }],
    ['alg', { id: 'x', alg: 'none' }],
    ['ttl', { id: 'x', ttl: 'soon' }],
    ['ttl', { id: 'x', ttl: 0 }],
    ['typ', { id: 'x', typ: 'logout+jwt' }],
    ['scope', { id: 'x', scope: 'a\\b' }],
    ['claim', { id: 'x', claims: { aud: 'y' } }],
    ['unheard_of', { id: 'x', unheard_of: 1 }],
  ]
  for (const [member, metadata] of bad) {
    const answer = await send(issuer, 'POST', 'resources', metadata)
    expect(answer, JSON.stringify(metadata)).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    expect(answer.body.error_description).toContain(member)
  }
  expect((await send(issuer, 'POST', 'resources', { id: 'api' })).status).toBe(409)
  expect((await send(issuer, 'POST', 'resources', { id: issuer.issuer })).status).toBe(409)
  expect(items(await ask(issuer, 'resources'))).toHaveLength(1)
})

// ------------------------------------------------------------------ lists

test('clients and resources are listed whole, or page by page where a limit is given', async () => {
  const issuer = await startAdministered()
  for (const id of ['c', 'a', 'b:/x', 'B']) {
    await createClient(issuer.operator, { client_id: id })
    await createResource(issuer.operator, `https://${id.slice(0, 1)}.example/${id}`)
  }
  for (const [path, name] of [
    ['clients', 'client_id'],
    ['resources', 'id'],
  ] as const) {
    const all = await ask(issuer, path)
    expect(all.headers.get('link')).toBeNull()
    const ids = items(all).map((item) => item[name] as string)
    expect(ids.length).toBeGreaterThanOrEqual(4)
    expect(items(await ask(issuer, `${path}?limit=1`))).toHaveLength(1)
    const paged = await walk(issuer, `${path}?limit=1`)
    expect(paged.rows.map((item) => item[name])).toEqual(ids)
    expect(paged.pages).toBeGreaterThanOrEqual(ids.length)
    const after = await ask(issuer, `${path}?after=${encodeURIComponent(ids[1] ?? '')}`)
    expect(items(after).map((item) => item[name])).toEqual(ids.slice(2))
    for (const limit of ['0', '1001', 'x', '-1', '1&limit=2']) {
      expect(await ask(issuer, `${path}?limit=${limit}`)).toMatchObject({ status: 400 })
    }
  }
})

// ------------------------------------------------------------------ grants and users

async function household(): Promise<{ issuer: AdministeredIssuer; shop: Credentials; till: Credentials }> {
  const issuer = await startAdministered()
  await createResource(issuer.operator, 'api')
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources: ['api'] })
  const till = await createBackend(issuer.operator, { client_id: 'till', resources: ['api'] })
  return { issuer, shop, till }
}

test('grants are listed by client and person, page by page, filters kept; none shows what could make a token', async () => {
  const { issuer, shop, till } = await household()
  const secrets: string[] = []
  for (const subject of ['ada', 'ada', 'grace', 'a&b=c']) {
    for (const client of [shop, till]) secrets.push((await grantTokens(issuer, client, subject)).refresh_token ?? '')
  }
  const all = await walk(issuer, 'grants?limit=3')
  expect([all.pages, all.rows.length]).toEqual([3, 8])
  expect(new Set(all.rows.map(({ sid }) => sid)).size).toBe(8)
  const ofBoth = await walk(issuer, `grants?limit=1&client_id=shop&sub=${encodeURIComponent('a&b=c')}`)
  expect(ofBoth.rows.map(({ sub, client_id }) => [sub, client_id])).toEqual([['a&b=c', 'shop']])
  expect((await walk(issuer, 'grants?limit=1&sub=ada')).rows).toHaveLength(4)
  expect((await walk(issuer, 'grants?client_id=unknown')).rows).toEqual([])
  const text = JSON.stringify(all.rows)
  for (const secret of secrets) expect(text).not.toContain(secret.slice(4, 40))
  expect(text).not.toMatch(/family|secret|sgr_/)
  expect(all.rows[0]).toMatchObject({
    status: 'active',
    resources: ['api'],
    scope: 'read offline_access',
    refreshes: 0,
    ended_at: null,
  })
})

test('ending a grant ends its tokens; it stays listed with why, and one that never was is 404', async () => {
  const { issuer, shop } = await household()
  const held = await grantTokens(issuer, shop, 'ada')
  const { sid } = claimsOf(held.access_token ?? '')
  expect((await send(issuer, 'DELETE', `grants/${sid}`)).status).toBe(204)
  expect((await refresh(issuer, shop, held.refresh_token ?? '')).status).toBe(400)
  expect((await ask(issuer, `grants/${sid}`)).body).toMatchObject({
    status: 'ended',
    ended_reason: 'revoked by administrator',
  })
  expect((await send(issuer, 'DELETE', `grants/${sid}`)).status).toBe(204)
  for (const method of ['GET', 'DELETE']) expect((await send(issuer, method, 'grants/unknown')).status).toBe(404)
})

test('users are persons: a client with a refresh token of its own is none of them', async () => {
  const { issuer, shop } = await household()
  await grantTokens(issuer, shop)
  await grantTokens(issuer, shop, 'ada')
  expect(items(await ask(issuer, 'users')).map(({ sub }) => sub)).toEqual(['ada'])
  expect((await ask(issuer, 'users/shop')).status).toBe(404)
  expect((await send(issuer, 'POST', 'users/shop/disable')).status).toBe(404)
})

test('disabling a person ends what they have and refuses them new tokens everywhere; enabling lets them start over', async () => {
  const { issuer, shop, till } = await household()
  const held = await grantTokens(issuer, shop, 'ada')
  await grantTokens(issuer, till, 'grace')
  expect(items(await ask(issuer, 'users')).map(({ sub, status, live_grants }) => [sub, status, live_grants])).toEqual([
    ['ada', 'enabled', 1],
    ['grace', 'enabled', 1],
  ])
  const disabled = await send(issuer, 'POST', 'users/ada/disable')
  expect(disabled).toMatchObject({ status: 200, body: { sub: 'ada', status: 'disabled', live_grants: 0 } })
  expect((await send(issuer, 'POST', 'users/ada/disable')).body.blacklist_entry).toBe(disabled.body.blacklist_entry)
  for (const client of [shop, till]) {
    expect((await post(issuer, '/token', { grant_type: SUBJECT_GRANT, subject: 'ada' }, client)).status).toBe(400)
  }
  expect((await refresh(issuer, shop, held.refresh_token ?? '')).status).toBe(400)
  expect((await post(issuer, '/token', { grant_type: SUBJECT_GRANT, subject: 'grace' }, shop)).status).toBe(200)

  expect((await send(issuer, 'POST', 'users/ada/enable')).body).toMatchObject({
    status: 'enabled',
    blacklist_entry: null,
  })
  expect((await refresh(issuer, shop, held.refresh_token ?? '')).status).toBe(400)
  expect((await post(issuer, '/token', { grant_type: SUBJECT_GRANT, subject: 'ada' }, shop)).status).toBe(200)
  expect((await send(issuer, 'POST', 'users/unknown/enable')).status).toBe(404)
  expect((await ask(issuer, 'users/unknown')).status).toBe(404)
})

test.each([
  'grants?client_id=',
  'grants?sub=',
  'grants?session=',
  'audit?target=',
  'audit?request_id=',
  'users?group=',
  'sessions?user=',
  'consents?user=',
])('an empty filter is refused, because it would list everything: %s', async (path) => {
  const issuer = await startAdministered()
  const refused = await ask(issuer, path)
  expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  expect(refused.body.error_description).toMatch(/^\w+ is empty; leave it out/)
})
