/** Invitations, sign-up and sign-in links: GET shows, POST uses up, once, and only what the operator has given is given. */
import SqliteDatabase from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { databaseIn } from '../../harness/folder.ts'
import { startAdministered, type AdministeredIssuer } from '../support/admin.ts'
import { valueOf, type Seen } from '../support/browser-like.ts'
import { addPasskey } from '../support/passkey-doors.ts'
import { browserAt, PASSWORD, signInAt } from '../support/people.ts'
import { signet } from '../support/process.ts'
import { sqliteTest } from '../support/sqlite.ts'

const DAY = 86_400

const invite = async (
  issuer: AdministeredIssuer,
  wanted: object = {},
): Promise<{ id: string; path: string; url: string }> => {
  const answer = await issuer.operator.call('POST', '/admin/api/invitations', wanted)
  expect(answer.status, answer.text).toBe(201)
  const { id = '', url = '' } = answer.body
  return { id, url, path: url.slice(issuer.issuer.length) }
}

const userOf = async (issuer: AdministeredIssuer, name: string) =>
  (await issuer.operator.call('GET', `/admin/api/users/${name}`)).body as Record<string, unknown>

const signUp = async (issuer: AdministeredIssuer, path: string, values: Record<string, string>): Promise<Seen> => {
  const browser = browserAt(issuer)
  return browser.submit(await browser.get(path), { password: PASSWORD, ...values }, 'create')
}

test('an invitation makes an account with its groups, and signs the person in', async () => {
  const issuer = await startAdministered()
  await issuer.operator.call('POST', '/admin/api/groups', { name: 'engineering', roles: ['editor'] })
  const { path } = await invite(issuer, { email: 'ada@example.com', groups: ['engineering'] })
  const browser = browserAt(issuer)
  const form = await browser.get(path)
  expect([form.status, form.page]).toEqual([200, 'invite'])
  // Looking twice uses nothing up.
  await browser.get(path)
  const seen = await browser.submit(form, { username: 'Ada', name: 'Ada L', password: PASSWORD }, 'create')
  expect(seen.url.pathname).toBe('/account')
  expect(browser.cookie('session')).toBeDefined()
  expect(await userOf(issuer, 'ada')).toMatchObject({
    email: 'ada@example.com',
    email_verified: true,
    name: 'Ada L',
    groups: ['engineering'],
    roles: ['editor'],
    factors: { password: true },
  })
})

test.each([
  ['without an address', {}],
  // All of them then ask for the same address, and the link is used all the same.
  ['for an address', { email: 'u@example.com' }],
])('an invitation %s is used once, by one of eight at once', async (_, wanted) => {
  const issuer = await startAdministered()
  const { path } = await invite(issuer, wanted)
  // Every page is there before the first form is sent.
  const forms = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const browser = browserAt(issuer)
      return { browser, form: await browser.get(path) }
    }),
  )
  const all = await Promise.all(
    forms.map(({ browser, form }, at) => browser.submit(form, { username: `u${at}`, password: PASSWORD }, 'create')),
  )
  expect(all.filter(({ error }) => error === undefined)).toHaveLength(1)
  expect(new Set(all.flatMap(({ error }) => error ?? []))).toEqual(new Set(['link_used']))
  expect((await browserAt(issuer).get(path)).error).toBe('link_used')
  const users = (await issuer.operator.call('GET', '/admin/api/users?search=u')).body as unknown as unknown[]
  expect(users).toHaveLength(1)
})

test('an invitation ends with its time, and when it is taken back', async () => {
  const issuer = await startAdministered()
  const late = await invite(issuer, { ttl: '1d' })
  const guest = browserAt(issuer)
  const form = await guest.get(late.path)
  expect(form.error).toBeUndefined()
  const taken = await invite(issuer)
  expect((await issuer.operator.call('DELETE', `/admin/api/invitations/${taken.id}`)).status).toBe(204)
  expect((await browserAt(issuer).get(taken.path)).error).toBe('link_used')
  issuer.clock.advance(DAY + 1)
  const over = await browserAt(issuer).get(late.path)
  expect(over).toMatchObject({ error: 'expired', status: 400 })
  expect(over.text).toContain('This link has expired')
  expect((await guest.submit(form, { username: 'ada', password: PASSWORD }, 'create')).error).toBe('expired')
  expect((await browserAt(issuer).get('/invite?token=nothing')).error).toBe('link_used')
  const left = (await issuer.operator.call('GET', '/admin/api/invitations')).body as unknown as unknown[]
  expect(left).toEqual([])
})

test('the address of an invitation cannot be changed, and nothing else of a form gives rights', async () => {
  const issuer = await startAdministered()
  const { path } = await invite(issuer, { email: 'ada@example.com' })
  const browser = browserAt(issuer)
  const form = await browser.get(path)
  const values = form.forms[0]?.values ?? {}
  await browser.post('/invite', {
    ...values,
    action: 'create',
    username: 'mallory',
    email: 'root@example.com',
    password: PASSWORD,
    groups: 'signet-admins',
    id: 'chosen',
    permissions: 'signet:admin',
  })
  const user = await userOf(issuer, 'mallory')
  expect(user).toMatchObject({ email: 'ada@example.com', groups: [], permissions: [] })
  expect(user.id).not.toBe('chosen')
})

test('an invitation for an operator makes an operator, and the first start prints one', async () => {
  const issuer = await startAdministered()
  const { path } = await invite(issuer, { admin: true })
  await signUp(issuer, path, { username: 'root' })
  expect(await userOf(issuer, 'root')).toMatchObject({ groups: ['signet-admins'], permissions: ['signet:admin'] })
})

test('the host of a link is the issuer’s, whatever a request says', async () => {
  const issuer = await startAdministered()
  const token = await issuer.operator.token()
  const response = await fetch(`${issuer.url}/admin/api/invitations`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'x-forwarded-host': 'evil.example',
      forwarded: 'host=evil.example',
    },
    body: '{}',
  })
  const { url } = (await response.json()) as { url: string }
  expect(url.startsWith(`${issuer.issuer}/invite?token=`)).toBe(true)
})

test.each([
  ['a weak password', { username: 'ada', password: 'password1234' }, 'weak_password'],
  ['a short password', { username: 'ada', password: 'x7!kQ' }, 'weak_password'],
  ['the own name as password', { username: 'adalovelace', password: 'adalovelace1' }, 'weak_password'],
  ['no password', { username: 'ada', password: '' }, 'weak_password'],
  ['a name that is taken', { username: 'taken' }, 'username_taken'],
  ['a name that is none', { username: 'a b' }, 'username_taken'],
  ['a name of the house', { username: 'system' }, 'username_taken'],
  ['an address that is none', { username: 'ada', email: 'ada' }, 'invalid_email'],
])('the form is shown again for %s, and the invitation stays good', async (_, values, error) => {
  const issuer = await startAdministered()
  await issuer.operator.call('POST', '/admin/api/users', { username: 'taken' })
  const { path } = await invite(issuer)
  const seen = await signUp(issuer, path, values)
  expect([seen.status, seen.page, seen.error]).toEqual([422, 'invite', error])
  expect(seen.html).not.toContain('password1234')
  const then = await signUp(issuer, path, { username: 'ada' })
  expect(then.url.pathname).toBe('/account')
})

test('without a password, the form says that a password or a passkey is to be chosen', async () => {
  const issuer = await startAdministered()
  const { path } = await invite(issuer)
  const says = async (password: string) => (await signUp(issuer, path, { username: 'ada', password })).text
  expect(await says('')).toContain('Choose a password, or create a passkey.')
  expect(await says('password1234')).toContain('too easy to guess')
})

test('an address that only its owner has named is not verified, and does not sign in', async () => {
  const issuer = await startAdministered()
  await issuer.operator.call('POST', '/admin/api/users', { username: 'boss', email: 'boss@example.com' })
  const { path } = await invite(issuer)
  await signUp(issuer, path, { username: 'mallory', email: 'boss@example.com' })
  expect(await userOf(issuer, 'mallory')).toMatchObject({ email: 'boss@example.com', email_verified: false })
  const seen = await signInAt(browserAt(issuer), '/login', { username: 'boss@example.com' })
  expect(seen.error).toBe('invalid_credentials')
})

test('the link of a user who was made by an operator hands the account over', async () => {
  const issuer = await startAdministered()
  const made = await issuer.operator.call('POST', '/admin/api/users', { username: 'ada', invite: true })
  expect(made.status).toBe(201)
  const path = String(made.body.invite_url).slice(issuer.issuer.length)
  const seen = await signUp(issuer, path, { username: 'somebody-else' })
  expect(seen.url.pathname).toBe('/account')
  expect(await userOf(issuer, 'ada')).toMatchObject({ id: made.body.id, factors: { password: true } })
  expect((await browserAt(issuer).get(path)).error).toBe('link_used')
  expect((await signInAt(browserAt(issuer), '/login', { username: 'ada' })).url.pathname).toBe('/account')
})

sqliteTest('a user and the invitation are made together, or neither is', async () => {
  const issuer = await startAdministered()
  const database = new SqliteDatabase(databaseIn(issuer.folder), { timeout: 0 })
  onTestFinished(() => void database.close())
  database.exec(
    "CREATE TRIGGER refusal BEFORE INSERT ON one_time_values WHEN new.kind = 'invitation' BEGIN SELECT RAISE(ABORT, 'no room'); END",
  )
  const make = () => issuer.operator.call('POST', '/admin/api/users', { username: 'ada', invite: true })
  expect((await make()).status).toBeGreaterThanOrEqual(500)
  expect((await issuer.operator.call('GET', '/admin/api/users/ada')).status).toBe(404)
  database.exec('DROP TRIGGER refusal')
  expect((await make()).body).toMatchObject({ username: 'ada', invite_url: expect.stringContaining('/invite?token=') })
})

// ------------------------------------------------------------------ sign-up

test.each(['off', 'invite'])('with SIGNET_SIGNUP=%s strangers cannot sign up', async (mode) => {
  const issuer = await startAdministered({ SIGNET_SIGNUP: mode })
  expect((await browserAt(issuer).get('/signup')).status).toBe(404)
  const browser = browserAt(issuer)
  const login = await browser.get('/login')
  expect(login.html).not.toContain('/signup')
  const seen = await browser.post('/signup', {
    ...login.forms[0]?.values,
    action: 'create',
    username: 'x',
    password: PASSWORD,
  })
  expect(seen.status).toBe(404)
})

test('where sign-up is open, a stranger makes an account and is signed in', async () => {
  const issuer = await startAdministered({ SIGNET_SIGNUP: 'open' })
  const seen = await signUp(issuer, '/signup', { username: 'ada' })
  expect(seen.url.pathname).toBe('/account')
  expect(await userOf(issuer, 'ada')).toMatchObject({ groups: [], email_verified: false })
})

test('sign-up by domains asks for an address of one of them', async () => {
  const issuer = await startAdministered({ SIGNET_SIGNUP: 'domains', SIGNET_SIGNUP_DOMAINS: 'acme.com' })
  const errorFor = async (email: string) => (await signUp(issuer, '/signup', { username: 'ada', email })).error
  for (const email of ['', 'ada@evil.com', 'ada@acme.com.evil.com', 'ada@sub.acme.com'])
    expect(await errorFor(email), email).toBe('not_allowed')
  expect(await errorFor('ada@evil.com,x@acme.com')).toBe('invalid_email')
  expect((await signUp(issuer, '/signup', { username: 'ada', email: 'ada@ACME.com' })).url.pathname).toBe('/account')
})

// ------------------------------------------------------------------ sign-in links

const linkOf = async (issuer: AdministeredIssuer, name: string, ttl?: string): Promise<string> => {
  const answer = await issuer.operator.call('POST', `/admin/api/users/${name}/link`, ttl === undefined ? {} : { ttl })
  expect(answer.status, answer.text).toBe(201)
  return String(answer.body.url).slice(issuer.issuer.length)
}

test('a sign-in link shows on GET, signs in on POST, once', async () => {
  const issuer = await startAdministered()
  await issuer.operator.call('POST', '/admin/api/users', { username: 'ada' })
  const path = await linkOf(issuer, 'ada')
  const browser = browserAt(issuer)
  const page = await browser.get(path)
  expect([page.page, browser.cookie('session')]).toEqual(['link', undefined])
  const seen = await browser.submit(page, {}, 'sign-in')
  expect(seen.url.pathname).toBe('/account/password')
  expect((await browserAt(issuer).get(path)).error).toBe('link_used')
})

test('a sign-in link leads to the new password, without one more question', async () => {
  const issuer = await startAdministered()
  await issuer.operator.call('POST', '/admin/api/users', { username: 'ada', password: PASSWORD })
  const browser = browserAt(issuer)
  const page = await browser.submit(await browser.get(await linkOf(issuer, 'ada')), {}, 'sign-in')
  const changed = await browser.submit(page, { password: 'seven green tractors dream of rain' }, 'change-password')
  expect(changed.url.search).toBe('?done=changed')
})

test('a sign-in link leads to passkeys where there are no passwords, and to the overview where a passkey is lost', async () => {
  const issuer = await startAdministered({ SIGNET_PASSWORDS: 'off' })
  await issuer.operator.call('POST', '/admin/api/users', { username: 'ada' })
  const arrive = async () => {
    const browser = browserAt(issuer)
    return { browser, seen: await browser.submit(await browser.get(await linkOf(issuer, 'ada')), {}, 'sign-in') }
  }
  const { browser, seen } = await arrive()
  expect([seen.page, seen.url.pathname]).toEqual(['account', '/account/passkeys'])
  expect((await addPasskey(browser)).status).toBe(200)
  expect((await arrive()).seen.url.pathname).toBe('/account')
})

test('of links that are made for a person at once, one is left', async () => {
  const issuer = await startAdministered()
  for (const username of ['ada', 'bob', 'cyd', 'dan', 'eve']) {
    await issuer.operator.call('POST', '/admin/api/users', { username })
    const paths = await Promise.all(Array.from({ length: 6 }, () => linkOf(issuer, username)))
    const seen = await Promise.all(paths.map(async (path) => (await browserAt(issuer).get(path)).error ?? 'good'))
    expect(seen.toSorted()).toEqual(['good', ...Array<string>(5).fill('link_used')])
  }
})

test('a sign-in link ends with its time, a newer one, another password, and its user', async () => {
  const issuer = await startAdministered()
  await issuer.operator.call('POST', '/admin/api/users', { username: 'ada' })
  const seen = async (path: string) => (await browserAt(issuer).get(path)).error
  const first = await linkOf(issuer, 'ada')
  const second = await linkOf(issuer, 'ada')
  expect([await seen(first), await seen(second)]).toEqual(['link_used', undefined])
  await issuer.operator.call('POST', '/admin/api/users/ada/password', { password: PASSWORD })
  expect(await seen(second)).toBe('link_used')
  const third = await linkOf(issuer, 'ada')
  await issuer.operator.call('POST', '/admin/api/users/ada/disable')
  expect(await seen(third)).toBe('link_used')
  expect((await issuer.operator.call('POST', '/admin/api/users/ada/link')).status).toBe(409)
  await issuer.operator.call('POST', '/admin/api/users/ada/enable')
  expect(await seen(third)).toBe('link_used')
  const fourth = await linkOf(issuer, 'ada', '10m')
  const opened = browserAt(issuer)
  const page = await opened.get(fourth)
  issuer.clock.advance(601)
  expect(await seen(fourth)).toBe('expired')
  expect((await opened.submit(page, {}, 'sign-in')).error).toBe('expired')
  issuer.clock.advance(29 * DAY)
  expect(await seen(fourth)).toBe('expired')
})

test('a link of one kind opens no page of another', async () => {
  const issuer = await startAdministered()
  await issuer.operator.call('POST', '/admin/api/users', { username: 'ada' })
  const link = await linkOf(issuer, 'ada')
  const { path } = await invite(issuer)
  expect((await browserAt(issuer).get(link.replace('/link', '/invite'))).error).toBe('link_used')
  expect((await browserAt(issuer).get(path.replace('/invite', '/link'))).error).toBe('link_used')
})

test('an address that a user has is not invited: the refusal names the way in for that user', async () => {
  const issuer = await startAdministered()
  await issuer.operator.call('POST', '/admin/api/users', { username: 'ada', email: 'Ada@example.com' })
  const answer = await issuer.operator.call('POST', '/admin/api/invitations', { email: 'ada@Example.com' })
  expect([answer.status, answer.body.error]).toEqual([409, 'invalid_request'])
  expect(answer.body.error_description).toContain('signet user link ada')
  const printed = await signet(['invite', 'ada@example.com'], issuer.env)
  expect(printed.code).toBe(1)
  expect(printed.stderr).toContain('signet user link ada')
  expect(await listed(issuer)).toEqual([])
})

test('where its address got an account after the invitation, the page says so and leads to the sign-in', async () => {
  const issuer = await startAdministered()
  const { path } = await invite(issuer, { email: 'ada@example.com' })
  const browser = browserAt(issuer)
  const form = await browser.get(path)
  await issuer.operator.call('POST', '/admin/api/users', { username: 'ada', email: 'ada@example.com' })
  const later = [
    await browserAt(issuer).get(path),
    await browser.submit(form, { username: 'lin', password: PASSWORD }, 'create'),
  ]
  for (const seen of later) {
    expect([seen.status, seen.page, seen.error]).toEqual([409, 'invite', 'username_taken'])
    expect(seen.text).toContain('This address has an account already')
    expect(seen.forms.flatMap(({ buttons }) => buttons)).toEqual([])
    const links = seen.all('a').map((each) => valueOf(each, 'href'))
    expect(links).toContain('/login')
  }
  expect((await issuer.operator.call('GET', '/admin/api/users/lin')).status).toBe(404)
})

const listed = async (issuer: AdministeredIssuer) =>
  (await issuer.operator.call('GET', '/admin/api/invitations')).body as unknown as unknown[]

test('the command line tells what it accepts, and where the groups are', async () => {
  const issuer = await startAdministered()
  for (const uses of ['0', '10001', '99999999']) {
    const refused = await signet(['invite', '--uses', uses], issuer.env)
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('a number from 1 to 10000')])
  }
  expect((await signet(['invite', '--uses', '10000'], issuer.env)).code).toBe(0)
  const refused = await signet(['invite', '--group', 'nope'], issuer.env)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('signet group list')
  expect(refused.stderr).not.toContain('invite list')
})

test.each(['/invite', '/account/password'])(
  '%s tells a password that is too long from one that is weak',
  async (page) => {
    const issuer = await startAdministered()
    const { path } = await invite(issuer)
    const browser = browserAt(issuer)
    const values = { username: 'ada' }
    const long = 'correct horse battery '.repeat(58)
    if (page === '/invite') {
      const seen = await browser.submit(await browser.get(path), { ...values, password: long }, 'create')
      expect([seen.status, seen.error]).toEqual([422, 'weak_password'])
      expect(seen.text).toContain('256 characters at most')
      return
    }
    await browser.submit(await browser.get(path), { ...values, password: PASSWORD }, 'create')
    const seen = await browser.submit(await browser.get(page), { password: long }, 'change-password')
    expect([seen.status, seen.error]).toEqual([422, 'weak_password'])
    expect(seen.text).toContain('256 characters at most')
  },
)
