/** Persons after a clock that was ahead is right again: nothing of then locks anybody out. */
import { expect, test } from 'vitest'
import { createBackend, grantTokens, refresh } from '../support/admin.ts'
import { decidingClock } from '../support/deciding-clock.ts'
import { addApp, addPerson, authorizePath, browserAt, signInAt, storeOf } from '../support/people.ts'
import { codeAt, enter, turnOn } from '../support/second-factor.ts'
import { signet } from '../support/process.ts'
import { API, startWithApi } from '../support/shared.ts'

const DAY = 86_400
const ADA = { username: 'ada' }
const LOGIN = '/login?return_to=/account/two-factor'

/** A person whose password was set by a clock that is ahead: more than a year, unless less is said. */
async function scene(daysAhead = 400) {
  const clock = decidingClock(Date.now() + daysAhead * DAY * 1000)
  const issuer = await startWithApi({}, { clock })
  const person = await addPerson(await storeOf(issuer), ADA)
  const putRight = async () => {
    clock.jump(-daysAhead * DAY)
    return issuer.restart()
  }
  return { clock, issuer, person, putRight }
}

test('a password that was set then signs in, to an app and to the account page', async () => {
  const { issuer, putRight } = await scene()
  const app = await addApp(issuer)
  const again = await putRight()
  expect((await signInAt(browserAt(again), authorizePath(app), ADA)).isAway).toBe(true)
  expect((await signInAt(browserAt(again), LOGIN, ADA)).page).toBe('account')
})

test('guesses that were counted then block nobody', async () => {
  const { issuer, putRight } = await scene()
  const browser = browserAt(issuer)
  const guess = async () =>
    browser.submit(await browser.get(LOGIN), { ...ADA, password: 'a wrong password of some length' }, 'sign-in')
  for (let at = 0; at < 5; at++) expect((await guess()).error).toBe('invalid_credentials')
  expect((await guess()).error).toBe('too_many_attempts')
  const again = await putRight()
  expect((await signInAt(browserAt(again), LOGIN, ADA)).page).toBe('account')
})

test('the app that was set up then signs in, and each of its codes once', async () => {
  const { clock, issuer, putRight } = await scene()
  const first = browserAt(issuer)
  await signInAt(first, LOGIN, ADA)
  const { secret } = await turnOn(first, issuer)
  const again = await putRight()
  const attempt = async () => {
    const browser = browserAt(again)
    return enter(browser, await signInAt(browser, LOGIN, ADA), codeAt(secret, clock.now()))
  }
  expect((await attempt()).page).toBe('account')
  expect((await attempt()).error).toBe('invalid_code')
  clock.advance(60)
  expect((await attempt()).page).toBe('account')
})

test('a session of then signs in to no app: the person is asked anew, once', async () => {
  const { issuer, putRight } = await scene()
  const app = await addApp(issuer)
  const browser = browserAt(issuer)
  await signInAt(browser, LOGIN, ADA)
  const again = await putRight()
  expect(again.url).toBe(issuer.url)
  expect((await browser.get(authorizePath(app))).page).toBe('login')
  expect((await signInAt(browser, authorizePath(app), ADA)).isAway).toBe(true)
  expect((await browser.get(authorizePath(app))).isAway).toBe(true)
})

test('a session of then is fresh for no change: a new password asks to sign in again', async () => {
  const { clock, issuer, putRight } = await scene(30)
  const browser = browserAt(issuer)
  expect((await signInAt(browser, '/login?return_to=/account/password', ADA)).url.pathname).toBe('/account/password')
  await putRight()
  clock.advance(7 * DAY)
  expect((await browser.get('/account')).page).toBe('account')
  expect((await browser.get('/account/password')).page).toBe('login')
  expect((await signInAt(browser, '/account/password', ADA)).url.pathname).toBe('/account/password')
})

test('a sign-in that was left then, with its password passed, begins anew', async () => {
  const { clock, issuer, putRight } = await scene(30)
  const first = browserAt(issuer)
  await signInAt(first, LOGIN, ADA)
  const { secret } = await turnOn(first, issuer)
  const browser = browserAt(issuer)
  const left = await signInAt(browser, LOGIN, ADA)
  await putRight()
  clock.advance(7 * DAY)
  expect((await enter(browser, left, codeAt(secret, clock.now()))).page).not.toBe('account')
})

test('a session of then ends when it has not been used for its idle time', async () => {
  const { clock, issuer, putRight } = await scene(30)
  const browser = browserAt(issuer)
  await signInAt(browser, LOGIN, ADA)
  await putRight()
  expect((await browser.get('/account')).page).toBe('account')
  clock.advance(20 * DAY)
  expect((await browser.get('/account')).page).toBe('login')
})

test('a refresh token that was used then is not repeated', async () => {
  const { clock, issuer, putRight } = await scene(30)
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources: [API] })
  const granted = await grantTokens(issuer, shop, 'bob')
  const used = granted.refresh_token ?? ''
  expect((await refresh(issuer, shop, used)).status).toBe(200)
  const again = await putRight()
  clock.advance(7 * DAY)
  expect((await refresh(again, shop, used)).body.error).toBe('invalid_grant')
})

test('the doctor names what is dated ahead, and nothing is left of it when all was ended', async () => {
  const { issuer, putRight } = await scene()
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources: [API] })
  await grantTokens(issuer, shop, 'bob')
  await signInAt(browserAt(issuer), LOGIN, ADA)
  await putRight()
  const namedAhead = async () => {
    const { stdout } = await signet(['doctor', '--json'], issuer.env)
    const checks = JSON.parse(stdout) as { check: string; fix: string | null }[]
    return checks.filter(({ check }) => check.endsWith('dated ahead')).map(({ check, fix }) => `${check}: ${fix}`)
  }
  expect((await namedAhead()).toSorted()).toEqual([
    expect.stringMatching(/^grants dated ahead: .*signet grant revoke --all/),
    expect.stringMatching(/^keys dated ahead: /),
    expect.stringMatching(/^passwords dated ahead: .*signet user set-password ada/),
    expect.stringMatching(/^sessions dated ahead: .*signet session end/),
  ])
  expect((await signet(['grant', 'revoke', '--all'], issuer.env)).code).toBe(0)
  expect((await namedAhead()).some((line) => /^(grants|sessions)/.test(line))).toBe(false)
})
