/** "Confirm it is you": a signed-in person signs in again before a change. It is that person, and nobody else. */
import { expect, test } from 'vitest'
import { answerOf, type BrowserLike, type Seen, valueOf } from '../support/browser-like.ts'
import { movableClock } from '../support/issuer.ts'
import { addPasskey, askForPasskey, postJson, signInWith } from '../support/passkey-doors.ts'
import { addApp, addPerson, authorizePath, browserAt, PASSWORD, signInAt, storeOf } from '../support/people.ts'
import { formOn } from '../support/second-factor.ts'
import { startWithApi } from '../support/shared.ts'
import { usePasskey } from '../support/soft-passkey.ts'

const ROOT = { username: 'root' }
const BOBS = 'four words of another person'

async function start(env: Record<string, string> = {}) {
  const issuer = await startWithApi(env, { clock: movableClock({ from: Date.now() }) })
  const store = await storeOf(issuer)
  const root = await addPerson(store, ROOT)
  await addPerson(store, { username: 'bob', password: BOBS })
  const browser = browserAt(issuer)
  await signInAt(browser, '/account', ROOT)
  return { issuer, store, root, browser }
}

/** A page of the account that asks again. */
async function asked(browser: BrowserLike, issuer: { clock: { advance(seconds: number): void } }): Promise<Seen> {
  issuer.clock.advance(301)
  const seen = await browser.get('/account/password')
  expect(seen.text).toContain('Confirm it is you')
  return seen
}

const usernameOn = (seen: Seen) => seen.all('input').find((each) => valueOf(each, 'name') === 'username')

const signedInAs = async (browser: BrowserLike): Promise<string> => (await browser.get('/account')).text

test('names the person, who cannot be changed, and offers nothing of a first sign-in', async () => {
  const { issuer, browser } = await start({ SIGNET_SIGNUP: 'open' })
  const seen = await asked(browser, issuer)
  const field = usernameOn(seen) ?? expect.unreachable()
  expect([valueOf(field, 'value'), valueOf(field, 'readonly')]).toEqual(['root', ''])
  expect(seen.forms.flatMap(({ names }) => names)).not.toContain('remember')
  expect(seen.text).not.toContain('Create account')
  expect(seen.text).toContain('Not you?')
  expect(seen.html).toContain('href="/logout"')
  expect((await browser.submit(seen, {}, 'cancel')).url.pathname).toBe('/account')
})

test('another person’s name and password do not pass, and the session stays that of its person', async () => {
  const { issuer, browser } = await start()
  const seen = await asked(browser, issuer)
  const refused = await browser.submit(seen, { username: 'bob', password: BOBS }, 'sign-in')
  expect([refused.page, refused.error, valueOf(usernameOn(refused) ?? expect.unreachable(), 'value')]).toEqual([
    'login',
    'invalid_credentials',
    'root',
  ])
  expect(refused.text).toContain('The current password is not right.')
  expect(await signedInAs(browser)).toContain('Hello, root')
  const passed = await browser.submit(refused, { password: PASSWORD }, 'sign-in')
  expect([passed.page, passed.url.pathname]).toEqual(['account', '/account/password'])
})

test('nor does another person’s passkey, whose answer was made for this page', async () => {
  const { issuer, browser, store } = await start()
  const bobs = browserAt(issuer)
  await signInAt(bobs, '/login?return_to=/account/passkeys', { username: 'bob', password: BOBS })
  const { passkey } = await addPasskey(bobs)
  const seen = await asked(browser, issuer)
  const options = await askForPasskey(browser, seen)
  expect(options.allowCredentials).toEqual([])
  const credential = usePasskey(passkey, options, browser.origin)
  const { status, body } = await postJson(browser, '/login/passkey', { ...formOn(seen), credential })
  expect([status, body.error]).toEqual([400, 'invalid_credentials'])
  expect(await signedInAs(browser)).toContain('Hello, root')
  expect(await store.findByLoginName('bob')).toBeDefined()
})

test('a passkey of the person passes, and is named to the browser', async () => {
  const { issuer, browser } = await start()
  const { passkey } = await addPasskey(browser)
  const seen = await asked(browser, issuer)
  const { options, status, body } = await signInWith(browser, seen, passkey)
  expect(options.allowCredentials).toMatchObject([{ id: passkey.id }])
  expect([status, body.location]).toEqual([200, '/account/password'])
})

test('a sign-in link signs another person in all the same', async () => {
  const { issuer, browser } = await start()
  const { body } = await issuer.operator.call('POST', '/admin/api/users/bob/link')
  const page = await browser.get(String(body.url).slice(issuer.issuer.length))
  await browser.submit(page, {}, 'sign-in')
  expect(await signedInAs(browser)).toContain('Hello, bob')
})

test.each([{ prompt: 'login' }, { max_age: '0' }])(
  'for a client by %j the name is suggested, and another may sign in',
  async (more) => {
    const { issuer, browser } = await start()
    const app = await addApp(issuer)
    issuer.clock.advance(1)
    const seen = await browser.get(authorizePath(app, more))
    const field = usernameOn(seen) ?? expect.unreachable()
    expect([valueOf(field, 'value'), valueOf(field, 'readonly')]).toEqual(['root', undefined])
    const hinted = await browser.get(authorizePath(app, { ...more, login_hint: 'ada@example.com' }))
    expect(valueOf(usernameOn(hinted) ?? expect.unreachable(), 'value')).toBe('ada@example.com')
    const stranger = await browserAt(issuer).get(authorizePath(app, more))
    expect(valueOf(usernameOn(stranger) ?? expect.unreachable(), 'value') ?? '').toBe('')
    const away = await browser.submit(seen, { username: 'bob', password: BOBS }, 'sign-in')
    expect(answerOf(away)).toHaveProperty('code')
  },
)

test('after "Not you?" nobody is suggested', async () => {
  const { issuer, browser } = await start()
  const seen = await browser.get(authorizePath(await addApp(issuer, { consent: 'always' }), { login_hint: 'root' }))
  expect(seen.page).toBe('consent')
  const switched = await browser.submit(seen, {}, 'switch')
  expect([switched.page, valueOf(usernameOn(switched) ?? expect.unreachable(), 'value') ?? '']).toEqual(['login', ''])
})
