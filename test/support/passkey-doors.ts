/** The doors of passkeys, as the script of the pages uses them, with an authenticator in software. */
import type { BrowserLike, Seen } from './browser-like.ts'
import { formOn } from './second-factor.ts'
import { makePasskey, usePasskey, type Bending, type CreationOptions, type SoftPasskey } from './soft-passkey.ts'

interface JsonAnswer {
  status: number
  // oxlint-disable-next-line typescript/no-explicit-any -- the members are what the tests are about
  body: any
}

/** Posts JSON as a script of our own page does, and keeps the cookies of the answer. */
export async function postJson(browser: BrowserLike, path: string, body: object): Promise<JsonAnswer> {
  const response = await fetch(browser.base + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      origin: browser.origin,
      cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
    },
    body: JSON.stringify(body),
  })
  for (const line of response.headers.getSetCookie()) {
    const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=')
    browser.cookies.set(name, value)
  }
  return { status: response.status, body: await response.json() }
}

/** Adds a passkey on the account page. */
export async function addPasskey(browser: BrowserLike, bent: Bending = {}) {
  const form = formOn(await browser.get('/account/passkeys'))
  const options = await postJson(browser, '/account/passkeys/options', form)
  const { passkey, credential } = makePasskey(options.body as CreationOptions, browser.origin, bent)
  const added = await postJson(browser, '/account/passkeys', { ...form, credential })
  return { ...added, passkey, credential, options: options.body, form }
}

/** Options for the passkey that is due in the sign-in of a page. */
export async function askForPasskey(browser: BrowserLike, seen: Seen): Promise<JsonAnswer['body']> {
  const { status, body } = await postJson(browser, '/login/passkey/options', formOn(seen))
  if (status !== 200) throw new Error(`no options: ${status} ${JSON.stringify(body)}`)
  return body
}

/** Answers with a passkey on the page of a sign-in. */
export async function signInWith(browser: BrowserLike, seen: Seen, passkey: SoftPasskey, bent: Bending = {}) {
  const options = await askForPasskey(browser, seen)
  const credential = usePasskey(passkey, options, browser.origin, bent)
  const answer = await postJson(browser, '/login/passkey', { ...formOn(seen), credential })
  return { ...answer, credential, options }
}
