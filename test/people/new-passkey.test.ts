/** An account whose only factor is a passkey, by invitation: as the script of the page makes it. */
import { expect, test } from 'vitest'
import { startAdministered, type AdministeredIssuer } from '../support/admin.ts'
import type { BrowserLike } from '../support/browser-like.ts'
import { postJson, signInWith } from '../support/passkey-doors.ts'
import { browserAt } from '../support/people.ts'
import { formOn } from '../support/second-factor.ts'
import { makePasskey, type Bending, type CreationOptions } from '../support/soft-passkey.ts'

async function invite(issuer: AdministeredIssuer, wanted: object = {}): Promise<string> {
  const { body } = await issuer.operator.call('POST', '/admin/api/invitations', wanted)
  return String(body.url).slice(issuer.issuer.length)
}

/** Opens the page and fills its form. */
const formOf = async (browser: BrowserLike, path: string, values: object = { username: 'ada' }) => ({
  ...(await browser.get(path)).forms.at(-1)?.values,
  ...values,
})

const optionsFor = async (browser: BrowserLike, form: object) =>
  (await postJson(browser, '/invite/passkey/options', form)).body as CreationOptions

async function signUp(browser: BrowserLike, path: string, bent: Bending = {}, values?: object) {
  const form = await formOf(browser, path, values)
  const { passkey, credential } = makePasskey(await optionsFor(browser, form), browser.origin, bent)
  return { form, passkey, credential, answer: await postJson(browser, '/invite/passkey', { ...form, credential }) }
}

const userOf = async (issuer: AdministeredIssuer, name: string) =>
  (await issuer.operator.call('GET', `/admin/api/users/${name}`)).body as object

test('the first operator needs no password: a passkey makes the account, and signs in later', async () => {
  const issuer = await startAdministered({ SIGNET_PASSWORDS: 'off' })
  const browser = browserAt(issuer)
  const { answer, passkey } = await signUp(browser, await invite(issuer, { admin: true }))
  expect([answer.status, answer.body]).toEqual([200, { location: '/account' }])
  expect((await browser.get('/account/sessions')).page).toBe('account')
  expect(await userOf(issuer, 'ada')).toMatchObject({
    permissions: ['signet:admin'],
    factors: { password: false, passkeys: 1 },
  })
  const other = browserAt(issuer)
  expect((await signInWith(other, await other.get('/login'), passkey)).body).toMatchObject({ location: '/account' })
})

test('a user who was made by an operator takes the account over with a passkey', async () => {
  const issuer = await startAdministered()
  const made = await issuer.operator.call('POST', '/admin/api/users', { username: 'grace', invite: true })
  const path = String(made.body.invite_url).slice(issuer.issuer.length)
  const { answer, passkey } = await signUp(browserAt(issuer), path, {}, { username: 'mallory' })
  expect(answer.status).toBe(200)
  expect(await userOf(issuer, 'grace')).toMatchObject({ id: made.body.id, factors: { passkeys: 1 } })
  const other = browserAt(issuer)
  expect((await signInWith(other, await other.get('/login'), passkey)).status).toBe(200)
})

test.each<[string, Bending]>([
  ['another challenge', { challenge: 'A'.repeat(43) }],
  ['another origin', { origin: 'https://evil.example' }],
  ['another relying party', { rpId: 'evil.example' }],
  ['a person who was not verified', { isUserVerified: false }],
  ['a response that uses a passkey', { type: 'webauthn.get' }],
])('a passkey with %s is refused, and the invitation stays good', async (_, bent) => {
  const issuer = await startAdministered()
  const path = await invite(issuer)
  const { answer } = await signUp(browserAt(issuer), path, bent)
  expect(answer.status).toBe(400)
  expect(await userOf(issuer, 'ada')).toMatchObject({ error: 'invalid_request' })
  expect((await signUp(browserAt(issuer), path)).answer.status).toBe(200)
})

test('a challenge is good once, for one browser', async () => {
  const issuer = await startAdministered()
  const [first, second] = [await invite(issuer), await invite(issuer)]
  const browser = browserAt(issuer)
  const { form, credential, answer } = await signUp(browser, first)
  expect(answer.status).toBe(200)
  const again = { ...form, ...(await formOf(browser, second, { username: 'bob' })), credential }
  expect((await postJson(browser, '/invite/passkey', again)).status).toBe(400)
  const victim = browserAt(issuer)
  const options = await optionsFor(victim, await formOf(victim, second, { username: 'bob' }))
  const thief = browserAt(issuer)
  const made = makePasskey(options, thief.origin)
  const stolen = { ...(await formOf(thief, second, { username: 'bob' })), credential: made.credential }
  expect((await postJson(thief, '/invite/passkey', stolen)).status).toBe(400)
  expect(await userOf(issuer, 'bob')).toMatchObject({ error: 'invalid_request' })
})

test('a used invitation gives no options, and a name that is taken is told', async () => {
  const issuer = await startAdministered()
  const path = await invite(issuer)
  const browser = browserAt(issuer)
  const form = await formOf(browser, path)
  expect((await signUp(browserAt(issuer), path)).answer.status).toBe(200)
  expect((await postJson(browser, '/invite/passkey/options', form)).status).toBe(400)
  const other = await formOf(browser, await invite(issuer))
  const { status, body } = await postJson(browser, '/invite/passkey/options', other)
  expect([status, body.error]).toEqual([422, 'username_taken'])
})

test('where strangers cannot sign up, the doors of sign-up are closed', async () => {
  const issuer = await startAdministered()
  const browser = browserAt(issuer)
  const form = { ...formOn(await browser.get('/login')), username: 'ada' }
  expect((await postJson(browser, '/signup/passkey/options', form)).status).toBe(404)
})
