/** A typed value that can never be is bad usage, exit 2, wherever it is found; a conflict with the records is a failure, exit 1. */
import { test } from 'vitest'
import { Place } from './run-signet.ts'

const BAD: [line: string[], says: RegExp][] = [
  [['group', 'create', 'a!b'], /name: 1 to 128/],
  [['group', 'create', 'team', '--role', 'a b'], /roles/],
  [['group', 'update', 'there', '--role', 'a b'], /roles/],
  [['user', 'create', 'eve', '--id', 'a b'], /id: 1 to 255/],
  [['user', 'create', 'eve', '--id', 'cli'], /id: a name that Signet does not use/],
  [['user', 'create', 'cli'], /user name: read "cli"; accepted: a name that Signet does not use itself$/],
  [['user', 'create', 'sgs_'], /accepted: a name that does not begin like a token or a secret, because/],
  [['user', 'create', 'eve', '--email', ''], /--email: read ""/],
  [['user', 'update', 'ada', '--email', ''], /--email: read ""/],
  [['client', 'update', 'c', '--add-redirect-uri', 'javascript:x'], /redirect_uris/],
  [['client', 'update', 'c', '--claim', 'a=1', '--allow-claim', 'a'], /allowed_claims/],
  [['client', 'update', 'c', '--grant', 'authorization_code', '--auth-method', 'none'], /redirect_uris/],
  [['client', 'update', 'c', '--set', 'refresh=always'], /refresh/],
  [['client', 'update', 'c', '--set', 'client_name={}'], /--set client_name: /],
  [['client', 'update', 'c', '--set', 'client_name=true'], /--set client_name: /],
  [['client', 'update', 'c', '--set', 'client_name=["a"]'], /--set client_name: /],
  [['client', 'update', 'c', '--set', 'consent=null'], /--set consent: /],
  [['client', 'update', 'c', '--set', 'scope={}'], /--set scope: /],
  [['invite', 'a@b.example', '--uses', '2'], /uses/],
  [['client', 'create', '--resource', 'has space'], /--resource: read "has space"/],
  [['client', 'update', 'c', '--resource', "it's"], /--resource: read "it's"/],
  [['doctor', '--resource', 'nope'], /--resource .*name the token/],
  [['backup', '-'], /'-' is invalid/],
  [['apply', '-'], /'-' is invalid/],
  [['restore', '-'], /'-' is invalid/],
]

/** Values of shell variables that are not set. Each stood for everything, for nothing, or for the issuer's own. */
const EMPTY: [line: string[], names: string][] = [
  [['key', 'rotate', '--resource', '', '--emergency'], '--resource'],
  [['key', 'rotate', '--resource=', '--emergency'], '--resource'],
  [['key', 'rotate', '--wait-for', '', '--emergency'], '--wait-for'],
  [['key', 'revoke', ''], '<kid>'],
  [['grant', 'list', '--client', ''], '--client'],
  [['grant', 'list', '--sub', ''], '--sub'],
  [['grant', 'list', '--session', ''], '--session'],
  [['grant', 'revoke', ''], '<sid>'],
  [['grant', 'revoke', '', '--all'], '<sid>'],
  [['grant', 'revoke', '--all', '--reason', ''], '--reason'],
  [['session', 'list', '--user', ''], '--user'],
  [['session', 'end', '--user', ''], '--user'],
  [['session', 'end', ''], '<id>'],
  [['blacklist', 'add', '--sub', ''], '--sub'],
  [['blacklist', 'add', '--client', ''], '--client'],
  [['blacklist', 'add', '--sub', 'x', '--reason', ''], '--reason'],
  [['blacklist', 'add', '--sub', 'x', '--jti', ''], '--jti'],
  [['blacklist', 'remove', ''], '<id>'],
  [['audit', 'list', '--target', ''], '--target'],
  [['audit', 'list', '--request', ''], '--request'],
  [['user', 'list', '--search', ''], '--search'],
  [['user', 'list', '--group', ''], '--group'],
  [['user', 'delete', ''], '<name>'],
  [['user', 'remove-factor', 'ada', '--passkey', ''], '--passkey'],
  [['user', 'create', 'eve', '--id', ''], '--id'],
  [['invite', ''], '<email>'],
  [['invite', '--group', ''], '--group'],
  [['client', 'create', '--id', ''], '--id'],
  [['client', 'delete', ''], '<id>'],
  [['client', 'update', 'c', '--add-redirect-uri', ''], '--add-redirect-uri'],
  [['resource', 'delete', '', '--force'], '<id>'],
  [['group', 'remove', 'there', ''], '<user>'],
  [['token', 'mint', '--sub', 'ada', '--resource', ''], '--resource'],
  [['token', 'inspect', ''], '<token>'],
  [['doctor', ''], '<token>'],
  [['doctor', '--issuer', ''], '--issuer'],
  [['export', ''], '<file>'],
  [['master-key', 'retire', '', '--force'], '<id>'],
]

const CONFLICTS: [line: string[], says: RegExp][] = [
  [['group', 'create', 'there'], /exists already/],
  [['user', 'create', 'ada'], /another user has it/],
  [['user', 'create', 'eve', '--group', 'nope'], /group "nope" does not exist/],
  [['invite', '--group', 'nope'], /group "nope" does not exist/],
  [['client', 'create', '--id', 'c'], /exists already/],
  [['client', 'rotate-secret', 'public'], /without a secret/],
  [['resource', 'create', 'ISSUER'], /signet:admin, signet:read, signet:blacklist/],
  [['user', 'create', 'eve', '--id', 'was-ada'], /id: was-ada was the id of a user who was deleted/],
  [['blacklist', 'add', '--token', 'nothing'], /no live token.*NOTHING WAS DENIED/],
  [['blacklist', 'remove', 'nope'], /entry does not exist/],
  [['grant', 'revoke', 'nope'], /grant "nope" does not exist/],
  [['invite', 'revoke', 'nope'], /invitation does not exist/],
  [['session', 'end', 'nope'], /session does not exist/],
  [['user', 'list', '--group', 'nope'], /group does not exist/],
]

test('bad usage exits with 2 and names what was typed, a conflict exits with 1, and nothing is changed', async ({
  expect,
  onTestFinished,
}) => {
  const place = await new Place(onTestFinished).migrate()
  await place.json('group', 'create', 'there')
  await place.json('user', 'create', 'ada')
  await place.json('client', 'create', '--id', 'c', '--scope', 'a b')
  await place.json(
    ...'client create --id public --auth-method none --grant authorization_code'.split(' '),
    ...'--redirect-uri https://app.example/cb'.split(' '),
  )
  await place.json('user', 'create', 'gone', '--id', 'was-ada')
  await place.json('user', 'delete', 'gone')
  const { issuer } = await place.json<{ issuer: string }>('status')
  const before = await place.json('client', 'list')
  for (const [code, lines] of [[2, BAD] as const, [1, CONFLICTS] as const])
    for (const [line, says] of lines) {
      const ended = await place.run(line.map((word) => (word === 'ISSUER' ? issuer : word)))
      expect({ line, code: ended.code, stderr: ended.stderr }).toMatchObject({ line, code })
      const [fault, help] = ended.stderr.split('\n')
      expect(fault, line.join(' ')).toMatch(says)
      expect(help, line.join(' ')).toMatch(/^ {2}\S/)
    }
  expect(await place.json('client', 'list')).toEqual(before)
}, 300_000)

test('an empty value of any option or argument is bad usage and does nothing; a field may be emptied', async ({
  expect,
  onTestFinished,
}) => {
  const place = await new Place(onTestFinished).migrate()
  await place.json('group', 'create', 'there', '--role', 'a')
  await place.json('user', 'create', 'ada')
  await place.json('client', 'create', '--id', 'c')
  const state = async () => [await place.json('key', 'list'), await place.json('audit', 'list')]
  const before = await state()
  for (const [line, name] of EMPTY) {
    const { code, stdout, stderr } = await place.run(line)
    expect({ line, code, stdout }).toEqual({ line, code: 2, stdout: '' })
    if (!name.includes('file')) expect(stderr).toContain(`signet: ${name} is empty\n`)
  }
  expect(await state()).toEqual(before)
  expect(await place.json('group', 'update', 'there', '--role', '')).toMatchObject({ roles: [] })
}, 300_000)

test('--set null clears a field, and a number needs no quotes', async ({ expect, onTestFinished }) => {
  const place = await new Place(onTestFinished).migrate()
  await place.json('client', 'create', '--id', 'c', '--scope', 'a b', '--name', 'C', '--claim', 'x=1')
  const sets = ['scope=null', 'client_name=null', 'claims=null', 'require_acr=2'].flatMap((each) => ['--set', each])
  expect(await place.json('client', 'update', 'c', ...sets)).toMatchObject({
    scope: '',
    client_name: null,
    claims: {},
    require_acr: '2',
  })
  expect(await place.json('client', 'update', 'c', '--set', 'client_name=12')).toMatchObject({ client_name: '12' })
})

test('what a command says beside its result: unknown groups are noted, help leaves stdout to JSON, - is stdout', async ({
  expect,
  onTestFinished,
}) => {
  const place = await new Place(onTestFinished).migrate()
  await place.json('group', 'create', 'there')
  const create = 'client create --id c --grant subject --grant urn:signet:params:oauth:grant-type:subject'
  const { stdout, stderr } = await place.run([...create.split(' '), '--allow-group', 'ther', '--json'])
  expect(stderr).toMatch(/note: group ther does not exist \(did you mean there\?\).*signet group create ther/)
  expect(JSON.parse(stdout)).toMatchObject({ grant_types: ['urn:signet:params:oauth:grant-type:subject'] })
  const help = await place.run(['client', 'create', '--json', '--help'])
  expect(help).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('Usage: signet client create') })
  const exported = await place.run(['export', '-'])
  expect(exported).toMatchObject({ code: 0, stdout: (await place.run(['export'])).stdout })
  expect(exported.stdout).toContain('client_id: c')
}, 120_000)
