/** A person signs in by password: the form, its refusals, the session, consent, and all that may change meanwhile. */
import { beforeAll, describe, expect, test } from 'vitest'
import { answerOf, valueOf, type BrowserLike, type Seen } from '../support/browser-like.ts'
import { createResource } from '../support/admin.ts'
import { freshName } from '../support/codes.ts'
import { addApp, addPerson, authorizePath, browserAt, PASSWORD, signInAt, storeOf } from '../support/people.ts'
import { shareWithApi } from '../support/shared.ts'
import { BY_SYSTEM, AuditTrail } from '../../src/audit.ts'
import { rememberingLog } from '../../harness/in-process.ts'
import { sessionEnding } from '../../src/sessions/ending.ts'
import type { Store } from '../../src/store/store.ts'

const issuer = shareWithApi({ SIGNET_RATE_LIMIT_NETWORK: 'off', SIGNET_SESSION_IDLE: '1d', SIGNET_SESSION_TTL: '3d' })

let store: Store
let app = ''

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  store = await storeOf(issuer(), (work) => ends.push(work))
  await addPerson(store, { username: 'ada', groups: ['staff'] })
  await addPerson(store, { username: 'bob' })
  await addPerson(store, { username: 'nopass', password: null })
  await addPerson(store, { username: 'gone', user: { disabledAt: 1 } })
  app = await addApp(issuer())
  return async () => {
    for (const end of ends) await end()
  }
})

const isCode = (seen: Seen) => {
  expect(seen.isAway).toBe(true)
  expect(answerOf(seen)).toMatchObject({ code: expect.stringMatching(/^[\da-f]{12}[\w-]{43}$/), iss: issuer().issuer })
}

/** A browser in which a person is signed in. */
async function browserOf(username: string, more: { remember?: string } = {}): Promise<BrowserLike> {
  const browser = browserAt(issuer())
  isCode(await signInAt(browser, authorizePath(app), { username, ...more }))
  return browser
}

describe('the form', () => {
  test('a person signs in by user name and password, and the client gets a code', async () => {
    const browser = browserAt(issuer())
    const form = await browser.get(authorizePath(app))
    expect(form).toMatchObject({ page: 'login', status: 200 })
    isCode(await browser.submit(form, { username: 'ada', password: PASSWORD }, 'sign-in'))
    isCode(await browser.get(authorizePath(app, { prompt: 'none' })))
  })

  test.each(['ADA', ' ada ', 'ada@example.com', 'Ada@Example.COM', 'ａｄａ'])(
    '%j names the same person',
    async (username) => {
      isCode(await signInAt(browserAt(issuer()), authorizePath(app), { username }))
    },
  )

  test('unknown, disabled, without password, wrong password: one text, status 200', async () => {
    const texts = new Set<string>()
    for (const username of ['nobody', 'gone', 'nopass', 'bob', 'x'.repeat(5000), 'a\0b']) {
      const seen = await signInAt(browserAt(issuer()), authorizePath(app), { username, password: 'not the password' })
      expect(seen).toMatchObject({ status: 200, page: 'login', error: 'invalid_credentials', isAway: false })
      texts.add(seen.text)
      expect(seen.html).not.toContain('not the password')
    }
    expect(texts.size).toBe(1)
  })

  test('the form keeps the name, and forgets the password', async () => {
    const seen = await signInAt(browserAt(issuer()), authorizePath(app), { username: 'bob"<b>', password: 'wrong' })
    const form = seen.forms.find(({ names }) => names.includes('password'))
    expect(form?.values.username).toBe('bob"<b>')
    expect(form?.values.password ?? '').toBe('')
  })

  test('Cancel takes access_denied to the client', async () => {
    const browser = browserAt(issuer())
    const seen = await browser.submit(await browser.get(authorizePath(app)), {}, 'cancel')
    expect(answerOf(seen)).toMatchObject({ error: 'access_denied', state: 's-1', iss: issuer().issuer })
    expect(browser.cookie('session')).toBeUndefined()
  })

  test('a source that guesses waits, for known and unknown names alike; others do not', async () => {
    await addPerson(store, { username: 'eve' })
    for (const username of ['eve', 'nobody-at-all']) {
      const statuses: number[] = []
      for (let at = 0; at < 7; at += 1) {
        const seen = await signInAt(browserAt(issuer()), authorizePath(app), { username, password: `guess ${at}` })
        statuses.push(seen.status)
        if (seen.status === 429) {
          expect(seen.error).toBe('too_many_attempts')
          expect(Number(seen.headers.get('retry-after'))).toBeGreaterThan(0)
        }
      }
      expect(statuses.slice(0, 5)).toEqual([200, 200, 200, 200, 200])
      expect(statuses).toContain(429)
    }
    await browserOf('ada')
    issuer().clock.advance(120)
    isCode(await signInAt(browserAt(issuer()), authorizePath(app), { username: 'eve' }))
  })

  test('a form without csrf, of another origin, or of another browser is refused', async () => {
    const browser = browserAt(issuer())
    const form = (await browser.get(authorizePath(app))).forms.find(({ names }) => names.includes('password'))
    const values = { ...form?.values, username: 'ada', password: PASSWORD, action: 'sign-in' }
    expect((await browser.post('/login', { ...values, csrf: '' })).error).toBe('csrf')
    expect((await browser.post('/login', values, { origin: 'https://evil.example' })).error).toBe('csrf')
    expect((await browserAt(issuer()).post('/login', values)).error).toBe('other_browser')
    const other = browserAt(issuer())
    const own = (await other.get(authorizePath(app))).forms[0]?.values.csrf ?? ''
    const stolen = await other.post('/login', { ...values, csrf: own })
    expect(stolen).toMatchObject({ status: 403, error: 'other_browser' })
    isCode(await browser.post('/login', values))
  })

  test('a sign-in is over after an hour, and a made-up one was never there', async () => {
    const browser = browserAt(issuer())
    const form = await browser.get(authorizePath(app))
    issuer().clock.advance(3601)
    const late = await browser.submit(form, { username: 'ada', password: PASSWORD }, 'sign-in')
    expect(late).toMatchObject({ status: 400, error: 'expired' })
    for (const tx of ['', 'x', '../..', '00000000-0000-7000-8000-000000000000', '\0'])
      expect((await browser.get(`/login?tx=${encodeURIComponent(tx)}`)).error).toBe('expired')
  })
})

describe('the session', () => {
  test('its cookies are HttpOnly and Lax, and last as long as the person wants', async () => {
    const browser = browserAt(issuer())
    const form = await browser.get(authorizePath(app))
    const body = new URLSearchParams({
      ...form.forms.find(({ names }) => names.includes('password'))?.values,
      username: 'ada',
      password: PASSWORD,
      action: 'sign-in',
      remember: 'on',
    })
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { cookie, origin: browser.origin }
    const answer = await fetch(`${issuer().issuer}/login`, { method: 'POST', redirect: 'manual', body, headers })
    const session = answer.headers.getSetCookie().find((each) => each.startsWith('signet_session='))
    expect(session).toMatch(/; Path=\/; HttpOnly; SameSite=Lax; Max-Age=259200$/)
    expect(answer.headers.getSetCookie().some((each) => each.startsWith('signet_device='))).toBe(true)
  })

  test('without "Keep me signed in" it ends with the browser, with it it stays', async () => {
    const forgetful = await browserOf('ada')
    forgetful.close()
    expect((await forgetful.get(authorizePath(app))).page).toBe('login')
    const keeping = await browserOf('ada', { remember: 'on' })
    keeping.close()
    isCode(await keeping.get(authorizePath(app)))
  })

  test('it ends when it is left alone, and when it is old', async () => {
    const idle = await browserOf('ada')
    issuer().clock.advance(86_400 + 1)
    expect((await idle.get(authorizePath(app))).page).toBe('login')
    const busy = await browserOf('ada')
    for (let day = 0; day < 3; day += 1) {
      issuer().clock.advance(86_400 - 60)
      isCode(await busy.get(authorizePath(app)))
    }
    issuer().clock.advance(600)
    expect((await busy.get(authorizePath(app))).page).toBe('login')
  })

  test('session fixation: a secret that was there before is worth nothing afterwards', async () => {
    const browser = browserAt(issuer())
    browser.cookies.set('signet_session', 'A'.repeat(43))
    isCode(await signInAt(browser, authorizePath(app), { username: 'ada' }))
    expect(browser.cookie('session')).not.toBe('A'.repeat(43))
    const before = browser.cookie('session') ?? ''
    isCode(await signInAt(browser, authorizePath(app, { prompt: 'login' }), { username: 'ada' }))
    const thief = browserAt(issuer())
    thief.cookies.set('signet_session', before)
    expect((await thief.get(authorizePath(app))).page).toBe('login')
  })

  test('another person in the same browser gets a session of their own, and the former one ends', async () => {
    const browser = await browserOf('ada')
    const before = browser.cookie('session') ?? ''
    isCode(await signInAt(browser, authorizePath(app, { prompt: 'login' }), { username: 'bob' }))
    const thief = browserAt(issuer())
    thief.cookies.set('signet_session', before)
    expect((await thief.get(authorizePath(app))).page).toBe('login')
  })

  test('prompt=select_account: goes on, or signs in as somebody else', async () => {
    const browser = await browserOf('ada')
    const choice = await browser.get(authorizePath(app, { prompt: 'select_account' }))
    expect(choice.page).toBe('login')
    expect(choice.text).toContain('ada')
    isCode(await browser.submit(choice, {}, 'continue'))
    const again = await browser.get(authorizePath(app, { prompt: 'select_account' }))
    isCode(await browser.submit(again, { username: 'bob', password: PASSWORD }, 'sign-in'))
  })

  test('without a client the person goes to the account page, and nowhere else', async () => {
    const browser = browserAt(issuer())
    const seen = await signInAt(browser, '/login', { username: 'ada' })
    expect(seen.url.pathname).toBe('/account')
    const back = await signInAt(browser, '/login?return_to=/account/passkeys&prompt=login', { username: 'ada' })
    expect(back.url.pathname).toBe('/account/passkeys')
    await browser.get('/login?return_to=/account/sessions')
    expect(browser.visited.at(-1)).toMatch(/\/account\/sessions$/)
  })
})

describe('consent', () => {
  test('a client that asks gets it once, until the scope grows', async () => {
    const third = await addApp(issuer(), { consent: 'once' })
    const browser = await browserOf('ada')
    const asked = await browser.get(authorizePath(third, { scope: 'openid email' }))
    expect(asked).toMatchObject({ page: 'consent', status: 200 })
    expect(asked.headers.get('content-security-policy')).not.toContain('form-action')
    isCode(await browser.submit(asked, {}, 'allow'))
    isCode(await browser.get(authorizePath(third, { scope: 'openid' })))
    const grown = await browser.get(authorizePath(third, { scope: 'openid email profile' }))
    expect(grown.page).toBe('consent')
    expect(answerOf(await browser.submit(grown, {}, 'deny'))).toMatchObject({ error: 'access_denied', state: 's-1' })
    expect(answerOf(await browser.get(authorizePath(third, { scope: 'profile', prompt: 'none' }))).error).toBe(
      'consent_required',
    )
  })

  test('a client that asks always asks always, and prompt=consent asks any client', async () => {
    const third = await addApp(issuer(), { consent: 'always' })
    const browser = await browserOf('ada')
    isCode(await browser.submit(await browser.get(authorizePath(third)), {}, 'allow'))
    expect((await browser.get(authorizePath(third))).page).toBe('consent')
    expect((await browser.get(authorizePath(app, { prompt: 'consent' }))).page).toBe('consent')
  })

  test('"Not you?" signs in as somebody else, and asks that person', async () => {
    const third = await addApp(issuer(), { consent: 'once' })
    const browser = await browserOf('ada')
    isCode(await browser.submit(await browser.get(authorizePath(third)), {}, 'allow'))
    const asked = await browser.get(authorizePath(third, { prompt: 'consent' }))
    const form = await browser.submit(asked, {}, 'switch')
    expect(form.page).toBe('login')
    const bobs = await browser.submit(form, { username: 'bob', password: PASSWORD }, 'sign-in')
    expect(bobs.page).toBe('consent')
    expect(bobs.text).toContain('bob')
  })

  test('who has agreed in one browser is let through in the others, by either way; and "Deny" there is told to the client', async () => {
    const third = await addApp(issuer(), { consent: 'once' })
    const ask = async () => {
      const browser = await browserOf('ada')
      return { browser, page: await browser.get(authorizePath(third)) }
    }
    const [first, second, reloading, denying] = [await ask(), await ask(), await ask(), await ask()]
    isCode(await first.browser.submit(first.page, {}, 'allow'))
    isCode(await second.browser.submit(second.page, {}, 'allow'))
    isCode(await reloading.browser.get(reloading.page.url.pathname + reloading.page.url.search))
    const denied = answerOf(await denying.browser.submit(denying.page, {}, 'deny'))
    expect(denied).toMatchObject({ error: 'access_denied', state: 's-1' })
    expect(await denying.browser.get(denying.page.url.pathname + denying.page.url.search)).toMatchObject({
      error: 'expired',
    })
  })

  test('of two answers at once, one gives a code', async () => {
    const third = await addApp(issuer(), { consent: 'always' })
    const browser = await browserOf('ada')
    const asked = await browser.get(authorizePath(third))
    const both = await Promise.all([1, 2, 3].map(() => browser.submit(asked, {}, 'allow')))
    expect(both.filter(({ isAway }) => isAway)).toHaveLength(1)
    expect(both.filter(({ error }) => error === 'expired')).toHaveLength(2)
  })
})

describe('allowed groups', () => {
  test('a member gets in; another reads a page, whose Back takes access_denied to the client', async () => {
    const closed = await addApp(issuer(), { allowed_groups: ['staff'] })
    isCode(await signInAt(browserAt(issuer()), authorizePath(closed), { username: 'ada' }))
    const browser = browserAt(issuer())
    const refused = await signInAt(browser, authorizePath(closed), { username: 'bob' })
    expect(refused).toMatchObject({ status: 403, page: 'error', error: 'not_allowed', isAway: false })
    expect(answerOf(await browser.submit(refused, {}, 'back'))).toMatchObject({ error: 'access_denied', state: 's-1' })
    expect(answerOf(await browser.get(authorizePath(closed, { prompt: 'none' }))).error).toBe('access_denied')
  })
})

describe('a password that an operator gave', () => {
  test('is changed before the sign-in goes on', async () => {
    await addPerson(store, { username: 'carol', user: { mustChangePassword: true } })
    const browser = browserAt(issuer())
    const form = await signInAt(browser, authorizePath(app), { username: 'carol' })
    expect(form.page).toBe('must-change')
    expect(browser.cookie('session')).toBeUndefined()
    for (const [password, says] of [
      ['', 'too easy to guess'],
      ['short', 'too easy to guess'],
      [PASSWORD, 'This is the password that you have.'],
    ] as const) {
      const again = await browser.submit(form, { password }, 'change-password')
      expect(again).toMatchObject({ page: 'must-change', error: 'weak_password', isAway: false })
      expect(again.text).toContain(says)
    }
    const chosen = 'wombat-trombone-glacier-9'
    isCode(await browser.submit(form, { password: chosen }, 'change-password'))
    isCode(await signInAt(browserAt(issuer()), authorizePath(app), { username: 'carol', password: chosen }))
    expect((await signInAt(browserAt(issuer()), authorizePath(app), { username: 'carol' })).error).toBe(
      'invalid_credentials',
    )
  })
})

describe('what changes between the page and the answer decides', () => {
  const trail = () => new AuditTrail(store, { now: () => store.now(), elapsed: () => 0 }, rememberingLog().log)

  /** A browser that stands at the consent page. */
  async function atConsent(metadata: Record<string, unknown> = {}) {
    const third = await addApp(issuer(), { consent: 'always', ...metadata })
    const name = `p-${Math.random().toString(36).slice(2, 8)}`
    const person = await addPerson(store, { username: name, groups: ['helpers'] })
    const browser = browserAt(issuer())
    const asked = await signInAt(browser, authorizePath(third), { username: name })
    expect(asked.page).toBe('consent')
    return { third, person, browser, asked }
  }

  test('the session ends: no code', async () => {
    const { person, browser, asked } = await atConsent()
    await store.endSessionsOf(person.id, { session: sessionEnding('ended', BY_SYSTEM, trail()) })
    const seen = await browser.submit(asked, {}, 'allow')
    expect(seen).toMatchObject({ isAway: false, error: 'expired' })
  })

  test('the client is disabled: no code', async () => {
    const { third, browser, asked } = await atConsent()
    await issuer().operator.call('POST', `/admin/api/clients/${third}/disable`)
    expect(await browser.submit(asked, {}, 'allow')).toMatchObject({ isAway: false, error: 'unknown_client' })
  })

  test('the redirect URI is taken off: no code', async () => {
    const { third, browser, asked } = await atConsent()
    const moved = { redirect_uris: ['https://app.example/elsewhere'] }
    await issuer().operator.call('PATCH', `/admin/api/clients/${third}`, moved)
    expect(await browser.submit(asked, {}, 'allow')).toMatchObject({ isAway: false, error: 'redirect_uri_mismatch' })
  })

  test('the group is no longer allowed: no code', async () => {
    const { third, browser, asked } = await atConsent({ allowed_groups: ['helpers'] })
    await issuer().operator.call('PATCH', `/admin/api/clients/${third}`, { allowed_groups: ['staff'] })
    expect(await browser.submit(asked, {}, 'allow')).toMatchObject({ isAway: false, error: 'not_allowed' })
  })

  /** The consent page of a client that asks for `read` and `write`; a permission of the group is needed for `write`. */
  async function atConsentOf(permissions: string[]) {
    const api = await createResource(issuer().operator, freshName('https://api.example/'), {
      scope_permissions: { write: 'orders.write' },
    })
    const group = freshName('clerks')
    const { operator } = issuer()
    await operator.call('POST', '/admin/api/groups', { name: group, permissions })
    const third = await addApp(issuer(), { consent: 'once', scope: 'openid read write', resources: [api] })
    const { username } = await addPerson(store, { username: freshName('clerk'), groups: [group] })
    const browser = browserAt(issuer())
    const path = authorizePath(third, { scope: 'openid read write', resource: api })
    const asked = await signInAt(browser, path, { username })
    expect(asked.page).toBe('consent')
    const permit = (next: string[]) => operator.call('PATCH', `/admin/api/groups/${group}`, { permissions: next })
    return { browser, asked, permit, path }
  }

  const scopesOn = ({ all }: Seen) => all('data-scope').map((each) => valueOf(each, 'data-scope'))

  test('the person may do more: "Allow" is asked for again, and agrees to nothing that was not shown', async () => {
    const { browser, asked, permit } = await atConsentOf([])
    expect(scopesOn(asked)).toEqual(['openid', 'read'])
    await permit(['orders.write'])
    const again = await browser.submit(asked, {}, 'allow')
    expect([again.page, again.isAway, scopesOn(again)]).toEqual(['consent', false, ['openid', 'read', 'write']])
    isCode(await browser.submit(again, {}, 'allow'))
  })

  test('the person may do less: "Allow" is enough, and the rest is asked for when it is due', async () => {
    const { browser, asked, permit, path } = await atConsentOf(['orders.write'])
    await permit([])
    isCode(await browser.submit(asked, {}, 'allow'))
    await permit(['orders.write'])
    expect(scopesOn(await browser.get(path))).toEqual(['openid', 'read', 'write'])
  })

  test('"Allow" at what was shown to nobody, or to somebody else, agrees to nothing', async () => {
    const { browser, asked } = await atConsent()
    const form = asked.forms.at(-1)?.values ?? {}
    const { asked: foreign } = await atConsent()
    for (const shown of ['', foreign.forms.at(-1)?.values.shown ?? '', 'user=&scope=openid'])
      expect((await browser.post('/consent', { ...form, shown, action: 'allow' })).page).toBe('consent')
    // A program that knows the form by its documentation sends no such field.
    const { shown: _, ...documented } = form
    isCode(await browser.post('/consent', { ...documented, action: 'allow' }))
  })

  test('the second factor becomes a duty: no code', async () => {
    const { third, browser, asked } = await atConsent()
    await issuer().operator.call('PATCH', `/admin/api/clients/${third}`, { require_acr: '2' })
    const seen = await browser.submit(asked, {}, 'allow')
    expect(seen.isAway).toBe(false)
    expect(browser.visited.at(-1)).toContain('/login/enrol')
  })
})
