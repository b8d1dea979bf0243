/**
 * The names of persons: an operator names a person by id, user name or address. A name means one person, so nobody gets
 * by a user name what an operator does for the id of somebody else.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  createBackend,
  createResource,
  grantTokens,
  startAdministered,
  type AdministeredIssuer,
} from '../support/admin.ts'
import { browserAt, PASSWORD } from '../support/people.ts'
import { signet } from '../support/process.ts'

async function addUser(issuer: AdministeredIssuer, wanted: object): Promise<string> {
  const { status, body, text } = await issuer.operator.call('POST', '/admin/api/users', wanted)
  expect(status, text).toBe(201)
  return String(body.id)
}

const signUp = async (issuer: AdministeredIssuer, username: string) => {
  const browser = browserAt(issuer)
  return browser.submit(await browser.get('/signup'), { username, password: PASSWORD }, 'create')
}

test('the id of a person is nobody else’s user name, at any door', async () => {
  const issuer = await startAdministered({ SIGNET_SIGNUP: 'open' })
  const ada = await addUser(issuer, { username: 'ada' })
  const eve = await addUser(issuer, { username: 'eve' })
  for (const typed of [ada, ada.toUpperCase()]) {
    expect((await signUp(issuer, typed)).error).toBe('username_taken')
    for (const [method, path, body] of [
      ['POST', 'users', { username: typed }],
      ['PATCH', `users/${eve}`, { username: typed }],
    ] as const) {
      const refused = await issuer.operator.call(method, `/admin/api/${path}`, body)
      expect([refused.status, refused.body.error_description]).toEqual([409, expect.stringContaining('username:')])
    }
  }
  expect((await issuer.operator.call('PATCH', `/admin/api/users/${ada}`, { username: 'ada.l' })).status).toBe(200)
})

test('a person may have the own id as user name', async () => {
  const issuer = await startAdministered()
  const id = await addUser(issuer, { username: 'emp-1', id: 'emp-1' })
  const renamed = await issuer.operator.call('PATCH', '/admin/api/users/emp-1', { username: 'ada' })
  expect([renamed.status, renamed.body.id]).toEqual([200, id])
  expect((await issuer.operator.call('PATCH', '/admin/api/users/ada', { username: 'emp-1' })).status).toBe(200)
})

test('a client that is registered with the id of a user disables the user, and every door says so', async () => {
  const issuer = await startAdministered()
  for (const id of ['emp-1', 'emp-2', 'emp-3']) await addUser(issuer, { username: `u-${id}`, id })
  const made = await issuer.operator.call('POST', '/admin/api/clients', { client_id: 'emp-1' })
  expect([made.status, made.body.disabled_user]).toEqual([201, true])
  const typed = await signet(['client', 'create', '--id', 'emp-2'], issuer.env)
  expect([typed.code, typed.stderr]).toEqual([0, expect.stringContaining('"emp-2" was the id of a user')])
  const file = join(issuer.folder, 'client.yaml')
  writeFileSync(file, 'clients:\n  - client_id: emp-3\n')
  const applied = await signet(['apply', file], issuer.env)
  expect([applied.code, applied.stderr]).toEqual([0, expect.stringContaining('client emp-3 takes the id of a user')])
  for (const id of ['emp-1', 'emp-2', 'emp-3'])
    expect((await issuer.operator.call('GET', `/admin/api/users/${id}`)).body).toMatchObject({ disabled: true })
})

/** Somebody has taken a user name, and an operator gives it to another person as id: the id wins. */
async function sceneOfOneName() {
  const issuer = await startAdministered({ SIGNET_SIGNUP: 'open' })
  expect((await signUp(issuer, 'emp-4711')).url.pathname).toBe('/account')
  await addUser(issuer, { username: 'ada', id: 'emp-4711' })
  await issuer.operator.call('POST', '/admin/api/groups', { name: 'payroll' })
  const membersOf = async (name: string) => {
    const { text } = await issuer.operator.call('GET', `/admin/api/users?group=${name}`)
    return (JSON.parse(text) as { id: string }[]).map(({ id }) => id)
  }
  return { issuer, membersOf }
}

test('an id reaches its person where somebody else has it as user name: by the API', async () => {
  const { issuer, membersOf } = await sceneOfOneName()
  const add = await issuer.operator.call('POST', '/admin/api/groups/payroll/add', { users: ['emp-4711'] })
  expect([add.status, await membersOf('payroll')]).toEqual([200, ['emp-4711']])
  const disabled = await issuer.operator.call('POST', '/admin/api/users/emp-4711/disable')
  expect(disabled.body).toMatchObject({ id: 'emp-4711', username: 'ada', disabled: true })
})

test('an id reaches its person where somebody else has it as user name: by commands', async () => {
  const { issuer, membersOf } = await sceneOfOneName()
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await signet(args, issuer.env)
    expect(code, stderr).toBe(0)
    return stdout
  }
  await run('group', 'add', 'payroll', 'emp-4711')
  expect(await membersOf('payroll')).toEqual(['emp-4711'])
  expect(JSON.parse(await run('user', 'disable', 'emp-4711', '--json'))).toMatchObject({ username: 'ada' })
  // A person who was disabled can still be deleted, whatever the name of somebody else.
  await run('user', 'delete', 'emp-4711')
  expect(JSON.parse(await run('user', 'show', 'emp-4711', '--json'))).toMatchObject({ username: 'emp-4711' })
})

test('whoever has such a name can be changed: renamed, disabled', async () => {
  const { issuer } = await sceneOfOneName()
  const list = await issuer.operator.call('GET', '/admin/api/users?search=emp-4711')
  const [{ id: stranger }] = JSON.parse(list.text) as [{ id: string }]
  for (const [act, body] of [['/disable'], ['/enable'], ['', { name: 'Eve' }], ['', { username: 'eve' }]] as const) {
    const method = act === '' ? 'PATCH' : 'POST'
    const answer = await issuer.operator.call(method, `/admin/api/users/${stranger}${act}`, body)
    expect([answer.status, answer.body.id], answer.text).toEqual([200, stranger])
  }
})

test('a declarative file that gives such a name is told so, and the rest of it is applied', async () => {
  const issuer = await startAdministered()
  await addUser(issuer, { username: 'ada', id: 'emp-1' })
  const file = join(issuer.folder, 'people.yaml')
  const apply = async (text: string) => {
    writeFileSync(file, text)
    return signet(['apply', file], issuer.env)
  }
  const told = await apply('users: [{ username: emp-1 }, { username: grace }]\n')
  expect([told.code, told.stderr]).toEqual([0, expect.stringMatching(/people\.yaml:1: .*user ada has it as id/)])
  expect((await issuer.operator.call('GET', '/admin/api/users/grace')).status).toBe(200)
  const inside = await apply('users: [{ username: eve, id: emp-2 }, { username: emp-2 }]\n')
  expect([inside.code, inside.stderr]).toEqual([
    1,
    expect.stringMatching(/people\.yaml:1: id: user emp-2 of this file/),
  ])
})

describe('a user name that its holder chose is no proof for the declarative file:', () => {
  const DECLARED = { username: 'alice', email: 'alice@corp.example', groups: '[signet-admins]' }

  const scene = async (holder: (issuer: AdministeredIssuer) => Promise<unknown>) => {
    const issuer = await startAdministered({ SIGNET_SIGNUP: 'open' })
    await holder(issuer)
    const file = join(issuer.folder, 'people.yaml')
    const apply = async (user: object = DECLARED, more = '') => {
      const members = Object.entries(user).map(([name, value]) => `${name}: ${value}`)
      writeFileSync(file, `users: [{ ${members.join(', ')} }${more}]\n`)
      return signet(['apply', file], issuer.env)
    }
    const alice = async () => (await issuer.operator.call('GET', '/admin/api/users/alice')).body
    return { issuer, apply, alice, call: issuer.operator.call }
  }

  const invite = async (issuer: AdministeredIssuer, wanted: object) => {
    const { body } = await issuer.operator.call('POST', '/admin/api/invitations', wanted)
    const browser = browserAt(issuer)
    const form = await browser.get(String(body.url).slice(issuer.issuer.length))
    await browser.submit(form, { username: 'alice', password: PASSWORD }, 'create')
  }

  test.each<[string, (issuer: AdministeredIssuer) => Promise<unknown>]>([
    ['a stranger who has signed up', (issuer) => signUp(issuer, 'alice')],
    ['a guest whom an invitation let choose', (issuer) => invite(issuer, {})],
    ['a guest of another address', (issuer) => invite(issuer, { email: 'guest@corp.example' })],
  ])('%s gets no right of it, and one line says what to do', async (_name, holder) => {
    const { apply, alice } = await scene(holder)
    const before = await alice()
    const { code, stderr } = await apply(DECLARED, ', { username: grace }')
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/people\.yaml:1: .*user alice.*write id: [\da-f-]{36} into/),
    ])
    expect(await alice()).toEqual(before)
    expect((await alice()).groups).toEqual([])
  })

  test('by the id in the file it is meant, and by the address that the person was invited at', async () => {
    const { apply, alice } = await scene((issuer) => signUp(issuer, 'alice'))
    const { code, stdout, stderr } = await apply({ ...DECLARED, id: (await alice()).id })
    expect([code, stdout], stderr).toEqual([0, expect.stringContaining('1 changed')])
    expect(await alice()).toMatchObject({ groups: ['signet-admins'], email: 'alice@corp.example' })
    const invited = await scene((issuer) => invite(issuer, { email: 'Alice@corp.example' }))
    expect((await invited.apply()).stdout).toContain('1 changed')
    expect(await invited.alice()).toMatchObject({ groups: ['signet-admins'] })
  })

  test('once an operator has renamed the holder, the file makes the person', async () => {
    const { apply, alice, call } = await scene((issuer) => signUp(issuer, 'alice'))
    const { id } = await alice()
    expect((await call('PATCH', '/admin/api/users/alice', { username: 'alice.2' })).status).toBe(200)
    expect((await apply()).stdout).toContain('1 created')
    expect(await alice()).toMatchObject({ groups: ['signet-admins'] })
    expect((await alice()).id).not.toBe(id)
  })

  test('a name that an operator gave is one, whoever chose it before', async () => {
    const { apply, alice, call } = await scene((issuer) => signUp(issuer, 'bob'))
    expect((await call('PATCH', '/admin/api/users/bob', { username: 'alice' })).status).toBe(200)
    expect((await apply()).stdout).toContain('1 changed')
    expect(await alice()).toMatchObject({ groups: ['signet-admins'] })
  })

  test('a person whom the file made stays the file’s, and so does one who took over what an operator made', async () => {
    const { apply, issuer, call } = await scene(async () => {})
    expect((await apply()).stdout).toContain('1 created')
    expect((await apply({ ...DECLARED, name: 'Alice' })).stdout).toContain('1 changed')
    const { body } = await call('POST', '/admin/api/users', { username: 'eve', invite: true })
    const browser = browserAt(issuer)
    const form = await browser.get(String(body.invite_url).slice(issuer.issuer.length))
    expect((await browser.submit(form, { password: PASSWORD }, 'create')).url.pathname).toBe('/account')
    expect((await apply({ username: 'eve', name: 'Eve' })).stdout).toContain('1 changed')
  })
})

describe('a user name that a backend has given to a person of its own', () => {
  test('reaches nobody at the API: the operator is told of both, and neither hides the other', async () => {
    const issuer = await startAdministered()
    const backend = await createBackend(issuer.operator, { resources: [await createResource(issuer.operator, 'api')] })
    const ada = await addUser(issuer, { username: 'ada' })
    await grantTokens(issuer, backend, 'ada')
    for (const [method, path, body] of [
      ['GET', 'users/ada'],
      ['PATCH', 'users/ada', { name: 'Ada' }],
      ['DELETE', 'users/ada'],
      ['POST', 'users/ada/disable'],
      ['POST', 'users/ada/enable'],
      ['POST', 'users/ada/password', { password: PASSWORD }],
      ['POST', 'users/ada/link'],
      ['POST', 'users/ada/remove-factor', { all: true }],
    ] as const) {
      const { status, body: told } = await issuer.operator.call(method, `/admin/api/${path}`, body)
      expect([path, status, told.error_description]).toEqual([path, 409, expect.stringContaining(ada)])
    }
    expect((await issuer.operator.call('POST', `/admin/api/users/${ada}/disable`)).body).toMatchObject({
      id: ada,
      disabled: true,
    })
    expect((await issuer.operator.call('POST', '/blacklist', { sub: 'ada' })).status).toBe(201)
  })

  test('is the name of that person alone where no user has it', async () => {
    const issuer = await startAdministered()
    const resources = [await createResource(issuer.operator, 'api')]
    await grantTokens(issuer, await createBackend(issuer.operator, { resources }), 'bob')
    const { status, body } = await issuer.operator.call('POST', '/admin/api/users/bob/disable')
    expect([status, body.sub, body.status]).toEqual([200, 'bob', 'disabled'])
  })
})
