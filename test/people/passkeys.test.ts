/**
 * Passkeys at their doors: added on the account page, used as the first factor and as the second. A response is good in
 * its own sign-in, for its own purpose, once. Rows of the regression table of peers are named after their fault.
 */
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { timeOrderedId } from '../../src/ground/ids.ts'
import type { UserRecord } from '../../src/store/records/user.ts'
import type { Store } from '../../src/store/store.ts'
import { answerOf, type BrowserLike } from '../support/browser-like.ts'
import { movableClock } from '../support/issuer.ts'
import { addPasskey, askForPasskey, postJson, signInWith } from '../support/passkey-doors.ts'
import { addApp, addPerson, authorizePath, browserAt, PASSWORD, signInAt, storeOf } from '../support/people.ts'
import { formOn } from '../support/second-factor.ts'
import { auditOf, startWithApi } from '../support/shared.ts'
import { sqliteTest } from '../support/sqlite.ts'
import { makePasskey, usePasskey, type Bending } from '../support/soft-passkey.ts'

const ADA = { username: 'ada' }
const LOGIN = '/login?return_to=/account/passkeys'

async function start(env: Record<string, string> = {}) {
  const issuer = await startWithApi(env, { clock: movableClock({ from: Date.now() }) })
  const store = await storeOf(issuer)
  const person = await addPerson(store, ADA)
  const browser = browserAt(issuer)
  return { issuer, store, person, browser }
}

/** A person with a passkey, and a browser that is not signed in. */
async function registered(env: Record<string, string> = {}) {
  const started = await start(env)
  const home = started.browser
  await signInAt(home, LOGIN, ADA)
  const { passkey, status } = await addPasskey(home)
  expect(status).toBe(200)
  return { ...started, passkey, home, browser: browserAt(started.issuer) }
}

const isSignedIn = async (browser: BrowserLike): Promise<boolean> =>
  (await browser.get('/account/passkeys')).page === 'account'

describe('a passkey is added on the account page', () => {
  test('with the options that authenticators need, and is listed', async () => {
    const { browser, person, issuer } = await start()
    await signInAt(browser, LOGIN, ADA)
    const { status, body, passkey, options } = await addPasskey(browser)
    expect([status, body.location]).toEqual([200, '/account/passkeys?done=passkey_added'])
    expect(options).toMatchObject({
      rp: { id: new URL(issuer.issuer).hostname },
      user: { id: person.handle, name: 'ada' },
      attestation: 'none',
      authenticatorSelection: { residentKey: 'required', requireResidentKey: true },
      excludeCredentials: [],
    })
    expect(options.pubKeyCredParams.map(({ alg }: { alg: number }) => alg)).toEqual([-8, -7, -257])
    const page = await browser.get('/account/passkeys')
    expect(page.html).toContain(passkey.id)
    expect(await auditOf(issuer, person.id)).toContain('passkey.added')
    // The person has just shown the new factor, so the session has it, under another secret.
    const again = await addPasskey(browser)
    expect(again.status).toBe(200)
    expect(again.options.excludeCredentials).toEqual([{ type: 'public-key', id: passkey.id, transports: ['internal'] }])
  })

  test('in two tabs at once, by one of them: the other comes with a secret that the session has no more', async () => {
    const { browser, issuer, store, person } = await start()
    await signInAt(browser, LOGIN, ADA)
    const form = formOn(await browser.get('/account/passkeys'))
    const tabs = [browserAt(issuer), browserAt(issuer)]
    const adding = tabs.map(async (tab) => {
      for (const [name, value] of browser.cookies) tab.cookies.set(name, value)
      const { body } = await postJson(tab, '/account/passkeys/options', form)
      const { credential } = makePasskey(body, tab.origin)
      return () => postJson(tab, '/account/passkeys', { ...form, credential })
    })
    const answers = await Promise.all((await Promise.all(adding)).map((add) => add()))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400])
    expect(await store.listPasskeys(person.id)).toHaveLength(1)
    const winner = tabs[answers.findIndex(({ status }) => status === 200)]
    expect(winner && (await isSignedIn(winner))).toBe(true)
    const [session] = await store.listSessions({ userId: person.id }, { limit: 9 })
    expect(session?.amr).toEqual(['pwd', 'hwk', 'user', 'mfa'])
  })

  test('Vikunja CVE-2026-123530: not by a password alone, where the person has a passkey', async () => {
    const { issuer, store, person } = await registered()
    const browser = browserAt(issuer)
    await signInAt(browser, '/login', ADA)
    const form = formOn(await browser.get('/account/passkeys'))
    const { status, body } = await postJson(browser, '/account/passkeys/options', form)
    expect([status, body.error]).toEqual([401, 'login_required'])
    const asked = await browser.get(body.location)
    expect((await browser.submit(asked, { password: PASSWORD }, 'sign-in')).page).toBe('second')
    expect(await store.listPasskeys(person.id)).toHaveLength(1)
  })

  test('by a fresh sign-in alone, and by a session that is live', async () => {
    const { browser, issuer } = await start()
    await signInAt(browser, LOGIN, ADA)
    const form = formOn(await browser.get('/account/passkeys'))
    issuer.clock.advance(301)
    const late = await postJson(browser, '/account/passkeys/options', form)
    expect([late.status, late.body.error]).toEqual([401, 'login_required'])
    expect(late.body.location).toContain('/login?')
    const stranger = browserAt(issuer)
    await stranger.get(LOGIN)
    const csrf = formOn(await stranger.get(LOGIN)).csrf
    expect((await postJson(stranger, '/account/passkeys/options', { csrf })).status).toBe(401)
  })

  test.each<[string, Bending]>([
    ['another challenge', { challenge: Buffer.alloc(32).toString('base64url') }],
    ['another origin', { origin: 'https://evil.example.com' }],
    ['another rpId', { rpId: 'evil.example.com' }],
    ['the response to another purpose', { type: 'webauthn.get' }],
    ['an algorithm that was not offered', { alg: -35 }],
    ['id ≠ rawId', { rawId: 'AAAA' }],
  ])('Keycloak CVE-2026-8830, CVE-2025-12150: not with %s', async (_name, bent) => {
    const { browser, store, person } = await start()
    await signInAt(browser, LOGIN, ADA)
    const { status, body } = await addPasskey(browser, bent)
    expect([status, body.error]).toEqual([400, 'invalid_credentials'])
    expect(await store.listPasskeys(person.id)).toEqual([])
  })

  test('once, in the session that asked for it, and within ten minutes', async () => {
    const { browser, issuer, store, person } = await start()
    const other = browserAt(issuer)
    for (const each of [browser, other]) await signInAt(each, LOGIN, ADA)
    const form = formOn(await browser.get('/account/passkeys'))
    const { body: options } = await postJson(browser, '/account/passkeys/options', form)
    const { credential } = makePasskey(options, browser.origin)
    const elsewhere = formOn(await other.get('/account/passkeys'))
    expect((await postJson(other, '/account/passkeys', { ...elsewhere, credential })).status).toBe(400)
    const retried = makePasskey(options, browser.origin)
    // The attempt of the other session has used the challenge up.
    expect((await postJson(browser, '/account/passkeys', { ...form, credential: retried.credential })).status).toBe(400)
    expect(await store.listPasskeys(person.id)).toEqual([])
  })
})

describe('a passkey as the first factor', () => {
  test('signs in with two factors: no second step, and the client gets a code', async () => {
    const { browser, passkey, issuer, store, person } = await registered()
    const clientId = await addApp(issuer, { require_acr: 'phr' })
    const seen = await browser.get(authorizePath(clientId))
    const { status, body, options } = await signInWith(browser, seen, passkey)
    expect(status).toBe(200)
    expect(options).toMatchObject({ allowCredentials: [], userVerification: 'required' })
    expect(answerOf(await browser.get(new URL(body.location, browser.origin).href))).toHaveProperty('code')
    const [kept] = await store.listPasskeys(person.id)
    expect(kept).toMatchObject({ counter: 1, lastUsedAt: issuer.clock.now() })
  })

  test.each<[string, Bending]>([
    ['another challenge', { challenge: Buffer.alloc(32).toString('base64url') }],
    ['another origin under the same site (better-auth CVE-2026-134320)', { origin: 'http://evil.localhost' }],
    ['another rpId', { rpId: 'evil.example.com' }],
    ['user verification 0 (better-auth CVE-2026-134320)', { isUserVerified: false }],
    ['the response to another purpose', { type: 'webauthn.create' }],
    ['id ≠ rawId (GitLab work item 585333)', { rawId: 'AAAA' }],
    ['a bad signature (GitLab work item 585333)', { isSignatureWrong: true }],
    ['the user handle of another person', { userHandle: Buffer.alloc(32, 1).toString('base64url') }],
    ['a page in a frame of another site', { crossOrigin: true }],
  ])('is refused with %s', async (_name, bent) => {
    const { browser, passkey } = await registered()
    const seen = await browser.get(LOGIN)
    const { status, body } = await signInWith(browser, seen, passkey, bent)
    expect([status, body.error, body.location]).toEqual([400, 'invalid_credentials', undefined])
    expect(await isSignedIn(browser)).toBe(false)
  })

  test('a challenge is good for one response, be it wrong or right', async () => {
    const { browser, passkey, issuer } = await registered()
    const seen = await browser.get(LOGIN)
    const options = await askForPasskey(browser, seen)
    const send = (bent: Bending = {}, at = browser) =>
      postJson(at, '/login/passkey', {
        ...formOn(seen),
        credential: usePasskey(passkey, options, browser.origin, bent),
      })
    expect((await send({ isSignatureWrong: true })).status).toBe(400)
    expect((await send()).status).toBe(400)
    const replayed = await signInWith(browser, seen, passkey)
    expect(replayed.status).toBe(200)
    const other = browserAt(issuer)
    const otherSeen = await other.get(LOGIN)
    await askForPasskey(other, otherSeen)
    const { credential } = replayed
    expect((await postJson(other, '/login/passkey', { ...formOn(otherSeen), credential })).status).toBe(400)
    expect(await isSignedIn(other)).toBe(false)
  })

  test('a response signs in once, sent in parallel', async () => {
    const { browser, passkey } = await registered()
    const seen = await browser.get(LOGIN)
    const options = await askForPasskey(browser, seen)
    const credential = usePasskey(passkey, options, browser.origin)
    const send = () => postJson(browser, '/login/passkey', { ...formOn(seen), credential })
    const answers = await Promise.all([send(), send(), send(), send()])
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test('a challenge is over after ten minutes', async () => {
    const { browser, passkey, issuer } = await registered()
    const seen = await browser.get(LOGIN)
    const options = await askForPasskey(browser, seen)
    issuer.clock.advance(600)
    const credential = usePasskey(passkey, options, browser.origin)
    expect((await postJson(browser, '/login/passkey', { ...formOn(seen), credential })).status).toBe(400)
  })

  test('a passkey that nobody has is refused, and its keeper is told', async () => {
    const { browser, person, issuer } = await start()
    const options = { challenge: 'x', rp: { id: new URL(issuer.issuer).hostname }, user: { id: person.handle } }
    const { passkey } = makePasskey(options, browser.origin)
    const { status, body } = await signInWith(browser, await browser.get(LOGIN), passkey)
    expect(status).toBe(400)
    expect(body.signals).toEqual({ unknown: { rpId: options.rp.id, credentialId: passkey.id } })
  })

  test('of a disabled person signs nobody in', async () => {
    const { browser, passkey, store, person, issuer } = await registered()
    await changeUser(store, person.id, { disabledAt: issuer.clock.now() })
    const { status } = await signInWith(browser, await browser.get(LOGIN), passkey)
    expect(status).toBe(400)
    expect(await isSignedIn(browser)).toBe(false)
  })

  test('that could not be copied, and now says it can, signs nobody in', async () => {
    const { browser, passkey } = await registered()
    const { status } = await signInWith(browser, await browser.get(LOGIN), passkey, { backup: 'eligible' })
    expect([status, await isSignedIn(browser)]).toEqual([400, false])
  })

  sqliteTest('of an older version settles by its next use whether it can be copied', async () => {
    const { browser, passkey, issuer, store, person } = await registered()
    const database = new SqliteDatabase(join(issuer.folder, 'data/signet.db'), { timeout: 2000 })
    database.exec("UPDATE passkeys SET backup_eligibility = 'unknown'")
    database.close()
    const bent = { backup: 'eligible' } as const
    expect((await signInWith(browser, await browser.get(LOGIN), passkey, bent)).status).toBe(200)
    expect(await store.listPasskeys(person.id)).toMatchObject([{ backupEligibility: 'eligible' }])
    const other = browserAt(issuer)
    expect((await signInWith(other, await other.get(LOGIN), passkey)).status).toBe(400)
  })

  test('whose counter is behind signs in, and the audit trail tells it', async () => {
    const { browser, passkey, person, issuer } = await registered()
    passkey.counter = 9
    expect((await signInWith(browser, await browser.get(LOGIN), passkey)).status).toBe(200)
    passkey.counter = 4
    const other = browserAt(issuer)
    expect((await signInWith(other, await other.get(LOGIN), passkey)).status).toBe(200)
    await expect.poll(() => auditOf(issuer, person.id)).toContain('passkey.counter_behind')
  })
})

/** An operator's change of a person. */
const changeUser = (store: Store, id: string, user: Partial<UserRecord>) =>
  store.changeUser(id, () => ({
    user,
    mayChangeMembers: () => {},
    deny: () => {
      throw new Error('nothing is denied')
    },
    event: {
      id: timeOrderedId(store.now()),
      at: store.now(),
      actorKind: 'system',
      actor: 'system',
      action: 'user.updated',
      target: id,
      requestId: null,
      details: {},
    },
  }))

describe('a passkey as the second factor', () => {
  test('follows the password where two factors are asked for', async () => {
    const { browser, passkey, issuer } = await registered()
    const clientId = await addApp(issuer, { require_acr: '2' })
    const seen = await signInAt(browser, authorizePath(clientId), ADA)
    expect(seen.page).toBe('second')
    const { status, body, options } = await signInWith(browser, seen, passkey, { isUserVerified: false })
    expect(options.allowCredentials).toEqual([{ type: 'public-key', id: passkey.id, transports: ['internal'] }])
    expect(status).toBe(200)
    expect(answerOf(await browser.get(new URL(body.location, browser.origin).href))).toHaveProperty('code')
  })

  test('without user verification it is not enough for phr', async () => {
    const { browser, passkey, issuer } = await registered()
    const clientId = await addApp(issuer, { require_acr: 'phr' })
    const seen = await signInAt(browser, authorizePath(clientId), ADA)
    expect(seen.page).toBe('second')
    expect((await signInWith(browser, seen, passkey, { isUserVerified: false })).status).toBe(400)
    expect((await signInWith(browser, seen, passkey)).status).toBe(200)
  })

  test('is that of the person who has given the password', async () => {
    const { browser, passkey, issuer, store } = await registered()
    await addPerson(store, { username: 'bob' })
    const clientId = await addApp(issuer, { require_acr: '2' })
    const bobs = browserAt(issuer)
    await signInAt(bobs, LOGIN, { username: 'bob' })
    const { passkey: bobsPasskey } = await addPasskey(bobs)
    const seen = await signInAt(browser, authorizePath(clientId), ADA)
    const foreign = await signInWith(browser, seen, bobsPasskey)
    expect([foreign.status, foreign.body.error]).toEqual([400, 'invalid_credentials'])
    expect(await isSignedIn(browser)).toBe(false)
    expect((await signInWith(browser, seen, passkey)).status).toBe(200)
  })

  test('a challenge of the first factor is none for the second', async () => {
    const { browser, passkey, issuer } = await registered()
    const clientId = await addApp(issuer, { require_acr: '2' })
    const first = await browser.get(authorizePath(clientId))
    const options = await askForPasskey(browser, first)
    const second = await browser.submit(first, { username: 'ada', password: PASSWORD }, 'sign-in')
    expect(second.page).toBe('second')
    const credential = usePasskey(passkey, options, browser.origin)
    expect((await postJson(browser, '/login/passkey', { ...formOn(second), credential })).status).toBe(400)
  })
})

describe('a passkey is removed', () => {
  test('by its person, with a fresh sign-in', async () => {
    const { browser, passkey, store, person, issuer } = await registered()
    await signInWith(browser, await browser.get(LOGIN), passkey)
    const page = await browser.get('/account/passkeys')
    const done = await browser.post('/account/passkeys', { ...formOn(page), action: 'remove-passkey', id: passkey.id })
    expect(done.url.search).toBe('?done=passkey_removed')
    expect(await store.listPasskeys(person.id)).toEqual([])
    expect(await auditOf(issuer, person.id)).toContain('passkey.removed')
  })

  test('better-auth CVE-2025-71400: the id of another person’s passkey is 404, and it stays', async () => {
    const { issuer, store, passkey, person } = await registered()
    await addPerson(store, { username: 'bob' })
    const bobs = browserAt(issuer)
    await signInAt(bobs, LOGIN, { username: 'bob' })
    const form = formOn(await bobs.get('/account/passkeys'))
    for (const action of ['remove-passkey', 'rename-passkey']) {
      const seen = await bobs.post('/account/passkeys', { ...form, action, id: passkey.id, name: 'mine' })
      expect([seen.status, seen.page]).toEqual([404, 'error'])
    }
    expect(await store.listPasskeys(person.id)).toMatchObject([{ id: passkey.id, name: 'Security key' }])
  })

  test('not where it is the last factor of a person without a password', async () => {
    const { browser, passkey, store, person } = await registered()
    await changeUser(store, person.id, { passwordHash: null })
    await signInWith(browser, await browser.get(LOGIN), passkey)
    const remove = async (id: string) => {
      const form = formOn(await browser.get('/account/passkeys'))
      return browser.post('/account/passkeys', { ...form, action: 'remove-passkey', id })
    }
    const refused = await remove(passkey.id)
    expect(refused.error).toBe('last_factor')
    expect(await store.listPasskeys(person.id)).toHaveLength(1)
    const { passkey: second, status } = await addPasskey(browser)
    expect(status).toBe(200)
    expect((await remove(passkey.id)).url.search).toBe('?done=passkey_removed')
    expect((await remove(second.id)).error).toBe('last_factor')
    // The passkey has to verify the person, since nothing else does.
    expect((await addPasskey(browser, { isUserVerified: false })).status).toBe(400)
  })
})
