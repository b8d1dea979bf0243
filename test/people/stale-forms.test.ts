/**
 * Forms that are older than the session of their browser, and forms that are sent again. Nothing of them is performed,
 * nobody is accused, and each page leads on.
 */
import { describe, expect, test } from 'vitest'
import { addApp, addPerson, authorizePath, browserAt, PASSWORD, signInAt, storeOf } from '../support/people.ts'
import { postJson } from '../support/passkey-doors.ts'
import { codeAt, codesOn, formOn, secretOn } from '../support/second-factor.ts'
import { startWithApi } from '../support/shared.ts'

const ADA = { username: 'ada' }

async function signedIn(path = '/account', env: Record<string, string> = {}) {
  const issuer = await startWithApi(env)
  const store = await storeOf(issuer)
  const person = await addPerson(store, ADA)
  const browser = browserAt(issuer)
  return { issuer, store, person, browser, seen: await signInAt(browser, path, ADA) }
}

/** The fields of the form of an account page, with the button that is pressed. */
const pressed = (values: Record<string, string> | undefined, action: string) => ({ ...values, action })

describe('signed out in another tab, a form of an account page', () => {
  test.each([true, false])(
    'leads to the sign-in and back, and changes nothing (login cookie there: %s)',
    async (has) => {
      const { browser, seen, store, person } = await signedIn('/account/profile')
      const form = seen.forms.find(({ action }) => action.endsWith('/profile'))?.values
      await browser.submit(await browser.get('/logout'), {}, 'logout')
      if (!has) browser.cookies.delete('signet_login')
      const asked = await browser.post('/account/profile', { ...pressed(form, 'save'), name: 'Ada King' })
      expect([asked.status, asked.page, asked.url.search]).toEqual([200, 'login', expect.stringContaining('tx=')])
      expect((await store.findPerson({ id: person.id }))?.user.name).toBeNull()
      const back = await browser.submit(asked, { ...ADA, password: PASSWORD }, 'sign-in')
      expect([back.page, back.url.pathname]).toEqual(['account', '/account/profile'])
      expect((await store.findPerson({ id: person.id }))?.user.name).toBeNull()
    },
  )

  test('does so on every page, and a script is told where to go', async () => {
    const { browser } = await signedIn()
    const { csrf = '' } = formOn(await browser.get('/account/sessions'))
    await browser.submit(await browser.get('/logout'), {}, 'logout')
    for (const room of ['profile', 'password', 'passkeys', 'two-factor', 'sessions', 'apps']) {
      for (const sent of [csrf, 'x', '']) {
        const asked = await browser.post(`/account/${room}`, { csrf: sent, action: 'end-others' })
        expect([room, asked.page]).toEqual([room, 'login'])
      }
    }
    const { status, body } = await postJson(browser, '/account/passkeys/options', { csrf })
    expect([status, body]).toEqual([
      401,
      { error: 'login_required', location: '/login?return_to=%2Faccount%2Fpasskeys' },
    ])
  })

  test('is refused where it comes from another site', async () => {
    const { browser } = await signedIn()
    await browser.submit(await browser.get('/logout'), {}, 'logout')
    const foreign = await browser.postFromElsewhere('/account/profile', { action: 'save', name: 'Mallory' })
    expect([foreign.status, foreign.error]).toEqual([403, 'csrf'])
  })

  test('signs out once more, without a word', async () => {
    const { browser, seen } = await signedIn()
    await browser.submit(await browser.get('/logout'), {}, 'logout')
    expect((await browser.submit(seen, {}, 'logout')).page).toBe('signed-out')
  })
})

test('signed in anew in another tab, a form of an account page says so and leads to the page', async () => {
  const { browser, seen, store, person } = await signedIn('/account/profile')
  const again = await browser.get('/login?return_to=/account&prompt=login')
  await browser.submit(again, { password: PASSWORD }, 'sign-in')
  const stale = await browser.submit(seen, { name: 'Ada King' }, 'save')
  expect(stale).toMatchObject({ status: 403, page: 'error', error: 'csrf' })
  expect(stale.text).toContain('This page is out of date')
  expect(stale.html).toContain('href="/account/profile"')
  expect((await store.findPerson({ id: person.id }))?.user.name).toBeNull()
})

describe('the codes of an app that was just set up, loaded again', () => {
  test('on the account page: it is done, and new codes can be made', async () => {
    const { browser, issuer, seen, store, person } = await signedIn('/account/two-factor')
    const setup = await browser.submit(seen, {}, 'enable-totp')
    const sent = { ...pressed(formOn(setup), 'confirm-totp'), code: codeAt(secretOn(setup), issuer.clock.now()) }
    expect(codesOn(await browser.post('/account/two-factor', sent))).toHaveLength(10)
    const before = await store.findPerson({ id: person.id })
    const again = await browser.post('/account/two-factor', sent)
    expect([again.status, again.page, again.error, codesOn(again)]).toEqual([200, 'account', undefined, []])
    expect(again.text).toContain('Recovery codes are shown once')
    expect((await store.findPerson({ id: person.id }))?.user.totpSecret).toBe(before?.user.totpSecret)
    expect(codesOn(await browser.submit(again, {}, 'new-recovery-codes'))).toHaveLength(10)
  })

  test.each(['without a client', 'for a client'])(
    'in a sign-in %s: it is done, and the sign-in goes on',
    async (kind) => {
      const issuer = await startWithApi({ SIGNET_MFA: 'required' })
      await addPerson(await storeOf(issuer), ADA)
      const browser = browserAt(issuer)
      const path = kind === 'for a client' ? authorizePath(await addApp(issuer)) : '/login?return_to=/account/apps'
      const setup = await browser.submit(await signInAt(browser, path, ADA), {}, 'enable-totp')
      const sent = { ...pressed(formOn(setup), 'confirm-totp'), code: codeAt(secretOn(setup), issuer.clock.now()) }
      expect(codesOn(await browser.post('/login/enrol', sent))).toHaveLength(10)
      const again = await browser.post('/login/enrol', sent)
      expect([again.status, again.page, again.error, codesOn(again)]).toEqual([200, 'enrol', undefined, []])
      expect(again.text).toContain('Recovery codes are shown once')
      expect(again.html).toContain('href="/account/two-factor"')
      const on = await browser.submit(again, {}, 'continue')
      if (kind === 'for a client') expect(on.isAway).toBe(true)
      else expect(on.url.pathname).toBe('/account/apps')
    },
  )
})

describe('the page of a sign-in that is finished', () => {
  const finished = async (metadata: Record<string, unknown> = {}) => {
    const issuer = await startWithApi({})
    await addPerson(await storeOf(issuer), ADA)
    const browser = browserAt(issuer)
    const form = await browser.get(authorizePath(await addApp(issuer, { client_name: 'Grafana', ...metadata })))
    const tx = formOn(form).tx ?? ''
    expect((await browser.submit(form, { ...ADA, password: PASSWORD }, 'sign-in')).isAway).toBe(true)
    return { issuer, browser, form, tx }
  }

  test('says that it is over, and leads to the account page', async () => {
    const { issuer, browser, form, tx } = await finished()
    const pages = [
      await browser.get(`/login?tx=${tx}`),
      await browser.get(`/consent?tx=${tx}`),
      await browser.get(`/authorize?tx=${tx}`),
      await browser.submit(form, { ...ADA, password: PASSWORD }, 'sign-in'),
    ]
    for (const { status, page, error, text, html } of pages) {
      expect([status, page, error]).toEqual([400, 'error', 'expired'])
      expect(text).toContain('This sign-in is over')
      expect(html).toContain('href="/account"')
    }
    const other = browserAt(issuer)
    await other.get('/login')
    expect((await other.get(`/login?tx=${tx}`)).error).toBe('other_browser')
    issuer.clock.advance(3601)
    expect((await browser.get(`/login?tx=${tx}`)).text).toContain('A sign-in can take one hour')
  })

  test.each([
    [{ client_uri: 'https://app.example/' }, 'https://app.example/'],
    [
      { client_uri: 'https://app.example/', initiate_login_uri: 'https://app.example/start?a=b' },
      'https://app.example/start?a=b&amp;iss=http%3A%2F%2F',
    ],
  ])('leads to the client of %j', async (metadata, address) => {
    const { browser, tx } = await finished(metadata)
    const { html, text } = await browser.get(`/login?tx=${tx}`)
    expect(html).toContain(`href="${address}`)
    expect(text).toContain('Open Grafana')
  })

  test('says so too where it was cancelled, and in the language of the person', async () => {
    const issuer = await startWithApi({})
    const browser = browserAt(issuer)
    const form = await browser.get(authorizePath(await addApp(issuer)))
    expect((await browser.submit(form, {}, 'cancel')).isAway).toBe(true)
    const seen = await browser.get(`/login?tx=${formOn(form).tx}`, { 'accept-language': 'de' })
    expect([seen.error, seen.text]).toEqual(['expired', expect.stringContaining('Diese Anmeldung ist vorbei')])
  })
})
