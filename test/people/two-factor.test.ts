/**
 * Authenticator apps: set up on the account page or in the middle of a sign-in, used as the second factor, each code once.
 * Rows of the regression table of peers are named after their fault.
 */
import { describe, expect, test } from 'vitest'
import { answerOf, type BrowserLike, type Seen } from '../support/browser-like.ts'
import { listMasterKeys, retireMasterKey, rotateMasterKey } from '../support/master-keys.ts'
import { movableClock } from '../support/issuer.ts'
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
import { codeAt, codesOn, enter, formOn, secretOn, turnOn } from '../support/second-factor.ts'
import { auditOf, startWithApi } from '../support/shared.ts'

const STEP_SECONDS = 30
const ADA = { username: 'ada' }
const LOGIN = '/login?return_to=/account/two-factor'

async function start(env: Record<string, string> = {}) {
  // The clock stands still: a guess waits for seconds, and hashing a password may take one.
  const issuer = await startWithApi(env, { clock: movableClock({ from: Date.now() }) })
  const store = await storeOf(issuer)
  const person = await addPerson(store, ADA)
  const browser = browserAt(issuer)
  return { issuer, store, person, browser, clientId: await addApp(issuer) }
}

/** A person with an app. The browser of the enrolment is gone, and so is the time step of its code. */
async function enrolled(env: Record<string, string> = {}) {
  const started = await start(env)
  const { browser, issuer } = started
  await signInAt(browser, LOGIN, ADA)
  const { secret, codes } = await turnOn(browser, issuer)
  issuer.clock.advance(2 * STEP_SECONDS)
  const code = (steps = 0) => codeAt(secret, issuer.clock.now() + steps * STEP_SECONDS * 1000)
  return { ...started, secret, codes, code, browser: browserAt(issuer) }
}

const isSignedIn = async (browser: BrowserLike): Promise<boolean> =>
  (await browser.get('/account/two-factor')).page === 'account'

describe('with SIGNET_MFA=off', () => {
  const page = async (browser: BrowserLike) => browser.get('/account/two-factor')
  const buttons = ({ forms }: Seen) => forms.flatMap((form) => form.buttons.map(({ value }) => value))

  test('no app can be set up: the page says that it is switched off here, and offers nothing', async () => {
    const { browser, person, store } = await start({ SIGNET_MFA: 'off' })
    await signInAt(browser, LOGIN, ADA)
    const seen = await page(browser)
    expect(seen.text).toContain('Two-step sign-in is switched off here, for everybody.')
    expect(buttons(seen)).not.toContain('enable-totp')
    for (const action of ['enable-totp', 'confirm-totp', 'new-recovery-codes']) {
      const next = await browser.post('/account/two-factor', { ...formOn(seen), action, code: '123456' })
      expect([secretOn(next), codesOn(next), next.url.pathname]).toEqual(['', [], '/account/two-factor'])
    }
    expect((await store.findPerson({ id: person.id }))?.user.totpSecret).toBeNull()
  })

  test('an app that was set up before may be removed, and gets no new recovery codes', async () => {
    const { issuer, store, browser } = await start({ SIGNET_MFA: 'off' })
    const person = await addPerson(store, { username: 'bob', user: { totpSecret: await sealedTotp(issuer) } })
    await signInAt(browser, LOGIN, { username: 'bob' })
    const seen = await page(browser)
    expect(seen.text).toContain('Two-step sign-in is switched off here, for everybody.')
    expect(buttons(seen)).toContain('disable-totp')
    expect(buttons(seen)).not.toContain('new-recovery-codes')
    expect((await browser.get('/account')).text).not.toContain('recovery codes')
    await browser.submit(seen, {}, 'disable-totp')
    expect((await store.findPerson({ id: person.id }))?.user.totpSecret).toBeNull()
    expect(buttons(await page(browser))).not.toContain('disable-totp')
  })
})

describe('an app is set up on the account page', () => {
  test('with a secret that counts once its first code is right, and is kept sealed', async () => {
    const { issuer, person, store, browser } = await start()
    await signInAt(browser, LOGIN, ADA)
    const setup = await browser.submit(await browser.get('/account/two-factor'), {}, 'enable-totp')
    const secret = secretOn(setup)
    expect(setup.html).toContain(`secret=${secret}`)
    const wrong = await browser.submit(setup, { code: '000000' }, 'confirm-totp')
    expect([wrong.error, secretOn(wrong)]).toEqual(['invalid_code', secret])
    expect((await store.findPerson({ id: person.id }))?.user.totpSecret).toBeNull()
    const shown = await browser.submit(wrong, { code: codeAt(secret, issuer.clock.now()) }, 'confirm-totp')
    expect(new Set(codesOn(shown)).size).toBe(10)
    const kept = (await store.findPerson({ id: person.id }))?.user.totpSecret ?? ''
    expect(kept.split('.')).toHaveLength(5)
    expect(Buffer.from(kept, 'base64url').toString()).not.toContain(secret)
    expect(await auditOf(issuer, person.id)).toContain('totp.enabled')
  })

  test('with one secret, however often the page is loaded, for an hour', async () => {
    const { issuer, browser } = await start()
    await signInAt(browser, LOGIN, ADA)
    const page = await browser.get('/account/two-factor')
    const secret = secretOn(await browser.submit(page, {}, 'enable-totp'))
    await rotateMasterKey(issuer)
    const again = await browser.submit(page, {}, 'enable-totp')
    expect(secretOn(again)).toBe(secret)
    const other = browserAt(issuer)
    await signInAt(other, LOGIN, ADA)
    const others = await other.submit(await other.get('/account/two-factor'), {}, 'enable-totp')
    expect(secretOn(others)).not.toBe(secret)
    issuer.clock.advance(3601)
    await signInAt(browser, '/login?return_to=/account/two-factor&prompt=login', ADA)
    const late = await browser.submit(await browser.get('/account/two-factor'), {}, 'enable-totp')
    expect(secretOn(late)).not.toBe(secret)
    const shown = await browser.submit(late, { code: codeAt(secretOn(late), issuer.clock.now()) }, 'confirm-totp')
    expect(codesOn(shown)).toHaveLength(10)
  })

  test('by its session alone: another session of the person does not confirm it', async () => {
    const { issuer, browser } = await start()
    const other = browserAt(issuer)
    for (const each of [browser, other]) await signInAt(each, LOGIN, ADA)
    const setup = await browser.submit(await browser.get('/account/two-factor'), {}, 'enable-totp')
    const code = codeAt(secretOn(setup), issuer.clock.now())
    const seen = await other.post('/account/two-factor', {
      ...formOn(await other.get('/account/two-factor')),
      action: 'confirm-totp',
      code,
    })
    expect([seen.error, codesOn(seen)]).toEqual(['expired', []])
  })

  test('Zitadel CVE-2026-32132: a secret of an hour ago is not confirmed', async () => {
    const { issuer, browser } = await start()
    await signInAt(browser, LOGIN, ADA)
    const setup = await browser.submit(await browser.get('/account/two-factor'), {}, 'enable-totp')
    issuer.clock.advance(3601)
    await signInAt(browser, '/login?return_to=/account/two-factor&prompt=login', ADA)
    const seen = await browser.post('/account/two-factor', {
      ...formOn(await browser.get('/account/two-factor')),
      action: 'confirm-totp',
      code: codeAt(secretOn(setup), issuer.clock.now()),
    })
    expect(seen.error).toBe('expired')
  })

  test('Vikunja CVE-2026-123530: each change needs a sign-in of at most five minutes, with the app where there is one', async () => {
    const { issuer, browser, store, person } = await start()
    await signInAt(browser, LOGIN, ADA)
    const page = await browser.get('/account/two-factor')
    issuer.clock.advance(301)
    const asked = await browser.submit(page, {}, 'enable-totp')
    expect([asked.page, asked.url.pathname]).toEqual(['login', '/login'])
    const back = await browser.submit(asked, { password: PASSWORD }, 'sign-in')
    expect(back.url.pathname).toBe('/account/two-factor')
    // Another browser has given the password just now, and the app is not known to it.
    const other = browserAt(issuer)
    await signInAt(other, LOGIN, ADA)
    await turnOn(browser, issuer)
    for (const action of ['disable-totp', 'new-recovery-codes', 'enable-totp']) {
      const form = formOn(await other.get('/account/two-factor'))
      const refused = await other.post('/account/two-factor', { ...form, action })
      expect([action, refused.page]).toEqual([action, 'login'])
    }
    expect((await store.findPerson({ id: person.id }))?.user.totpSecret).not.toBeNull()
  })
})

describe('the second step of a sign-in', () => {
  test('follows the password, and gives the client a code', async () => {
    const { browser, clientId, code } = await enrolled()
    const asked = await signInAt(browser, authorizePath(clientId), ADA)
    expect(asked.page).toBe('second')
    expect(await isSignedIn(browser)).toBe(false)
    const wrong = await enter(browser, asked, '000000')
    expect([wrong.status, wrong.page, wrong.error]).toEqual([200, 'second', 'invalid_code'])
    const away = await enter(browser, wrong, code().replace(/(...)/, '$1 '))
    expect(answerOf(away)).toHaveProperty('code')
    expect(await isSignedIn(browser)).toBe(true)
  })

  test('authentik CVE-2026-49448: is not passed by an empty form, by GET, or without an action', async () => {
    const { browser, code } = await enrolled()
    const asked = await signInAt(browser, LOGIN, ADA)
    const { csrf = '', tx = '' } = formOn(asked)
    for (const form of [
      { csrf, tx },
      { csrf, tx, action: 'verify' },
      { csrf, tx, code: code() },
      { csrf, tx, action: 'continue' },
    ])
      expect((await browser.post('/login/second', form)).page).toBe('second')
    expect((await browser.get(`/login/second?tx=${tx}&action=verify&code=${code()}`)).page).toBe('second')
    expect(await isSignedIn(browser)).toBe(false)
  })

  test('takes the code before, this one and the next, and no other', async () => {
    const { issuer, code } = await enrolled()
    for (const steps of [-2, 2]) {
      const browser = browserAt(issuer)
      const seen = await enter(browser, await signInAt(browser, LOGIN, ADA), code(steps))
      expect([steps, seen.error]).toEqual([steps, 'invalid_code'])
    }
    for (const steps of [-1, 0, 1]) {
      const browser = browserAt(issuer)
      const seen = await enter(browser, await signInAt(browser, LOGIN, ADA), code(steps))
      expect([steps, seen.page]).toEqual([steps, 'account'])
    }
  })

  test('Rodauth CVE-2026-82470, MISP CVE-2026-103655: a code is accepted once, and no code before it', async () => {
    const { issuer, code } = await enrolled()
    const [used, before] = [code(), code(-1)]
    const first = browserAt(issuer)
    expect((await enter(first, await signInAt(first, LOGIN, ADA), used)).page).toBe('account')
    for (const replayed of [used, before]) {
      const browser = browserAt(issuer)
      expect((await enter(browser, await signInAt(browser, LOGIN, ADA), replayed)).error).toBe('invalid_code')
    }
  })

  test('the same code, sent in parallel, signs in one browser', async () => {
    const { issuer, code } = await enrolled()
    const browsers = Array.from({ length: 4 }, () => browserAt(issuer))
    const asked = await Promise.all(browsers.map((each) => signInAt(each, LOGIN, ADA)))
    const used = code()
    const pages = await Promise.all(browsers.map((each, at) => enter(each, asked[at] as Seen, used))) // sound: one each
    expect(pages.map(({ page, error }) => error ?? page).toSorted()).toEqual([
      'account',
      'invalid_code',
      'invalid_code',
      'invalid_code',
    ])
  })

  test('the code of the enrolment is used, too', async () => {
    const { issuer, browser } = await start()
    await signInAt(browser, LOGIN, ADA)
    const { secret } = await turnOn(browser, issuer)
    const other = browserAt(issuer)
    const seen = await enter(other, await signInAt(other, LOGIN, ADA), codeAt(secret, issuer.clock.now()))
    expect(seen.error).toBe('invalid_code')
  })

  test('is not asked for any more after the app is removed', async () => {
    const { issuer, browser, code, store, person } = await enrolled()
    await enter(browser, await signInAt(browser, LOGIN, ADA), code())
    const done = await browser.submit(await browser.get('/account/two-factor'), {}, 'disable-totp')
    expect(done.url.search).toBe('?done=totp_disabled')
    const found = await store.findPerson({ id: person.id })
    expect([found?.user.totpSecret, found?.factors.recoveryCodes]).toEqual([null, 0])
    expect((await signInAt(browserAt(issuer), LOGIN, ADA)).page).toBe('account')
  })
})

describe('guesses at codes', () => {
  test('listmonk CVE-2026-128332, Planka CVE-2026-105835: count across sign-ins, and no password resets them', async () => {
    const { issuer, code } = await enrolled()
    const seen: (string | undefined)[] = []
    for (let at = 0; at < 8; at++) {
      const browser = browserAt(issuer)
      seen.push((await enter(browser, await signInAt(browser, LOGIN, ADA), `00000${at}`)).error)
    }
    expect(seen).toEqual([...Array<string>(5).fill('invalid_code'), ...Array<string>(3).fill('too_many_attempts')])
    const browser = browserAt(issuer)
    const right = await enter(browser, await signInAt(browser, LOGIN, ADA), code())
    expect([right.status, right.headers.get('retry-after')]).toEqual([429, '1'])
    issuer.clock.advance(1)
    expect((await enter(browser, right, code())).page).toBe('account')
  })

  test('100 guesses over 20 sign-ins are judged five times', async () => {
    const { issuer } = await enrolled()
    const browsers = Array.from({ length: 20 }, () => browserAt(issuer))
    const asked: Seen[] = []
    for (const each of browsers) asked.push(await signInAt(each, LOGIN, ADA))
    const guesses = browsers.flatMap((each, at) =>
      Array.from({ length: 5 }, (_, guess) => enter(each, asked[at] as Seen, String(100_000 + at * 5 + guess))),
    )
    const errors = (await Promise.all(guesses)).map(({ error }) => error)
    expect(errors.filter((error) => error === 'invalid_code')).toHaveLength(5)
    expect(errors.filter((error) => error === 'too_many_attempts')).toHaveLength(95)
  })

  test('a stranger who knows the password does not slow down a browser that the person has used', async () => {
    const { issuer, browser, code } = await enrolled()
    await enter(browser, await signInAt(browser, LOGIN, ADA), code())
    const stranger = browserAt(issuer)
    const asked = await signInAt(stranger, LOGIN, ADA)
    for (let at = 0; at < 9; at++) await enter(stranger, asked, `11111${at}`)
    expect((await enter(stranger, asked, '111111')).status).toBe(429)
    issuer.clock.advance(2 * STEP_SECONDS)
    browser.cookies.delete('signet_session')
    const again = await signInAt(browser, LOGIN, ADA)
    expect((await enter(browser, again, '222222')).error).toBe('invalid_code')
    expect((await enter(browser, again, code())).page).toBe('account')
  })
})

describe('SIGNET_MFA=required', () => {
  const REQUIRED = { SIGNET_MFA: 'required' }

  test('Keycloak CVE-2026-94218: no page leads around the enrolment', async () => {
    const { browser, clientId } = await start(REQUIRED)
    const asked = await signInAt(browser, authorizePath(clientId), ADA)
    expect(asked.page).toBe('enrol')
    const form = formOn(asked)
    const { tx = '' } = form
    for (const path of [
      '/login',
      '/login/second',
      '/login/recovery',
      '/consent',
      '/login/must-change',
      '/login/enrol',
    ]) {
      const seen = await browser.get(`${path}?tx=${tx}`)
      expect([path, seen.page, seen.isAway]).toEqual([path, 'enrol', false])
      for (const action of ['sign-in', 'verify', 'allow', 'continue', 'confirm-totp', 'change-password', ''])
        expect((await browser.post(path, { ...form, action })).isAway).toBe(false)
    }
    expect((await browser.get(`/authorize?tx=${tx}`)).isAway).toBe(false)
    expect((await browser.get('/account/two-factor')).page).toBe('login')
  })

  test('the person sets an app up, sees the recovery codes, and the client gets its code', async () => {
    const { browser, clientId, issuer } = await start(REQUIRED)
    const asked = await signInAt(browser, authorizePath(clientId), ADA)
    const setup = await browser.submit(asked, {}, 'enable-totp')
    expect(secretOn(await browser.submit(asked, {}, 'enable-totp'))).toBe(secretOn(setup))
    const wrong = await browser.submit(setup, { code: '000000' }, 'confirm-totp')
    expect([wrong.page, wrong.error, secretOn(wrong)]).toEqual(['enrol', 'invalid_code', secretOn(setup)])
    const code = codeAt(secretOn(setup), issuer.clock.now())
    const shown = await browser.submit(wrong, { code }, 'confirm-totp')
    expect([shown.page, codesOn(shown).length]).toEqual(['enrol', 10])
    const away = await browser.submit(shown, {}, 'continue')
    expect(answerOf(away)).toHaveProperty('code')
    // Signed in with two factors: the next request is answered at once.
    expect(answerOf(await browser.get(authorizePath(clientId)))).toHaveProperty('code')
  })
})

describe('the master key changes', () => {
  test('an app that waits for its first code is set up with it', async () => {
    const { issuer, browser, clientId, store, person } = await start()
    await signInAt(browser, LOGIN, ADA)
    const setup = await browser.submit(await browser.get('/account/two-factor'), {}, 'enable-totp')
    await rotateMasterKey(issuer)
    const wrong = await browser.submit(setup, { code: '000000' }, 'confirm-totp')
    expect(wrong.error).toBe('invalid_code')
    const shown = await browser.submit(wrong, { code: codeAt(secretOn(setup), issuer.clock.now()) }, 'confirm-totp')
    expect(codesOn(shown)).toHaveLength(10)
    issuer.clock.advance(2 * STEP_SECONDS)
    const other = browserAt(issuer)
    const asked = await signInAt(other, authorizePath(clientId), ADA)
    expect(answerOf(await enter(other, asked, codeAt(secretOn(setup), issuer.clock.now())))).toHaveProperty('code')
    expect((await store.findPerson({ id: person.id }))?.user.totpSecret).not.toBeNull()
    expect((await listMasterKeys(issuer)).map(({ dependents }) => dependents.apps)).toEqual([0, 1])
  })

  test('so is one in the middle of a sign-in', async () => {
    const { issuer, browser, clientId } = await start({ SIGNET_MFA: 'required' })
    const setup = await browser.submit(await signInAt(browser, authorizePath(clientId), ADA), {}, 'enable-totp')
    await rotateMasterKey(issuer)
    const shown = await browser.submit(setup, { code: codeAt(secretOn(setup), issuer.clock.now()) }, 'confirm-totp')
    expect(codesOn(shown)).toHaveLength(10)
    expect(answerOf(await browser.submit(shown, {}, 'continue'))).toHaveProperty('code')
  })

  test('codes and recovery codes go on, and the former key can be retired', async () => {
    const { issuer, code, codes, store, person } = await enrolled()
    const before = (await store.findPerson({ id: person.id }))?.user.totpSecret
    const former = (await listMasterKeys(issuer)).find(({ status }) => status === 'current')?.id ?? ''
    await rotateMasterKey(issuer)
    const moved = await listMasterKeys(issuer)
    expect(moved.map(({ status, dependents }) => [status, dependents.apps])).toEqual([
      ['previous', 0],
      ['current', 1],
    ])
    expect((await store.findPerson({ id: person.id }))?.user.totpSecret).not.toBe(before)
    await retireMasterKey(issuer, former, { force: true })
    const browser = browserAt(issuer)
    expect((await enter(browser, await signInAt(browser, LOGIN, ADA), code())).page).toBe('account')
    const other = browserAt(issuer)
    const asked = await signInAt(other, LOGIN, ADA)
    const recovery = await other.get(`/login/recovery?tx=${formOn(asked).tx}`)
    expect((await enter(other, recovery, codes[0] ?? '')).page).toBe('account')
  })
})
