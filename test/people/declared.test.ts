/** Groups and users of the declarative file: applied in one write, and never over what a person or operator has decided. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { declareOperator, operatorOf } from '../support/admin.ts'
import { browserAt, PASSWORD, signInAt } from '../support/people.ts'
import { startTestIssuer, temporaryFolder } from '../support/issuer.ts'
import { signet } from '../support/process.ts'

const FILE = `groups:
  - name: engineering
    roles: [editor]
users:
  - username: ada
    id: ada-1
    email: ada@example.com
    groups: [engineering, signet-admins]
    claims: { org: acme }
    password: { file: ada.password }
`

async function scene(more = FILE) {
  const folder = temporaryFolder()
  const { file, credentials } = declareOperator(folder, more)
  writeFileSync(join(folder, 'ada.password'), `${PASSWORD}\n`)
  const issuer = await startTestIssuer({ SIGNET_CONFIG: file }, { folder })
  const operator = operatorOf(issuer, credentials)
  const user = async (name: string) => (await operator.call('GET', `/admin/api/users/${name}`)).body as object
  const write = (text: string) => writeFileSync(file, `${text}\nclients: []\n`)
  const apply = (...flags: string[]) => signet(['apply', file, ...flags], issuer.env)
  return { issuer, operator, folder, file, user, write, apply }
}

test('a file makes groups and users, and a second application changes nothing', async () => {
  const { issuer, user, apply } = await scene()
  expect(await user('ada')).toMatchObject({
    id: 'ada-1',
    email_verified: true,
    groups: ['engineering', 'signet-admins'],
    roles: ['editor'],
    permissions: ['signet:admin'],
    claims: { org: 'acme' },
  })
  expect((await signInAt(browserAt(issuer), '/login', { username: 'ada' })).url.pathname).toBe('/account')
  const { stdout, code, stderr } = await apply()
  expect([code, /0 created, 0 changed/.test(stdout)], stdout + stderr).toEqual([0, true])
})

test('a password of the file is set once, and never over one that the person has', async () => {
  const { issuer, operator, folder, apply, user } = await scene()
  const own = 'the words that ada has chosen'
  await operator.call('POST', '/admin/api/users/ada/password', { password: own })
  writeFileSync(join(folder, 'ada.password'), 'another text of the file')
  expect((await apply()).code).toBe(0)
  expect((await signInAt(browserAt(issuer), '/login', { username: 'ada', password: own })).url.pathname).toBe(
    '/account',
  )
  expect(await user('ada')).toMatchObject({ factors: { password: true } })
})

test('a dry run tells what would be done, and does nothing', async () => {
  const { write, apply, user } = await scene()
  write(`${FILE}  - username: grace\n    groups: [engineering]\n`.replace('org: acme', 'org: other'))
  const { stdout, code } = await apply('--dry-run')
  expect([code, stdout.includes('+ user grace'), stdout.includes('~ user ada')], stdout).toEqual([0, true, true])
  expect(await user('grace')).toMatchObject({ error: 'invalid_request' })
  expect((await apply()).stdout).toContain('1 created, 1 changed')
  expect(await user('ada')).toMatchObject({ claims: { org: 'other' } })
})

test('what an operator has deleted stays deleted', async () => {
  const { operator, apply, user } = await scene()
  await operator.call('DELETE', '/admin/api/users/ada')
  await operator.call('DELETE', '/admin/api/groups/engineering')
  const { stderr, code } = await apply()
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(/operator deleted user ada/)
  expect(stderr).toMatch(/operator deleted group engineering/)
  expect(await user('ada')).toMatchObject({ error: 'invalid_request' })
  expect((await operator.call('GET', '/admin/api/groups/engineering')).status).toBe(404)
})

test.each([
  ['an unknown group', 'users:\n  - username: eve\n    groups: [nope]\n', /signet\.yaml:\d+.*nope is neither/],
  [
    'a weak password',
    'users:\n  - username: eve\n    password: { file: weak }\n',
    /signet\.yaml:\d+.*easy to guess|characters/,
  ],
  ['a password in the file itself', 'users:\n  - username: eve\n    password: secret\n', /signet\.yaml:\d+.*reference/],
  ['one name twice', 'users:\n  - username: eve\n  - username: EVE\n', /signet\.yaml:\d+.*twice/],
  ['an unknown key', 'users:\n  - username: eve\n    role: x\n', /signet\.yaml:\d+.*role/],
  ['a group of the house', 'groups:\n  - name: signet-x\n', /signet\.yaml:\d+.*name/],
])('a file with %s applies nothing', async (_, text, finding) => {
  const { folder, write, apply, operator } = await scene()
  writeFileSync(join(folder, 'weak'), 'password1234')
  write(text)
  const before = (await operator.call('GET', '/admin/api/users')).body
  const { code, stderr } = await apply()
  expect(code, stderr).toBe(1)
  expect(stderr).toMatch(finding)
  expect((await operator.call('GET', '/admin/api/users')).body).toEqual(before)
})
