/**
 * Attacks on the sign-in of people, each as an attacker would send it: forms of other sites, hints and links of before,
 * and answers that come after the right to them is gone.
 */
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { beforeAll, describe, expect, test } from 'vitest'
import { isPublicAddress } from '../../src/outbound/allowed.ts'
import type { Store } from '../../src/store/store.ts'
import { answerOf, type BrowserLike, type Seen } from '../support/browser-like.ts'
import { bearer, claimsOf, headerOf, post, request, type Credentials } from '../support/client.ts'
import { addClient, addUser, nextCode, redeem, tokensOf } from '../support/codes.ts'
import { authorizePath, browserAt, sealedTotp, signInAt, storeOf } from '../support/people.ts'
import { codeAt, formOn, turnOn } from '../support/second-factor.ts'
import { shareWithApi } from '../support/shared.ts'
import { sqliteTest } from '../support/sqlite.ts'
import { untilBegun } from '../support/write-lock.ts'

const issuer = shareWithApi({ SIGNET_RATE_LIMIT_NETWORK: 'off' })

let store: Store

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  store = await storeOf(issuer(), (work) => ends.push(work))
  return async () => {
    for (const end of ends) await end()
  }
})

const HOME = 'https://app.example/bye'

const client = (metadata: Record<string, unknown> = {}): Promise<Credentials> =>
  addClient(issuer(), { post_logout_redirect_uris: [HOME], ...metadata })

const isSignedIn = async (browser: BrowserLike): Promise<boolean> => (await browser.get('/account')).page === 'account'

const refreshed = async (credentials: Credentials, token: string): Promise<number> =>
  (await post(issuer(), '/token', { grant_type: 'refresh_token', refresh_token: token }, credentials)).status

const operator = async (method: string, path: string, json?: unknown) => {
  const { status, text } = await issuer().operator.call(method, `/admin/api${path}`, json)
  expect(status, text).toBeLessThan(300)
}

/** Sends a form of an account page. */
const onAccount = async (browser: BrowserLike, path: string, values: Record<string, string>): Promise<Seen> => {
  const { csrf = '' } = formOn(await browser.get(path))
  return browser.post(path, { csrf, ...values })
}

const nameOf = ({ username }: { username: string }) => ({ username })

const agreed = async (browser: BrowserLike, seen: Seen): Promise<string> => {
  const { url } = await browser.submit(seen, {}, 'allow')
  return url.searchParams.get('code') ?? ''
}

describe('signing out', () => {
  test('a form of another site with the hint of another person takes no session away', async () => {
    const app = await client()
    const mallory = await tokensOf(issuer(), app, await addUser(store))
    const { browser } = await tokensOf(issuer(), app, await addUser(store))
    await browser.postFromElsewhere('/logout', { id_token_hint: mallory.id_token, post_logout_redirect_uri: HOME })
    expect(await isSignedIn(browser)).toBe(true)
  })

  test('the hint of another session of the same person asks first', async () => {
    const app = await client()
    const person = await addUser(store)
    const before = await tokensOf(issuer(), app, person)
    const { browser } = await tokensOf(issuer(), app, person)
    const hint = new URLSearchParams({ id_token_hint: before.id_token, post_logout_redirect_uri: HOME })
    expect((await browser.get(`/logout?${hint.toString()}`)).page).toBe('logout')
    expect(await isSignedIn(browser)).toBe(true)
  })
})

describe('an id_token_hint', () => {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

  /** What is no ID token of the client, by what it is. */
  async function forgeries(tokens: Awaited<ReturnType<typeof tokensOf>>): Promise<[name: string, text: string][]> {
    const { id_token, access_token, refresh_token } = tokens
    const [header = '', payload = '', signature = ''] = String(id_token).split('.')
    const authorization = `Bearer ${access_token}`
    const answer = await fetch(`${issuer().url}/userinfo`, { headers: { authorization } })
    const { kid } = headerOf(id_token)
    return [
      ['an access token', access_token],
      ['a refresh token', refresh_token],
      ['a signed answer of userinfo', await answer.text()],
      ['alg none', `${encode({ alg: 'none', typ: 'JWT', kid })}.${payload}.`],
      ['alg none with a signature', `${encode({ alg: 'none', typ: 'JWT', kid })}.${payload}.${signature}`],
      ['alg HS256', `${encode({ alg: 'HS256', typ: 'JWT', kid })}.${payload}.${signature}`],
      ['another sub', `${header}.${encode({ ...claimsOf(id_token), sub: 'mallory' })}.${signature}`],
    ]
  }

  test('that is no ID token of the client proves nothing', async () => {
    const app = await client({ userinfo_signed_response_alg: 'ES256' })
    const tokens = await tokensOf(issuer(), app, await addUser(store))
    const { browser } = tokens
    for (const [name, hint] of await forgeries(tokens)) {
      const sent = { id_token_hint: hint, post_logout_redirect_uri: HOME }
      expect((await browser.get(`/logout?${new URLSearchParams(sent).toString()}`)).page, name).toBe('logout')
      expect((await browserAt(issuer()).postFromElsewhere('/logout', sent)).isAway, name).toBe(false)
      const silent = authorizePath(app.clientId, { prompt: 'none', id_token_hint: hint })
      expect(answerOf(await browser.get(silent)).error, name).toBe('login_required')
    }
    expect(await isSignedIn(browser)).toBe(true)
  })
})

describe('codes of a second factor', () => {
  test('of the app and of recovery, sent in parallel, give one code to the client', async () => {
    const app = await client()
    const person = await addUser(store)
    const home = browserAt(issuer())
    await signInAt(home, '/login', nameOf(person))
    const { secret, codes } = await turnOn(home, issuer())
    issuer().clock.advance(60)
    const browser = browserAt(issuer())
    const fields = formOn(await signInAt(browser, authorizePath(app.clientId), nameOf(person)))
    const answer = (path: string, code: string) => browser.post(path, { ...fields, code, action: 'verify' })
    const seen = await Promise.all([
      ...[1, 2, 3].map(() => answer('/login/second', codeAt(secret, issuer().clock.now()))),
      ...codes.slice(0, 2).map((code) => answer('/login/recovery', code)),
    ])
    expect(seen.flatMap(({ url }) => url.searchParams.get('code') ?? [])).toHaveLength(1)
  })
})

describe('a consent that is withdrawn', () => {
  test.each(['once', 'always'])('takes the code that was given for it along: consent %s', async (consent) => {
    const app = await client({ consent })
    const person = await addUser(store)
    const browser = browserAt(issuer())
    const code = await agreed(browser, await signInAt(browser, authorizePath(app.clientId), nameOf(person)))
    await onAccount(browser, '/account/apps', { client_id: app.clientId, action: 'withdraw' })
    expect((await redeem(issuer(), app, code)).status).toBe(400)
  })

  test('takes the code along after a new consent too', async () => {
    const app = await client({ consent: 'once' })
    const browser = browserAt(issuer())
    const code = await agreed(
      browser,
      await signInAt(browser, authorizePath(app.clientId), nameOf(await addUser(store))),
    )
    await onAccount(browser, '/account/apps', { client_id: app.clientId, action: 'withdraw' })
    await agreed(browser, await browser.get(authorizePath(app.clientId)))
    expect((await redeem(issuer(), app, code)).status).toBe(400)
  })

  test('takes the code of a client along that has a grant and needs no consent', async () => {
    const app = await client()
    const { browser } = await tokensOf(issuer(), app, await addUser(store))
    const code = await nextCode(browser, app)
    await onAccount(browser, '/account/apps', { client_id: app.clientId, action: 'withdraw' })
    expect((await redeem(issuer(), app, code)).status).toBe(400)
  })
})

describe('claims that a client asks for one by one', () => {
  const asked = (...names: string[]) =>
    JSON.stringify({ userinfo: Object.fromEntries(names.map((name) => [name, null])) })
  const scene = async (scope: string, ...names: string[]) => {
    const app = await client({ consent: 'once', scope: 'openid profile email phone' })
    const person = await addUser(store, { user: { profile: { phone_number: '+49 30 1' } } })
    const browser = browserAt(issuer())
    await agreed(browser, await signInAt(browser, authorizePath(app.clientId, { scope: 'openid' }), nameOf(person)))
    const seen = await browser.get(authorizePath(app.clientId, { scope, claims: asked(...names) }))
    return { app, browser, seen }
  }
  const told = async (app: Credentials, code: string) => {
    const { body } = await redeem(issuer(), app, code)
    const headers = bearer(body.access_token)
    return (await request(`${issuer().url}/userinfo`, { headers })).body
  }

  test('need the consent to their scope, which the page names', async () => {
    const { app, browser, seen } = await scene('openid', 'email', 'phone_number', 'nothing', 'constructor')
    expect([seen.page, /email address/.test(seen.text), /phone number/.test(seen.text)]).toEqual([
      'consent',
      true,
      true,
    ])
    const code = await agreed(browser, seen)
    expect(await told(app, code)).toMatchObject({ email: expect.any(String), phone_number: '+49 30 1' })
    const again = await browser.get(authorizePath(app.clientId, { scope: 'openid', claims: asked('email') }))
    expect(answerOf(again).code).toBeDefined()
  })

  test('are not given silently', async () => {
    const { app, browser } = await scene('openid')
    const silent = { scope: 'openid', claims: asked('email'), prompt: 'none' }
    expect(answerOf(await browser.get(authorizePath(app.clientId, silent))).error).toBe('consent_required')
  })

  test('are those of the scopes that the client had then: a scope that it gets later opens none', async () => {
    const app = await client({ consent: 'once', scope: 'openid email' })
    const person = await addUser(store, { user: { profile: { phone_number: '+49 30 1' } } })
    const browser = browserAt(issuer())
    const path = authorizePath(app.clientId, { scope: 'openid', claims: asked('email', 'phone_number') })
    const { body } = await redeem(issuer(), app, await agreed(browser, await signInAt(browser, path, nameOf(person))))
    await operator('PATCH', `/clients/${app.clientId}`, { scope: 'openid email phone' })
    const { body: claims } = await request(`${issuer().url}/userinfo`, { headers: bearer(body.access_token) })
    expect([claims.email, claims.phone_number]).toEqual([person.email, undefined])
  })
})

describe('the end of a session', () => {
  test('that was signed out before ends what was left of it', async () => {
    const app = await client()
    const { browser, id_token, refresh_token } = await tokensOf(issuer(), app, await addUser(store))
    await onAccount(browser, '/logout', { action: 'logout' })
    expect(await isSignedIn(browser)).toBe(false)
    await operator('DELETE', `/sessions/${claimsOf(id_token).sid}`)
    expect(await refreshed(app, refresh_token)).toBe(400)
  })

  test('everywhere else ends what sessions have left that were signed out before', async () => {
    const app = await client()
    const person = await addUser(store)
    const thief = await tokensOf(issuer(), app, person)
    await onAccount(thief.browser, '/logout', { action: 'logout' })
    const { browser, refresh_token } = await tokensOf(issuer(), app, person)
    await onAccount(browser, '/account/sessions', { action: 'end-others' })
    expect(await refreshed(app, thief.refresh_token)).toBe(400)
    expect(await refreshed(app, refresh_token)).toBe(200)
  })

  test('by a password that the person chooses does the same', async () => {
    const app = await client()
    const person = await addUser(store)
    const thief = await tokensOf(issuer(), app, person)
    await onAccount(thief.browser, '/logout', { action: 'logout' })
    const { browser } = await tokensOf(issuer(), app, person)
    const chosen = { password: 'wombat-trombone-glacier-9', action: 'change-password' }
    expect((await onAccount(browser, '/account/password', chosen)).url.search).toBe('?done=changed')
    expect(await refreshed(app, thief.refresh_token)).toBe(400)
  })
})

describe('a sign-in under way', () => {
  const ENDS: [what: string, act: (id: string) => Promise<void>][] = [
    [
      'disabled, and enabled again',
      async (id) => {
        await operator('POST', `/users/${id}/disable`)
        await operator('POST', `/users/${id}/enable`)
      },
    ],
    [
      'given a password by an operator',
      (id) => operator('POST', `/users/${id}/password`, { password: 'wombat-trombone-glacier-9' }),
    ],
  ]

  test.each(ENDS)('that a link began ends with a person who is %s', async (_, act) => {
    const person = await addUser(store, { user: { totpSecret: await sealedTotp(issuer()) } })
    const { body } = await issuer().operator.call('POST', `/admin/api/users/${person.id}/link`, {})
    const browser = browserAt(issuer())
    const seen = await browser.submit(await browser.get(body.url), {}, 'sign-in')
    expect(seen.page).toBe('second')
    await act(person.id)
    expect((await browser.get(seen.url.href)).page).not.toBe('second')
  })
})

describe('a password that has to be changed', () => {
  test('ends sign-in links and the other sessions of the person', async () => {
    const app = await client()
    const person = await addUser(store)
    const thief = await tokensOf(issuer(), app, person)
    await operator('PATCH', `/users/${person.id}`, { must_change_password: true })
    const { body } = await issuer().operator.call('POST', `/admin/api/users/${person.id}/link`, {})
    const browser = browserAt(issuer())
    const page = await signInAt(browser, authorizePath(app.clientId), nameOf(person))
    expect(page.page).toBe('must-change')
    const seen = await browser.submit(page, { password: 'wombat-trombone-glacier-9' }, 'change-password')
    expect(seen.url.searchParams.get('code')).not.toBeNull()
    expect(await isSignedIn(browser)).toBe(true)
    expect(await isSignedIn(thief.browser)).toBe(false)
    expect(await refreshed(app, thief.refresh_token)).toBe(400)
    const linked = browserAt(issuer())
    expect((await linked.get(body.url)).error).toBe('link_used')
  })
})

describe('a right that is taken away while a refresh waits for its write', () => {
  /** Takes the group away in a write that the refresh waits for, after it has read the person. */
  const refreshBehind = async (app: Credentials, token: string, sql: string) => {
    const database = new SqliteDatabase(join(issuer().folder, 'data/signet.db'), { timeout: 2000 })
    database.exec('BEGIN IMMEDIATE')
    const answer = post(issuer(), '/token', { grant_type: 'refresh_token', refresh_token: token }, app)
    await untilBegun(issuer())
    database.exec(`${sql}; COMMIT`)
    database.close()
    return answer
  }

  sqliteTest('is in no token: signet:admin', async () => {
    const app = await client({ scope: 'openid offline_access signet:admin' })
    const person = await addUser(store, { groups: ['signet-admins'] })
    const scope = 'openid offline_access signet:admin'
    const { refresh_token, access_token } = await tokensOf(issuer(), app, person, { scope })
    expect(claimsOf(access_token).scope).toContain('signet:admin')
    const sql = `DELETE FROM group_members WHERE user_id = '${person.id}'`
    const { body, text } = await refreshBehind(app, refresh_token, sql)
    expect(claimsOf(body.access_token).scope, text).not.toContain('signet:admin')
  })

  sqliteTest('gives no token: allowed_groups', async () => {
    const app = await client({ allowed_groups: ['staff'] })
    const person = await addUser(store, { groups: ['staff'] })
    const { refresh_token } = await tokensOf(issuer(), app, person)
    const sql = `DELETE FROM group_members WHERE user_id = '${person.id}'`
    expect((await refreshBehind(app, refresh_token, sql)).status).toBe(400)
  })
})

describe('an operator who presses a button while the right to it is taken away', () => {
  sqliteTest.each<[string, (id: string) => string]>([
    ['the group', (id) => `DELETE FROM group_members WHERE user_id = '${id}'`],
    ['the session', (id) => `UPDATE sessions SET ended_at = 1 WHERE user_id = '${id}'`],
    ['the account', (id) => `UPDATE users SET disabled_at = 1 WHERE id = '${id}'`],
  ])('adds no redirect URI: %s', async (_, sql) => {
    const app = await client()
    const person = await addUser(store, { groups: ['signet-admins'] })
    const browser = browserAt(issuer())
    await signInAt(browser, '/login', nameOf(person))
    const path = authorizePath(app.clientId, { redirect_uri: 'https://evil.example/cb' })
    const page = await browser.get(path)
    const database = new SqliteDatabase(join(issuer().folder, 'data/signet.db'), { timeout: 2000 })
    database.exec('BEGIN IMMEDIATE')
    const pressed = browser.submit(page, {}, 'add-redirect-uri')
    await untilBegun(issuer())
    database.exec(`${sql(person.id)}; COMMIT`)
    database.close()
    expect(await pressed).toMatchObject({ status: 403, isAway: false })
    expect((await browserAt(issuer()).get(path)).error).toBe('redirect_uri_mismatch')
  })
})

test('an address inside another one is no public address', () => {
  const addresses = ['::ffff:0:7f00:1', '::ffff:7f00:1', '::7f00:1', '64:ff9b::a00:1', '2002:a00:1::', '5f00::1', '::1']
  expect(addresses.filter(isPublicAddress)).toEqual([])
})
