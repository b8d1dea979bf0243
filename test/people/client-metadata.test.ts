/** What a client and a resource say of people: the rules, and the flags that have no field of their own. */
import { describe, expect, test } from 'vitest'
import { signet } from '../support/process.ts'
import { fresh, refusal, shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi()
const operator = (method: string, path: string, json?: object) => issuer().operator.call(method, path, json)
const REDIRECT = 'https://app.example/cb'

const create = (metadata: object) =>
  operator('POST', '/admin/api/clients', {
    client_id: fresh('app'),
    grant_types: ['authorization_code'],
    redirect_uris: [REDIRECT],
    ...metadata,
  })

test('a client of people that names no scope may ask for what tells who a person is', async () => {
  expect((await create({})).body.scope).toBe('openid profile email phone address groups')
  expect((await create({ scope: 'openid' })).body.scope).toBe('openid')
  expect((await operator('POST', '/admin/api/clients', {})).body.scope).toBe('')
})

test('a redirect URI that comes without a grant type asks for sign-ins of people (RFC 7591 §2)', async () => {
  const grantsOf = async (metadata: object) => (await create({ grant_types: undefined, ...metadata })).body.grant_types
  expect(await grantsOf({})).toEqual(['authorization_code'])
  expect(await grantsOf({ token_endpoint_auth_method: 'none' })).toEqual(['authorization_code'])
  expect(await grantsOf({ redirect_uris: [] })).toEqual(['client_credentials'])
  expect(await grantsOf({ grant_types: ['client_credentials'] })).toEqual(['client_credentials'])
})

test('a public client may sign people in and refresh, and do nothing else', async () => {
  const metadata = { token_endpoint_auth_method: 'none' }
  const app = await create({ ...metadata, grant_types: ['authorization_code', 'refresh_token'] })
  expect(app.status, app.text).toBe(201)
  expect(app.body.client_secret).toBeUndefined()
  const service = await create({ ...metadata, grant_types: ['authorization_code', 'client_credentials'] })
  expect(refusal(service)).toBe('400 invalid_client_metadata')
})

test('the kind of application is told where it was not given', async () => {
  const metadata = { token_endpoint_auth_method: 'none', redirect_uris: ['cursor://cb', 'https://app.example/cb'] }
  const app = await create(metadata)
  expect(app.body.application_type).toBe('native')
  const path = `/admin/api/clients/${app.body.client_id}`
  expect((await operator('PATCH', path, { redirect_uris: [REDIRECT] })).body.application_type).toBe('web')
  expect((await operator('PATCH', path, { application_type: 'native' })).body.application_type).toBe('native')
})

describe('refused', () => {
  test.each([
    ['a client of people without a redirect URI', { redirect_uris: [] }, 'redirect_uris'],
    ['a private scheme of a client with a secret', { redirect_uris: ['cursor://cb'] }, 'redirect_uris'],
    ['a public client without PKCE', { token_endpoint_auth_method: 'none', require_pkce: false }, 'require_pkce'],
    ['refresh tokens without the grant', { refresh: 'always' }, 'refresh'],
    ['a map to a protocol claim', { claim_map: { sub: 'username' } }, 'claim_map'],
    ['a map to aud', { claim_map: { aud: 'name' } }, 'claim_map'],
    ['a map to __proto__', { claim_map: JSON.parse('{"__proto__":"name"}') }, ''],
    ['a map with no path', { claim_map: { role: 'role' } }, 'claim_map'],
    ['a map into the password', { claim_map: { p: 'passwordHash' } }, 'claim_map'],
    ['a map with a half index', { claim_map: { r: 'roles[0' } }, 'claim_map'],
    ['a map with a number', { claim_map: { r: 7 } }, 'claim_map'],
    ['a script as home page', { client_uri: 'javascript:alert(1)' }, 'client_uri'],
    ['a private scheme as logo', { logo_uri: 'app:/logo' }, 'logo_uri'],
    ['http as logout URI', { backchannel_logout_uri: 'http://app.example/' }, 'backchannel_logout_uri'],
    ['a script after signing out', { post_logout_redirect_uris: ['javascript:x'] }, 'post_logout_redirect_uris'],
    ['an unknown acr', { require_acr: '3' }, 'require_acr'],
    ['an unknown algorithm', { id_token_signed_response_alg: 'HS256' }, 'id_token_signed_response_alg'],
    ['no algorithm', { id_token_signed_response_alg: 'none' }, 'id_token_signed_response_alg'],
    ['keys by reference, which are not read', { jwks_uri: 'https://app.example/jwks' }, 'jwks_uri'],
    ['pushed requests, which are not served', { require_pushed_authorization_requests: true }, ''],
  ])('%s', async (_, metadata, member) => {
    const answer = await create(metadata)
    expect(refusal(answer), answer.text).toBe('400 invalid_client_metadata')
    expect(answer.body.error_description).toContain(member)
  })
})

describe('on the command line', () => {
  const command = async (...args: string[]) => {
    const { code, stderr, stdout } = await signet([...args, '--json'], issuer().env)
    return { code, stderr, json: code === 0 ? JSON.parse(stdout) : undefined }
  }

  test('another redirect URI is added to those that are there', async () => {
    const { client_id: id } = (await create({})).body
    const added = await command(
      'client',
      'update',
      id,
      '--add-redirect-uri',
      'https://chatgpt.com/aip/g-1/oauth/callback',
    )
    expect(added.json.redirect_uris).toEqual([REDIRECT, 'https://chatgpt.com/aip/g-1/oauth/callback'])
    const again = await command('client', 'update', id, '--add-redirect-uri', REDIRECT, '--require-pkce', 'false')
    expect(again.json).toMatchObject({ redirect_uris: added.json.redirect_uris, require_pkce: false })
    const bad = await command('client', 'update', id, '--add-redirect-uri', 'http://evil.example/')
    expect(bad.code).not.toBe(0)
    expect(bad.stderr).toContain('redirect_uris')
  })

  test('PKCE, groups and claims have flags', async () => {
    const { client_id: id } = (await create({})).body
    const flags = ['--require-pkce', 'false', '--allow-group', 'staff', '--claim-map', 'role=roles[0]']
    const { json } = await command('client', 'update', id, ...flags)
    expect(json).toMatchObject({ require_pkce: false, allowed_groups: ['staff'], claim_map: { role: 'roles[0]' } })
    const cleared = await command('client', 'update', id, '--allow-group', '', '--claim-map', '')
    expect(cleared.json).toMatchObject({ allowed_groups: [], claim_map: {} })
  })

  test.each([
    [['--require-pkce', 'no'], '--require-pkce: read "no"; expected true or false'],
    [['--claim-map', 'role'], '--claim-map: read "role"'],
    [['--claim-map', 'role=roles[x]'], '--claim-map: the path of a claim is'],
    [['--claim-map', 'a=id', '--claim-map', 'a=name'], '--claim-map: "a" is given twice'],
    [['--set', 'consnet=always'], 'is no field (did you mean consent?)'],
    [['--set', 'consent=perhaps'], '--set consent:'],
    [['--set', 'consent'], '--set: read "consent"'],
    [['--set', 'consent=once', '--set', 'consent=skip'], '--set: consent is given twice'],
    [['--require-pkce', 'true', '--set', 'require_pkce=false'], '--set: require_pkce is given twice'],
    [['--set', 'claim_map={"a":"id","a":"name"}'], '--set claim_map:'],
  ])('%j is bad usage', async (flags, fault) => {
    const { code, stderr } = await command('client', 'create', '--id', 'app', ...flags)
    expect(code).toBe(2)
    expect(stderr).toContain(fault)
  })

  test('any field is set by its name, as JSON or as the text that it takes', async () => {
    const { client_id: id } = (await create({})).body
    const pairs = [
      'require_acr=2',
      'contacts=["a@b.example"]',
      'client_name=7',
      'default_max_age=1h',
      'id_token_claims=false',
    ]
    const set = await command('client', 'update', id, ...pairs.flatMap((pair) => ['--set', pair]))
    expect(set.json).toMatchObject({
      require_acr: '2',
      contacts: ['a@b.example'],
      client_name: '7',
      default_max_age: 3600,
      id_token_claims: false,
    })
    expect((await command('client', 'update', id, '--set', 'require_acr=null')).json.require_acr).toBeNull()
  })

  test('a permission can be asked for a scope that the resource knows, and for no other', async () => {
    const make = (metadata: object) => operator('POST', '/admin/api/resources', { id: fresh('resource'), ...metadata })
    const wanted = { scope: 'read write', scope_permissions: { write: 'orders.write' } }
    const { status, body } = await make(wanted)
    expect(status).toBe(201)
    const at = `/admin/api/resources/${body.id}`
    const refused = [
      await make({ ...wanted, scope: 'read' }),
      await make({ scope_permissions: { 'a b': 'orders.write' } }),
      await operator('PATCH', at, { scope_permissions: { wirte: 'orders.write' } }),
      await operator('PATCH', at, { scope: 'read' }),
    ]
    for (const answer of refused) {
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request'])
      expect(answer.body.error_description).toMatch(/^scope_permissions/)
    }
    // A resource without a list takes every scope.
    expect((await make({ scope_permissions: { write: 'orders.write' } })).status).toBe(201)
    expect((await operator('PATCH', at, { scope: 'read', scope_permissions: {} })).status).toBe(200)
  })

  test('a resource is opened and closed', async () => {
    const id = fresh('resource')
    expect((await command('resource', 'create', id, '--open')).json.open_to).toBe('any_client')
    expect((await command('resource', 'update', id, '--ttl', '5m')).json.open_to).toBe('any_client')
    expect((await command('resource', 'update', id, '--no-open')).json.open_to).toBe('registered')
  })
})
