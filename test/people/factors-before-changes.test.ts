/**
 * A sign-in changes passwords and factors only of a person who has just signed in, with two factors where the person has
 * two. A client that demands more than the person has is no way around (PEOPLE S4, Keycloak CVE-2026-94218).
 */
import { describe, expect, test } from 'vitest'
import { answerOf, type BrowserLike, type Seen } from '../support/browser-like.ts'
import { movableClock } from '../support/issuer.ts'
import { addPasskey, postJson } from '../support/passkey-doors.ts'
import { addApp, addPerson, authorizePath, browserAt, PASSWORD, signInAt, storeOf } from '../support/people.ts'
import { codeAt, codesOn, enter, formOn, secretOn, turnOn } from '../support/second-factor.ts'
import { startWithApi } from '../support/shared.ts'
import { makePasskey, type CreationOptions } from '../support/soft-passkey.ts'

const ADA = { username: 'ada' }
const ANOTHER = 'wombat-trombone-glacier-9'

async function start(env: Record<string, string> = {}) {
  // The clock stands still: hashing a password may take a second.
  const issuer = await startWithApi(env, { clock: movableClock({ from: Date.now() }) })
  const store = await storeOf(issuer)
  const person = await addPerson(store, ADA)
  const browser = browserAt(issuer)
  const appOf = (acr?: string) => addApp(issuer, acr === undefined ? {} : { require_acr: acr })
  /** As an operator gives a password: the sessions end, and it has to be changed. */
  const giveAnother = async () => {
    const set = { password: ANOTHER, must_change: true }
    const answer = await issuer.operator.call('POST', `/admin/api/users/${person.id}/password`, set)
    if (answer.status >= 300) throw new Error(answer.text)
  }
  return { issuer, store, person, browser, appOf, giveAnother }
}

/** A person with an authenticator app, and a browser of somebody who knows the password. */
async function withApp(env: Record<string, string> = {}) {
  const started = await start(env)
  const { issuer } = started
  const home = browserAt(issuer)
  const landed = await signInAt(home, '/login?return_to=/account/two-factor', ADA)
  if (landed.page === 'enrol') {
    const setup = await home.submit(landed, {}, 'enable-totp')
    await home.submit(setup, { code: codeAt(secretOn(setup), issuer.clock.now()) }, 'confirm-totp')
    return { ...started, ...later(started, secretOn(setup)) }
  }
  return { ...started, ...later(started, (await turnOn(home, issuer)).secret) }
}

function later({ issuer }: Pick<Awaited<ReturnType<typeof start>>, 'issuer'>, secret: string) {
  issuer.clock.advance(60)
  return { code: () => codeAt(secret, issuer.clock.now()) }
}

/** Tries to add a passkey in a sign-in, as the script of the page does. */
async function enrol(browser: BrowserLike, seen: Seen, person: { handle: string }) {
  const form = formOn(seen)
  const asked = await postJson(browser, '/login/enrol/passkey/options', form)
  const offered = (asked.status === 200 ? asked.body : madeUp(browser, person)) as CreationOptions
  return postJson(browser, '/login/enrol/passkey', { ...form, ...makePasskey(offered, browser.origin) })
}

/** Options of an attacker's own making. */
const madeUp = (browser: BrowserLike, { handle }: { handle: string }) => ({
  challenge: 'c'.repeat(43),
  rp: { id: new URL(browser.origin).hostname, name: 'Signet' },
  user: { id: handle, name: 'ada', displayName: 'ada' },
})

const passkeysOf = async ({ store, person }: Pick<Awaited<ReturnType<typeof start>>, 'store' | 'person'>) =>
  (await store.listPasskeys(person.id)).length

describe.each([{}, { SIGNET_MFA: 'required' }])('a client demands a passkey of a person with an app, %o', (env) => {
  test('the app is asked for before a passkey can be added', async () => {
    const started = await withApp(env)
    const { browser, person, appOf, code } = started
    const asked = await signInAt(browser, authorizePath(await appOf('phr')), ADA)
    expect(asked.page).toBe('second')
    expect((await enrol(browser, asked, person)).status).toBe(409)
    for (const path of ['/login/enrol', '/login/must-change', '/consent'])
      expect((await browser.get(`${path}?tx=${formOn(asked).tx}`)).page).toBe('second')
    expect(await passkeysOf(started)).toBe(0)
    const after = await enter(browser, asked, code())
    expect(after.page).toBe('enrol')
    const { status, body } = await enrol(browser, after, person)
    expect([status, await passkeysOf(started)]).toEqual([200, 1])
    expect(answerOf(await browser.get(body.location))).toHaveProperty('code')
  })

  test('and before a password of an operator is changed', async () => {
    const { browser, appOf, code, giveAnother } = await withApp(env)
    await giveAnother()
    const asked = await signInAt(browser, authorizePath(await appOf('phr')), { ...ADA, password: ANOTHER })
    expect(asked.page).toBe('second')
    const stolen = { ...formOn(asked), action: 'change-password', password: 'this would be the password of a thief' }
    expect((await browser.post('/login/must-change', stolen)).page).toBe('second')
    expect((await enter(browser, asked, code())).page).toBe('must-change')
  })
})

test('a person with a passkey shows it before a password of an operator is changed', async () => {
  const { issuer, browser, appOf, giveAnother } = await start()
  const home = browserAt(issuer)
  await signInAt(home, '/login?return_to=/account/passkeys', ADA)
  await addPasskey(home)
  await giveAnother()
  const asked = await signInAt(browser, authorizePath(await appOf()), { ...ADA, password: ANOTHER })
  expect(asked.page).toBe('second')
})

describe('an old session', () => {
  test.each(['2', 'phr'])('signs in again before a factor is set up for require_acr %s', async (acr) => {
    const started = await start()
    const { issuer, browser, appOf, person } = started
    await signInAt(browser, '/login?return_to=/account', ADA)
    issuer.clock.advance(301)
    const asked = await browser.get(authorizePath(await appOf(acr)))
    expect([asked.page, asked.html.includes('value="ada"')]).toEqual(['login', true])
    expect((await enrol(browser, asked, person)).status).toBe(409)
    expect((await browser.post('/login/enrol', { ...formOn(asked), action: 'enable-totp' })).page).toBe('login')
    expect(await passkeysOf(started)).toBe(0)
    const again = await browser.submit(asked, { username: 'ada', password: PASSWORD }, 'sign-in')
    expect(again.page).toBe('enrol')
  })

  test('still goes on where nothing has to be set up', async () => {
    const { issuer, browser, appOf } = await start()
    await signInAt(browser, '/login?return_to=/account', ADA)
    issuer.clock.advance(301)
    expect(answerOf(await browser.get(authorizePath(await appOf())))).toHaveProperty('code')
  })

  test('is told to the client as before, where no page may be shown', async () => {
    const { issuer, browser, appOf } = await start()
    await signInAt(browser, '/login?return_to=/account', ADA)
    issuer.clock.advance(301)
    const silent = await browser.get(authorizePath(await appOf('2'), { prompt: 'none' }))
    expect(answerOf(silent)).toMatchObject({ error: 'unmet_authentication_requirements' })
  })
})

describe('a page that stands open for five minutes', () => {
  test('sets up no app; after signing in again the app that was scanned is confirmed', async () => {
    const { issuer, browser, appOf, store, person } = await start()
    const setup = await browser.submit(await signInAt(browser, authorizePath(await appOf('2')), ADA), {}, 'enable-totp')
    const secret = secretOn(setup)
    issuer.clock.advance(301)
    const late = await browser.submit(setup, { code: codeAt(secret, issuer.clock.now()) }, 'confirm-totp')
    expect(late.page).toBe('login')
    expect((await store.findPerson({ id: person.id }))?.user.totpSecret).toBeNull()
    const again = await browser.submit(late, { username: 'ada', password: PASSWORD }, 'sign-in')
    const shown = await browser.submit(again, {}, 'enable-totp')
    expect(secretOn(shown)).toBe(secret)
    const done = await browser.submit(shown, { code: codeAt(secret, issuer.clock.now()) }, 'confirm-totp')
    expect(codesOn(done)).toHaveLength(10)
  })

  test('shows its secret to no other person who signs in there', async () => {
    const { issuer, browser, appOf, store } = await start()
    await addPerson(store, { username: 'bob' })
    const setup = await browser.submit(await signInAt(browser, authorizePath(await appOf('2')), ADA), {}, 'enable-totp')
    issuer.clock.advance(301)
    const late = await browser.get(`/login/enrol?tx=${formOn(setup).tx}`)
    const bobs = await browser.submit(late, { username: 'bob', password: PASSWORD }, 'sign-in')
    const shown = await browser.submit(bobs, {}, 'enable-totp')
    expect([shown.page, secretOn(shown) === secretOn(setup)]).toEqual(['enrol', false])
  })

  test('adds no passkey, and its script leads to the sign-in', async () => {
    const started = await start()
    const { issuer, browser, appOf } = started
    const asked = await signInAt(browser, authorizePath(await appOf('phr')), ADA)
    const form = formOn(asked)
    const { body } = await postJson(browser, '/login/enrol/passkey/options', form)
    const made = makePasskey(body as CreationOptions, browser.origin)
    issuer.clock.advance(301)
    const late = await postJson(browser, '/login/enrol/passkey', { ...form, ...made })
    expect(late).toEqual({ status: 409, body: { location: `/login?tx=${form.tx}` } })
    expect(await passkeysOf(started)).toBe(0)
  })

  test('changes no password', async () => {
    const { issuer, browser, appOf, giveAnother } = await start()
    await giveAnother()
    const asked = await signInAt(browser, authorizePath(await appOf()), { ...ADA, password: ANOTHER })
    expect(asked.page).toBe('must-change')
    issuer.clock.advance(301)
    const late = await browser.submit(asked, { password: 'four words that ada has chosen' }, 'change-password')
    expect(late.page).toBe('login')
    const again = await browser.submit(late, { username: 'ada', password: ANOTHER }, 'sign-in')
    expect(again.page).toBe('must-change')
  })
})
