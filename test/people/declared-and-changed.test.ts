/**
 * An operator changes by commands what the declarative file names: renames a user, deletes a group, gives an address to
 * somebody else. The start goes on. One error line names file, line and what to do, the rest is applied, and the doctor
 * finds it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { declareOperator, operatorOf } from '../support/admin.ts'
import { post } from '../support/client.ts'
import { startTestIssuer, temporaryFolder } from '../support/issuer.ts'
import { signet } from '../support/process.ts'

/** @param clients items of the list of clients, beside the administrator */
async function scene(text: string, clients = '') {
  const folder = temporaryFolder()
  const { file, credentials } = declareOperator(folder)
  const administrator = readFileSync(file, 'utf8')
  const write = (declared: string, more = '') => writeFileSync(file, `${declared}${administrator}${more}`)
  write(text, clients)
  let issuer = await startTestIssuer({ SIGNET_CONFIG: file }, { folder })
  const operator = operatorOf(issuer, credentials)
  const call = async (method: string, path: string, body?: object) => {
    const answer = await operator.call(method, `/admin/api/${path}`, body)
    expect(answer.status, answer.text).toBeLessThan(300)
    return answer.body
  }
  const run = (...args: string[]) => signet(args, issuer.env)
  const restart = async () => (issuer = await issuer.restart())
  return { operator, file, write, call, run, restart }
}

type Scene = Awaited<ReturnType<typeof scene>>

/** The start and `apply` go on, each with this one line and file and line before it; the doctor finds it too. */
async function expectOneLine(it: Scene, line: RegExp): Promise<void> {
  const started = await it.restart()
  const logged = started.logged.filter((each) => each.includes('"level":"error"'))
  expect(logged, started.logged.join('\n')).toHaveLength(1)
  expect(logged[0]).toMatch(/signet\.yaml:\d+: /)
  expect(logged[0]).toMatch(line)
  for (const flags of [['--dry-run'], [], []]) {
    const { code, stderr } = await it.run('apply', it.file, ...flags)
    expect(code, stderr).toBe(0)
    const faults = stderr.split('\n').filter((each) => each.startsWith('signet: '))
    expect(faults, stderr).toHaveLength(1)
    expect(faults[0]).toMatch(/signet\.yaml:\d+: /)
    expect(faults[0]).toMatch(line)
  }
  const { stdout } = await it.run('doctor', '--json')
  const checks: { ok: boolean; check: string; found: string; fix: string }[] = JSON.parse(stdout)
  const found = checks.filter(({ check, ok }) => check === 'declarative file' && !ok)
  expect(found, stdout).toHaveLength(1)
  expect(found[0]?.found).toMatch(/signet\.yaml:\d+: /)
  expect(found[0]?.fix).toMatch(line)
}

const inGroup = (more = '') => `groups: [{ name: fg, roles: [r] }, { name: kept }]
users:
  - { username: fu, groups: [fg, kept] }
${more}`

test('a group that was deleted stays so, and its users stay in their other groups', async () => {
  const it = await scene(inGroup())
  await it.call('DELETE', 'groups/fg')
  it.write(inGroup('  - { username: late, groups: [fg, kept] }\n'))
  await expectOneLine(it, /operator deleted group fg.*signet group create fg/)
  for (const name of ['fu', 'late']) expect(await it.call('GET', `users/${name}`)).toMatchObject({ groups: ['kept'] })
  expect((await it.operator.call('GET', '/admin/api/groups/fg')).status).toBe(404)
})

test('a group that is back takes its users of the file again', async () => {
  const it = await scene(inGroup())
  await it.call('DELETE', 'groups/fg')
  await it.call('POST', 'groups', { name: 'fg' })
  const { code, stderr } = await it.run('apply', it.file)
  expect([code, /group fg/.test(stderr)], stderr).toEqual([0, false])
  expect(await it.call('GET', 'users/fu')).toMatchObject({ groups: ['fg', 'kept'], roles: ['r'] })
})

test('a group that a command made and an operator deleted stops no start', async () => {
  const it = await scene('groups: [{ name: kept }]\n')
  await it.call('POST', 'groups', { name: 'fg' })
  it.write('users: [{ username: fu, groups: [fg] }]\n')
  expect((await it.run('apply', it.file)).code).toBe(0)
  await it.call('DELETE', 'groups/fg')
  await expectOneLine(it, /operator deleted group fg/)
  expect(await it.call('GET', 'users/fu')).toMatchObject({ groups: [] })
})

test('a resource that a command made and an operator deleted stops no start, and opens nothing', async () => {
  const it = await scene('groups: [{ name: kept }]\n')
  await it.call('POST', 'resources', { id: 'api' })
  it.write('', '  - { client_id: caller, scope: "signet:admin", resources: [api] }\n')
  expect((await it.run('apply', it.file)).code).toBe(0)
  await it.call('DELETE', 'resources/api?force=true')
  await expectOneLine(it, /operator deleted resource api/)
  const { body } = await it.operator.call('GET', '/admin/api/clients/caller')
  expect(body.resources.length === 0 && /signet:admin/.test(body.scope)).toBe(false)
})

const WITH_EMAIL = 'groups: [{ name: kept }]\nusers: [{ username: fu, email: a@b.example, groups: [kept] }]\n'

test('a user who was renamed keeps the address, and the start goes on', async () => {
  const it = await scene(WITH_EMAIL)
  await it.call('PATCH', 'users/fu', { username: 'renamed' })
  it.write(`${WITH_EMAIL.replace('kept }', 'kept, roles: [new] }')}resources: [{ id: late }]\n`)
  await expectOneLine(it, /user fu: user renamed has the address a@b\.example/)
  expect((await it.operator.call('GET', '/admin/api/users/fu')).status).toBe(404)
  expect(await it.call('GET', 'users/renamed')).toMatchObject({ email: 'a@b.example', groups: ['kept'] })
  expect(await it.call('GET', 'groups/kept')).toMatchObject({ roles: ['new'] })
  await it.call('GET', 'resources/late')
})

test('an address that somebody else has by now stays where it is', async () => {
  const it = await scene(WITH_EMAIL)
  await it.call('PATCH', 'users/fu', { email: null })
  await it.call('POST', 'users', { username: 'other', email: 'A@b.example' })
  await expectOneLine(it, /user fu: user other has the address a@b\.example/)
  expect(await it.call('GET', 'users/fu')).toMatchObject({ email: null })
})

test('an address that counts as verified by the file alone is a conflict too', async () => {
  const it = await scene('users: [{ username: fu, email_verified: true }]\n')
  await it.call('PATCH', 'users/fu', { email: 'a@b.example', email_verified: false })
  await it.call('POST', 'users', { username: 'other', email: 'a@b.example' })
  await expectOneLine(it, /user fu: user other has the address a@b\.example/)
})

test('an address that one user of the file leaves to a later one is no conflict', async () => {
  const it = await scene('users: [{ username: ada, email: a@b.example }]\n')
  it.write('users: [{ username: ada, email: new@b.example }, { username: eve, email: a@b.example }]\n')
  const { code, stdout, stderr } = await it.run('apply', it.file)
  expect([code, stdout.includes('1 created, 1 changed')], stdout + stderr).toEqual([0, true])
  expect(await it.call('GET', 'users/eve')).toMatchObject({ email: 'a@b.example' })
})

const WITH_ID = 'users: [{ username: fu, id: fu-1 }]\n'

test.each([
  ['renamed', [['PATCH', 'users/fu', { username: 'renamed' }]], /user fu: user renamed has the id fu-1/],
  [
    'renamed, and another made by the name',
    [
      ['PATCH', 'users/fu', { username: 'renamed' }],
      ['POST', 'users', { username: 'fu' }],
    ],
    /user fu.*id.*never changes/,
  ],
] as const)('a user with an id who was %s does not stop the start', async (_, steps, line) => {
  const it = await scene(WITH_ID)
  for (const [method, path, body] of steps) await it.call(method, path, body)
  await expectOneLine(it, line)
})

test('an id that a client has does not stop the start', async () => {
  const it = await scene('groups: [{ name: kept }]\n')
  await it.call('POST', 'clients', { client_id: 'fu-1' })
  it.write(WITH_ID)
  await expectOneLine(it, /user fu: a client has the id fu-1/)
  await it.call('DELETE', 'clients/fu-1')
  await expectOneLine(it, /user fu: a client has the id fu-1/)
})

test.each([
  [
    'authenticates by nothing',
    '  - { client_id: app, grant_types: [client_credentials] }\n',
    {
      grant_types: ['authorization_code'],
      token_endpoint_auth_method: 'none',
      redirect_uris: ['https://app.example/cb'],
    },
  ],
  [
    'has a claim of that name',
    '  - { client_id: app, allowed_claims: [tier] }\n',
    { allowed_claims: [], claims: { tier: 1 } },
  ],
])('a client that %s by now does not stop the start', async (_, clients, change) => {
  const it = await scene('', clients)
  await it.call('PATCH', 'clients/app', change)
  await expectOneLine(it, /client app/)
})

test.each([
  [
    'one address twice',
    'users: [{ username: a, email: A@b.example }, { username: b, email: a@b.example }]\n',
    /email.*user a/,
  ],
  ['one id twice', 'users: [{ username: a, id: x }, { username: b, id: x }]\n', /id/],
  ['one id for a user and a client', 'users: [{ username: a, id: x }]\nclients:\n  - { client_id: x }\n', /id/],
])('a file with %s is refused with the line, and nothing is applied', async (_, text, line) => {
  const it = await scene('groups: [{ name: kept }]\n')
  writeFileSync(it.file, text)
  const { code, stderr } = await it.run('apply', it.file)
  expect(code, stderr).toBe(1)
  expect(stderr).toMatch(/signet\.yaml:\d+: /)
  expect(stderr).toMatch(line)
  expect((await it.operator.call('GET', '/admin/api/users/a')).status).toBe(404)
})

describe('what a declaration takes away is taken away, though the rest of it does not fit:', () => {
  test('a group, from a user whose address somebody else has by now', async () => {
    const it = await scene('users: [{ username: fu, email: a@b.example, groups: [signet-admins] }]\n')
    await it.call('PATCH', 'users/fu', { email: null })
    await it.call('POST', 'users', { username: 'other', email: 'a@b.example' })
    it.write('users: [{ username: fu, email: a@b.example, name: Fu, groups: [] }]\n')
    await expectOneLine(it, /user fu: user other has the address a@b\.example/)
    expect(await it.call('GET', 'users/fu')).toMatchObject({ groups: [], permissions: [], email: null, name: 'Fu' })
    expect(await it.call('GET', 'users/other')).toMatchObject({ email: 'a@b.example' })
  })

  test('everything, from a client that the file disables', async () => {
    const it = await scene('', '  - { client_id: app, grant_types: [client_credentials] }\n')
    const byHand = {
      grant_types: ['authorization_code'],
      token_endpoint_auth_method: 'none',
      redirect_uris: ['https://app.example/cb'],
    }
    await it.call('PATCH', 'clients/app', byHand)
    it.write('', '  - { client_id: app, grant_types: [client_credentials], disabled: true }\n')
    await expectOneLine(it, /client app.*is disabled/)
    expect(await it.call('GET', 'clients/app')).toMatchObject({ ...byHand, disabled_at: expect.any(String) })
  })

  test('the former secret, from a client that has a claim of that name by now', async () => {
    const it = await scene('')
    const [former, next] = ['former', 'next'].map((name) => `${name}-${'s'.repeat(40)}`)
    const bring = (secret = '') => writeFileSync(join(dirname(it.file), 'app.secret'), secret)
    bring(former)
    it.write('', '  - { client_id: app, client_secret: { file: app.secret }, allowed_claims: [tier] }\n')
    expect((await it.run('apply', it.file)).code).toBe(0)
    await it.call('PATCH', 'clients/app', { allowed_claims: [], claims: { tier: 1 } })
    bring(next)
    await expectOneLine(it, /client app/)
    const at = await it.restart()
    const statusOf = async (secret = '') =>
      (await post(at, '/token', { grant_type: 'client_credentials' }, { clientId: 'app', secret })).status
    expect([await statusOf(former), await statusOf(next)]).toEqual([401, 200])
    expect(await it.call('GET', 'clients/app')).toMatchObject({ allowed_claims: [], claims: { tier: 1 } })
  })
})
