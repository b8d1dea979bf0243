/** Users: what an operator can do with them, and that nothing of them is left to anybody else. */
import { expect, test } from 'vitest'
import { acceptorsOf } from '../support/acceptance.ts'
import {
  createBackend,
  createClient,
  createResource,
  grantTokens,
  operatorOf,
  refresh,
  startAdministered,
  startReplica,
  tokens as tokensOf,
  type AdministeredIssuer,
} from '../support/admin.ts'
import { claimsOf } from '../support/client.ts'
import { addClient, tokensOf as tokensOfPerson } from '../support/codes.ts'
import { addPerson, browserAt, PASSWORD, sealedTotp, signInAt, storeOf } from '../support/people.ts'
import { auditOf, refusal } from '../support/shared.ts'

const USERS = '/admin/api/users'

async function addUser(issuer: AdministeredIssuer, wanted: object): Promise<Record<string, unknown>> {
  const answer = await issuer.operator.call('POST', USERS, wanted)
  expect(answer.status, answer.text).toBe(201)
  return answer.body
}

const signedIn = async (issuer: AdministeredIssuer, username: string, password = PASSWORD) => {
  const browser = browserAt(issuer)
  const seen = await signInAt(browser, '/login', { username, password })
  return { browser, seen, isIn: seen.url.pathname === '/account' }
}

const isSignedIn = async ({ browser }: Awaited<ReturnType<typeof signedIn>>): Promise<boolean> =>
  (await browser.get('/account/sessions')).url.pathname === '/account/sessions'

/** Ada has signed in, and a backend has tokens for her at a resource. @param id her id */
async function personWithTokens(id = 'ada-1') {
  const issuer = await startAdministered()
  await createResource(issuer.operator, 'api')
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources: ['api'] })
  const api = await createClient(issuer.operator, { client_id: 'api-itself', resources: ['api'] })
  await addUser(issuer, { username: 'ada', id, password: PASSWORD })
  const tokens = await grantTokens(issuer, shop, id)
  const session = await signedIn(issuer, 'ada')
  return { issuer, shop, api, tokens, session }
}

test('a user has the members of the contract, and no secret', async () => {
  const issuer = await startAdministered()
  const user = await addUser(issuer, {
    username: 'Ada',
    email: 'Ada@Example.com',
    name: 'Ada Lovelace',
    password: PASSWORD,
    claims: { org: 1 },
    locale: 'de',
    address: { country: 'GB' },
  })
  const {
    sub,
    status,
    blacklist_entry: _entry,
    grants: _grants,
    live_grants: _live,
    last_grant_at: _last,
    ...own
  } = user
  expect([sub, status]).toEqual([user.id, 'enabled'])
  expect(own).toEqual({
    id: expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-/) as unknown,
    username: 'ada',
    email: 'Ada@example.com',
    email_verified: true,
    name: 'Ada Lovelace',
    given_name: null,
    family_name: null,
    nickname: null,
    picture: null,
    locale: 'de',
    zoneinfo: null,
    phone_number: null,
    phone_number_verified: false,
    address: { country: 'GB' },
    groups: [],
    roles: [],
    permissions: [],
    claims: { org: 1 },
    disabled: false,
    must_change_password: false,
    created_at: user.created_at,
    updated_at: user.updated_at,
    last_login_at: null,
    factors: { password: true, passkeys: 0, totp: false, recovery_codes: 0, upstreams: 0 },
  })
  expect(JSON.stringify(user)).not.toMatch(/argon2|handle|hash/i)
})

test.each([
  ['a name with a blank', { username: 'a b' }, /^username: /],
  ['an empty name', { username: '' }, /^username: /],
  ['a name of 65 characters', { username: 'a'.repeat(65) }, /^username: /],
  ['a name with another script', { username: 'аda' }, /^username: /],
  ['a name of the house', { username: 'cli' }, /^username: /],
  ['a path', { username: '..' }, /^username: /],
  ['an id of the house', { username: 'ada', id: 'signet:ada' }, /^id: /],
  ['an id that is a token', { username: 'ada', id: `sgs_${'h'.repeat(43)}` }, /^id: /],
  ['an address that is none', { username: 'ada', email: 'ada' }, /^email: /],
  ['a claim of the protocol', { username: 'ada', claims: { sub: 'x' } }, /^claims: /],
  ['a picture that is a script', { username: 'ada', picture: 'javascript:alert(1)' }, /^picture: /],
  ['a weak password', { username: 'ada', password: 'password1234' }, /^password: /],
  [
    'a password of own words',
    { username: 'ada', email: 'ada@example.com', password: 'ada@example.com' },
    /^password: /,
  ],
  ['a name and a year', { username: 'ada', name: 'Ada Lovelace', password: 'AdaLovelace1815' }, /^password: /],
  ['a long password', { username: 'ada', password: 'x'.repeat(257) }, /^password: /],
  ['a group that is not there', { username: 'ada', groups: ['nope'] }, /^groups: /],
  ['an unknown member', { username: 'ada', disabled: true }, /disabled/],
])('%s is refused, and nothing is made', async (_, wanted, description) => {
  const issuer = await startAdministered()
  const answer = await issuer.operator.call('POST', USERS, wanted)
  expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request'])
  expect(answer.body.error_description).toMatch(description)
  expect((await issuer.operator.call('GET', USERS)).body).toEqual([])
})

test('a name in other letters of one form is the same name', async () => {
  const issuer = await startAdministered()
  await addUser(issuer, { username: 'ada', password: PASSWORD })
  // Full-width letters and upper case fold to the same name (NFKC).
  for (const username of ['ADA', 'ａｄａ', ' ada '])
    expect((await issuer.operator.call('POST', USERS, { username })).status, username).toBe(409)
  expect((await signedIn(issuer, 'ＡDA')).isIn).toBe(true)
})

test('of twenty users of one name that are made at once there is one', async () => {
  const issuer = await startAdministered()
  const second = await startReplica(issuer)
  const other = operatorOf(second, issuer.operator.credentials)
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, at) =>
      (at % 2 === 0 ? issuer.operator : other).call('POST', USERS, { username: 'ada', email: `a${at}@example.com` }),
    ),
  )
  expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 19 }, () => 409)])
})

test('a user never has the id of a client, and an id is never given again', async () => {
  const issuer = await startAdministered()
  const client = await createClient(issuer.operator, { client_id: 'billing' })
  const make = (id: string, username: string) => issuer.operator.call('POST', USERS, { id, username })
  expect((await make(client.clientId, 'ada')).status).toBe(409)
  expect((await make('sub-1', 'ada')).status).toBe(201)
  expect((await make('sub-1', 'grace')).status).toBe(409)
  expect((await issuer.operator.call('DELETE', `${USERS}/sub-1`)).status).toBe(204)
  expect((await make('sub-1', 'ada')).status).toBe(409)
  expect((await make('sub-2', 'ada')).status).toBe(201)
  await issuer.operator.call('DELETE', '/admin/api/clients/billing')
  expect((await make('billing', 'grace')).status).toBe(409)
})

test('a change replaces what is given, and null takes away', async () => {
  const issuer = await startAdministered()
  const { id } = await addUser(issuer, { username: 'ada', email: 'ada@example.com', nickname: 'A' })
  const change = (body: object) => issuer.operator.call('PATCH', `${USERS}/${String(id)}`, body)
  expect((await change({ nickname: null, name: 'Ada' })).body).toMatchObject({
    nickname: null,
    name: 'Ada',
    email: 'ada@example.com',
  })
  expect((await change({ email_verified: false })).body.email_verified).toBe(false)
  expect((await change({ email: null })).body).toMatchObject({ email: null, email_verified: false })
  expect((await change({ email: 'ada@new.example' })).body.email_verified).toBe(true)
  await addUser(issuer, { username: 'grace', email: 'grace@example.com' })
  expect((await change({ username: 'grace' })).status).toBe(409)
  expect((await change({ email: 'GRACE@example.com' })).status).toBe(409)
  expect((await issuer.operator.call('PATCH', `${USERS}/nobody`, { name: 'x' })).status).toBe(404)
})

test('disabling a user ends sessions and grants, here and downstream, until the user is enabled', async () => {
  const { issuer, shop, api, tokens, session } = await personWithTokens()
  expect(session.isIn).toBe(true)
  const disabled = await issuer.operator.call('POST', `${USERS}/ada/disable`)
  expect(disabled.body).toMatchObject({ disabled: true, status: 'disabled', id: 'ada-1' })
  expect(disabled.body.blacklist_entry).not.toBeNull()
  expect(await isSignedIn(session)).toBe(false)
  expect(await acceptorsOf(issuer, api).everOf(tokens.access_token ?? '')).toEqual([])
  expect(refusal(await refresh(issuer, shop, tokens.refresh_token ?? ''))).toBe('400 invalid_grant')
  expect((await signedIn(issuer, 'ada')).seen.error).toBe('invalid_credentials')
  // Once more changes nothing, so that one enabling is enough.
  await issuer.operator.call('POST', `${USERS}/ada/disable`)
  expect((await issuer.operator.call('POST', `${USERS}/ada/enable`)).body).toMatchObject({
    disabled: false,
    status: 'enabled',
    blacklist_entry: null,
  })
  expect((await signedIn(issuer, 'ada')).isIn).toBe(true)
  expect(await isSignedIn(session)).toBe(false)
  expect((await grantTokens(issuer, shop, 'ada-1')).access_token).toBeDefined()
  const actions = await auditOf(issuer, 'ada-1')
  expect(actions).toEqual(expect.arrayContaining(['user.created', 'user.disabled', 'user.enabled']))
})

test('a deleted user is gone with sessions and tokens', async () => {
  const { issuer, shop, api, tokens, session } = await personWithTokens()
  expect((await issuer.operator.call('DELETE', `${USERS}/ada`)).status).toBe(204)
  expect(await isSignedIn(session)).toBe(false)
  expect(await acceptorsOf(issuer, api).everOf(tokens.access_token ?? '')).toEqual([])
  expect(refusal(await refresh(issuer, shop, tokens.refresh_token ?? ''))).toBe('400 invalid_grant')
  expect((await issuer.operator.call('DELETE', `${USERS}/ada`)).status).toBe(404)
})

test('a change that is an act of its own is refused, and the act is named', async () => {
  const issuer = await startAdministered()
  await addUser(issuer, { username: 'ada' })
  const change = (json: object) => issuer.operator.call('PATCH', `${USERS}/ada`, json)
  for (const [member, act] of [
    ['disabled', 'POST /admin/api/users/{id}/disable'],
    ['password', 'POST /admin/api/users/{id}/password'],
  ] as const) {
    const { status, body } = await change({ name: 'A', [member]: true })
    expect([status, body.error]).toEqual([400, 'invalid_request'])
    expect(body.error_description).toContain(act)
  }
  expect((await change({ nosuch: true })).body.error_description).toBe('body: member nosuch is not known')
})

test('the domain of an address is lower case in claims, its local part stays as it was typed', async () => {
  const issuer = await startAdministered()
  await addUser(issuer, { username: 'ada', email: 'Ada.L@Example.COM', password: PASSWORD })
  const changed = await issuer.operator.call('PATCH', `${USERS}/ada`, { email: 'Ada.King@EXAMPLE.com' })
  expect(changed.body).toMatchObject({ email: 'Ada.King@example.com', email_verified: true })
  const client = await addClient(issuer)
  const { id_token = '' } = await tokensOfPerson(issuer, client, { username: 'ada' })
  expect(claimsOf(String(id_token)).email).toBe('Ada.King@example.com')
})

test('the list gives each person an id, those of backends too, and tells who was deleted', async () => {
  const { issuer, shop } = await personWithTokens()
  await grantTokens(issuer, shop, 'person-of-shop')
  const listed = async () => {
    const { text } = await issuer.operator.call('GET', USERS)
    return (JSON.parse(text) as Record<string, string>[]).map(({ id, sub, status }) => [id, sub, status])
  }
  expect(await listed()).toEqual([
    ['ada-1', 'ada-1', 'enabled'],
    ['person-of-shop', 'person-of-shop', 'enabled'],
  ])
  await issuer.operator.call('DELETE', `${USERS}/ada`)
  const after = [
    ['ada-1', 'ada-1', 'deleted'],
    ['person-of-shop', 'person-of-shop', 'enabled'],
  ]
  expect(await listed()).toEqual(after)
  expect((await issuer.operator.call('GET', `${USERS}/ada-1`)).body).toMatchObject({ id: 'ada-1', status: 'deleted' })
  // The entry that denies the tokens of the person ends with the last of them.
  issuer.clock.advance(2 * 3600)
  expect(await listed()).toEqual(after)
})

test('a password that an operator sets ends every session and grant of the person', async () => {
  const { issuer, shop, api, tokens, session } = await personWithTokens()
  const next = 'another long horse of paper'
  const set = await issuer.operator.call('POST', `${USERS}/ada/password`, { password: next, must_change: true })
  expect(set.body).toMatchObject({ must_change_password: true })
  expect(await isSignedIn(session)).toBe(false)
  expect(await acceptorsOf(issuer, api).everOf(tokens.access_token ?? '')).toEqual([])
  expect(refusal(await refresh(issuer, shop, tokens.refresh_token ?? ''))).toBe('400 invalid_grant')
  expect((await signedIn(issuer, 'ada')).seen.error).toBe('invalid_credentials')
  expect((await signedIn(issuer, 'ada', next)).seen.page).toBe('must-change')
})

test('a client that takes the id of a user closes the account, and works itself', async () => {
  const { issuer, api, tokens, session } = await personWithTokens('newsvc')
  await issuer.operator.call('POST', `${USERS}/ada/disable`)
  const client = await createClient(issuer.operator, { client_id: 'newsvc', resources: ['api'], scope: 'read' })
  expect(await isSignedIn(session)).toBe(false)
  expect((await signedIn(issuer, 'ada')).seen.error).toBe('invalid_credentials')
  expect((await issuer.operator.call('POST', `${USERS}/newsvc/enable`)).status).toBe(409)
  const acceptors = acceptorsOf(issuer, api)
  expect(await acceptors.everOf(tokens.access_token ?? '')).toEqual([])
  const own = await tokensOf(issuer, client)
  expect((await acceptors.of(own.access_token ?? '')).length).toBeGreaterThan(0)
})

test('users and other persons stand in one list, page by page, and a search finds users', async () => {
  const issuer = await startAdministered()
  await createResource(issuer.operator, 'api')
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources: ['api'] })
  for (const at of [1, 2, 3]) {
    await addUser(issuer, { username: `u${at}`, id: `a${at}`, email: `U${at}@Acme.com` })
    await grantTokens(issuer, shop, `b${at}`)
  }
  await grantTokens(issuer, shop, 'a2')
  const listed = async (query: string) => {
    const answer = await issuer.operator.call('GET', `${USERS}${query}`)
    return (answer.body as unknown as { sub: string; username?: string; grants: number }[]).map(
      ({ sub, username, grants }) => `${sub} ${username ?? '-'} ${grants}`,
    )
  }
  const all = ['a1 u1 0', 'a2 u2 1', 'a3 u3 0', 'b1 - 1', 'b2 - 1', 'b3 - 1']
  expect(await listed('')).toEqual(all)
  expect([...(await listed('?limit=4')), ...(await listed('?limit=4&after=b1'))]).toEqual(all)
  expect(await listed('?search=u2@ACME')).toEqual(['a2 u2 1'])
  expect(await listed('?search=acme&limit=2&after=a1')).toEqual(['a2 u2 1', 'a3 u3 0'])
})

test('signet:read reads users, groups and invitations, and changes nothing', async () => {
  const issuer = await startAdministered()
  await addUser(issuer, { username: 'ada' })
  const reader = operatorOf(
    issuer,
    await createClient(issuer.operator, { client_id: 'reader', scope: 'signet:read', resources: [] }),
  )
  for (const path of [
    USERS,
    `${USERS}/ada`,
    '/admin/api/groups',
    '/admin/api/groups/signet-admins',
    '/admin/api/invitations',
  ])
    expect((await reader.call('GET', path)).status, path).toBe(200)
  const writes: [string, string, object?][] = [
    ['POST', USERS, { username: 'x' }],
    ['PATCH', `${USERS}/ada`, { name: 'x' }],
    ['DELETE', `${USERS}/ada`],
    ['POST', `${USERS}/ada/disable`],
    ['POST', `${USERS}/ada/enable`],
    ['POST', `${USERS}/ada/password`, { password: PASSWORD }],
    ['POST', `${USERS}/ada/link`, {}],
    ['POST', `${USERS}/ada/remove-factor`, { all: true }],
    ['POST', '/admin/api/groups', { name: 'x' }],
    ['POST', '/admin/api/groups/signet-admins/add', { users: ['ada'] }],
    ['POST', '/admin/api/invitations', {}],
  ]
  for (const [method, path, body] of writes) {
    const answer = await reader.call(method, path, body)
    expect([answer.status, answer.body.error], `${method} ${path}`).toEqual([403, 'insufficient_scope'])
  }
})

test('a factor that a person does not have is 404, and no event', async () => {
  const issuer = await startAdministered()
  const { sub } = await addUser(issuer, { username: 'ada', password: PASSWORD })
  for (const lost of [{ totp: true }, { all: true }, { passkey: 'x' }])
    expect(refusal(await issuer.operator.call('POST', `${USERS}/ada/remove-factor`, lost))).toBe('404 invalid_request')
  expect(await auditOf(issuer, String(sub))).toEqual(['user.created'])
  const store = await storeOf(issuer)
  const { id } = await addPerson(store, { username: 'bob', user: { totpSecret: await sealedTotp(issuer) } })
  const removals = [1, 2].map(() => issuer.operator.call('POST', `${USERS}/bob/remove-factor`, { totp: true }))
  expect((await Promise.all(removals)).map(({ status }) => status).toSorted()).toEqual([200, 404])
  expect(await auditOf(issuer, id)).toEqual(['user.factor_removed', 'user.created'])
})
