/**
 * `form-action` in the policy of pages. Chromium applies it to every later redirect of a form, so a page with a client
 * behind it has none. Every other page leads to our own origin alone.
 */
import { beforeAll, expect, test } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { formActionOf, type Seen } from '../support/browser-like.ts'
import { addClient, addUser, tokensOf } from '../support/codes.ts'
import { authorizePath, browserAt, PASSWORD, signInAt, storeOf } from '../support/people.ts'
import { shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi({ SIGNET_RATE_LIMIT_NETWORK: 'off', SIGNET_SIGNUP: 'open' })
const BYE = 'https://app.example/bye'

let store: Store
beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  store = await storeOf(issuer(), (end) => ends.push(end))
  return async () => {
    for (const end of ends) await end()
  }
})

const formAction = ({ headers }: Seen): string | undefined => formActionOf(headers)?.join(' ')

const toSignUp = async (from: string): Promise<Seen> => {
  const browser = browserAt(issuer())
  const { url } = await browser.get(from)
  return browser.get(`/signup?tx=${url.searchParams.get('tx')}`)
}

test('an invitation and a sign-up lead to us alone, but where a client waits behind them', async () => {
  const { body } = await issuer().operator.call('POST', '/admin/api/invitations', {})
  const invitation = await browserAt(issuer()).get(String(body.url).slice(issuer().issuer.length))
  expect([invitation.page, formAction(invitation)]).toEqual(['invite', "'self'"])
  for (const own of [await browserAt(issuer()).get('/signup'), await toSignUp('/login')])
    expect([own.page, formAction(own)]).toEqual(['signup', "'self'"])
  const { clientId } = await addClient(issuer())
  const forClient = await toSignUp(authorizePath(clientId))
  expect([forClient.page, formAction(forClient)]).toEqual(['signup', undefined])
  // The language of the client's request holds here too.
  expect((await toSignUp(authorizePath(clientId, { ui_locales: 'de' }))).html).toContain('lang="de"')
})

test('a password that must change leads to us alone, but in the sign-in of a client', async () => {
  const { username } = await addUser(store, { user: { mustChangePassword: true } })
  const own = await signInAt(browserAt(issuer()), '/login', { username })
  expect([own.page, formAction(own)]).toEqual(['must-change', "'self'"])
  const { clientId } = await addClient(issuer())
  const forClient = await signInAt(browserAt(issuer()), authorizePath(clientId), { username })
  expect([forClient.page, formAction(forClient)]).toEqual(['must-change', undefined])
})

test('a sign-out leads to us alone, but where it goes back to a client', async () => {
  const client = await addClient(issuer(), { post_logout_redirect_uris: [BYE] })
  const person = await addUser(store)
  const first = await tokensOf(issuer(), client, person)
  const { browser } = await tokensOf(issuer(), client, person)
  const ask = (parameters: Record<string, string>) =>
    browser.get(`/logout?${new URLSearchParams(parameters).toString()}`)
  // Of another session of the same person: the person is asked, and then goes back to the client.
  const hint = { id_token_hint: String(first.id_token) }
  const back = await ask({ ...hint, post_logout_redirect_uri: BYE })
  expect([back.page, formAction(back)]).toEqual(['logout', undefined])
  for (const parameters of [{}, hint, { ...hint, post_logout_redirect_uri: `${BYE}/other` }]) {
    const own = await ask(parameters)
    expect([own.page, formAction(own)]).toEqual(['logout', "'self'"])
  }
  expect((await browser.submit(back, {}, 'logout')).url.href).toBe(BYE)
})

test('a page that refuses a client leads back to it', async () => {
  const { clientId } = await addClient(issuer(), { allowed_groups: ['signet-admins'] })
  const { username } = await addUser(store)
  const refused = await signInAt(browserAt(issuer()), authorizePath(clientId), { username, password: PASSWORD })
  expect([refused.error, formAction(refused)]).toEqual(['not_allowed', undefined])
})
