/**
 * Every step of a sign-in in every state: by GET, by a form, and by an empty form. No step is left out, taken early or
 * taken twice. The names are those of faults that other issuers had.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { hashOf } from '../../src/ground/secret-value.ts'
import type { Store } from '../../src/store/store.ts'
import { answerOf, type BrowserLike, type Seen } from '../support/browser-like.ts'
import {
  addApp,
  addPerson,
  authorizePath,
  browserAt,
  PASSWORD,
  sealedTotp,
  signInAt,
  storeOf,
} from '../support/people.ts'
import { shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi({ SIGNET_RATE_LIMIT_NETWORK: 'off' })

let store: Store
let clients: Record<State, string>

/** The states of a sign-in in which a page waits for the person. */
const STATES = ['sign_in', 'choose_account', 'second', 'must_change', 'must_enrol', 'consent', 'not_allowed'] as const
type State = (typeof STATES)[number]

/** The page where each state waits. */
const PAGE_OF: Record<State, RegExp> = {
  sign_in: /\/login\?/,
  choose_account: /\/login\?/,
  second: /\/login\/second\?/,
  must_change: /\/login\/must-change\?/,
  must_enrol: /\/login\/enrol\?/,
  consent: /\/consent\?/,
  not_allowed: /\/consent\?/,
}

/** The consent of the person `plain`, with what its page shows. */
const AGREED: Record<string, string> = { action: 'allow' }

/** Every form of a sign-in, with everything that a person can know before the step is due. */
const FORMS: [path: string, values: Record<string, string>][] = [
  ['/login', { action: 'continue' }],
  ['/login/second', { action: 'verify', code: '000000' }],
  ['/login/recovery', { action: 'verify', code: 'aaaaa-bbbbb' }],
  ['/login/must-change', { action: 'change-password', password: 'wombat-trombone-glacier-9' }],
  ['/login/enrol', { action: 'confirm-totp', code: '000000' }],
  ['/login/enrol', { action: 'continue' }],
  ['/consent', AGREED],
]

/** The form that is due in a state, and so is no fault there. */
const DUE: Partial<Record<State, string>> = {
  must_change: '/login/must-change',
  consent: '/consent',
  choose_account: '/login',
}

const PATHS = [
  ...new Set(FORMS.map(([path]) => path)),
  '/login/passkey',
  '/authorize',
  '/account',
  '/signup',
  '/login/redirect-uri',
]

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  store = await storeOf(issuer(), (work) => ends.push(work))
  const { id } = await addPerson(store, { username: 'plain', groups: ['staff'] })
  AGREED.shown = new URLSearchParams({ user: id, scope: 'openid' }).toString()
  await addPerson(store, { username: 'totp', user: { totpSecret: await sealedTotp(issuer()) } })
  await addPerson(store, { username: 'new', user: { mustChangePassword: true } })
  const open = await addApp(issuer())
  clients = {
    sign_in: open,
    choose_account: open,
    second: open,
    must_change: open,
    must_enrol: await addApp(issuer(), { require_acr: '2' }),
    consent: await addApp(issuer(), { consent: 'always' }),
    not_allowed: await addApp(issuer(), { allowed_groups: ['nobody-here'] }),
  }
  return async () => {
    for (const end of ends) await end()
  }
})

const PERSON: Partial<Record<State, string>> = { second: 'totp', must_change: 'new' }

/** A browser at the page of a state. */
async function arrive(state: State): Promise<{ browser: BrowserLike; seen: Seen; tx: string; csrf: string }> {
  const browser = browserAt(issuer())
  if (state === 'choose_account') await signInAt(browser, authorizePath(clients.sign_in), { username: 'plain' })
  const prompt = state === 'choose_account' ? 'select_account' : undefined
  const path = authorizePath(clients[state], { prompt })
  const isOpen = state === 'sign_in' || state === 'choose_account'
  const seen = isOpen ? await browser.get(path) : await signInAt(browser, path, { username: PERSON[state] ?? 'plain' })
  expect(browser.visited.at(-1)).toMatch(PAGE_OF[state])
  const tx = new URL(browser.visited.at(-1) ?? '').searchParams.get('tx') ?? ''
  const { csrfOf } = await import('../../src/http/own-form.ts')
  return { browser, seen, tx, csrf: csrfOf(browser.cookie('login') ?? '') }
}

/** Nothing was gained: no code, no session that was not there, and the sign-in stands where it stood. */
async function isWhereItWas(state: State, { browser, tx }: { browser: BrowserLike; tx: string }, answer: Seen) {
  expect(answer.isAway && answerOf(answer).code !== undefined).toBe(false)
  expect(answer.page).not.toBe('form-post')
  expect(answer.status).not.toBe(500)
  const ref = { id: tx, browserHash: hashOf(browser.cookie('login') ?? '') }
  const found = await store.findSignIn(ref, { find: () => undefined })
  expect(found.outcome).toBe('decided')
  await browser.get(`/authorize?tx=${tx}`)
  expect(browser.visited.at(-1)).toMatch(PAGE_OF[state])
}

describe.each(STATES)('in state %s', (state) => {
  test('authentik CVE-2026-49448: an empty form passes no step', async () => {
    const at = await arrive(state)
    for (const path of PATHS.filter((each) => each !== '/authorize' && each !== '/login/redirect-uri')) {
      await isWhereItWas(state, at, await at.browser.post(path, { tx: at.tx, csrf: at.csrf }))
    }
    await isWhereItWas(state, at, await at.browser.post('/authorize', {}))
    await isWhereItWas(state, at, await at.browser.post('/authorize', { tx: at.tx, csrf: at.csrf }))
  })

  test('Keycloak CVE-2026-94218: no GET passes a step, whatever it says', async () => {
    const at = await arrive(state)
    for (const path of PATHS) {
      const values = FORMS.filter(([each]) => each === path).map(([, each]) => each)
      for (const more of [{}, ...values]) {
        const query = new URLSearchParams({ tx: at.tx, csrf: at.csrf, ...more }).toString()
        await isWhereItWas(state, at, await at.browser.get(`${path}?${query}`))
      }
    }
  })

  test('Keycloak CVE-2026-18963: the form of another step is not taken', async () => {
    const at = await arrive(state)
    for (const [path, values] of FORMS.filter(([each]) => each !== DUE[state])) {
      await isWhereItWas(state, at, await at.browser.post(path, { tx: at.tx, csrf: at.csrf, ...values }))
    }
  })

  test('an unknown action is none', async () => {
    const at = await arrive(state)
    for (const [path] of FORMS) {
      for (const action of ['', 'done', 'code', 'Allow', '__proto__'])
        await isWhereItWas(state, at, await at.browser.post(path, { tx: at.tx, csrf: at.csrf, action }))
    }
  })

  test('the sign-in of another browser cannot be taken over', async () => {
    const at = await arrive(state)
    const thief = browserAt(issuer())
    await thief.get(authorizePath(clients.sign_in))
    const { csrfOf } = await import('../../src/http/own-form.ts')
    const csrf = csrfOf(thief.cookie('login') ?? '')
    for (const [path, values] of FORMS) {
      const answer = await thief.post(path, { tx: at.tx, csrf, ...values })
      expect(answer.isAway).toBe(false)
      expect(answer.status).toBeGreaterThanOrEqual(400)
    }
    expect((await thief.get(`/authorize?tx=${at.tx}`)).error).toBe('other_browser')
    await isWhereItWas(state, at, at.seen)
  })
})

describe('no session before every factor', () => {
  test.each(['second', 'must_change', 'must_enrol'] as const)('in state %s', async (state) => {
    const { browser } = await arrive(state)
    expect(browser.cookie('session')).toBeUndefined()
    expect((await browser.get('/account')).page).not.toBe('account')
  })
})

describe('a sign-in that is done', () => {
  test('gives no second code, by any form or GET', async () => {
    const { browser, seen, tx, csrf } = await arrive('consent')
    expect(answerOf(await browser.submit(seen, {}, 'allow')).code).toBeDefined()
    for (const [path, values] of [
      ...FORMS,
      ['/login', { action: 'sign-in', username: 'plain', password: PASSWORD }] as const,
    ]) {
      const answer = await browser.post(path, { tx, csrf, ...values })
      expect(answer.isAway).toBe(false)
    }
    for (const path of PATHS) expect((await browser.get(`${path}?tx=${tx}`)).isAway).toBe(false)
  })

  test('Cancel ends it: nothing goes on afterwards', async () => {
    const { browser, seen, tx, csrf } = await arrive('consent')
    expect(answerOf(await browser.submit(seen, {}, 'deny')).error).toBe('access_denied')
    const answer = await browser.post('/consent', { tx, csrf, action: 'allow' })
    expect(answer).toMatchObject({ isAway: false, error: 'expired' })
  })
})

describe('a password that is changed meanwhile overrules the one that was typed', () => {
  test('between the password and the second factor', async () => {
    const person = await addPerson(store, { username: 'reset', user: { totpSecret: 'sealed' } })
    const browser = browserAt(issuer())
    await signInAt(browser, authorizePath(clients.sign_in), { username: 'reset' })
    expect(browser.visited.at(-1)).toMatch(PAGE_OF.second)
    const tx = new URL(browser.visited.at(-1) ?? '').searchParams.get('tx') ?? ''
    issuer().clock.advance(1)
    const event = {
      id: crypto.randomUUID(),
      at: store.now(),
      actorKind: 'cli',
      actor: 'cli',
      action: 'user.updated',
      target: person.id,
      requestId: null,
      details: {},
    } as const
    await store.changeUser(person.id, (_, now) => ({
      user: { passwordHash: 'another', passwordChangedAt: now },
      mayChangeMembers: () => {},
      deny: () => {
        throw new Error('nothing is lost')
      },
      event,
    }))
    await browser.get(`/authorize?tx=${tx}`)
    // The sign-in begins anew, or is gone with the change.
    expect(browser.visited.at(-1)).toMatch(/\/login\?|\/authorize\?/)
  })
})
