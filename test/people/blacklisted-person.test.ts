/** A person on the blacklist gets no token, so the person is not signed in either: as if the account were disabled. */
import { expect, test } from 'vitest'
import { answerOf } from '../support/browser-like.ts'
import { addPasskey, signInWith } from '../support/passkey-doors.ts'
import { addApp, addPerson, authorizePath, browserAt, PASSWORD, signInAt, storeOf } from '../support/people.ts'
import { startWithApi } from '../support/shared.ts'

async function start() {
  const issuer = await startWithApi()
  const store = await storeOf(issuer)
  const ada = await addPerson(store, { username: 'ada' })
  const gone = await addPerson(store, { username: 'gone', user: { disabledAt: store.now() } })
  const deny = async () => {
    const { status, body, text } = await issuer.operator.call('POST', '/blacklist', { sub: ada.id })
    if (status !== 201) throw new Error(text)
    return async () => void (await issuer.operator.call('DELETE', `/blacklist/${body.id}`))
  }
  return {
    issuer,
    store,
    ada,
    gone,
    deny,
    app: await addApp(issuer, { client_id: 'shop' }),
    browser: browserAt(issuer),
  }
}

/** Everything on a page but what differs from one request to the next. */
const plain = ({ text, status, error }: { text: string; status: number; error: string | undefined }, name: string) => ({
  text: text.replaceAll(name, 'NAME'),
  status,
  error,
})

test('a password is refused in the words of any wrong one, until the entry is lifted', async () => {
  const { issuer, browser, deny, app } = await start()
  const lift = await deny()
  const refused = await signInAt(browser, authorizePath(app), { username: 'ada' })
  expect([refused.page, refused.error, refused.status]).toEqual(['login', 'invalid_credentials', 200])
  const disabled = await signInAt(browserAt(issuer), authorizePath(app), { username: 'gone' })
  expect(plain(refused, 'ada')).toEqual(plain(disabled, 'gone'))
  const wrong = await signInAt(browserAt(issuer), authorizePath(app), { username: 'ada', password: 'another one' })
  expect(plain(refused, 'ada')).toEqual(plain(wrong, 'ada'))
  await lift()
  const passed = await browser.submit(refused, { username: 'ada', password: PASSWORD }, 'sign-in')
  expect(answerOf(passed)).toHaveProperty('code')
})

test('a passkey is refused', async () => {
  const { issuer, browser, deny, app } = await start()
  const home = browserAt(issuer)
  await signInAt(home, '/login?return_to=/account/passkeys', { username: 'ada' })
  const { passkey } = await addPasskey(home)
  await deny()
  const answer = await signInWith(browser, await browser.get(authorizePath(app)), passkey)
  expect(answer.status).toBe(400)
  expect((await browser.get('/account')).page).toBe('login')
})

test('a session that stands gets no code, and opens no page of the account', async () => {
  const { browser, deny, app } = await start()
  await signInAt(browser, authorizePath(app), { username: 'ada' })
  const lift = await deny()
  expect((await browser.get(authorizePath(app))).page).toBe('login')
  expect(answerOf(await browser.get(authorizePath(app, { prompt: 'none' })))).toMatchObject({ error: 'login_required' })
  expect((await browser.get('/account')).page).toBe('login')
  await lift()
  expect(answerOf(await browser.get(authorizePath(app)))).toHaveProperty('code')
})

test('a sign-in under way ends', async () => {
  const { issuer, browser, deny } = await start()
  const third = await addApp(issuer, { consent: 'always' })
  const asked = await signInAt(browser, authorizePath(third), { username: 'ada' })
  expect(asked.page).toBe('consent')
  await deny()
  const answer = await browser.submit(asked, {}, 'allow')
  expect([answer.page, answer.error, answer.status]).toEqual(['error', 'account_disabled', 403])
})

test('a sign-in link is as unknown', async () => {
  const { issuer, browser, deny, ada } = await start()
  const { body } = await issuer.operator.call('POST', `/admin/api/users/${ada.id}/link`)
  const path = new URL(String(body.url))
  await deny()
  const seen = await browser.get(path.pathname + path.search)
  expect([seen.page, seen.error]).toEqual(['error', 'link_used'])
})

test('signing out is refused to nobody', async () => {
  const { browser, deny, store, app, ada } = await start()
  await signInAt(browser, authorizePath(app), { username: 'ada' })
  await deny()
  await browser.submit(await browser.get('/logout'), {}, 'logout')
  const sessions = await store.listSessions({ userId: ada.id }, { limit: 10 })
  expect(sessions.filter(({ endedAt }) => endedAt === null)).toEqual([])
})
