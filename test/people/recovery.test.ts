/** Recovery codes: shown once, kept as digests, each good for one sign-in. */
import { describe, expect, test } from 'vitest'
import type { Seen } from '../support/browser-like.ts'
import { movableClock } from '../support/issuer.ts'
import { addPerson, browserAt, signInAt, storeOf } from '../support/people.ts'
import { codeAt, codesOn, enter, formOn, turnOn } from '../support/second-factor.ts'
import { auditOf, startWithApi } from '../support/shared.ts'
import { eventOf } from '../support/store-records.ts'
import { recoveryDigest } from '../../src/users/recovery.ts'

const ADA = { username: 'ada' }
const LOGIN = '/login?return_to=/account/two-factor'

async function enrolled() {
  const issuer = await startWithApi({}, { clock: movableClock({ from: Date.now() }) })
  const store = await storeOf(issuer)
  const person = await addPerson(store, ADA)
  const home = browserAt(issuer)
  await signInAt(home, LOGIN, ADA)
  const { secret, codes } = await turnOn(home, issuer)
  issuer.clock.advance(60)
  /** The page of recovery, after the password. */
  const atRecovery = async () => {
    const browser = browserAt(issuer)
    const { tx = '' } = formOn(await signInAt(browser, LOGIN, ADA))
    return { browser, page: await browser.get(`/login/recovery?tx=${tx}`) }
  }
  const recover = async (code: string): Promise<Seen> => {
    const { browser, page } = await atRecovery()
    return enter(browser, page, code)
  }
  const left = async () => (await store.findPerson({ id: person.id }))?.factors.recoveryCodes
  const [first = '', second = ''] = codes
  return { issuer, store, person, home, secret, codes, first, second, atRecovery, recover, left }
}

describe('a recovery code', () => {
  test('signs in once, and the others stay', async () => {
    const { recover, left, first, second } = await enrolled()
    expect((await recover(first)).page).toBe('account')
    expect(await left()).toBe(9)
    expect((await recover(first)).error).toBe('invalid_code')
    expect((await recover(second)).page).toBe('account')
  })

  test('is typed in any case, with blanks and without its hyphen', async () => {
    const { recover, first } = await enrolled()
    expect((await recover(` ${first.toLowerCase().replace('-', ' ')} `)).page).toBe('account')
  })

  test('signs in one browser, sent in parallel', async () => {
    const { atRecovery, first, left } = await enrolled()
    const places = await Promise.all(Array.from({ length: 4 }, atRecovery))
    const pages = await Promise.all(places.map(({ browser, page }) => enter(browser, page, first)))
    expect(pages.filter(({ page }) => page === 'account')).toHaveLength(1)
    expect(await left()).toBe(9)
  })

  test('better-auth CVE-2026-114607: is no code of the app, and such a code is no recovery code', async () => {
    const { issuer, recover, atRecovery, secret, first, left } = await enrolled()
    const { browser, page } = await atRecovery()
    const { tx = '' } = formOn(page)
    const second = await browser.get(`/login/second?tx=${tx}`)
    expect((await enter(browser, second, first)).error).toBe('invalid_code')
    expect((await recover(codeAt(secret, issuer.clock.now()))).error).toBe('invalid_code')
    expect(await left()).toBe(10)
  })

  test('vulnerability-lookup CVE-2026-73431: of before a renewal is worth nothing', async () => {
    const { issuer, home, secret, codes, recover, person } = await enrolled()
    await enter(home, await signInAt(home, `${LOGIN}&prompt=login`, ADA), codeAt(secret, issuer.clock.now()))
    const shown = await home.submit(await home.get('/account/two-factor'), {}, 'new-recovery-codes')
    const fresh = codesOn(shown)
    expect(new Set([...fresh, ...codes]).size).toBe(20)
    expect((await recover(codes[0] ?? '')).error).toBe('invalid_code')
    expect((await recover(fresh[0] ?? '')).page).toBe('account')
    expect(await auditOf(issuer, person.id)).toContain('recovery_codes.renewed')
    // They are shown once.
    expect(codesOn(await home.get('/account/two-factor'))).toEqual([])
  })

  test('is one of ten, renewed by several at once when none was left; and of none, if the app goes too', async () => {
    const { issuer, home, secret, store, person, left } = await enrolled()
    await enter(home, await signInAt(home, `${LOGIN}&prompt=login`, ADA), codeAt(secret, issuer.clock.now()))
    const page = await home.get('/account/two-factor')
    const sealed = (await store.findPerson({ id: person.id }))?.user.totpSecret ?? ''
    const useAllUp = async () =>
      store.replaceRecoveryCodes({ userId: person.id, sessionId: null }, sealed, [], eventOf('recovery_codes.renewed'))
    for (let round = 0; round < 3; round++) {
      await useAllUp()
      await Promise.all(Array.from({ length: 4 }, () => home.submit(page, {}, 'new-recovery-codes')))
      expect(await left()).toBe(10)
    }
    await useAllUp()
    const actions = ['new-recovery-codes', 'new-recovery-codes', 'disable-totp', 'new-recovery-codes']
    await Promise.all(actions.map((action) => home.submit(page, {}, action)))
    expect(await left()).toBe(0)
  })

  test('shares its count of guesses with the codes of the app', async () => {
    const { atRecovery, first } = await enrolled()
    const { browser, page } = await atRecovery()
    const { tx = '' } = formOn(page)
    for (const guess of ['00000-00000', '00000-00001', '00000-00002'])
      expect((await enter(browser, page, guess)).error).toBe('invalid_code')
    const second = await browser.get(`/login/second?tx=${tx}`)
    for (const guess of ['000000', '000001']) expect((await enter(browser, second, guess)).error).toBe('invalid_code')
    const refused = await enter(browser, page, first)
    expect([refused.status, refused.page, refused.error]).toEqual([429, 'recovery', 'too_many_attempts'])
  })
})

test('the database keeps keyed digests: neither the codes nor plain hashes of them', async () => {
  const { store, person, issuer, codes, first } = await enrolled()
  const { user } = (await store.findPerson({ id: person.id })) ?? {}
  const keys = { recovery: Buffer.alloc(32).toString('base64url') }
  expect(recoveryDigest(keys, first)).not.toBe(
    recoveryDigest({ recovery: Buffer.alloc(32, 1).toString('base64url') }, first),
  )
  expect(recoveryDigest(keys, 'not a code')).toBeUndefined()
  expect(user?.totpSecret).not.toContain(first)
  expect(issuer.logged.join('\n')).not.toContain(first)
  expect(codes.every((code) => /^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/.test(code))).toBe(true)
})
