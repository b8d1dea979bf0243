/**
 * THE rule of a sign-in over all combinations of the factors that a person has, those that were passed, and those that are
 * demanded. Each property is said once, and holds for every combination.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { whatNext, type Next, type Terms } from '../../src/authorize/prompt.ts'
import type { Person } from '../../src/store/records/user.ts'
import { factsOf, person, TERMS, type Described } from '../support/sign-in-facts.ts'

/** A person in a sign-in, by everything that the rule of factors looks at. */
interface Case {
  hasPassword: boolean
  hasTotp: boolean
  passkeys: 0 | 1
  mustChange: boolean
  mfa: Terms['mfa']
  wanted: keyof typeof WANTED
  passed: keyof typeof PASSED
  /** In this sign-in, or in the session that the browser brings. */
  where: 'here' | 'session'
  ageSeconds: number
  isSilent: boolean
}

/** The demands of a client and its request, or `own`: a sign-in without a client. */
const WANTED = {
  nothing: {},
  own: { request: null },
  'require_acr 1': { client: { requireAcr: '1' } },
  'require_acr 2': { client: { requireAcr: '2' } },
  'require_acr phr': { client: { requireAcr: 'phr' } },
  'acr_values 1': { request: { acrValues: ['1'] } },
  'acr_values 2': { request: { acrValues: ['2'] } },
  'acr_values phr': { request: { acrValues: ['phr'] } },
  'essential 2': { request: { acrValues: ['2'], isAcrEssential: true } },
  'essential phr': { request: { acrValues: ['phr'], isAcrEssential: true } },
  'require_acr phr, acr_values 2': { client: { requireAcr: 'phr' }, request: { acrValues: ['2'] } },
} satisfies Record<string, Pick<Described, 'client' | 'request'>>

const PASSED = {
  password: ['pwd'],
  link: ['otp'],
  'password and code': ['pwd', 'otp', 'mfa'],
  'link and code': ['otp', 'mfa'],
  'password and passkey': ['pwd', 'swk', 'mfa'],
  'password and verified passkey': ['pwd', 'swk', 'user', 'mfa'],
  'passkey alone': ['hwk', 'user'],
  'passkey without verification': ['hwk'],
} as const satisfies Record<string, readonly string[]>

const AGES = [0, 299, 300, 86_400, -3600]

const keys = <Name extends string>(of: Record<Name, unknown>) => Object.keys(of) as Name[] // sound: the object is a literal

/** Every choice of one value each. */
function* product<Shape extends object>(of: { [Name in keyof Shape]: readonly Shape[Name][] }): Generator<Shape> {
  const names = Object.keys(of) as (keyof Shape)[] // sound: the object is a literal
  const [name, ...rest] = names
  if (name === undefined) return yield {} as Shape // sound: nothing is left to choose
  const others = Object.fromEntries(rest.map((each) => [each, of[each]])) as typeof of // sound: one member less
  for (const value of of[name]) for (const more of product<Shape>(others)) yield { ...more, [name]: value }
}

const CASES = {
  hasPassword: [true, false],
  hasTotp: [true, false],
  passkeys: [0, 1],
  mustChange: [true, false],
  mfa: ['off', 'optional', 'required'],
  wanted: keys(WANTED),
  passed: keys(PASSED),
  where: ['here', 'session'],
  ageSeconds: AGES,
  isSilent: [true, false],
} as const satisfies { [Name in keyof Case]: readonly Case[Name][] }

interface Judged extends Case {
  next: Next
  /** The rank of the factors that were passed: 1, 2, or 3 for a verified passkey. */
  reached: number
}

function judge(each: Case): Judged {
  const who: Person = person(
    {
      passwordHash: each.hasPassword ? 'hash' : null,
      totpSecret: each.hasTotp ? 'sealed' : null,
      mustChangePassword: each.mustChange,
    },
    { passkeys: each.passkeys },
  )
  const { request = {}, ...rest }: Pick<Described, 'request' | 'client'> = WANTED[each.wanted]
  const amr = [...PASSED[each.passed]]
  const standing = { who, amr, ageSeconds: each.ageSeconds }
  const prompt = each.isSilent ? ['none'] : []
  const facts = factsOf({
    ...rest,
    request: request && { ...request, prompt },
    ...(each.where === 'here' ? { passed: standing } : { session: standing }),
  })
  const next = whatNext(facts, { ...TERMS, mfa: each.mfa })
  const isVerified = amr.includes('user')
  return { ...each, next, reached: isVerified ? 3 : amr.includes('mfa') ? 2 : 1 }
}

let all: Judged[]
beforeAll(() => {
  all = [...product<Case>(CASES)].map(judge)
})

/** Some of the cases that break a property. */
const breaking = (holds: (each: Judged) => boolean) =>
  all
    .filter((each) => !holds(each))
    .slice(0, 3)
    .map(({ next, ...each }) => ({ ...each, next: next.kind }))

const hasSecond = ({ hasTotp, passkeys }: Case): boolean => hasTotp || passkeys > 0

const isChange = ({ next }: Judged): boolean => next.kind === 'must_change' || next.kind === 'must_enrol'

const isThrough = ({ next }: Judged): boolean => ['code', 'consent', 'not_allowed', 'arrived'].includes(next.kind)

/** The least that a person has to have passed before anything is given. */
const demanded = ({ mfa, hasTotp, wanted }: Case): number =>
  Math.max(
    mfa === 'required' || (mfa !== 'off' && hasTotp) ? 2 : 1,
    wanted.includes('require_acr phr') || wanted === 'essential phr' ? 3 : 1,
    wanted === 'require_acr 2' || wanted === 'essential 2' ? 2 : 1,
  )

test('the combinations reach every page of factors', () => {
  const kinds = new Set(all.map(({ next }) => next.kind))
  for (const kind of ['sign_in', 'second', 'must_change', 'must_enrol', 'code', 'arrived', 'error'])
    expect(kinds).toContain(kind)
})

describe('nobody changes how the person signs in', () => {
  test('before both factors were passed, where the person has two', () => {
    expect(breaking((each) => !isChange(each) || each.mfa === 'off' || !hasSecond(each) || each.reached >= 2)).toEqual(
      [],
    )
  })

  test('on a sign-in that is five minutes old, or dated by a clock that was ahead', () => {
    expect(breaking((each) => !isChange(each) || (each.ageSeconds >= 0 && each.ageSeconds < 300))).toEqual([])
  })

  test('where SIGNET_MFA=off, by setting a factor up', () => {
    expect(breaking(({ next, mfa }) => next.kind !== 'must_enrol' || mfa !== 'off')).toEqual([])
  })

  test('but a person whose password has to change changes it before anything is given for it', () => {
    const isByPassword = ({ passed }: Case) => passed.includes('password')
    expect(breaking((each) => !isThrough(each) || !each.mustChange || !isByPassword(each))).toEqual([])
  })
})

describe('nothing is given', () => {
  test('before every factor was passed that is demanded', () => {
    expect(breaking((each) => !isThrough(each) || each.reached >= demanded(each))).toEqual([])
  })
})

describe('nobody is stuck', () => {
  test('at a page that asks for a factor that the person does not have', () => {
    const isAskable = ({ next, hasTotp, passkeys }: Judged) =>
      next.kind !== 'second' || passkeys > 0 || (next.acr === '2' && hasTotp)
    expect(breaking(isAskable)).toEqual([])
  })

  test('at a page that asks for what was passed already', () => {
    expect(breaking(({ next, reached }) => next.kind !== 'second' || reached < (next.acr === 'phr' ? 3 : 2))).toEqual(
      [],
    )
  })

  test('signing in again and again', () => {
    const isNew = ({ where, ageSeconds }: Case) => where === 'here' && ageSeconds === 0
    expect(breaking((each) => each.next.kind !== 'sign_in' || !isNew(each))).toEqual([])
  })
})

test('with prompt=none no page is shown', () => {
  const isPage = ({ next }: Judged) => !['code', 'error', 'arrived'].includes(next.kind)
  expect(breaking((each) => !each.isSilent || each.wanted === 'own' || !isPage(each))).toEqual([])
})
