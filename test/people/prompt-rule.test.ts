/**
 * THE rule of a sign-in as a table: from what is stored to what has to happen next.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { describe, expect, test } from 'vitest'
import { whatNext } from '../../src/authorize/prompt.ts'
import { isGood } from '../../src/authorize/steps.ts'
import type { BlacklistEntry } from '../../src/store/records/blacklist.ts'
import type { FirstProof } from '../../src/store/records/sign-in-step.ts'
import type { Person } from '../../src/store/records/user.ts'
import { ADA, API, factsOf, NOW, person, TERMS, user, type Described } from '../support/sign-in-facts.ts'

const WITH_TOTP = person({ totpSecret: 'sealed' })
const WITH_PASSKEY = person({}, { passkeys: 1 })

function next(described: Described): string {
  const verdict = whatNext(factsOf(described), { ...TERMS, ...described.terms })
  if (verdict.kind === 'error') return verdict.error
  if (verdict.kind === 'fault') return `fault ${verdict.fault}`
  if (verdict.kind === 'second' || verdict.kind === 'must_enrol') return `${verdict.kind} ${verdict.acr}`
  return verdict.kind === 'code' ? `code ${verdict.acr}` : verdict.kind
}

/** An entry that refuses new tokens. */
const ENTRY: BlacklistEntry = {
  id: 'e',
  kind: 'sub',
  value: 'ada',
  issuedBefore: NOW,
  expiresAt: null,
  deniesUntil: NOW,
  refusesNew: true,
  reason: null,
  cause: 'blacklist',
  owner: null,
  createdBy: 'operator',
  createdAt: NOW,
  revision: 1,
  removedAt: null,
}

const SESSION = {}
const REFUSING = { blacklist: { findRefusing: () => ENTRY } }
const NONE = { prompt: ['none'] }
const pwd = (who?: Person) => ({ amr: ['pwd'], ...(who && { who }) })

describe('what has to happen next', () => {
  test.each<[string, Described, string]>([
    // Who is it?
    ['nobody is signed in', {}, 'sign_in'],
    ['nobody is signed in, and sign-up is asked for', { request: { prompt: ['create'] } }, 'sign_up'],
    ['a session is believed', { session: SESSION }, 'code 1'],
    ['a session, and prompt=login', { session: SESSION, request: { prompt: ['login'] } }, 'sign_in'],
    ['a session, and prompt=create', { session: SESSION, request: { prompt: ['create'] } }, 'sign_up'],
    [
      'a session, and prompt=select_account',
      { session: SESSION, request: { prompt: ['select_account'] } },
      'choose_account',
    ],
    ['no session, and prompt=select_account', { request: { prompt: ['select_account'] } }, 'sign_in'],
    ['prompt=select_account after signing in', { passed: pwd(), request: { prompt: ['select_account'] } }, 'code 1'],
    ['prompt=login after signing in', { session: SESSION, passed: pwd(), request: { prompt: ['login'] } }, 'code 1'],
    ['the session is older than max_age', { session: { ageSeconds: 11 }, request: { maxAge: 10 } }, 'sign_in'],
    ['the session is as old as max_age', { session: { ageSeconds: 10 }, request: { maxAge: 10 } }, 'code 1'],
    ['max_age=0 asks always', { session: { ageSeconds: 1 }, request: { maxAge: 0 } }, 'sign_in'],
    ['default_max_age of the client', { session: { ageSeconds: 11 }, client: { defaultMaxAge: 10 } }, 'sign_in'],
    [
      'max_age wins over default_max_age',
      { session: { ageSeconds: 11 }, request: { maxAge: 60 }, client: { defaultMaxAge: 10 } },
      'code 1',
    ],
    ['session_max_age of the client', { session: { ageSeconds: 11 }, client: { sessionMaxAge: 10 } }, 'sign_in'],
    [
      'max_age cannot lengthen session_max_age',
      { session: { ageSeconds: 11 }, request: { maxAge: 60 }, client: { sessionMaxAge: 10 } },
      'sign_in',
    ],
    ['a hint of the person', { session: SESSION, request: { hintedSub: 'ada' } }, 'code 1'],
    ['a hint of somebody else', { session: SESSION, request: { hintedSub: 'bob' } }, 'sign_in'],
    ['a hint of somebody else, after signing in', { passed: pwd(), request: { hintedSub: 'bob' } }, 'login_required'],
    ['the person of the session is disabled', { session: { who: person({ disabledAt: NOW }) } }, 'sign_in'],
    [
      'the person is disabled after the password',
      { passed: pwd(person({ disabledAt: NOW })) },
      'fault account_disabled',
    ],
    ['the person of the session is on the blacklist', { session: SESSION, terms: REFUSING }, 'sign_in'],
    [
      'the person is put on the blacklist after the password',
      { passed: pwd(), terms: REFUSING },
      'fault account_disabled',
    ],
    [
      'prompt=none, the person of the session is on the blacklist',
      { request: NONE, session: SESSION, terms: REFUSING },
      'login_required',
    ],
    ['the password is changed after it was typed', { passed: pwd(person({ passwordChangedAt: NOW + 1 })) }, 'sign_in'],
    [
      'the password was changed by a clock that was ahead',
      { passed: pwd(person({ passwordChangedAt: NOW + 86_400_000 })) },
      'code 1',
    ],
    [
      'a clock that was ahead has dated both the password and its change',
      { passed: { ...pwd(person({ passwordChangedAt: NOW + 86_400_000 })), ageSeconds: -3600 } },
      'sign_in',
    ],
    ['a session that a clock which was ahead has begun', { session: { ageSeconds: -3600 } }, 'sign_in'],
    ['the session ended after it was entered', { passed: pwd(), signIn: { sessionId: 's1' } }, 'sign_in'],
    ['the sign-in is done', { session: SESSION, signIn: { state: 'done' } }, 'over'],

    // Second factors: enrolled, required and used.
    ['a password, and an app is set up', { passed: pwd(WITH_TOTP) }, 'second 2'],
    ['a password in a session, and an app is set up', { session: { who: WITH_TOTP } }, 'second 2'],
    ['a password and a code', { passed: { amr: ['pwd', 'otp', 'mfa'], who: WITH_TOTP } }, 'code 2'],
    ['a passkey with verification counts as two', { passed: { amr: ['swk', 'user'], who: WITH_TOTP } }, 'code phr'],
    ['a passkey without verification counts as one', { passed: { amr: ['swk'], who: WITH_TOTP } }, 'second 2'],
    ['a password, and a passkey is there', { passed: pwd(WITH_PASSKEY) }, 'code 1'],
    ['SIGNET_MFA=required, nothing set up', { passed: pwd(), terms: { mfa: 'required' } }, 'must_enrol 2'],
    ['SIGNET_MFA=required in a session', { session: SESSION, terms: { mfa: 'required' } }, 'must_enrol 2'],
    ['SIGNET_MFA=required, an app', { passed: pwd(WITH_TOTP), terms: { mfa: 'required' } }, 'second 2'],
    ['SIGNET_MFA=required, a passkey', { passed: pwd(WITH_PASSKEY), terms: { mfa: 'required' } }, 'second 2'],
    [
      'SIGNET_MFA=required, signed in by passkey',
      { passed: { amr: ['hwk', 'user'], who: WITH_PASSKEY }, terms: { mfa: 'required' } },
      'code phr',
    ],
    ['SIGNET_MFA=off, an app', { passed: pwd(WITH_TOTP), terms: { mfa: 'off' } }, 'code 1'],
    ['require_acr 2, an app', { session: { who: WITH_TOTP }, client: { requireAcr: '2' } }, 'second 2'],
    ['require_acr 2, nothing set up', { session: SESSION, client: { requireAcr: '2' } }, 'must_enrol 2'],
    [
      'require_acr 2, SIGNET_MFA=off, an app',
      { session: { who: WITH_TOTP }, client: { requireAcr: '2' }, terms: { mfa: 'off' } },
      'second 2',
    ],
    [
      'require_acr 2, SIGNET_MFA=off, nothing set up',
      { session: SESSION, client: { requireAcr: '2' }, terms: { mfa: 'off' } },
      'unmet_authentication_requirements',
    ],
    [
      'require_acr phr, a code was given',
      { passed: { amr: ['pwd', 'otp', 'mfa'], who: WITH_TOTP }, client: { requireAcr: 'phr' } },
      'must_enrol phr',
    ],
    [
      'require_acr phr, a passkey is there',
      { passed: { amr: ['pwd'], who: WITH_PASSKEY }, client: { requireAcr: 'phr' } },
      'second phr',
    ],
    [
      'require_acr phr, an app that was not asked for yet',
      { passed: pwd(WITH_TOTP), client: { requireAcr: 'phr' } },
      'second 2',
    ],
    [
      'require_acr 2, nothing set up, an old session',
      { session: { ageSeconds: 300 }, client: { requireAcr: '2' } },
      'sign_in',
    ],
    [
      'require_acr 2, nothing set up, a page that stood open',
      { passed: { amr: ['pwd'], ageSeconds: 300 }, client: { requireAcr: '2' } },
      'sign_in',
    ],
    ['require_acr 1', { session: SESSION, client: { requireAcr: '1' } }, 'code 1'],
    ['acr_values within reach', { session: { who: WITH_PASSKEY }, request: { acrValues: ['phr'] } }, 'second phr'],
    ['acr_values out of reach are a wish', { session: SESSION, request: { acrValues: ['phr'] } }, 'code 1'],
    ['acr_values, one is reached', { session: { who: WITH_PASSKEY }, request: { acrValues: ['phr', '1'] } }, 'code 1'],
    ['acr_values that nobody knows', { session: SESSION, request: { acrValues: ['urn:gold'] } }, 'code 1'],
    [
      'default_acr_values of the client',
      { session: { who: WITH_PASSKEY }, client: { defaultAcrValues: ['2'] } },
      'second 2',
    ],
    [
      'an essential acr out of reach',
      { session: SESSION, request: { acrValues: ['2'], isAcrEssential: true } },
      'unmet_authentication_requirements',
    ],
    [
      'an essential acr that nobody knows',
      { session: SESSION, request: { acrValues: ['urn:gold'], isAcrEssential: true } },
      'unmet_authentication_requirements',
    ],
    [
      'an essential acr within reach',
      { session: { who: WITH_PASSKEY }, request: { acrValues: ['2'], isAcrEssential: true } },
      'second 2',
    ],
    [
      'the requested acr is told',
      { passed: { amr: ['swk', 'user'], who: WITH_PASSKEY }, request: { acrValues: ['2'] } },
      'code 2',
    ],

    // Must change.
    ['a password of an operator', { passed: pwd(person({ mustChangePassword: true })) }, 'must_change'],
    [
      'a password of an operator, and an app',
      { passed: pwd(person({ mustChangePassword: true, totpSecret: 's' })) },
      'second 2',
    ],
    [
      'a password of an operator, an app, and require_acr phr',
      { passed: pwd(person({ mustChangePassword: true, totpSecret: 's' })), client: { requireAcr: 'phr' } },
      'second 2',
    ],
    [
      'a password of an operator, and a passkey',
      { passed: pwd(person({ mustChangePassword: true }, { passkeys: 1 })) },
      'second 2',
    ],
    [
      'a password of an operator, an old session',
      { session: { ageSeconds: 300, who: person({ mustChangePassword: true }) } },
      'sign_in',
    ],
    [
      'must change comes before must enrol',
      { passed: pwd(person({ mustChangePassword: true })), terms: { mfa: 'required' } },
      'must_change',
    ],
    [
      'a passkey needs no new password',
      { passed: { amr: ['swk', 'user'], who: person({ mustChangePassword: true }, { passkeys: 1 }) } },
      'code phr',
    ],

    // Groups and consent.
    [
      'in an allowed group',
      { session: { who: person({}, {}, ['staff']) }, client: { allowedGroups: ['staff', 'ops'] } },
      'code 1',
    ],
    [
      'in no allowed group',
      { session: { who: person({}, {}, ['guests']) }, client: { allowedGroups: ['staff'] } },
      'not_allowed',
    ],
    [
      'the second factor comes before the group',
      { passed: pwd(WITH_TOTP), client: { allowedGroups: ['staff'] } },
      'second 2',
    ],
    ['consent once, none yet', { session: SESSION, client: { consent: 'once' } }, 'consent'],
    [
      'consent once, given',
      { session: SESSION, client: { consent: 'once' }, consent: { scope: ['openid', 'email'] } },
      'code 1',
    ],
    [
      'consent once, and the scope has grown',
      {
        session: SESSION,
        client: { consent: 'once' },
        request: { scope: ['openid', 'email'] },
        consent: { scope: ['openid'] },
      },
      'consent',
    ],
    [
      'consent once, and the resource is new',
      { session: SESSION, client: { consent: 'once' }, consent: { scope: ['openid'], resources: [] } },
      'consent',
    ],
    [
      'consent always, given before',
      { session: SESSION, client: { consent: 'always' }, consent: { scope: ['openid'] } },
      'consent',
    ],
    [
      'consent always, given now',
      { session: SESSION, client: { consent: 'always' }, signIn: { state: 'consent' } },
      'code 1',
    ],
    ['prompt=consent asks a first-party client too', { session: SESSION, request: { prompt: ['consent'] } }, 'consent'],
    [
      'prompt=consent, given now',
      { session: SESSION, request: { prompt: ['consent'] }, signIn: { state: 'consent' } },
      'code 1',
    ],

    // Nobody may be asked.
    ['prompt=none, nobody is signed in', { request: NONE }, 'login_required'],
    ['prompt=none in a session', { request: NONE, session: SESSION }, 'code 1'],
    ['prompt=none, the session is too old', { request: { ...NONE, maxAge: 1 }, session: SESSION }, 'login_required'],
    [
      'prompt=none, a hint of somebody else',
      { request: { ...NONE, hintedSub: 'bob' }, session: SESSION },
      'login_required',
    ],
    [
      'prompt=none, consent is missing',
      { request: NONE, session: SESSION, client: { consent: 'once' } },
      'consent_required',
    ],
    [
      'prompt=none, consent always',
      { request: NONE, session: SESSION, client: { consent: 'always' }, consent: { scope: ['openid'] } },
      'consent_required',
    ],
    ['prompt=none, a second factor is missing', { request: NONE, session: { who: WITH_TOTP } }, 'interaction_required'],
    [
      'prompt=none, the password has to be changed',
      { request: NONE, session: { who: person({ mustChangePassword: true }) } },
      'interaction_required',
    ],
    [
      'prompt=none, require_acr out of reach',
      { request: NONE, session: SESSION, client: { requireAcr: '2' } },
      'unmet_authentication_requirements',
    ],
    [
      'prompt=none, require_acr out of reach, an old session',
      { request: NONE, session: { ageSeconds: 300 }, client: { requireAcr: '2' } },
      'unmet_authentication_requirements',
    ],
    [
      'prompt=none, the password has to be changed, an old session',
      { request: NONE, session: { ageSeconds: 300, who: person({ mustChangePassword: true }) } },
      'interaction_required',
    ],
    [
      'prompt=none, in no allowed group',
      { request: NONE, session: SESSION, client: { allowedGroups: ['staff'] } },
      'access_denied',
    ],

    // What has changed meanwhile.
    ['the client is disabled', { session: SESSION, client: { disabledAt: NOW } }, 'fault unknown_client'],
    [
      'the redirect URI was taken off',
      { session: SESSION, client: { redirectUris: [] } },
      'fault redirect_uri_mismatch',
    ],
    ['the resource is gone', { session: SESSION, request: { resources: ['https://gone.example'] } }, 'access_denied'],
    [
      'the resource is disabled',
      { session: SESSION, terms: { findResource: () => ({ ...API, disabledAt: NOW }) } },
      'access_denied',
    ],

    // Without a client.
    ['a sign-in without a client asks anew', { request: null, session: SESSION }, 'sign_in'],
    ['signed in without a client', { request: null, passed: pwd() }, 'arrived'],
    ['signed in without a client, an app is set up', { request: null, passed: pwd(WITH_TOTP) }, 'second 2'],
    ['signed in without a client, a passkey is there', { request: null, passed: pwd(WITH_PASSKEY) }, 'arrived'],
    [
      'confirmed in a session, a passkey is there',
      { request: null, session: { who: WITH_PASSKEY }, passed: pwd(WITH_PASSKEY) },
      'second 2',
    ],
    ['confirmed in a session, nothing is set up', { request: null, session: SESSION, passed: pwd() }, 'arrived'],
  ])('%s', (_name, described, expected) => {
    expect(next(described)).toBe(expected)
  })
})

describe('the scope of the person', () => {
  const scoped = { ...API, scope: null, scopePermissions: { 'orders:write': 'orders.write' } }
  const ask = (who: Person, scope: string[]) => {
    const verdict = whatNext(factsOf({ session: { who }, request: { scope } }), {
      ...TERMS,
      findResource: () => scoped,
    })
    return verdict.kind === 'code' ? verdict.scope : verdict.kind
  }
  const clerk: Person = {
    ...ADA,
    groups: [
      {
        name: 'clerks',
        roles: [],
        permissions: ['orders.write'],
        claims: {},
        declaredBy: null,
        createdAt: 0,
        updatedAt: 0,
      },
    ],
  }

  test('a scope that needs a permission is dropped for a person without it', () => {
    expect(ask(ADA, ['openid', 'orders:write', 'orders:read'])).toEqual(['openid', 'orders:read'])
    expect(ask(clerk, ['openid', 'orders:write'])).toEqual(['openid', 'orders:write'])
  })

  test('the scopes of Signet itself are for operators', () => {
    expect(ask(ADA, ['openid', 'signet:admin', 'signet:read', 'signet:blacklist'])).toEqual(['openid'])
  })
})

test('a session is confirmed by its own person; a link and a new account sign another person in', () => {
  const bob: Person = { ...ADA, user: user('bob') }
  const isTaken = (proof: FirstProof, proven: Person, request: null | object) => {
    const facts = { ...factsOf({ request, session: {} }), isProven: true, proven }
    return isGood(proof, facts, { kind: 'sign_in' }, TERMS)
  }
  const password: FirstProof = { kind: 'password', userId: 'bob', passwordHash: 'hash' }
  const passkey: FirstProof = {
    kind: 'passkey',
    userId: 'bob',
    passkeyId: 'p',
    counter: 1,
    isBackedUp: false,
    backupEligibility: 'never',
    isUserVerified: true,
    isHardware: false,
    challenge: 'c',
  }
  for (const proof of [password, passkey]) {
    expect(isTaken(proof, bob, null)).toBe(false)
    expect(isTaken(proof, ADA, null)).toBe(true)
    expect(isTaken(proof, bob, {})).toBe(true)
  }
  const others: FirstProof[] = [
    { kind: 'link', hash: 'h' },
    { kind: 'new_user', userId: 'bob', amr: [] },
  ]
  for (const proof of others) expect(isTaken(proof, bob, null)).toBe(true)
})
