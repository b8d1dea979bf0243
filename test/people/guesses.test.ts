/**
 * The throttle of guesses at passwords: it counts before anything is hashed, slows down the guessing source alone, treats
 * names that nobody has like all others, and locks nobody out for ever.
 */
import { describe, expect, test } from 'vitest'
import { BEHIND_PROXY } from '../../harness/network.ts'
import { movableClock } from '../support/issuer.ts'
import { BrowserLike, type Seen } from '../support/browser-like.ts'
import { addPerson, browserAt, PASSWORD, storeOf } from '../support/people.ts'
import { auditOf, startWithApi } from '../support/shared.ts'

const LOGIN = '/login?return_to=/account/two-factor'
const WRONG = 'a wrong password of some length'

async function start(env: Record<string, string> = {}) {
  const issuer = await startWithApi(env, { clock: movableClock({ from: Date.now() }) })
  const store = await storeOf(issuer)
  const person = await addPerson(store, { username: 'ada' })
  const from = (network: string): BrowserLike => new BrowserLike(issuer.issuer, { 'x-forwarded-for': network })
  return { issuer, store, person, browser: browserAt(issuer), from }
}

async function guess(browser: BrowserLike, username: string, password = WRONG): Promise<Seen> {
  return browser.submit(await browser.get(LOGIN), { username, password }, 'sign-in')
}

/** What a person reads: the error, or the page. */
const told = ({ error, page, status }: Seen) => `${status} ${error ?? page}`

async function fail(browser: BrowserLike, username: string, times: number): Promise<string[]> {
  const seen: string[] = []
  for (let at = 0; at < times; at++) seen.push(told(await guess(browser, username)))
  return seen
}

const WAIT = '429 too_many_attempts'
const INVALID = '200 invalid_credentials'

describe('failures of one source', () => {
  test('are free five times; then each next one waits, a second doubled up to a minute', async () => {
    const { browser, issuer } = await start()
    expect(await fail(browser, 'ada', 5)).toEqual(Array<string>(5).fill(INVALID))
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      const refused = await guess(browser, 'ada', PASSWORD)
      expect([told(refused), refused.headers.get('retry-after')]).toEqual([WAIT, String(seconds)])
      issuer.clock.advance(seconds)
      expect(told(await guess(browser, 'ada'))).toBe(INVALID)
    }
    issuer.clock.advance(60)
    expect(told(await guess(browser, 'ada', PASSWORD))).toBe('200 account')
    // The right password forgives what was before.
    expect(await fail(browserAt(issuer), 'ada', 5)).toEqual(Array<string>(5).fill(INVALID))
  })

  test('are told alike for a name that nobody has', async () => {
    const { browser, issuer } = await start()
    expect(await fail(browser, 'nobody', 7)).toEqual([...Array<string>(5).fill(INVALID), WAIT, WAIT])
    issuer.clock.advance(1)
    expect(await fail(browser, 'nobody', 2)).toEqual([INVALID, WAIT])
    const [one, other] = [await guess(browser, 'nobody'), await guess(browser, 'ada')]
    expect(one.headers.get('retry-after')).toBe('2')
    expect(other.error).toBe('invalid_credentials')
  })

  test('count in one bucket for every name and spelling of a person', async () => {
    const { browser } = await start()
    const names = ['ada', 'ADA', ' Ada ', 'ada@example.com', 'ADA@Example.COM']
    for (const name of names) expect(told(await guess(browser, name))).toBe(INVALID)
    expect(told(await guess(browser, 'ａｄａ'))).toBe(WAIT)
  })

  test('count by 100 in parallel as 100: five are judged', async () => {
    const { browser } = await start()
    const form = await browser.get(LOGIN)
    const send = (at: number) => browser.submit(form, { username: 'ada', password: `${WRONG} ${at}` }, 'sign-in')
    const seen = (await Promise.all(Array.from({ length: 100 }, (_, at) => send(at)))).map(told)
    expect(seen.filter((each) => each === INVALID)).toHaveLength(5)
    expect(seen.filter((each) => each === WAIT)).toHaveLength(95)
  })

  test('are noted in the audit trail, without what was typed', async () => {
    const { browser, issuer, person } = await start()
    await fail(browser, 'ada', 5)
    issuer.clock.advance(1)
    await guess(browser, 'ada')
    await expect.poll(() => auditOf(issuer, person.id)).toContain('sign_in.guessed')
    expect(issuer.logged.join('\n')).not.toContain(WRONG)
  })
})

describe('others are not slowed down', () => {
  test('who come from another network', async () => {
    const { from } = await start(BEHIND_PROXY)
    expect((await fail(from('203.0.113.9'), 'ada', 6)).at(-1)).toBe(WAIT)
    expect(told(await guess(from('203.0.113.10'), 'ada', PASSWORD))).toBe('200 account')
  })

  test('who come from the same network in a browser in which they have signed in', async () => {
    const { issuer, browser } = await start()
    await guess(browser, 'ada', PASSWORD)
    browser.cookies.delete('signet_session')
    const stranger = browserAt(issuer)
    expect((await fail(stranger, 'ada', 6)).at(-1)).toBe(WAIT)
    expect(told(await guess(browser, 'ada'))).toBe(INVALID)
    expect(told(await guess(browser, 'ada', PASSWORD))).toBe('200 account')
    // The browser is known for its own person alone.
    expect(told(await guess(stranger, 'ada', PASSWORD))).toBe(WAIT)
  })

  test('and a known browser has its own count', async () => {
    const { browser } = await start()
    await guess(browser, 'ada', PASSWORD)
    browser.cookies.delete('signet_session')
    expect(await fail(browser, 'ada', 6)).toEqual([...Array<string>(5).fill(INVALID), WAIT])
  })

  test('nor is another person at the same source', async () => {
    const { browser, store, issuer } = await start()
    await addPerson(store, { username: 'bob' })
    expect((await fail(browser, 'ada', 6)).at(-1)).toBe(WAIT)
    expect(told(await guess(browserAt(issuer), 'bob', PASSWORD))).toBe('200 account')
  })
})

describe('a limit that cannot be passed', () => {
  test.each([{}, { SIGNET_TRUSTED_PROXIES: 'none' }, { SIGNET_TRUSTED_PROXIES: '10.0.0.1' }])(
    'Outline CVE-2026-33640: by another X-Forwarded-For each time, where no proxy is trusted: %j',
    async (env) => {
      const { from } = await start(env)
      const seen: string[] = []
      for (let at = 0; at < 7; at++) seen.push(told(await guess(from(`203.0.113.${at}`), 'ada')))
      expect(seen).toEqual([...Array<string>(5).fill(INVALID), WAIT, WAIT])
    },
  )

  test('by another address of the same IPv6 network', async () => {
    const { from } = await start(BEHIND_PROXY)
    const seen: string[] = []
    for (let at = 0; at < 6; at++) seen.push(told(await guess(from(`2001:db8::${at + 1}`), 'ada')))
    expect(seen.at(-1)).toBe(WAIT)
  })

  test('Vikunja CVE-2026-123521: by the sign-in that confirms a change on the account page', async () => {
    const { browser, issuer } = await start()
    await guess(browser, 'ada', PASSWORD)
    issuer.clock.advance(301)
    const asked = await browser.get('/login?return_to=/account/password&prompt=login')
    for (let at = 0; at < 5; at++)
      expect(told(await browser.submit(asked, { username: 'ada', password: WRONG }, 'sign-in'))).toBe(INVALID)
    expect(told(await browser.submit(asked, { username: 'ada', password: PASSWORD }, 'sign-in'))).toBe(WAIT)
    // The same count holds at a sign-in of the same browser.
    browser.cookies.delete('signet_session')
    expect(told(await guess(browser, 'ada', PASSWORD))).toBe(WAIT)
  })
})

test('a source that is silent for an hour begins anew', async () => {
  const { browser, issuer } = await start()
  expect((await fail(browser, 'ada', 6)).at(-1)).toBe(WAIT)
  issuer.clock.advance(3600)
  expect(await fail(browser, 'ada', 6)).toEqual([...Array<string>(5).fill(INVALID), WAIT])
})
