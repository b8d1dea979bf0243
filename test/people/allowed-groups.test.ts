/** Groups that a client names: each is there, because by a misspelled one nobody could sign in. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { signet } from '../support/process.ts'
import { fresh, refusal, shareWithApi } from '../support/shared.ts'
import { CALLBACK } from '../support/people.ts'

const issuer = shareWithApi()
const call = (method: string, path: string, json?: object) => issuer().operator.call(method, `/admin/api/${path}`, json)
const command = (...args: string[]) => signet(args, issuer().env)

const makeGroup = async (): Promise<string> => {
  const name = fresh('group')
  expect((await call('POST', 'groups', { name })).status).toBe(201)
  return name
}

const makeClient = (metadata: object = {}) =>
  call('POST', 'clients', { client_id: fresh('web'), redirect_uris: [CALLBACK], ...metadata })

test('an unknown group is refused by its name, and nothing changes', async () => {
  const group = await makeGroup()
  const { body } = await makeClient({ allowed_groups: [group, 'signet-admins'], client_name: 'Web' })
  const refused = [
    await makeClient({ allowed_groups: ['nosuch'] }),
    await call('PATCH', `clients/${body.client_id}`, { allowed_groups: [group, 'nosuch'], client_name: 'Other' }),
  ]
  for (const answer of refused) {
    expect(refusal(answer)).toBe('400 invalid_client_metadata')
    expect(answer.body.error_description).toMatch(/group .nosuch. does not exist/)
    expect(answer.body.error_description).toContain('signet group create nosuch')
  }
  const { body: after } = await call('GET', `clients/${body.client_id}`)
  expect(after).toMatchObject({ allowed_groups: [group, 'signet-admins'], client_name: 'Web' })
})

test('the command line fails, and names one that is near', async () => {
  const group = await makeGroup()
  const { body } = await makeClient()
  for (const line of [
    ['client', 'update', body.client_id, '--allow-group', `${group}x`],
    ['client', 'update', body.client_id, '--set', `allowed_groups=["${group}x"]`],
    ['client', 'create', '--redirect-uri', CALLBACK, '--allow-group', `${group}x`],
  ]) {
    const { code, stderr } = await command(...line)
    expect(code, stderr).toBe(1)
    expect(stderr).toContain(`did you mean ${group}?`)
    expect(stderr).toContain('signet group list')
  }
  expect((await command('client', 'update', body.client_id, '--allow-group', group)).code).toBe(0)
})

test('a group that a client names is not deleted: the refusal names the client', async () => {
  const [group, other] = [await makeGroup(), await makeGroup()]
  const { body } = await makeClient({ allowed_groups: [group, other] })
  const refused = await call('DELETE', `groups/${group}`)
  expect(refusal(refused)).toBe('409 invalid_request')
  expect(refused.body.error_description).toContain(body.client_id)
  const printed = await command('group', 'delete', group)
  expect([printed.code, printed.stderr]).toEqual([1, expect.stringContaining(body.client_id)])
  await call('PATCH', `clients/${body.client_id}`, { allowed_groups: [other] })
  expect((await call('DELETE', `groups/${group}`)).status).toBe(204)
})

test('a declarative file declares the group itself, or names one that is there', async () => {
  const [file, group] = [join(issuer().folder, 'groups.json'), await makeGroup()]
  const apply = async (declared: object) => {
    writeFileSync(file, JSON.stringify(declared))
    return command('apply', file, '--json')
  }
  const client = (...allowed_groups: string[]) => ({
    client_id: 'declared-web',
    redirect_uris: [CALLBACK],
    token_endpoint_auth_method: 'none',
    allowed_groups,
  })
  const refused = await apply({ clients: [client('late')] })
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('allowed_groups: late is neither in this file nor in the database')
  const both = { clients: [client('late', group)], groups: [{ name: 'late' }] }
  expect((await apply(both)).code).toBe(0)
  expect((await call('GET', 'clients/declared-web')).body.allowed_groups).toEqual(['late', group])
  // A group that an operator deleted stops no start: the client stays closed to others.
  await call('PATCH', 'clients/declared-web', { allowed_groups: [group] })
  expect((await call('DELETE', 'groups/late')).status).toBe(204)
  const ended = await apply({ clients: [client('late', group)] })
  expect(ended.code, ended.stderr).toBe(0)
  expect(JSON.parse(ended.stdout).ended).toMatchObject([{ kind: 'group', id: 'late' }])
})
