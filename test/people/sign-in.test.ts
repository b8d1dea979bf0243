/** A person signs in by password, and is led to the client with a code. */
import { expect, test } from 'vitest'
import { startAdministered } from '../support/admin.ts'
import { answerOf } from '../support/browser-like.ts'
import { addApp, addPerson, authorizePath, browserAt, signInAt, storeOf } from '../support/people.ts'

test('a person signs in by user name and password, and the client gets a code', async () => {
  const issuer = await startAdministered()
  const store = await storeOf(issuer)
  await addPerson(store, { username: 'ada' })
  const app = await addApp(issuer)
  const browser = browserAt(issuer)
  const form = await browser.get(authorizePath(app))
  expect(form.page).toBe('login')
  expect(form.status).toBe(200)
  const done = await browser.submit(form, { username: 'ada', password: 'correct horse battery staple 7' }, 'sign-in')
  expect(done.isAway).toBe(true)
  expect(answerOf(done)).toEqual({ code: expect.stringMatching(/^[\w-]{43}$/), state: 's-1', iss: issuer.issuer })
  expect(browser.cookie('session')).toBeDefined()
  const again = await browser.get(authorizePath(app, { prompt: 'none' }))
  expect(answerOf(again).code).toBeDefined()
  void signInAt
})
