/** The trail of an account: whatever is set up, used up or changed in a sign-in is recorded, and told to the person. */
import { describe, expect, test } from 'vitest'
import type { AdministeredIssuer } from '../support/admin.ts'
import { BrowserLike, type Seen } from '../support/browser-like.ts'
import { movableClock } from '../support/issuer.ts'
import { addApp, addPerson, authorizePath, browserAt, PASSWORD, signInAt, storeOf } from '../support/people.ts'
import { postJson } from '../support/passkey-doors.ts'
import { codeAt, enter, formOn, secretOn, turnOn } from '../support/second-factor.ts'
import { startWithApi } from '../support/shared.ts'
import { makePasskey, type Bending, type CreationOptions } from '../support/soft-passkey.ts'

const ADA = { username: 'ada' }
const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:158.0) Gecko/20100101 Firefox/158.0'

async function start(env: Record<string, string> = {}) {
  const issuer = await startWithApi(env, { clock: movableClock({ from: Date.now() }) })
  const store = await storeOf(issuer)
  const person = await addPerson(store, ADA)
  return { issuer, store, person, browser: browserAt(issuer) }
}

interface Event {
  action: string
  actor: string
  request_id: string | null
  details: Record<string, unknown>
}

/** The events of one action on a target. */
async function told({ operator }: AdministeredIssuer, target: string, action: string): Promise<Event[]> {
  const { body } = await operator.call('GET', `/admin/api/audit?target=${target}`)
  return (body as unknown as Event[]).filter((event) => event.action === action) // the answer is a list
}

async function enrolPasskey(browser: BrowserLike, asked: Seen, bent: Bending = {}) {
  const form = formOn(asked)
  const { body } = await postJson(browser, '/login/enrol/passkey/options', form)
  const { passkey, credential } = makePasskey(body as CreationOptions, browser.origin, bent)
  const { status } = await postJson(browser, '/login/enrol/passkey', { ...form, credential })
  return { passkey, status }
}

describe('a factor that is set up in the middle of a sign-in', () => {
  test('is recorded once where it is an app, and told to the person', async () => {
    const { issuer, person, browser } = await start({ SIGNET_MFA: 'required' })
    const setup = await browser.submit(await signInAt(browser, '/login', ADA), {}, 'enable-totp')
    const wrong = await browser.submit(setup, { code: '000000' }, 'confirm-totp')
    expect(await told(issuer, person.id, 'totp.enabled')).toEqual([])
    const code = codeAt(secretOn(wrong), issuer.clock.now())
    const shown = await browser.submit(wrong, { code }, 'confirm-totp')
    await browser.submit(shown, {}, 'continue')
    expect(await told(issuer, person.id, 'totp.enabled')).toMatchObject([
      { actor: person.id, request_id: expect.any(String) },
    ])
    expect((await browser.get('/account/activity')).text).toContain('Two-step sign-in turned on')
  })

  test('is recorded where it is a passkey, with its name', async () => {
    const { issuer, person, browser } = await start({ SIGNET_MFA: 'required' })
    const { passkey, status } = await enrolPasskey(browser, await signInAt(browser, '/login', ADA))
    expect(status).toBe(200)
    expect(await told(issuer, person.id, 'passkey.added')).toMatchObject([
      { actor: person.id, details: { passkey: passkey.id.slice(0, 64), name: expect.any(String) } },
    ])
  })

  test('leaves no event where it was refused', async () => {
    const { issuer, person, browser } = await start({ SIGNET_MFA: 'required' })
    const asked = await signInAt(browser, '/login', ADA)
    expect((await enrolPasskey(browser, asked, { origin: 'https://evil.example' })).status).toBe(400)
    expect(await told(issuer, person.id, 'passkey.added')).toEqual([])
  })
})

test('a passkey that comes with an invitation is recorded with the account', async () => {
  const { issuer } = await start()
  const invited = await issuer.operator.call('POST', '/admin/api/invitations', {})
  const browser = browserAt(issuer)
  const page = await browser.get(String(invited.body.url).slice(issuer.issuer.length))
  const form = { ...page.forms.at(-1)?.values, username: 'grace' }
  const { body } = await postJson(browser, '/invite/passkey/options', form)
  const { credential, passkey } = makePasskey(body as CreationOptions, browser.origin)
  expect((await postJson(browser, '/invite/passkey', { ...form, credential })).status).toBe(200)
  const { body: user } = await issuer.operator.call('GET', '/admin/api/users/grace')
  const id = String(user.id)
  expect(await told(issuer, id, 'passkey.added')).toMatchObject([
    { actor: id, details: { passkey: passkey.id.slice(0, 64) } },
  ])
})

test('a password that has to be changed is recorded when it is, in the middle of the sign-in', async () => {
  const { issuer, person, store, browser } = await start()
  await issuer.operator.call('PATCH', `/admin/api/users/${person.id}`, { must_change_password: true })
  const form = await signInAt(browser, '/login', ADA)
  expect((await browser.submit(form, { password: PASSWORD }, 'change-password')).page).toBe('must-change')
  expect(await told(issuer, person.id, 'user.password_changed')).toEqual([])
  const password = 'seven green tractors dream of rain'
  expect((await browser.submit(form, { password }, 'change-password')).page).toBe('account')
  expect(await told(issuer, person.id, 'user.password_changed')).toMatchObject([{ actor: person.id }])
  expect((await store.findPerson({ id: person.id }))?.user.mustChangePassword).toBe(false)
})

test.each([
  ['en', 'A recovery code was used'],
  ['de', 'Ein Wiederherstellungscode wurde benutzt'],
  ['zh', '使用了一个恢复码'],
])('the use of a recovery code is an event of its own, counted once, and told in %s', async (language, says) => {
  const { issuer, person, browser: home } = await start()
  await signInAt(home, '/login?return_to=/account/two-factor', ADA)
  const { codes } = await turnOn(home, issuer)
  const atRecovery = async () => {
    const browser = browserAt(issuer)
    const { tx = '' } = formOn(await signInAt(browser, '/login', ADA))
    return { browser, page: await browser.get(`/login/recovery?tx=${tx}`) }
  }
  const { browser, page } = await atRecovery()
  await enter(browser, page, '00000-00000')
  expect(await told(issuer, person.id, 'recovery_code.used')).toEqual([])
  await enter(browser, page, codes[0] ?? '')
  const again = await atRecovery()
  expect((await enter(again.browser, again.page, codes[0] ?? '')).error).toBe('invalid_code')
  expect(await told(issuer, person.id, 'recovery_code.used')).toMatchObject([
    { actor: person.id, details: { left: 9 } },
  ])
  expect((await browser.get('/account/activity', { 'accept-language': language })).text).toContain(says)
})

test.each([
  ['en', 'Firefox on Windows', 'signed in to Grafana'],
  ['de', 'Firefox', 'Grafana'],
  ['zh', 'Firefox', 'Grafana'],
])(
  'a sign-in is told with its browser, its network and its app, also after the session (%s)',
  async (language, ...says) => {
    const { issuer } = await start()
    const thief = new BrowserLike(issuer.issuer, { 'user-agent': FIREFOX })
    await signInAt(thief, authorizePath(await addApp(issuer, { client_name: 'Grafana' })), ADA)
    await thief.submit(await thief.get('/logout'), {}, 'logout')
    const browser = browserAt(issuer)
    await signInAt(browser, '/account', ADA)
    const { text } = await browser.get('/account/activity', { 'accept-language': language })
    for (const each of [...says, '127.0.0.1']) expect(text).toContain(each)
    expect(text).not.toContain('Mozilla')
  },
)

/** Acts of a person on the account pages, each with its event. */
const OWN_ACTS: [action: string, act: (it: Awaited<ReturnType<typeof atHome>>) => Promise<unknown>][] = [
  ['totp.enabled', ({ browser, issuer }) => turnOn(browser, issuer)],
  [
    'user.updated',
    async ({ browser }) => browser.submit(await browser.get('/account/profile'), { name: 'Ada K' }, 'save'),
  ],
  [
    'user.password_changed',
    async ({ browser }) =>
      browser.submit(
        await browser.get('/account/password'),
        { password: 'seven green tractors dream of rain' },
        'change-password',
      ),
  ],
  ['session.ended', async ({ browser }) => browser.submit(await browser.get('/logout'), {}, 'logout')],
]

async function atHome() {
  const scene = await start()
  const browser = new BrowserLike(scene.issuer.issuer, { 'user-agent': FIREFOX })
  await signInAt(browser, '/login?return_to=/account/two-factor', ADA)
  return { ...scene, browser }
}

test.each(OWN_ACTS)('%s by the person is told with the browser and its network', async (action, act) => {
  const it = await atHome()
  await act(it)
  const { body } = await it.issuer.operator.call('GET', `/admin/api/audit?actor=${it.person.id}`)
  const events = (body as unknown as Event[]).filter((event) => event.action === action) // the answer is a list
  expect(events).toMatchObject([{ details: { address: '127.0.0.1', user_agent: FIREFOX } }])
})
