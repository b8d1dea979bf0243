/** Groups: what they give, who may give it, and when it is gone. */
import { expect, test } from 'vitest'
import { startAdministered, type AdministeredIssuer } from '../support/admin.ts'

const GROUPS = '/admin/api/groups'

const make = (issuer: AdministeredIssuer, body: object) => issuer.operator.call('POST', GROUPS, body)

const userOf = async (issuer: AdministeredIssuer, name: string) =>
  (await issuer.operator.call('GET', `/admin/api/users/${name}`)).body as Record<string, unknown>

test('a group gives its members roles, permissions and claims', async () => {
  const issuer = await startAdministered()
  expect(
    (await make(issuer, { name: 'engineering', roles: ['editor', 'author'], claims: { org: 'acme' } })).status,
  ).toBe(201)
  await make(issuer, { name: 'billing', permissions: ['invoices.read'], roles: ['author'] })
  await issuer.operator.call('POST', '/admin/api/users', { username: 'ada', groups: ['engineering', 'billing'] })
  expect(await userOf(issuer, 'ada')).toMatchObject({
    groups: ['billing', 'engineering'],
    roles: ['author', 'editor'],
    permissions: ['invoices.read'],
  })
  const group = await issuer.operator.call('GET', `${GROUPS}/engineering`)
  expect(group.body).toMatchObject({ name: 'engineering', members: 1, built_in: false, claims: { org: 'acme' } })
  expect((await issuer.operator.call('DELETE', `${GROUPS}/engineering`)).status).toBe(204)
  expect(await userOf(issuer, 'ada')).toMatchObject({ groups: ['billing'], roles: ['author'] })
})

test('a name that is taken, and one that is missing, come with the line that helps', async () => {
  const issuer = await startAdministered()
  await make(issuer, { name: 'team a' })
  const again = await make(issuer, { name: 'team a' })
  expect(again.status).toBe(409)
  expect(again.body.error_description).toMatch(/signet group update 'team a'$/)
  const ada = await issuer.operator.call('POST', '/admin/api/users', { username: 'ada', groups: ['team b'] })
  expect(ada.body.error_description).toMatch(/signet group create 'team b'$/)
})

test('members are added and removed by name, address or id', async () => {
  const issuer = await startAdministered()
  await make(issuer, { name: 'team a' })
  const { id } = (await issuer.operator.call('POST', '/admin/api/users', { username: 'ada' })).body
  await issuer.operator.call('POST', '/admin/api/users', { username: 'grace', email: 'grace@example.com' })
  const change = (act: string, users: unknown[]) =>
    issuer.operator.call('POST', `${GROUPS}/${encodeURIComponent('team a')}/${act}`, { users })
  expect((await change('add', [id, 'grace@example.com', 'ada'])).body.members).toBe(2)
  expect((await change('remove', ['ada'])).body.members).toBe(1)
  expect((await change('add', ['ada', 'nobody'])).status).toBe(404)
  expect(await userOf(issuer, 'ada')).toMatchObject({ groups: [] })
  const users = (await issuer.operator.call('GET', '/admin/api/users?group=team+a')).body as unknown as object[]
  expect(users).toMatchObject([{ username: 'grace' }])
})

test('the built-in group is there from the start, and stays with its permission', async () => {
  const issuer = await startAdministered()
  const path = `${GROUPS}/signet-admins`
  expect((await issuer.operator.call('GET', path)).body).toMatchObject({
    built_in: true,
    permissions: ['signet:admin'],
    members: 0,
  })
  expect((await issuer.operator.call('DELETE', path)).status).toBe(409)
  expect((await issuer.operator.call('PATCH', path, { permissions: [] })).status).toBe(400)
  expect((await make(issuer, { name: 'signet-admins' })).status).toBe(409)
  expect((await issuer.operator.call('PATCH', path, { roles: ['admin'] })).body).toMatchObject({
    roles: ['admin'],
    permissions: ['signet:admin'],
  })
  await issuer.operator.call('POST', '/admin/api/users', { username: 'ada', groups: ['signet-admins'] })
  expect(await userOf(issuer, 'ada')).toMatchObject({ permissions: ['signet:admin'], roles: ['admin'] })
})

test.each([
  ['a name with a comma', { name: 'a,b' }],
  ['an empty name', { name: '' }],
  ['a name that begins with a blank', { name: ' a' }],
  ['a name of the house', { name: 'signet-everything' }],
  ['an unknown permission of Signet', { name: 'a', permissions: ['signet:everything'] }],
  ['a role with a blank', { name: 'a', roles: ['a b'] }],
  ['a claim of the protocol', { name: 'a', claims: { aud: 'x' } }],
])('%s is refused', async (_, body) => {
  const issuer = await startAdministered()
  const answer = await make(issuer, body)
  expect([answer.status, answer.body.error], answer.text).toEqual([400, 'invalid_request'])
})

test('whoever loses a permission of Signet loses live tokens at once, by any act', async () => {
  const issuer = await startAdministered()
  await make(issuer, { name: 'helpers', permissions: ['signet:read'] })
  await make(issuer, { name: 'press' })
  const entriesOf = async (sub: unknown) => {
    const { entries } = (await issuer.operator.call('GET', '/blacklist')).body as unknown as {
      entries: { kind: string; value: string }[]
    }
    return entries.filter(({ kind, value }) => kind === 'sub' && value === sub).length
  }
  const add = async (username: string) =>
    (await issuer.operator.call('POST', '/admin/api/users', { username, groups: ['helpers', 'press'] })).body.id
  const [ada, grace, alan, joan] = [await add('ada'), await add('grace'), await add('alan'), await add('joan')]
  await issuer.operator.call('POST', `${GROUPS}/press/remove`, { users: ['ada'] })
  expect(await entriesOf(ada)).toBe(0)
  await issuer.operator.call('POST', `${GROUPS}/helpers/remove`, { users: ['ada'] })
  await issuer.operator.call('PATCH', '/admin/api/users/grace', { groups: ['press'] })
  expect([await entriesOf(ada), await entriesOf(grace), await entriesOf(alan)]).toEqual([1, 1, 0])
  await issuer.operator.call('PATCH', `${GROUPS}/helpers`, { permissions: [] })
  expect([await entriesOf(alan), await entriesOf(joan)]).toEqual([1, 1])
})
