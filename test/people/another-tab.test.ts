/** Two tabs of one browser: a person who has signed in by one of them goes on in the other by loading it again. */
import { expect, test } from 'vitest'
import { answerOf, type Seen } from '../support/browser-like.ts'
import {
  addApp,
  addPerson,
  authorizePath,
  browserAt,
  PASSWORD,
  sealedTotp,
  signInAt,
  storeOf,
} from '../support/people.ts'
import { formOn } from '../support/second-factor.ts'
import { shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi({ SIGNET_RATE_LIMIT_NETWORK: 'off' })

let named = 0

async function start() {
  const store = await storeOf(issuer())
  const username = `ada-${++named}`
  const person = await addPerson(store, { username })
  const browser = browserAt(issuer())
  const again = (tab: Seen) => browser.get(`/login?tx=${formOn(tab).tx}`)
  const signIn = (path: string) => signInAt(browser, path, { username })
  return { store, username, person, browser, again, signIn, app: await addApp(issuer()) }
}

test('a tab that is loaded again goes on to its client', async () => {
  const { browser, app, again, signIn, store, person } = await start()
  const tab = await browser.get(authorizePath(app, { state: 'first tab' }))
  await signIn('/login')
  expect(answerOf(await again(tab))).toMatchObject({ code: expect.any(String), state: 'first tab' })
  // A sign-in in a browser is a session, and there is no second one.
  expect(await store.listSessions({ userId: person.id }, { limit: 10 })).toHaveLength(1)
})

test('or to the page of the account that it was for', async () => {
  const { browser, again, signIn, app } = await start()
  const tab = await browser.get('/login?return_to=/account/apps')
  await signIn(authorizePath(app))
  const seen = await again(tab)
  expect([seen.page, seen.url.pathname]).toEqual(['account', '/account/apps'])
})

test('shows the form where the request asks for a new sign-in', async () => {
  const { browser, app, again, signIn } = await start()
  const tab = await browser.get(authorizePath(app, { prompt: 'login' }))
  await signIn('/login')
  expect((await again(tab)).page).toBe('login')
  expect((await again(tab)).page).toBe('login')
})

test('asks for the choice of an account where the request does', async () => {
  const { browser, app, again, signIn, username } = await start()
  const tab = await browser.get(authorizePath(app, { prompt: 'select_account' }))
  await signIn('/login')
  const seen = await again(tab)
  expect(seen.text).toContain(username)
  expect(answerOf(await browser.submit(seen, {}, 'continue'))).toHaveProperty('code')
})

test('is nothing for another browser', async () => {
  const { browser, app, signIn } = await start()
  const tab = await browserAt(issuer()).get(authorizePath(app))
  await signIn('/login')
  const seen = await browser.get(`/login?tx=${formOn(tab).tx}`)
  expect([seen.page, seen.error]).toEqual(['error', 'other_browser'])
})

test('asks on for a second factor of whoever has given a password there', async () => {
  const { browser, app, again, signIn, store } = await start()
  const other = `bob-${named}`
  await addPerson(store, { username: other, user: { totpSecret: await sealedTotp(issuer()) } })
  const tab = await browser.get(authorizePath(app))
  const second = await browser.submit(tab, { username: other, password: PASSWORD }, 'sign-in')
  expect(second.page).toBe('second')
  await signIn('/login')
  expect((await again(tab)).page).toBe('second')
  expect((await browser.get(`/authorize?tx=${formOn(tab).tx}`)).page).toBe('second')
})
