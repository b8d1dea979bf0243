/** The name that the sign-in page suggests where a client says whom it means (OIDC Core §3.1.2.1). */
import { expect, test } from 'vitest'
import { type BrowserLike, type Seen, valueOf } from '../support/browser-like.ts'
import { addClient, addUser, tokensOf } from '../support/codes.ts'
import { authorizePath, browserAt, PASSWORD, signInAt, storeOf } from '../support/people.ts'
import { change, shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi({ SIGNET_RATE_LIMIT_NETWORK: 'off' })

const suggested = (seen: Seen): string => {
  const field = seen.all('input').find((each) => valueOf(each, 'name') === 'username')
  return valueOf(field ?? expect.unreachable(), 'value') ?? ''
}

async function start() {
  const store = await storeOf(issuer())
  const [gus, hal] = [await addUser(store), await addUser(store)]
  const app = await addClient(issuer())
  const hint = String((await tokensOf(issuer(), app, hal)).id_token)
  const ask = (browser: BrowserLike, more: Record<string, string> = { id_token_hint: hint }) =>
    browser.get(authorizePath(app.clientId, more))
  const ofGus = browserAt(issuer())
  await signInAt(ofGus, '/login', { username: gus.username, password: PASSWORD })
  return { app, hal, hint, ask, ofGus }
}

test('an id_token_hint suggests its person, whoever is signed in', async () => {
  const { hal, ask, ofGus } = await start()
  expect(suggested(await ask(browserAt(issuer())))).toBe(hal.username)
  expect(suggested(await ask(ofGus))).toBe(hal.username)
})

test('login_hint wins, and a name that was typed wins over both', async () => {
  const { hint, ask } = await start()
  const browser = browserAt(issuer())
  const seen = await ask(browser, { id_token_hint: hint, login_hint: 'somebody' })
  expect(suggested(seen)).toBe('somebody')
  const refused = await browser.submit(seen, { username: 'else', password: 'wrong' }, 'sign-in')
  expect(suggested(refused)).toBe('else')
})

test('"Not you?" suggests nobody', async () => {
  const { ask } = await start()
  const browser = browserAt(issuer())
  const seen = await ask(browser)
  const tx = seen.url.searchParams.get('tx') ?? ''
  const { csrf = '' } = seen.forms.at(-1)?.values ?? {}
  expect(suggested(await browser.post('/login', { tx, csrf, action: 'switch' }))).toBe('')
})

test('a client that people consent to learns no name by a hint, and hears of no other person', async () => {
  const { app, ask, ofGus } = await start()
  await change(issuer(), app, { consent: 'once' })
  expect(suggested(await ask(browserAt(issuer())))).toBe('')
  expect(suggested(await ask(ofGus))).toBe('')
})

test('a sub that is not signed suggests nobody', async () => {
  const { hal, ask, ofGus } = await start()
  const claims = JSON.stringify({ id_token: { sub: { value: hal.id } } })
  expect(suggested(await ask(browserAt(issuer()), { claims }))).toBe('')
  expect(suggested(await ask(ofGus, { claims }))).toBe('')
})
