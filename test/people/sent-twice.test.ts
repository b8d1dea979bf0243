/** A parameter that is sent twice is no form of ours: readers would differ in which one counts. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { BrowserLike } from '../support/browser-like.ts'
import { addClient, addUser, tokensOf } from '../support/codes.ts'
import { addApp, addPerson, authorizePath, browserAt, PASSWORD, signInAt, storeOf } from '../support/people.ts'
import { formOn } from '../support/second-factor.ts'
import { shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi({ SIGNET_RATE_LIMIT_NETWORK: 'off', SIGNET_SIGNUP: 'open' })

let app: string

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  await addPerson(await storeOf(issuer(), (work) => ends.push(work)), { username: 'ada' })
  app = await addApp(issuer())
  return async () => {
    for (const end of ends) await end()
  }
})

/** Posts a form as it stands, names that repeat included. */
async function post(browser: BrowserLike, path: string, pairs: [string, string][]): Promise<[number, string]> {
  const response = await fetch(browser.base + path, {
    method: 'POST',
    redirect: 'manual',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      origin: browser.origin,
      cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
    },
    body: new URLSearchParams(pairs).toString(),
  })
  return [response.status, /data-error="(\w+)"/.exec(await response.text())?.[1] ?? '']
}

const REFUSED = [400, 'invalid_request']

describe('the sign-in form', () => {
  test.each(['username', 'password', 'tx', 'csrf', 'action', 'remember'])(
    'with %s twice signs nobody in',
    async (name) => {
      const browser = browserAt(issuer())
      const form = formOn(await browser.get(authorizePath(app)))
      const values = { ...form, username: 'ada', password: PASSWORD, action: 'sign-in', remember: 'on' }
      const value = Object.entries(values).find(([each]) => each === name)?.[1] ?? ''
      for (const again of [value, '', 'another']) {
        expect(await post(browser, '/login', [...Object.entries(values), [name, again]])).toEqual(REFUSED)
        expect(await post(browser, '/login', [[name, again], ...Object.entries(values)])).toEqual(REFUSED)
      }
      expect((await browser.get('/account')).page).toBe('login')
    },
  )
})

test.each([
  '/login',
  '/login/second',
  '/login/recovery',
  '/login/enrol',
  '/login/must-change',
  '/login/redirect-uri',
  '/consent',
  '/signup',
  '/invite',
  '/link',
  '/account/profile',
  '/account/password',
  '/account/passkeys',
  '/account/two-factor',
  '/account/sessions',
  '/account/apps',
])('POST %s takes no parameter twice', async (path) => {
  const browser = browserAt(issuer())
  await signInAt(browser, '/login', { username: 'ada' })
  const { csrf = '' } = formOn(await browser.get('/account/password'))
  const code: [string, string][] = [
    ['code', '1'],
    ['code', '2'],
  ]
  expect(await post(browser, path, [['csrf', csrf], ...code])).toEqual(REFUSED)
})

test.each([
  '/login?tx=a&tx=b',
  '/login?return_to=/account&return_to=/account/apps',
  '/link?token=a&token=b',
  '/consent?tx=&tx=b',
])('GET %s is refused', async (path) => {
  const seen = await browserAt(issuer()).get(path)
  expect([seen.status, seen.error]).toEqual(REFUSED)
})

test('/logout refuses a hint or an address that is sent twice, and ignores what it does not know', async () => {
  const store = await storeOf(issuer())
  const client = await addClient(issuer())
  const { id_token: hint } = await tokensOf(issuer(), client, await addUser(store))
  const browser = browserAt(issuer())
  for (const name of ['id_token_hint', 'state', 'client_id', 'post_logout_redirect_uri']) {
    const query = new URLSearchParams([
      ['id_token_hint', String(hint)],
      [name, 'x'],
      [name, 'y'],
    ])
    const seen = await browser.get(`/logout?${query.toString()}`)
    expect([seen.status, seen.error]).toEqual(REFUSED)
  }
  expect((await browser.get('/logout?other=a&other=b')).status).toBe(200)
})
