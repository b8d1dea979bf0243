/** /logout where an app sends more, less or something else than the modules of the conformance suite do. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import type { BrowserLike, Seen } from '../support/browser-like.ts'
import { claimsOf } from '../support/client.ts'
import { addClient, addUser, tokensOf } from '../support/codes.ts'
import { authorizePath, browserAt, storeOf } from '../support/people.ts'
import { shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi({ SIGNET_RATE_LIMIT_NETWORK: 'off' })
const BYE = 'https://app.example/bye'

let store: Store
beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  store = await storeOf(issuer(), (end) => ends.push(end))
  return async () => {
    for (const end of ends) await end()
  }
})

/** A client and a person who is signed in to it. */
async function signedIn(post_logout_redirect_uris: string[] = [BYE], locale?: string) {
  const client = await addClient(issuer(), { post_logout_redirect_uris })
  const person = await addUser(store, locale === undefined ? {} : { user: { profile: { locale } } })
  const { browser, id_token = '' } = await tokensOf(issuer(), client, person)
  return { client, person, browser, idToken: String(id_token) }
}

const logout = (parameters: Record<string, string>) => `/logout?${new URLSearchParams(parameters).toString()}`

const isSignedIn = async (browser: BrowserLike, { clientId }: { clientId: string }): Promise<boolean> =>
  (await browser.get(authorizePath(clientId, { prompt: 'none' }))).url.searchParams.has('code')

/** The person is asked, and nothing has ended. */
async function expectQuestion(seen: Seen, browser: BrowserLike, client: { clientId: string }): Promise<void> {
  expect(seen).toMatchObject({ isAway: false, status: 200, page: 'logout' })
  expect(await isSignedIn(browser, client)).toBe(true)
}

test('a hint of another person asks, and leads nobody to the client', async () => {
  const { client, browser } = await signedIn()
  const other = await signedIn()
  const seen = await browser.get(logout({ id_token_hint: other.idToken, post_logout_redirect_uri: BYE }))
  await expectQuestion(seen, browser, client)
  expect(await browser.submit(seen, {}, 'logout')).toMatchObject({ isAway: false, page: 'signed-out' })
  expect(await isSignedIn(browser, client)).toBe(false)
  expect(await isSignedIn(other.browser, other.client)).toBe(true)
})

test('a client_id that differs from the hint asks', async () => {
  const { client, browser, idToken } = await signedIn()
  const other = await signedIn()
  const parameters = { id_token_hint: idToken, post_logout_redirect_uri: BYE, client_id: other.client.clientId }
  await expectQuestion(await browser.get(logout(parameters)), browser, client)
  const right = await browser.get(logout({ ...parameters, client_id: client.clientId }))
  expect(right.url.href).toBe(BYE)
})

test('an access token is no hint', async () => {
  const client = await addClient(issuer(), { post_logout_redirect_uris: [BYE] })
  const { browser, access_token } = await tokensOf(issuer(), client, await addUser(store))
  const parameters = { id_token_hint: String(access_token), post_logout_redirect_uri: BYE }
  await expectQuestion(await browser.get(logout(parameters)), browser, client)
})

test('a hint that has expired is a hint', async () => {
  const { browser, client, idToken } = await signedIn()
  issuer().clock.advance(2 * 3600)
  expect(claimsOf(idToken).exp * 1000).toBeLessThan(issuer().clock.now())
  const seen = await browser.get(logout({ id_token_hint: idToken, post_logout_redirect_uri: BYE }))
  expect(seen.url.href).toBe(BYE)
  expect(await isSignedIn(browser, client)).toBe(false)
})

test('the registered address keeps its query, and state joins it exactly', async () => {
  const uri = `${BYE}?lang=de`
  const { browser, idToken } = await signedIn([uri])
  const state = 'a b&c=d "ü"'
  const seen = await browser.get(logout({ id_token_hint: idToken, post_logout_redirect_uri: uri, state }))
  expect(seen.url.href.startsWith(`${uri}&state=`)).toBe(true)
  expect(seen.url.searchParams.get('state')).toBe(state)
})

describe('a form of another site', () => {
  test('with a genuine hint ends the session that its sid names, though no cookie comes', async () => {
    const { browser, client, idToken } = await signedIn()
    const form = { id_token_hint: idToken, post_logout_redirect_uri: BYE, state: 's' }
    expect((await browser.postFromElsewhere('/logout', form)).url.href).toBe(`${BYE}?state=s`)
    expect(await isSignedIn(browser, client)).toBe(false)
  })

  test('from another browser ends the session of the hint, and no other', async () => {
    const { browser, client, idToken } = await signedIn()
    const other = await signedIn()
    await browserAt(issuer()).postFromElsewhere('/logout', { id_token_hint: idToken })
    expect(await isSignedIn(browser, client)).toBe(false)
    expect(await isSignedIn(other.browser, other.client)).toBe(true)
  })

  test.each([
    ['a registered address', { post_logout_redirect_uri: BYE }],
    ['an unregistered address', { post_logout_redirect_uri: 'https://elsewhere.example/' }],
    ['no address', {}],
  ])('with the cookie, a genuine hint and %s ends the session', async (_, address) => {
    const { browser, client, idToken } = await signedIn()
    const seen = await browser.postFromNextDoor('/logout', { id_token_hint: idToken, ...address })
    const goes = new URLSearchParams(address).get('post_logout_redirect_uri') === BYE
    expect(seen.url.href).toBe(goes ? BYE : `${issuer().issuer}/signed-out`)
    expect(browser.cookie('session')).toBeUndefined()
    expect(await isSignedIn(browser, client)).toBe(false)
  })

  test('with a hint of another session of the person ends that one, and asks about the own', async () => {
    const { browser, client, person, idToken } = await signedIn()
    const { browser: second } = await tokensOf(issuer(), client, person)
    const seen = await second.postFromNextDoor('/logout', { id_token_hint: idToken, post_logout_redirect_uri: BYE })
    await expectQuestion(seen, second, client)
    expect(await isSignedIn(browser, client)).toBe(false)
    expect((await second.submit(seen, {}, 'logout')).url.href).toBe(BYE)
    expect(await isSignedIn(second, client)).toBe(false)
  })

  test('with a hint of another person ends what the hint names, and asks about the own session', async () => {
    const { browser, client } = await signedIn()
    const other = await signedIn()
    const form = { id_token_hint: other.idToken, post_logout_redirect_uri: BYE }
    await expectQuestion(await browser.postFromNextDoor('/logout', form), browser, client)
    expect(await isSignedIn(other.browser, other.client)).toBe(false)
  })

  test('without a hint asks, with the cookie too', async () => {
    const { browser, client } = await signedIn()
    await expectQuestion(await browser.postFromNextDoor('/logout', { state: 's' }), browser, client)
  })

  test('without a hint asks', async () => {
    const { browser, client } = await signedIn()
    await expectQuestion(await browser.postFromElsewhere('/logout', { state: 's' }), browser, client)
  })
})

test('"Stay signed in" ends nothing', async () => {
  const { browser, client } = await signedIn()
  await browser.submit(await browser.get('/logout'), {}, 'stay')
  expect(await isSignedIn(browser, client)).toBe(true)
})

test('whoever is signed out already reads so', async () => {
  expect(await browserAt(issuer()).get('/logout')).toMatchObject({ status: 200, page: 'signed-out' })
})

describe('the question and the page after it are in one language', () => {
  const langOf = ({ html }: Seen) => / lang="([^"]+)"/.exec(html)?.[1]
  const chinese = { 'accept-language': 'zh-CN,en;q=0.5' }

  test.each([
    ["the person's, where the browser has another", 'de-AT', {}, 'de'],
    ["the app's, where the person has another", 'de-AT', { ui_locales: 'fr en' }, 'en'],
    ["the browser's, where nobody says more", undefined, {}, 'zh-Hans'],
  ])('%s', async (_whose, locale, parameters, lang) => {
    const { browser } = await signedIn([BYE], locale)
    Object.assign(browser.headers, chinese)
    const question = await browser.get(logout(parameters))
    const done = await browser.submit(question, {}, 'logout')
    expect([question, done].map((each) => [each.page, langOf(each)])).toEqual([
      ['logout', lang],
      ['signed-out', lang],
    ])
  })

  test('a person who ends the own session among others reads on in that language', async () => {
    const { browser, client, idToken } = await signedIn([BYE], 'de')
    const sessions = await browser.get('/account/sessions')
    expect(langOf(sessions)).toBe('de')
    const id = String(claimsOf(idToken).sid)
    const csrf = sessions.forms.find(({ values }) => values.id === id)?.values.csrf ?? ''
    const done = await browser.post('/account/sessions', { csrf, id, action: 'end' })
    expect([done.page, langOf(done)]).toEqual(['signed-out', 'de'])
    expect(await isSignedIn(browser, client)).toBe(false)
  })

  test.each([
    '//evil.example',
    'de\r\nLocation: https://evil.example',
    '"><script>alert(1)</script>',
    '../x?y#z',
    'constructor',
  ])('a language %j leads nowhere and is repeated nowhere', async (ui_locales) => {
    const { browser } = await signedIn()
    const done = await browser.submit(await browser.get(logout({ ui_locales })), {}, 'logout')
    expect(done.url.href).toMatch(new RegExp(`^${issuer().issuer}/signed-out(\\?ui_locales=(en|de))?$`))
    const seen = await browser.get(`/signed-out?${new URLSearchParams({ ui_locales }).toString()}`)
    expect(seen).toMatchObject({ isAway: false, status: 200, page: 'signed-out' })
    expect(['en', 'de']).toContain(langOf(seen))
    expect(seen.html).not.toMatch(/evil|alert|constructor/)
  })
})
