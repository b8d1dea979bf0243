/** The account pages over HTTP: what a person sees of the own account, and what the person changes. */
import { expect, test } from 'vitest'
import { startAdministered } from '../support/admin.ts'
import { answerOf } from '../support/browser-like.ts'
import { addApp, addPerson, authorizePath, browserAt, PASSWORD, signInAt, storeOf } from '../support/people.ts'

async function signedIn(env: Record<string, string> = {}) {
  const issuer = await startAdministered(env)
  const store = await storeOf(issuer)
  const ada = await addPerson(store, { username: 'ada', groups: ['engineering'], user: { name: 'Ada Lovelace' } })
  const browser = browserAt(issuer)
  const seen = await signInAt(browser, '/account', { username: 'ada' })
  return { issuer, store, ada, browser, seen }
}

const NEW_PASSWORD = 'seven green tractors dream of rain'

test('an account page leads to the sign-in page, and back to where the person wanted to go', async () => {
  const issuer = await startAdministered()
  await addPerson(await storeOf(issuer), { username: 'ada' })
  const browser = browserAt(issuer)
  const form = await browser.get('/account/profile')
  expect(form.page).toBe('login')
  const seen = await browser.submit(form, { username: 'ada', password: PASSWORD }, 'sign-in')
  expect(seen).toMatchObject({ status: 200, page: 'account' })
  expect(seen.url.pathname).toBe('/account/profile')
})

test('the overview tells how the person signs in, and where', async () => {
  const { seen } = await signedIn()
  expect(seen).toMatchObject({ status: 200, page: 'account' })
  expect(seen.html).toMatch(/<title>Hello, Ada Lovelace &ndash; Signet<\/title>/)
  for (const text of ['ada@example.com', 'None yet', '1 device', 'engineering']) expect(seen.text).toContain(text)
  for (const path of ['profile', 'password', 'passkeys', 'two-factor', 'sessions', 'apps', 'activity'])
    expect(seen.html).toContain(`href="/account/${path}"`)
})

test('every account page has the headers of pages', async () => {
  const { browser } = await signedIn()
  for (const path of ['', '/profile', '/password', '/sessions', '/apps', '/activity']) {
    const { headers, status } = await browser.get(`/account${path}`)
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('referrer-policy')).toBe('same-origin')
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('content-security-policy')).toContain("form-action 'self'")
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
  }
})

test('the profile is changed, and an empty field takes a value away', async () => {
  const { browser, store, ada } = await signedIn()
  const values = { name: 'Ada King', given_name: 'Ada', nickname: '', locale: 'de', zoneinfo: 'Europe/Berlin' }
  const saved = await browser.submit(await browser.get('/account/profile'), values, 'save')
  expect(saved.status).toBe(200)
  expect(saved.html).toContain('data-notice="saved"')
  expect(saved.html).toContain('<html lang="de"')
  expect(saved.text).toContain('Gespeichert.')
  const { user } = (await store.findPerson({ id: ada.id })) ?? expect.unreachable()
  expect(user).toMatchObject({
    name: 'Ada King',
    profile: { given_name: 'Ada', locale: 'de', zoneinfo: 'Europe/Berlin' },
  })
  expect(Object.hasOwn(user.profile, 'nickname')).toBe(false)
  await browser.submit(await browser.get('/account/profile'), { name: '' }, 'save')
  expect((await store.findPerson({ id: ada.id }))?.user.name).toBeNull()
})

test('a value that cannot be taken stands in the form again, with its fault beside it, and nothing is changed', async () => {
  const { browser, store, ada } = await signedIn()
  for (const [field, value, code] of [
    ['zoneinfo', 'Middle/Earth', 'bad_zone'],
    ['zoneinfo', '<b>', 'bad_zone'],
    ['name', 'x'.repeat(201), 'too_long'],
    ['nickname', 'a\u0000b', 'invalid_value'],
    ['locale', '../de', 'invalid_value'],
  ] as const) {
    const refused = await browser.submit(await browser.get('/account/profile'), { [field]: value }, 'save')
    expect(refused).toMatchObject({ status: 422, page: 'account', error: code })
    expect(refused.html).toContain(`id="${field}-wrong"`)
  }
  const { user } = (await store.findPerson({ id: ada.id })) ?? expect.unreachable()
  expect(user).toMatchObject({ name: 'Ada Lovelace', profile: {} })
})

test('fields that only an operator changes are not taken from the form', async () => {
  const { browser, store, ada } = await signedIn()
  const form = (await browser.get('/account/profile')).forms.find(({ action }) => action.endsWith('/profile'))
  await browser.post('/account/profile', {
    ...form?.values,
    action: 'save',
    username: 'root',
    email: 'root@example.com',
    email_verified: 'true',
    groups: 'signet-admins',
    claims: '{"role":"admin"}',
    picture: 'https://evil.example/x.png',
  })
  const person = (await store.findPerson({ id: ada.id })) ?? expect.unreachable()
  expect(person.user).toMatchObject({ username: 'ada', email: 'ada@example.com', claims: {}, profile: {} })
  expect(person.groups.map(({ name }) => name)).toEqual(['engineering'])
})

test('a new password ends every other session and none of this one', async () => {
  const { issuer, browser } = await signedIn()
  const other = browserAt(issuer)
  await signInAt(other, '/account', { username: 'ada' })
  const form = await browser.get('/account/password')
  expect(form.page).toBe('account')
  const changed = await browser.submit(form, { password: NEW_PASSWORD }, 'change-password')
  expect(changed.html).toContain('data-notice="password_changed"')
  expect((await browser.get('/account')).page).toBe('account')
  expect((await other.get('/account')).page).toBe('login')
  const stranger = browserAt(issuer)
  expect((await signInAt(stranger, '/account', { username: 'ada' })).error).toBe('invalid_credentials')
  expect((await signInAt(stranger, '/account', { username: 'ada', password: NEW_PASSWORD })).page).toBe('account')
})

test('a weak password is refused beside its field', async () => {
  const { browser, issuer } = await signedIn()
  for (const password of ['short', 'password1234', 'aaaaaaaaaaaaaaa']) {
    const refused = await browser.submit(await browser.get('/account/password'), { password }, 'change-password')
    expect(refused).toMatchObject({ status: 422, error: 'weak_password' })
  }
  expect((await signInAt(browserAt(issuer), '/account', { username: 'ada' })).page).toBe('account')
})

test('a password changes only after a sign-in of the last five minutes; an older page sends its form in vain', async () => {
  const { issuer, browser } = await signedIn()
  const form = await browser.get('/account/password')
  issuer.clock.advance(5 * 60 + 1)
  const refused = await browser.submit(form, { password: NEW_PASSWORD }, 'change-password')
  expect(refused.page).toBe('login')
  const again = await browser.submit(refused, { username: 'ada', password: PASSWORD }, 'sign-in')
  expect(again.url.pathname).toBe('/account/password')
  const changed = await browser.submit(again, { password: NEW_PASSWORD }, 'change-password')
  expect(changed.html).toContain('data-notice="password_changed"')
})

test('without an action, a form changes nothing', async () => {
  const { browser, issuer } = await signedIn()
  const form = (await browser.get('/account/password')).forms.find(({ action }) => action.endsWith('/password'))
  await browser.post('/account/password', { ...form?.values, password: NEW_PASSWORD })
  expect((await signInAt(browserAt(issuer), '/account', { username: 'ada' })).page).toBe('account')
})

test('a form without its proof, or from another site, is refused with a page and changes nothing', async () => {
  const { browser, store, ada, issuer } = await signedIn()
  const form = (await browser.get('/account/profile')).forms.find(({ action }) => action.endsWith('/profile'))
  const values = { ...form?.values, action: 'save', name: 'Mallory' }
  const unproven = await browser.post('/account/profile', { ...values, csrf: 'x' })
  expect(unproven).toMatchObject({ status: 403, page: 'error', error: 'csrf' })
  const foreign = await browser.post('/account/profile', values, { origin: 'https://elsewhere.example' })
  expect(foreign).toMatchObject({ status: 403, page: 'error', error: 'csrf' })
  // The form is ours, so the person came to us by another address: the page says where to go.
  expect(foreign.html).toContain(`Go to ${issuer.issuer} and start there.`)
  expect(unproven.html).not.toContain(issuer.issuer)
  expect((await store.findPerson({ id: ada.id }))?.user.name).toBe('Ada Lovelace')
})

test('a disabled person is signed out at once', async () => {
  const { browser, store, ada } = await signedIn()
  const { user } = (await store.findPerson({ id: ada.id })) ?? expect.unreachable()
  expect(user.disabledAt).toBeNull()
  const event = {
    id: crypto.randomUUID(),
    at: 0,
    actorKind: 'system',
    actor: 'system',
    action: 'test',
    target: ada.id,
    requestId: null,
    details: {},
  } as const
  await store.changeUser(ada.id, (_, now) => ({
    user: { disabledAt: now },
    mayChangeMembers: () => {},
    deny: () => expect.unreachable(),
    event,
  }))
  expect((await browser.get('/account')).page).toBe('login')
})

test('a session is left alone too long, and is over; each visit keeps it alive', async () => {
  const { issuer, browser } = await signedIn({ SIGNET_SESSION_IDLE: '1h' })
  for (let visits = 0; visits < 4; visits += 1) {
    issuer.clock.advance(45 * 60)
    expect((await browser.get('/account')).page).toBe('account')
  }
  issuer.clock.advance(61 * 60)
  expect((await browser.get('/account')).page).toBe('login')
})

test.each([30, 300])('each use keeps a session alive whose idle time is %i s, as long as it lasts', async (idle) => {
  const life = { SIGNET_SESSION_IDLE: `${idle}s`, SIGNET_SESSION_TTL: `${idle * 4}s` }
  const { issuer, browser } = await signedIn(life)
  const app = await addApp(issuer)
  const visits = [
    async () => (await browser.get('/account')).page === 'account',
    async () => answerOf(await browser.get(authorizePath(app, { prompt: 'none' }))).code !== undefined,
  ]
  for (const visit of [...visits, ...visits, ...visits.slice(1)]) {
    issuer.clock.advance(idle * 0.7)
    expect(await visit()).toBe(true)
  }
  issuer.clock.advance(idle * 0.5)
  for (const visit of visits) expect(await visit()).toBe(false)
})

test.each([30, 300])('a session with an idle time of %i s is over when it is left alone', async (idle) => {
  const { issuer, browser } = await signedIn({ SIGNET_SESSION_IDLE: `${idle}s` })
  issuer.clock.advance(idle * 0.2)
  await browser.get('/account')
  issuer.clock.advance(idle * 0.9)
  expect((await browser.get('/account')).page).toBe('account')
  issuer.clock.advance(idle * 1.01)
  expect((await browser.get('/account')).page).toBe('login')
})

test('the activity page tells what happened with the account and its sessions', async () => {
  const { browser } = await signedIn()
  await browser.submit(await browser.get('/account/profile'), { name: 'Ada King' }, 'save')
  const { text, status } = await browser.get('/account/activity')
  expect(status).toBe(200)
  for (const event of ['Signed in', 'Account changed', 'Account created']) expect(text).toContain(event)
  expect((await browser.get('/account/activity?before=%3Cscript%3E')).status).toBe(200)
})

test('password managers find the page by its well-known address', async () => {
  const { issuer } = await signedIn()
  const response = await fetch(`${issuer.url}/.well-known/change-password`, { redirect: 'manual' })
  expect(response.status).toBe(303)
  expect(response.headers.get('location')).toBe('/account/password')
  const probe = '/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200'
  expect((await fetch(issuer.url + probe)).status).toBe(404)
})

test('an unknown address below the pages is a page', async () => {
  const { browser } = await signedIn()
  for (const path of ['/account/nothing', '/login/nothing'])
    expect(await browser.get(path)).toMatchObject({ status: 404, page: 'error', error: 'not_found' })
})
