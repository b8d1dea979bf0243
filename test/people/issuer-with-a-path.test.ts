/** An issuer with a path shares its host with other apps: no page of it leads out of that path. */
import { expect, test } from 'vitest'
import { valueOf, type BrowserLike, type Seen } from '../support/browser-like.ts'
import { freePort } from '../support/foreign-client.ts'
import { addApp, addPerson, authorizePath, browserAt, signInAt, storeOf } from '../support/people.ts'
import { startWithApi } from '../support/shared.ts'

const BASE = '/id'

async function started(env: Record<string, string> = {}) {
  const port = await freePort()
  const issuer = await startWithApi({
    SIGNET_PORT: String(port),
    SIGNET_ISSUER: `http://localhost:${port}${BASE}`,
    SIGNET_RATE_LIMIT_NETWORK: 'off',
    SIGNET_SIGNUP: 'open',
    ...env,
  })
  return { issuer, store: await storeOf(issuer) }
}

const ADDRESSES = ['href', 'src', 'action', 'formaction', 'data-to', 'data-options']

/** The addresses of a page that lead to a path of this host. */
const pathsOf = (seen: Seen): string[] =>
  ADDRESSES.flatMap((name) => seen.all(name).map((each) => valueOf(each, name)))
    .filter((address) => address !== undefined)
    .filter((address) => !/^(#|$|[a-z][a-z\d+.-]*:)/i.test(address))

/** Looks at a page, and at every page that its links lead to. */
async function walk(browser: BrowserLike, first: Seen, known: Set<string>): Promise<void> {
  const queue = [first]
  for (let seen = queue.shift(); seen; seen = queue.shift()) {
    for (const url of browser.visited) expect(new URL(url).pathname).toMatch(/^\/id(\/|$)/)
    for (const path of pathsOf(seen)) expect(path, `on ${seen.url.href}`).toMatch(/^\/id\//)
    expect(seen.page, seen.url.href).toBeDefined()
    for (const link of seen.all('a')) {
      const { pathname, search } = new URL(valueOf(link, 'href') ?? '', seen.url)
      const path = (pathname + search).slice(BASE.length)
      if (!pathname.startsWith(`${BASE}/`) || known.has(path)) continue
      known.add(path)
      queue.push(await browser.get(path))
    }
  }
}

const ACCOUNT = ['', '/profile', '/password', '/passkeys', '/two-factor', '/sessions', '/apps', '/activity']

test('every address on every page stands below it', async () => {
  const { issuer, store } = await started()
  await addPerson(store, { username: 'ada' })
  const [app, third, closed] = [
    await addApp(issuer),
    await addApp(issuer, { consent: 'always' }),
    await addApp(issuer, { allowed_groups: ['signet-admins'] }),
  ]
  const { body: invitation } = await issuer.operator.call('POST', '/admin/api/invitations', {})
  const { body: link } = await issuer.operator.call('POST', '/admin/api/users/ada/link', {})
  const known = new Set<string>()
  const stranger = browserAt(issuer)
  const asked = [authorizePath(app), authorizePath(app, { prompt: 'create' }), authorizePath('nosuch')]
  const urls = [invitation.url, link.url].map((url: string) => url.slice(issuer.issuer.length))
  const open = ['/login', '/signup', '/signed-out', '/logout', '/login/nosuch', '/invite?token=x', '/link?token=x']
  for (const path of [...asked, ...open, ...urls]) {
    known.add(path)
    await walk(stranger, await stranger.get(path), known)
  }
  expect([...known].filter((path) => /^\/(signup|login)\?tx=/.test(path)).length).toBeGreaterThan(1)
  const ada = browserAt(issuer)
  await signInAt(ada, '/login', { username: 'ada' })
  const inside = [authorizePath(third), authorizePath(closed), authorizePath(app, { prompt: 'select_account' })]
  const own = ACCOUNT.map((path) => `/account${path}`)
  for (const path of [...own, ...inside, '/logout', '/.well-known/change-password'])
    await walk(ada, await ada.get(path), new Set([...known, ...own]))
})

test('the way from a sign-in to a new account, and back, is open', async () => {
  const { issuer } = await started()
  const app = await addApp(issuer)
  const browser = browserAt(issuer)
  const login = await browser.get(authorizePath(app))
  const linked = (seen: Seen, to: string) =>
    seen
      .all('a')
      .map((each) => valueOf(each, 'href') ?? '')
      .find((href) => href.includes(to)) ?? expect.unreachable(to)
  const signup = await browser.get(new URL(linked(login, '/signup'), login.url).href)
  expect([signup.status, signup.page]).toEqual([200, 'signup'])
  const again = await browser.get(new URL(linked(signup, '/login'), signup.url).href)
  expect([again.status, again.page]).toEqual([200, 'login'])
})
