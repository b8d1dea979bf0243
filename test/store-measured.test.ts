/**
 * The steps of the engine that are written by hand for each database (measured.ts in sqlite/ and postgres/).
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { describe, expect, test } from 'vitest'
import {
  beyond,
  countOwned,
  find,
  insert,
  latestMark,
  newestGrantAt,
  person,
  reserve,
  rotate,
  update,
  welcome,
  type Engine,
} from '../src/store/engine.ts'
import { groupMembers, groups, passkeys, recoveryCodes, users } from '../src/store/tables/people.ts'
import type { RowOf } from '../src/store/table.ts'
import { blacklistEntries } from '../src/store/tables/blacklist.ts'
import { clients } from '../src/store/tables/clients.ts'
import { grants } from '../src/store/tables/grants.ts'
import { signingKeys } from '../src/store/tables/keys.ts'
import { ENGINES, clientRow, entryRow, grantRow, run } from './support/store-engine.ts'
import { HOUR, OWN_ES256, clock, grantOf, keyOf } from './support/store-records.ts'
describe.each(ENGINES)('%s: the measured steps', (_name, open) => {
  async function withGrants(...rows: RowOf<typeof grants>[]): Promise<Engine> {
    const { engine } = await open()
    await run(engine, function* () {
      yield* insert(clients, { ...clientRow('app'), key: 1 })
      for (const row of rows) yield* insert(grants, row)
    })
    return engine
  }

  test('rotate hands the grant to its rule and renews on the condition of what was decided on', async () => {
    const engine = await withGrants(grantRow('g1'))
    const renewal = { act: 'rotate', idleExpiresAt: 3, accessExpiresAt: clock.at + HOUR } as const
    const grant = { ...grantOf('g1'), generation: 1, rotatedAt: clock.at, idleExpiresAt: 3 }
    const rotated = { ...grant, accessExpiresAt: clock.at + HOUR }
    expect(await run(engine, () => rotate('g1', () => renewal))).toEqual({
      outcome: 'rotated',
      at: clock.at,
      grant: rotated,
    })
    expect(await engine.findGrant('g1')).toEqual(rotated)
  })

  test('a repetition never shortens what tokens may live', async () => {
    const engine = await withGrants(grantRow('g1', { accessExpiresAt: clock.at + HOUR }))
    const repeated = await run(engine, () => rotate('g1', () => ({ act: 'repeat', accessExpiresAt: clock.at })))
    expect(repeated).toMatchObject({ outcome: 'repeated', grant: { accessExpiresAt: clock.at + HOUR } })
    expect((await engine.findGrant('g1'))?.accessExpiresAt).toBe(clock.at + HOUR)
  })

  test('a reservation raises the mark of a key that signs, and never lowers it', async () => {
    const { engine } = await open()
    await run(engine, () => insert(signingKeys, keyOf('k', { status: 'active', signedUntil: 5 })))
    const mark = async (until: number) => {
      const done = await run(engine, () => reserve('k', until))
      return [done, (await engine.read(() => find(signingKeys, { kid: 'k' })))?.signedUntil]
    }
    expect([await mark(9), await mark(7)]).toEqual([
      [true, 9],
      [true, 9],
    ])
    await run(engine, () => update(signingKeys, { kid: 'k' }, { status: 'next' }))
    expect(await run(engine, () => reserve('k', 99))).toBe(false)
    expect(await run(engine, () => reserve('none', 99))).toBe(false)
  })

  test('the grants of a pair that leave no room are named, oldest first', async () => {
    const engine = await withGrants(
      grantRow('g1', { endedAt: 1 }),
      grantRow('g2'),
      grantRow('g3'),
      grantRow('g4', { sub: 'bob' }),
      grantRow('g5', { clientKey: 2 }),
    )
    const named = (limit: number) => run(engine, () => beyond(1, 'alice', limit))
    expect([await named(1), await named(2), await named(3)]).toEqual([['g2', 'g3'], ['g2'], []])
  })

  test('a welcome tells who is registered, who is refused, and whose name is taken', async () => {
    const { engine } = await open()
    const refusing = (kind: 'sub' | 'client_id', value: string, change: Partial<RowOf<typeof blacklistEntries>> = {}) =>
      insert(blacklistEntries, { ...entryRow(value), kind, id: `${kind} ${value}`, refusesNew: true, ...change })
    await run(engine, function* () {
      for (const [index, clientId] of ['app', 'web', 'old'].entries())
        yield* insert(clients, { ...clientRow(clientId), key: index + 1 })
      yield* refusing('sub', 'eve')
      yield* refusing('client_id', 'web')
      yield* refusing('sub', 'lifted', { removedAt: clock.at })
      yield* refusing('sub', 'over', { expiresAt: clock.at })
      yield* refusing('sub', 'denied', { refusesNew: false })
      // The kind counts: a client's name is no person's.
      yield* refusing('client_id', 'bob')
    })
    const ask = (clientId: string, sub: string) => run(engine, () => welcome(clientId, sub))
    const good = { clientKey: 1, isRefused: false, isTaken: false }
    for (const sub of ['alice', 'lifted', 'over', 'denied', 'bob', 'app']) expect(await ask('app', sub)).toEqual(good)
    expect(await ask('app', 'eve')).toEqual({ ...good, isRefused: true })
    expect(await ask('web', 'alice')).toEqual({ ...good, clientKey: 2, isRefused: true })
    expect(await ask('app', 'old')).toEqual({ ...good, isTaken: true })
    expect(await ask('gone', 'alice')).toEqual({ ...good, clientKey: null })
  })

  test('a person has counted factors, and the groups that exist in the order of their names', async () => {
    const { engine } = await open()
    const at = clock.at
    const groupRow = (name: string) => {
      const lists = { roles: ['r'], permissions: ['signet:read'], claims: { team: name } }
      return { name, ...lists, declaredBy: name === 'a' ? 'f' : null, createdAt: at, updatedAt: at }
    }
    await run(engine, function* () {
      for (const id of ['u1', 'u2']) yield* insert(users, userRow(id))
      yield* insert(passkeys, passkeyRow('p1', 'u1'))
      yield* insert(passkeys, passkeyRow('p2', 'u1'))
      yield* insert(recoveryCodes, { userId: 'u1', digest: 'd', createdAt: at })
      for (const name of ['b', 'Z', 'a']) yield* insert(groups, groupRow(name))
      // The built-in group needs no row.
      for (const groupName of ['b', 'Z', 'gone', 'a', 'signet-admins'])
        yield* insert(groupMembers, { userId: 'u1', groupName, addedAt: at })
    })
    const found = await engine.read(() => person('u1'))
    expect(found).toMatchObject({ user: userRow('u1'), factors: { passkeys: 2, recoveryCodes: 1 } })
    const builtIn = expect.objectContaining({ name: 'signet-admins', permissions: ['signet:admin'] })
    expect(found?.groups).toEqual([groupRow('Z'), groupRow('a'), groupRow('b'), builtIn])
    expect(await run(engine, () => person('u1'))).toEqual(found)
    const nothing = { user: userRow('u2'), groups: [], factors: { passkeys: 0, recoveryCodes: 0 } }
    expect(await run(engine, () => person('u2'))).toEqual(nothing)
    expect(await run(engine, () => person('nobody'))).toBeUndefined()
  })

  test('standing entries are counted by owner and cause', async () => {
    const { engine } = await open()
    const rows: Partial<RowOf<typeof blacklistEntries>>[] = [
      {},
      { expiresAt: clock.at + 1 },
      { expiresAt: clock.at },
      { removedAt: clock.at },
      { cause: 'reuse' },
      { owner: 'web' },
      { owner: null },
    ]
    await run(engine, function* () {
      for (const [index, change] of rows.entries()) {
        const id = `e${index}`
        yield* insert(blacklistEntries, { ...entryRow('x'), id, owner: 'app', cause: 'revocation', ...change })
      }
    })
    const count = (owner: string, cause: 'revocation' | 'reuse') =>
      run(engine, () => countOwned(owner, cause, clock.at))
    expect([await count('app', 'revocation'), await count('app', 'reuse'), await count('web', 'reuse')]).toEqual([
      2, 1, 0,
    ])
  })

  test('the latest mark is that of the keys which verifiers trust', async () => {
    const { engine } = await open()
    expect(await run(engine, latestMark)).toBe(0)
    const gone = { sealedPrivateKey: '' }
    await run(engine, function* () {
      yield* insert(signingKeys, keyOf('a', { status: 'active', signedUntil: 5 }))
      yield* insert(signingKeys, keyOf('b', { status: 'retiring', signedUntil: 7 }))
      yield* insert(signingKeys, keyOf('c', { ...OWN_ES256, status: 'active', signedUntil: 6 }))
      yield* insert(signingKeys, keyOf('d', { status: 'revoked', signedUntil: 9, ...gone }))
      yield* insert(signingKeys, keyOf('e', { status: 'retired', signedUntil: 8, ...gone }))
    })
    expect(await run(engine, latestMark)).toBe(7)
  })

  test('the newest grant of a client tells when, and none is 0', async () => {
    const engine = await withGrants(grantRow('g1', { createdAt: 5 }), grantRow('g2', { createdAt: 7 }))
    expect(await run(engine, () => newestGrantAt(1))).toBe(7)
    expect(await run(engine, () => newestGrantAt(2))).toBe(0)
  })
})

const userRow = (id: string): RowOf<typeof users> => ({
  id,
  username: id,
  isNameChosen: false,
  email: null,
  emailKey: null,
  name: null,
  profile: {},
  claims: {},
  handle: `handle of ${id}`,
  passwordHash: null,
  passwordOrigin: null,
  passwordChangedAt: null,
  mustChangePassword: false,
  totpSecret: null,
  totpUsedStep: 0,
  disabledAt: null,
  createdAt: clock.at,
  updatedAt: clock.at,
  lastLoginAt: null,
})

const passkeyRow = (id: string, userId: string): RowOf<typeof passkeys> => ({
  id,
  userId,
  publicKey: Buffer.from([1]),
  counter: 0,
  transports: [],
  aaguid: '',
  name: 'key',
  isBackedUp: false,
  backupEligibility: 'never',
  createdAt: clock.at,
  lastUsedAt: null,
})
