/**
 * Refreshes that come together (src/store/engine.ts, `rotate`): each has an outcome of its own, on real databases.
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { describe, expect, test } from 'vitest'
import { OAuthError } from '../src/ground/errors.ts'
import { insert, remove, rotate, time, update, type Engine } from '../src/store/engine.ts'
import { findPerson } from '../src/store/acts/people-rows.ts'
import type { GrantSignIn } from '../src/store/records/authentication.ts'
import type { RotationRule } from '../src/store/records/rotation.ts'
import type { Person, UserRecord } from '../src/store/records/user.ts'
import type { RowOf } from '../src/store/table.ts'
import { clients } from '../src/store/tables/clients.ts'
import { grants } from '../src/store/tables/grants.ts'
import { groupMembers, groups, passkeys, recoveryCodes, users } from '../src/store/tables/people.ts'
import { ENGINES, clientRow, grantRow, run, type OpenEngine } from './support/store-engine.ts'
import { HOUR, clock } from './support/store-records.ts'

async function withFamilies(open: () => Promise<OpenEngine>, ...sids: string[]): Promise<OpenEngine> {
  const opened = await open()
  await run(opened.engine, function* () {
    yield* insert(clients, { ...clientRow('app'), key: 1 })
    for (const sid of sids) yield* insert(grants, grantRow(sid))
  })
  return opened
}

const renewal = { act: 'rotate', idleExpiresAt: null, accessExpiresAt: clock.at + HOUR } as const
const rotating: RotationRule = () => renewal
const use = (engine: Engine, sid: string, decide: RotationRule = rotating) => run(engine, () => rotate(sid, decide))

const many = Array.from({ length: 40 }, (_, index) => `g${String(index).padStart(2, '0')}`)

/** How many writes there were, and how many families they wrote. */
function commitsOf(engine: Engine): [writes: number, families: number] {
  const { batchSize } = engine.figures().commits
  return [batchSize.count, batchSize.sum]
}

describe.each(ENGINES)('%s: refreshes of one turn', (name, open) => {
  test('are few writes, and each family rotates once', async () => {
    const { engine } = await withFamilies(open, ...many)
    const [writes, families] = commitsOf(engine)
    const rotated = await Promise.all(many.map((sid) => use(engine, sid)))
    expect(rotated.map((each) => 'grant' in each && [each.grant.sid, each.grant.generation])).toEqual(
      many.map((sid) => [sid, 1]),
    )
    const after = commitsOf(engine)
    expect(after[1] - families).toBe(many.length)
    expect(after[0] - writes).toBeLessThanOrEqual(2)
  })

  test('have outcomes of their own: renewed, repeated, refused, to be ended, unknown, and a rule that throws', async () => {
    const { engine } = await withFamilies(open, 'a', 'b', 'c', 'd', 'e')
    const error = new OAuthError('invalid_grant', 'no')
    const outcomes = await Promise.allSettled([
      use(engine, 'a'),
      use(engine, 'b', () => ({ act: 'repeat', accessExpiresAt: clock.at })),
      use(engine, 'c', () => ({ act: 'refuse', error })),
      use(engine, 'none'),
      use(engine, 'd', () => {
        throw new Error('a rule at fault')
      }),
      use(engine, 'e'),
    ])
    expect(outcomes).toMatchObject([
      { value: { outcome: 'rotated', grant: { sid: 'a', generation: 1 } } },
      { value: { outcome: 'repeated', grant: { sid: 'b', generation: 0 } } },
      { value: { outcome: 'refused', verdict: { error } } },
      { value: { outcome: 'unknown' } },
      { reason: { message: 'a rule at fault' } },
      { value: { outcome: 'rotated', grant: { sid: 'e', generation: 1 } } },
    ])
    const generations = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((sid) => engine.findGrant(sid)))
    expect(generations.map((grant) => grant?.generation)).toEqual([1, 0, 0, 0, 1])
  })

  test('of one family take turns, and each rule sees what the one before has written', async () => {
    const { engine } = await withFamilies(open, 'a', 'b')
    const seen: number[] = []
    const noting: RotationRule = (grant) => (seen.push(grant.generation), renewal)
    await Promise.all([...Array.from({ length: 5 }, () => use(engine, 'a', noting)), use(engine, 'b')])
    expect(seen).toEqual([0, 1, 2, 3, 4])
    expect((await engine.findGrant('a'))?.generation).toBe(5)
  })

  test('of one family are written together, and what is refused rests on what was written', async () => {
    const { engine } = await withFamilies(open, 'a')
    const error = new OAuthError('invalid_grant', 'used before')
    const inGrace: RotationRule = (grant) =>
      grant.generation === 0 ? renewal : { act: 'repeat', accessExpiresAt: clock.at + HOUR }
    const refusing: RotationRule = (grant) => (grant.generation === 0 ? renewal : { act: 'refuse', error })
    const [writes] = commitsOf(engine)
    const outcomes = await Promise.all([
      ...Array.from({ length: 20 }, () => use(engine, 'a', inGrace)),
      use(engine, 'a', refusing),
    ])
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      'rotated',
      ...Array.from({ length: 19 }, () => 'repeated'),
      'refused',
    ])
    expect(outcomes.slice(0, 20).every((each) => 'grant' in each && each.grant.generation === 1)).toBe(true)
    expect(commitsOf(engine)[0] - writes).toBeLessThanOrEqual(2)
  })

  test('of one family keep the error of a rule that throws after others were granted', async () => {
    const { engine } = await withFamilies(open, 'a')
    const throwing: RotationRule = (grant) => {
      throw new Error(`at generation ${grant.generation}`)
    }
    const outcomes = await Promise.allSettled([use(engine, 'a'), use(engine, 'a', throwing), use(engine, 'a')])
    expect(outcomes).toMatchObject([
      { value: { outcome: 'rotated' } },
      { reason: { message: expect.stringMatching(/^at generation [12]$/) as string } },
      { value: { outcome: 'rotated' } },
    ])
  })

  test('leave what a value cannot be written for to its own caller', async () => {
    const { engine } = await withFamilies(open, 'a', 'b', 'c')
    const bad = () => ({ ...renewal, accessExpiresAt: Number.NaN })
    const outcomes = await Promise.allSettled([use(engine, 'a'), use(engine, 'b', bad), use(engine, 'c')])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })

  test.runIf(name === 'PostgreSQL')('do not wait for a family that another transaction has locked', async () => {
    const { engine, hold } = await withFamilies(open, 'a', 'b', 'c')
    const release = await hold("SELECT 1 FROM grants WHERE sid = 'b' FOR UPDATE")
    let isDone = false
    const locked = use(engine, 'b').finally(() => (isDone = true))
    const others = await Promise.all([use(engine, 'a'), use(engine, 'c')])
    expect([isDone, ...others.map(({ outcome }) => outcome)]).toEqual([false, 'rotated', 'rotated'])
    await release()
    expect(await locked).toMatchObject({ outcome: 'rotated' })
  })

  test('touch no family whose row cannot be read', async () => {
    const { engine, hold } = await withFamilies(open, 'a', 'b')
    await (
      await hold("UPDATE grants SET claims = 'no JSON' WHERE sid = 'b'")
    )()
    const [good, bad] = await Promise.allSettled([use(engine, 'a'), use(engine, 'b')])
    expect([good.status, bad.status]).toEqual(['fulfilled', 'rejected'])
  })
})

const userOf = (id: string): UserRecord => ({
  id,
  username: id,
  email: `${id}@example.com`,
  emailKey: null,
  isNameChosen: false,
  name: null,
  profile: { given_name: 'Ada', phone_number_verified: true },
  claims: { team: 'blue' },
  handle: id,
  passwordHash: null,
  passwordOrigin: null,
  passwordChangedAt: null,
  mustChangePassword: true,
  totpSecret: null,
  totpUsedStep: -1,
  disabledAt: clock.at,
  createdAt: clock.at,
  updatedAt: clock.at,
  lastLoginAt: null,
})

const group: RowOf<typeof groups> = {
  name: 'staff',
  roles: ['clerk'],
  permissions: ['orders.read'],
  claims: { 'quoted "name"': ['ä'] },
  declaredBy: null,
  createdAt: clock.at,
  updatedAt: clock.at,
}

const passkey: RowOf<typeof passkeys> = {
  id: 'credential',
  userId: 'ada',
  publicKey: Buffer.from('key'),
  counter: 0,
  transports: [],
  aaguid: '',
  name: 'phone',
  isBackedUp: false,
  backupEligibility: 'never',
  createdAt: clock.at,
  lastUsedAt: null,
}

const signIn: GrantSignIn = {
  authTime: clock.at,
  amr: ['pwd'],
  acr: '1',
  claims: { idToken: [], userinfo: [] },
  proofKey: null,
}

/** Ada belongs to three groups: one has a row, the built-in one has none, and one is gone. Grace belongs to none. */
async function withPersons(open: () => Promise<OpenEngine>): Promise<OpenEngine> {
  const opened = await open()
  await run(opened.engine, function* () {
    yield* insert(clients, { ...clientRow('app'), key: 1 })
    yield* insert(groups, group)
    for (const id of ['ada', 'grace']) yield* insert(users, userOf(id))
    for (const groupName of ['staff', 'signet-admins', 'gone'])
      yield* insert(groupMembers, { userId: 'ada', groupName, addedAt: clock.at })
    yield* insert(passkeys, passkey)
    for (const digest of ['one', 'two']) yield* insert(recoveryCodes, { userId: 'ada', digest, createdAt: clock.at })
    for (const [sid, sub] of Object.entries({ a: 'ada', b: 'grace', c: 'ada', d: 'nobody' }))
      yield* insert(grants, grantRow(sid, { sub, signIn }))
    yield* insert(grants, grantRow('service', { sub: 'ada' }))
  })
  return opened
}

describe.each(ENGINES)('%s: refreshes of people', (_name, open) => {
  const sids = ['a', 'b', 'c', 'd', 'service']

  test('ask each rule with the person who gave the grant, and answer with that person', async () => {
    const { engine } = await withPersons(open)
    const seen = new Map<string, Person | undefined>()
    const noting: RotationRule = (grant, _, person) => (seen.set(grant.sid, person), renewal)
    const rotated = await Promise.all(sids.map((sid) => use(engine, sid, noting)))
    const [ada, grace] = await Promise.all(['ada', 'grace'].map((id) => engine.read(() => findPerson({ id }))))
    expect(ada).toMatchObject({ factors: { passkeys: 1, recoveryCodes: 2 }, user: userOf('ada') })
    expect(ada?.groups.map((each) => each.name)).toEqual(['signet-admins', 'staff'])
    const expected = [ada, grace, ada, undefined, undefined]
    expect(sids.map((sid) => seen.get(sid))).toEqual(expected)
    expect(rotated.map((each) => 'person' in each && each.person)).toEqual(expected)
  })

  test('ask again with the person as changed meanwhile', async () => {
    const { engine } = await withPersons(open)
    await use(engine, 'a')
    await run(engine, () => update(users, { id: 'ada' }, { name: 'Ada' }))
    await run(engine, () => remove(groupMembers, { userId: 'ada', groupName: 'staff' }))
    const rotated = await use(engine, 'a')
    const person = 'person' in rotated ? rotated.person : undefined
    expect([person?.user.name, person?.groups.map((each) => each.name)]).toEqual(['Ada', ['signet-admins']])
  })

  test('in an act that rotates later than first ask with the person too', async () => {
    const { engine } = await withPersons(open)
    const seen: (string | undefined)[] = []
    const noting: RotationRule = (_grant, _now, person) => (seen.push(person?.user.id), renewal)
    await run(engine, function* () {
      yield* time()
      yield* rotate('a', noting)
      yield* rotate('service', noting)
    })
    expect(seen.slice(-2)).toEqual(['ada', undefined])
  })

  test('touch no grant of a person who cannot be read', async () => {
    const { engine, hold } = await withPersons(open)
    await (
      await hold("UPDATE users SET claims = 'no JSON' WHERE id = 'grace'")
    )()
    const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((sid) => use(engine, sid)))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((await engine.findGrant('b'))?.generation).toBe(0)
  })
})
