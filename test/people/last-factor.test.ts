/** A person keeps what signs in, and two factors where they are demanded: one rule for the app and for passkeys. */
import { describe, expect, test } from 'vitest'
import { mayLose, type FactorTerms } from '../../src/authorize/assurance.ts'
import type { Person, UserRecord } from '../../src/store/records/user.ts'
import { movableClock } from '../support/issuer.ts'
import { addPasskey } from '../support/passkey-doors.ts'
import { addPerson, browserAt, signInAt, storeOf } from '../support/people.ts'
import { codeAt, formOn, secretOn } from '../support/second-factor.ts'
import { startWithApi } from '../support/shared.ts'

type Lost = 'passkey' | 'totp'

describe('the rule', () => {
  const OPTIONAL: FactorTerms = { mfa: 'optional', passwords: true }
  const REQUIRED: FactorTerms = { mfa: 'required', passwords: true }

  /** @param has `p` a password, `t` an app, a number of passkeys */
  const personWith = (has: string): Person => {
    const user = { passwordHash: has.includes('p') ? 'x' : null, totpSecret: has.includes('t') ? 'y' : null }
    const passkeys = Number(/\d/.exec(has)?.[0] ?? 0)
    return { user: user as UserRecord, groups: [], factors: { passkeys, recoveryCodes: 0 } } // the rule reads no more
  }

  test.each<[string, Lost, FactorTerms, boolean]>([
    ['pt', 'totp', OPTIONAL, true],
    ['pt', 'totp', { ...OPTIONAL, mfa: 'off' }, true],
    ['pt', 'totp', REQUIRED, false],
    ['pt1', 'totp', REQUIRED, true],
    ['t1', 'totp', REQUIRED, true],
    ['p1', 'passkey', OPTIONAL, true],
    ['p1', 'passkey', REQUIRED, false],
    ['pt1', 'passkey', REQUIRED, true],
    ['p2', 'passkey', REQUIRED, true],
    ['1', 'passkey', OPTIONAL, false],
    ['t1', 'passkey', OPTIONAL, false],
    ['t1', 'passkey', REQUIRED, false],
    ['2', 'passkey', OPTIONAL, true],
    ['p1', 'passkey', { ...OPTIONAL, passwords: false }, false],
    ['pt1', 'passkey', { ...REQUIRED, passwords: false }, false],
  ])('a person with %s and the loss of a %s, under %j: %s', (has, lost, terms, expected) => {
    expect(mayLose(lost, personWith(has), terms)).toBe(expected)
  })
})

describe('SIGNET_MFA=required, and a person with a password, an app and a passkey', () => {
  async function start() {
    const issuer = await startWithApi({ SIGNET_MFA: 'required' }, { clock: movableClock({ from: Date.now() }) })
    const store = await storeOf(issuer)
    const { id } = await addPerson(store, { username: 'ada' })
    const browser = browserAt(issuer)
    const asked = await signInAt(browser, '/login?return_to=/account/two-factor', { username: 'ada' })
    const setup = await browser.submit(asked, {}, 'enable-totp')
    const code = codeAt(secretOn(setup), issuer.clock.now())
    await browser.submit(await browser.submit(setup, { code }, 'confirm-totp'), {}, 'continue')
    const { passkey, status } = await addPasskey(browser)
    expect(status).toBe(200)
    const { csrf } = formOn(await browser.get('/account/two-factor'))
    return {
      disable: () => browser.post('/account/two-factor', { csrf: csrf ?? '', action: 'disable-totp' }),
      remove: () => browser.post('/account/passkeys', { csrf: csrf ?? '', action: 'remove-passkey', id: passkey.id }),
      async left() {
        const person = await store.findPerson({ id })
        return { totp: person?.user.totpSecret !== null, passkeys: person?.factors.passkeys }
      },
    }
  }

  test('one after the other, the second stays', async () => {
    const it = await start()
    expect((await it.disable()).url.search).toBe('?done=totp_disabled')
    expect((await it.remove()).error).toBe('last_factor')
    expect(await it.left()).toEqual({ totp: false, passkeys: 1 })
  })

  test('in two tabs at once, one of them stays', async () => {
    const it = await start()
    const seen = await Promise.all([it.disable(), it.remove()])
    expect(seen.filter(({ error }) => error === 'last_factor')).toHaveLength(1)
    const { totp, passkeys } = await it.left()
    expect(Number(totp) + Number(passkeys)).toBe(1)
  })
})
