/** A field of a client or resource is the same at every door: flag, request, answer, declarative file and description. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { request } from './support/client.ts'
import { signet } from './support/process.ts'
import { shareWithApi } from './support/shared.ts'

type Metadata = Record<string, unknown>

/** A record with a value of its own in every field, as flags and as metadata. */
interface Noun {
  noun: 'resource' | 'client'
  component: string
  /** The name of the id on the wire, and the flag or argument that gives it. */
  idName: string
  create: string[]
  flags: Record<string, [string, ...string[]]>
  metadata: Metadata
  /** The same for the reader, with the values of sets in another order. */
  inOtherOrder: Metadata
}

const RESOURCE: Noun = {
  noun: 'resource',
  component: 'Resource',
  idName: 'id',
  create: ['r'],
  flags: {
    alg: ['--alg', 'RS256'],
    ttl: ['--ttl', '7m'],
    scope: ['--scope', 'write read'],
    typ: ['--typ', 'JWT'],
    claims: ['--claim', 'tier=3'],
    own_keys: ['--own-keys'],
    claim_map: ['--claim-map', 'role=roles[0]', '--claim-map', 'org=claims.org'],
    open_to: ['--open'],
    scope_permissions: ['--set', 'scope_permissions={"write":"orders.write"}'],
  },
  metadata: {
    alg: 'RS256',
    ttl: 420,
    scope: 'write read',
    typ: 'JWT',
    claims: { tier: 3 },
    own_keys: true,
    claim_map: { role: 'roles[0]', org: 'claims.org' },
    open_to: 'any_client',
    scope_permissions: { write: 'orders.write' },
  },
  inOtherOrder: { scope: 'read write' },
}

const CLIENT: Noun = {
  noun: 'client',
  component: 'Client',
  idName: 'client_id',
  create: ['--id', 'c'],
  flags: {
    client_name: ['--name', 'Ours'],
    grant_types: ['--grant', 'authorization_code', '--grant', 'refresh_token'],
    scope: ['--scope', 'write read'],
    resources: ['--resource', 'r'],
    redirect_uris: ['--redirect-uri', 'https://b.example/', '--redirect-uri', 'https://a.example/'],
    token_endpoint_auth_method: ['--auth-method', 'none'],
    jwks: ['--jwks', 'jwks.json'],
    jwks_uri: ['--jwks-uri', 'https://a.example/jwks'],
    access_token_ttl: ['--access-token-ttl', '7m'],
    refresh_token_ttl: ['--refresh-token-ttl', '70d'],
    refresh_token_idle_ttl: ['--refresh-token-idle-ttl', '7d'],
    refresh_grace: ['--refresh-grace', '7s'],
    claims: ['--claim', 'tier=3'],
    allowed_claims: ['--allow-claim', 'roles', '--allow-claim', 'name'],
    post_logout_redirect_uris: ['--set', 'post_logout_redirect_uris=["https://b.example/out","https://a.example/out"]'],
    backchannel_logout_uri: ['--set', 'backchannel_logout_uri=https://a.example/logout'],
    backchannel_logout_session_required: ['--set', 'backchannel_logout_session_required=true'],
    initiate_login_uri: ['--set', 'initiate_login_uri=https://a.example/login'],
    client_uri: ['--set', 'client_uri=https://a.example'],
    logo_uri: ['--set', 'logo_uri="https://a.example/logo.png"'],
    policy_uri: ['--set', 'policy_uri=https://a.example/policy'],
    tos_uri: ['--set', 'tos_uri=https://a.example/tos'],
    contacts: ['--set', 'contacts=["ada@a.example"]'],
    application_type: ['--set', 'application_type=native'],
    require_pkce: ['--require-pkce', 'true'],
    dpop_bound_access_tokens: ['--set', 'dpop_bound_access_tokens=true'],
    default_max_age: ['--set', 'default_max_age=5m'],
    require_auth_time: ['--set', 'require_auth_time=true'],
    default_acr_values: ['--set', 'default_acr_values=["2","1"]'],
    require_acr: ['--set', 'require_acr=2'],
    session_max_age: ['--set', 'session_max_age=43200'],
    consent: ['--set', 'consent=always'],
    allowed_groups: ['--allow-group', 'staff', '--allow-group', 'admins'],
    id_token_signed_response_alg: ['--set', 'id_token_signed_response_alg=ES256'],
    userinfo_signed_response_alg: ['--set', 'userinfo_signed_response_alg=RS256'],
    id_token_ttl: ['--set', 'id_token_ttl=5m'],
    id_token_claims: ['--set', 'id_token_claims=false'],
    claim_map: ['--claim-map', 'teams=groups', '--claim-map', 'role=roles[0]'],
    refresh: ['--set', 'refresh=always'],
  },
  metadata: {
    client_name: 'Ours',
    grant_types: ['authorization_code', 'refresh_token'],
    scope: 'write read',
    resources: ['r'],
    redirect_uris: ['https://b.example/', 'https://a.example/'],
    token_endpoint_auth_method: 'none',
    jwks: null,
    jwks_uri: null,
    access_token_ttl: 420,
    refresh_token_ttl: 70 * 86_400,
    refresh_token_idle_ttl: 7 * 86_400,
    refresh_grace: 7,
    claims: { tier: 3 },
    allowed_claims: ['roles', 'name'],
    post_logout_redirect_uris: ['https://b.example/out', 'https://a.example/out'],
    backchannel_logout_uri: 'https://a.example/logout',
    backchannel_logout_session_required: true,
    initiate_login_uri: 'https://a.example/login',
    client_uri: 'https://a.example',
    logo_uri: 'https://a.example/logo.png',
    policy_uri: 'https://a.example/policy',
    tos_uri: 'https://a.example/tos',
    contacts: ['ada@a.example'],
    application_type: 'native',
    require_pkce: true,
    dpop_bound_access_tokens: true,
    default_max_age: 300,
    require_auth_time: true,
    default_acr_values: ['2', '1'],
    require_acr: '2',
    session_max_age: 43_200,
    consent: 'always',
    allowed_groups: ['staff', 'admins'],
    id_token_signed_response_alg: 'ES256',
    userinfo_signed_response_alg: 'RS256',
    id_token_ttl: 300,
    id_token_claims: false,
    claim_map: { teams: 'groups', role: 'roles[0]' },
    refresh: 'always',
  },
  inOtherOrder: {
    grant_types: ['refresh_token', 'authorization_code'],
    post_logout_redirect_uris: ['https://a.example/out', 'https://b.example/out'],
    allowed_groups: ['admins', 'staff'],
    scope: 'read write',
    redirect_uris: ['https://a.example/', 'https://b.example/'],
    allowed_claims: ['name', 'roles'],
  },
}

const shared = shareWithApi()

async function command(...args: string[]): Promise<Metadata> {
  const { code, stderr, json } = await signet([...args, '--json'], shared().env)
  expect(code, stderr).toBe(0)
  return json()
}

async function apply(noun: Noun['noun'], declared: Metadata): Promise<Metadata> {
  const file = join(shared().folder, 'declared.json')
  writeFileSync(file, JSON.stringify({ [`${noun}s`]: [declared] }))
  return command('apply', file)
}

test.each([RESOURCE, CLIENT])(
  'each field of a $noun is the same at every door',
  async ({ noun, idName, create, flags, metadata, inOtherOrder }) => {
    const [id = ''] = create.slice(-1)
    if (noun === 'client') await shared().operator.call('POST', '/admin/api/resources', { id: 'r' })
    // Keys are for another way to authenticate than the record of this test has.
    const given = Object.entries(flags).flatMap(([name, flag]) => (name.startsWith('jwks') ? [] : flag))
    expect(await command(noun, 'create', ...create, ...given)).toMatchObject(metadata)
    const path = `/admin/api/${noun}s/${id}`
    expect((await shared().operator.call('GET', path)).body).toMatchObject(metadata)
    const declared = { [idName]: id, ...metadata }
    for (const each of [declared, { ...declared, ...inOtherOrder }])
      expect(await apply(noun, each)).toMatchObject({ left: [{ kind: noun, id }], changed: [] })
    const patched = await shared().operator.call('PATCH', path, metadata)
    expect(patched.status, patched.text).toBe(200)
    expect(patched.body).toMatchObject(metadata)
    const { body: events } = await shared().operator.call('GET', `/admin/api/audit?target=${id}`)
    expect(events[0].details.changed.split(' ').toSorted()).toEqual(Object.keys(metadata).toSorted())
  },
)

test.each([RESOURCE, CLIENT])('the fields of a $noun are those, at every door', async ({ noun, component, flags }) => {
  const names = Object.keys(flags).toSorted()
  const { schemas } = (await request(`${shared().url}/openapi.json`)).body.components
  expect(Object.keys(schemas[`${component}Change`].properties).toSorted()).toEqual(names)
  expect(Object.keys(schemas[component].properties)).toEqual(expect.arrayContaining(names))
  const { stdout } = await signet([noun, 'update', '--help'], shared().env)
  const listed = [...stdout.matchAll(/^ {2}(--(?!no-|json|help|add-)[a-z-]+)/gm)].map(([, flag]) => flag)
  expect(listed.toSorted()).toEqual([...new Set(Object.values(flags).map(([flag]) => flag))].toSorted())
})

test('a field goes back to its default by flag, where it has one', async () => {
  await command('resource', 'create', 'back', '--ttl', '5m', '--scope', 'read', '--own-keys')
  const back = await command('resource', 'update', 'back', '--ttl', 'default', '--scope', 'default', '--no-own-keys')
  expect(back).toMatchObject({ ttl: null, scope: null, own_keys: false })
  expect(await command('resource', 'update', 'back', '--typ', 'JWT')).toMatchObject({ own_keys: false, typ: 'JWT' })
})
