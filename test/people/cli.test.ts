/** `signet user`, `signet group` and `signet invite`, as an operator types them. */
import { test, type TestContext } from 'vitest'
import { BrowserLike } from '../support/browser-like.ts'
import { Place, type Outcome } from '../cli/run-signet.ts'

const WORDS = 'four words of no meaning'

interface User {
  id: string
  username: string
  groups: string[]
  claims: object
  locale: string
  invite_url: string
}

const lines = ({ stderr }: Outcome): string[] => stderr.trim().split('\n')

const placeOf = ({ onTestFinished }: TestContext) => new Place((work) => onTestFinished(work))

test.concurrent('a user is made, shown, changed, found, disabled and deleted', async (context) => {
  const { expect } = context
  const place = placeOf(context)
  await place.json('group', 'create', 'engineering', '--role', 'editor', '--claim', 'org=acme')
  const flags = ['--email', 'ada@example.com', '--group', 'engineering', '--claim', 'level=3', '--set', 'locale=de']
  const { code, stdout, stderr } = await place.run(
    ['user', 'create', 'Ada', ...flags, '--password-stdin', '--json'],
    {},
    WORDS,
  )
  expect(code, stderr).toBe(0)
  const made = JSON.parse(stdout) as User
  expect(made).toMatchObject({ username: 'ada', groups: ['engineering'], claims: { level: 3 }, locale: 'de' })
  expect(stdout + stderr).not.toContain(WORDS)
  for (const name of ['ada', 'ADA@example.com', made.id])
    expect(await place.json('user', 'show', name)).toMatchObject({ id: made.id })
  expect(await place.json('user', 'update', 'ada', '--name', 'Ada King')).toMatchObject({ name: 'Ada King' })
  expect(await place.json<User[]>('user', 'list', '--search', 'king', '--group', 'engineering')).toHaveLength(1)
  expect(await place.json<User[]>('user', 'list', '--search', 'nobody')).toEqual([])
  expect(await place.json('user', 'disable', 'ada')).toMatchObject({ disabled: true })
  expect(await place.json('user', 'enable', 'ada')).toMatchObject({ disabled: false })
  expect(await place.json('user', 'delete', 'ada')).toMatchObject({ id: made.id })
  expect(lines(await place.run(['user', 'show', 'ada']))).toEqual([
    'signet: there is no user "ada"',
    '  see: signet user list; make one with: signet user create',
  ])
})

test.concurrent('groups get and lose members', async (context) => {
  const { expect } = context
  const place = placeOf(context)
  await place.json('user', 'create', 'ada', '--id', 'ada-1')
  await place.json('user', 'create', 'grace')
  expect(await place.json('group', 'add', 'signet-admins', 'ada', 'grace')).toMatchObject({ members: 2 })
  expect(await place.json('user', 'show', 'ada')).toMatchObject({ id: 'ada-1', permissions: ['signet:admin'] })
  expect(await place.json('group', 'remove', 'signet-admins', 'ada')).toMatchObject({ members: 1 })
  const missing = await place.run(['group', 'add', 'signet-admin', 'ada'])
  expect([missing.code, lines(missing)[0]]).toEqual([
    1,
    expect.stringMatching(/^signet: group "signet-admin" does not exist.*signet-admins/),
  ])
  expect((await place.run(['group', 'delete', 'signet-admins'])).code).toBe(1)
  expect(await place.json('group', 'list')).toMatchObject([{ name: 'signet-admins', members: 1, built_in: true }])
})

test.concurrent('an invitation that the command prints makes the operator of a running server', async (context) => {
  const { expect } = context
  const place = placeOf(context)
  const server = await place.serve()
  const printed = /first operator.*: (http:\S+\/invite\?token=\S+)/i.exec(server.stdout())?.[1] ?? ''
  expect(printed).toContain(server.url)
  const link = await place.json<{ id: string; url: string; expires_at: string }>('invite', '--admin')
  expect(Object.keys(link)).toEqual(['id', 'url', 'expires_at'])
  expect(await place.json<object[]>('invite', 'list')).toHaveLength(2)
  for (const [url, username] of [
    [printed, 'first'],
    [link.url, 'second'],
  ] as const) {
    const browser = new BrowserLike(server.url)
    const seen = await browser.submit(await browser.get(url), { username, password: WORDS }, 'create')
    expect(seen.url.pathname).toBe('/account')
    expect(await place.json('user', 'show', username)).toMatchObject({ permissions: ['signet:admin'] })
  }
  const other = await place.json<{ id: string }>('invite', 'x@example.com', '--ttl', '1h')
  expect(await place.json('invite', 'revoke', other.id)).toMatchObject({ email: 'x@example.com', uses_left: 0 })
  expect(await place.json<object[]>('invite', 'list')).toEqual([])
  const signInLink = await place.json<{ url: string }>('user', 'link', 'first', '--ttl', '1h')
  const browser = new BrowserLike(server.url)
  expect((await browser.submit(await browser.get(signInLink.url), {}, 'sign-in')).url.pathname).toBe(
    '/account/password',
  )
  // The printed line is not printed again, and no second one is made.
  await server.stop()
  expect((await place.serve()).stdout()).not.toContain('/invite')
})

test.concurrent('bad usage is told by its flag, and a refusal in one line', async (context) => {
  const { expect } = context
  const place = placeOf(context)
  const cases: [string[], number, RegExp, string?][] = [
    [['user', 'create', 'a b'], 2, /^signet: user name: read "a b"/],
    [['user', 'create', 'cli'], 2, /^signet: user name: read "cli"/],
    [['user', 'create', 'ada', '--email', 'ada'], 2, /^signet: --email: read "ada"/],
    [['user', 'create', 'ada', '--claim', 'sub=x'], 2, /^signet: --claim: /],
    [['user', 'create', 'ada', '--set', 'nope=1'], 2, /^signet: --set: "nope" is no field/],
    [['user', 'create', 'ada', '--password-stdin'], 2, /^signet: --password-stdin: /, ''],
    [['user', 'create', 'ada', '--password-stdin'], 2, /^signet: password: /, 'password1234'],
    [['user', 'set-password', 'ada'], 2, /^signet: --password-stdin is missing/],
    [['user', 'remove-factor', 'ada'], 2, /^signet: name one factor/],
    [['invite', '--uses', '0'], 2, /--uses/],
    [['invite', 'x@example.com', '--send'], 2, /^signet: --send: /],
    [['invite', '--group', 'nope'], 1, /^signet: group "nope" does not exist/],
    [['group', 'create', 'signet-x'], 2, /^signet: name: /],
  ]
  await place.json('group', 'list').catch(() => undefined)
  await place.json('user', 'create', 'present')
  for (const [args, code, line, input] of cases) {
    const outcome = await place.run(args, {}, input)
    expect([outcome.code, lines(outcome)[0]], args.join(' ')).toEqual([code, expect.stringMatching(line)])
    expect(outcome.stdout).toBe('')
  }
})
