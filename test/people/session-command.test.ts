/** `signet session end` prints the sessions that ended, as `signet session list` showed them. */
import { expect, test } from 'vitest'
import { startAdministered } from '../support/admin.ts'
import { browserAt, PASSWORD, signInAt } from '../support/people.ts'
import { signet } from '../support/process.ts'

test('a session that is ended, by its id or with all of a person, is printed as the list showed it', async () => {
  const issuer = await startAdministered()
  await issuer.operator.call('POST', '/admin/api/users', { username: 'ada', password: PASSWORD })
  for (let each = 0; each < 3; each++)
    expect((await signInAt(browserAt(issuer), '/login', { username: 'ada' })).url.pathname).toBe('/account')
  const run = async (...line: string[]) => {
    const { code, stdout, stderr } = await signet(['session', ...line, '--json'], issuer.env)
    expect(code, stderr).toBe(0)
    return JSON.parse(stdout)
  }
  const [first, ...others] = await run('list')
  expect(others).toHaveLength(2)
  expect(await run('end', first.id)).toEqual([first])
  expect(await run('end', first.id)).toEqual([])
  const { stdout } = await signet(['session', 'end', first.id], issuer.env)
  expect(stdout).toBe('0 sessions were ended\n')
  // As people type and paste names.
  expect(await run('list', '--user', ' ada')).toEqual(others)
  expect(await run('end', '--user', 'Ada ')).toEqual(others)
  expect(await run('list')).toEqual([])
})
