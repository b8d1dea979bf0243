/** Exit codes and the two streams: what scripts rely on. */
import { existsSync } from 'node:fs'
import { test } from 'vitest'
import { Place } from './run-signet.ts'

test.concurrent.for([
  ['bogus'],
  [],
  ['client'],
  ['client', 'bogus'],
  ['client', 'show'],
  ['client', 'list', '--frob'],
  ['client', 'list', 'more'],
  ['client', 'create', '--grant', 'password'],
  ['client', 'create', '--access-token-ttl', 'soon'],
  ['client', 'create', '--claim', 'sub=root'],
  ['client', 'create', '--claim', '__proto__=1'],
  ['client', 'create', '--claim', 'novalue'],
  ['client', 'create', '--id', 'signet:operator'],
  ['client', 'update', 'x'],
  ['client', 'rotate-secret', 'x', '--overlap', 'soon'],
  ['resource', 'create', 'not a name'],
  ['resource', 'create', 'api', '--alg', 'HS256'],
  ['key', 'rotate', '--alg', 'HS256'],
  ['token', 'mint', '--sub', 'ops'],
  ['token', 'mint', '--sub', 'ops', '--resource', 'x', '--ttl', '0'],
  ['token', 'mint', '--sub', 'ops', '--resource', 'x', '--claim', 'iss=x'],
  ['blacklist', 'add'],
  ['blacklist', 'add', '--sub', 'a', '--jti', 'b'],
  ['blacklist', 'add', '--sub', 'a', '--expires', 'yesterday'],
  ['doctor', '--issuer', 'not-a-url'],
])('signet %j is bad usage: exit 2, nothing on stdout, nothing created', async (args, { expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const { code, stdout, stderr } = await place.run([...args, '--json'])
  expect(code).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).not.toContain('    at ')
  expect(existsSync(place.keysDir)).toBe(false)
})

test.concurrent('a slip is told with its flag and what is accepted', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const ttl = await place.run(['client', 'create', '--access-token-ttl', 'soon'])
  expect(ttl.stderr).toMatch(/--access-token-ttl: expected a duration such as/)
  const near = await place.run(['client', 'creat'])
  expect(near.stderr).toContain('Did you mean create?')
})

test.concurrent.for([
  'serve',
  'client',
  'resource',
  'key',
  'token',
  'blacklist',
  'grant',
  'apply',
  'backup',
  'restore',
  'doctor',
  'status',
  'migrate',
])('signet %s --help explains itself with an example, and exits 0', async (noun, { expect, onTestFinished }) => {
  const { code, stdout } = await new Place(onTestFinished).run([noun, '--help'])
  expect(code).toBe(0)
  expect(stdout).toContain(`Usage: signet ${noun}`)
  expect(stdout).toContain('Example')
  expect(stdout).toContain('--json')
})

test.concurrent('a wrong variable is one line with its name, exit 1, and nothing is created', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  for (const variables of [{ SIGNET_ACCESS_TOKEN_TTL: 'soon' }, { SIGNET_TYPO: '1' }]) {
    const { code, stdout, stderr } = await place.run(['client', 'list', '--json'], variables)
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain(Object.keys(variables)[0])
    expect(existsSync(place.keysDir)).toBe(false)
  }
})

test.concurrent('commands about what there is make no new database', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  for (const args of [['status'], ['backup', place.file('b.db')]]) {
    const { code, stderr } = await place.run(args)
    expect(code).toBe(1)
    expect(stderr).toContain('there is no database')
  }
  expect(existsSync(place.keysDir)).toBe(false)
})
