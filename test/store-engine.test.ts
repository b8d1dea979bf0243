/**
 * What an engine promises to acts (src/store/engine.ts), step by step, on real databases.
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { describe, expect, test } from 'vitest'
import {
  alone,
  atEnd,
  find,
  insert,
  insertIfAbsent,
  remove,
  removeQuietly,
  reserve,
  select,
  tellBlacklistAnew,
  time,
  update,
  type Act,
  type Engine,
} from '../src/store/engine.ts'
import { BY_SYSTEM } from '../src/audit.ts'
import { denyAndRefuse, denyUpToNow } from '../src/blacklist/entry.ts'
import { addDenials } from '../src/store/acts/blacklist.ts'
import type { Change } from '../src/store/records/change.ts'
import type { RowOf, Table } from '../src/store/table.ts'
import { TABLES } from '../src/store/tables.ts'
import { blacklistEntries } from '../src/store/tables/blacklist.ts'
import { clientSecrets, clients } from '../src/store/tables/clients.ts'
import { grants } from '../src/store/tables/grants.ts'
import { keyReaders, masterKeys, signingKeys } from '../src/store/tables/keys.ts'
import { deletedResources, resources } from '../src/store/tables/resources.ts'
import { settings, usedJtis } from '../src/store/tables/service.ts'
import { ENGINES, clientRow, entryRow, grantRow, resourceRow, run } from './support/store-engine.ts'
import { HOUR, clock, keyOf, secretOf } from './support/store-records.ts'

const reader = (name: string, lastSeenAt: number) => ({ name, lastSeenAt, knowsUntil: 0 })

describe.each(ENGINES)('%s: select', (_name, open) => {
  async function withReaders(): Promise<Engine> {
    const { engine } = await open()
    await run(engine, function* () {
      for (const [name, seen] of [
        ['b', 2],
        ['a', 1],
        ['d', 4],
        ['c', 3],
      ] as const)
        yield* insert(keyReaders, reader(name, seen))
    })
    return engine
  }
  const namesOf = async (engine: Engine, selection: Parameters<typeof select<typeof keyReaders>>[1]) =>
    (await engine.read(() => select(keyReaders, selection))).map(({ name }) => name)

  test('order, both ways', async () => {
    const engine = await withReaders()
    expect(await namesOf(engine, { orderBy: 'name' })).toEqual(['a', 'b', 'c', 'd'])
    expect(await namesOf(engine, { orderBy: 'lastSeenAt', descending: true })).toEqual(['d', 'c', 'b', 'a'])
  })

  test('rows behind a value of the ordering column, both ways, and limited', async () => {
    const engine = await withReaders()
    expect(await namesOf(engine, { orderBy: 'name', after: 'b' })).toEqual(['c', 'd'])
    expect(await namesOf(engine, { orderBy: 'name', after: 'd' })).toEqual([])
    expect(await namesOf(engine, { orderBy: 'name', after: '' })).toHaveLength(4)
    expect(await namesOf(engine, { orderBy: 'name', descending: true, after: 'c' })).toEqual(['b', 'a'])
    expect(await namesOf(engine, { orderBy: 'lastSeenAt', after: 2, limit: 1 })).toEqual(['c'])
    expect(await namesOf(engine, { orderBy: 'name', limit: 2 })).toEqual(['a', 'b'])
    expect(await namesOf(engine, { orderBy: 'name', limit: 0 })).toEqual([])
  })

  test('an absent bound is none, whatever was asked before in another shape', async () => {
    const engine = await withReaders()
    for (const [selection, names] of [
      [{ orderBy: 'name', after: 'c', limit: 9 }, ['d']],
      [{ orderBy: 'name', after: undefined, limit: undefined }, ['a', 'b', 'c', 'd']],
      [{ orderBy: 'name', where: { name: 'b' } }, ['b']],
      [{ orderBy: 'name', where: { lastSeenAt: 4 } }, ['d']],
      [{ orderBy: 'name' }, ['a', 'b', 'c', 'd']],
    ] as const)
      expect(await namesOf(engine, selection)).toEqual(names)
  })

  test('equality of every kind of column, of several, and with null', async () => {
    const { engine } = await open()
    const jti = Buffer.from('hash')
    await run(engine, function* () {
      yield* insert(deletedResources, { id: 'a', deletedAt: 1, isEnded: true })
      yield* insert(deletedResources, { id: 'b', deletedAt: 1, isEnded: false })
      yield* insert(usedJtis, { purpose: 'dpop_proof', owner: 'o', jtiHash: jti, expiresAt: 1 })
      yield* insert(grants, grantRow('g1', { endedAt: null, endedReason: null }))
      yield* insert(grants, grantRow('g2', { endedAt: 5, endedReason: 'x' }))
      yield* insert(grants, grantRow('g3', { sub: "o'neil; --", endedAt: null }))
    })
    const sids = async (where: Partial<RowOf<typeof grants>>) =>
      (await engine.read(() => select(grants, { where, orderBy: 'sid' }))).map(({ sid }) => sid)
    expect(await sids({ endedAt: null })).toEqual(['g1', 'g3'])
    expect(await sids({ endedAt: 5 })).toEqual(['g2'])
    expect(await sids({ endedAt: null, sub: 'alice' })).toEqual(['g1'])
    expect(await sids({ endedAt: 5, sub: 'alice', endedReason: 'x' })).toEqual(['g2'])
    expect(await sids({ endedReason: null, endedAt: null })).toEqual(['g1', 'g3'])
    expect(await sids({ sub: "o'neil; --" })).toEqual(['g3'])
    expect(await sids({})).toHaveLength(3)
    expect(await engine.read(() => find(deletedResources, { id: 'b', isEnded: true }))).toBeUndefined()
    expect(await engine.read(() => find(deletedResources, { isEnded: true }))).toMatchObject({ id: 'a' })
    expect(await engine.read(() => find(usedJtis, { jtiHash: jti }))).toMatchObject({ owner: 'o', jtiHash: jti })
    expect(await engine.read(() => find(usedJtis, { jtiHash: Buffer.from('other') }))).toBeUndefined()
  })
})

describe.each(ENGINES)('%s: insert, update, delete', (_name, open) => {
  /** A row of each kind of column, with what is easily lost: nulls, JSON null, nesting, emptiness, large numbers. */
  const ROWS: [Table, Record<string, unknown>][] = [
    [clients, { ...clientRow('app', { jwks: null, claims: { deep: [null, { a: '"' }] } }), key: 7 }],
    [clients, { ...clientRow('web', { jwks: { keys: [{ kty: 'EC' }] }, name: 'Web – ünï', scope: [] }), key: 8 }],
    [resources, { ...resourceRow('api'), scope: null, ownKeys: true, ttl: 0 }],
    [resources, { ...resourceRow('api2'), scope: ['a'], ownKeys: false, disabledAt: 1 }],
    [signingKeys, { ...keyOf('k'), signedUntil: Number.MAX_SAFE_INTEGER }],
    [grants, grantRow('g', { claims: {}, idleExpiresAt: null })],
    [usedJtis, { purpose: 'dpop_proof', owner: '', jtiHash: Buffer.from([0, 255]), expiresAt: -1 }],
    [settings, { name: 'issuer', value: '' }],
  ]

  const named = ROWS.map(([table, row]) => [table.name, table, row] as const)

  test.each(named)('a row of %s comes back as it was inserted', async (_, table, row) => {
    const { engine } = await open()
    await run(engine, () => insert(table, row))
    const key = Object.fromEntries(table.key.map((name) => [name, row[name]]))
    expect(await engine.read(() => find(table, key))).toEqual(row)
  })

  test('a table that makes its keys returns them and gives none twice', async () => {
    const { engine } = await open()
    const keyOfNew = (clientId: string) => run(engine, () => insert(clients, clientRow(clientId)))
    const first = await keyOfNew('app')
    expect(await engine.read(() => find(clients, { clientId: 'app' }))).toMatchObject({ key: first })
    await run(engine, () => remove(clients, { clientId: 'app' }))
    expect(await keyOfNew('app')).toBeGreaterThan(first)
  })

  test('inserting a row whose key is there rejects, and changes nothing', async () => {
    const { engine } = await open()
    await run(engine, () => insert(settings, { name: 'issuer', value: 'one' }))
    await expect(run(engine, () => insert(settings, { name: 'issuer', value: 'two' }))).rejects.toThrow(/unique/i)
    expect(await engine.read(() => find(settings, { name: 'issuer' }))).toMatchObject({ value: 'one' })
  })

  test('inserting if absent tells whether there was none', async () => {
    const { engine } = await open()
    const claim = (value: string) => run(engine, () => insertIfAbsent(settings, { name: 'issuer', value }))
    expect([await claim('one'), await claim('two')]).toEqual([true, false])
    expect(await engine.read(() => find(settings, { name: 'issuer' }))).toMatchObject({ value: 'one' })
  })

  test('update and delete touch the rows that are equal, and tell how many', async () => {
    const { engine } = await open()
    await run(engine, function* () {
      for (const [sid, sub] of [
        ['g1', 'alice'],
        ['g2', 'alice'],
        ['g3', 'bob'],
      ] as const)
        yield* insert(grants, grantRow(sid, { sub }))
    })
    const change = { endedAt: 9, endedReason: 'x', claims: { a: 1 }, idleExpiresAt: 5 }
    const first = await run(engine, () => update(grants, { sub: 'alice', endedAt: null }, change))
    const again = await run(engine, () => update(grants, { sub: 'alice', endedAt: null }, change))
    expect([first, again]).toEqual([2, 0])
    expect(await engine.read(() => find(grants, { sid: 'g1' }))).toEqual(grantRow('g1', change))
    expect(await engine.read(() => find(grants, { sid: 'g3' }))).toMatchObject({ endedAt: null })
    expect(await run(engine, () => update(grants, { sid: 'g1' }, { endedAt: null, idleExpiresAt: null }))).toBe(1)
    expect(await engine.read(() => find(grants, { sid: 'g1' }))).toMatchObject({ endedAt: null, idleExpiresAt: null })
    expect(await run(engine, () => remove(grants, { sub: 'alice' }))).toBe(2)
    expect((await engine.read(() => select(grants))).map(({ sid }) => sid)).toEqual(['g3'])
  })

  test('a column may be compared and changed in one update', async () => {
    const { engine } = await open()
    await run(engine, () => insert(keyReaders, reader('a', 1)))
    expect(await run(engine, () => update(keyReaders, { lastSeenAt: 1 }, { lastSeenAt: 2 }))).toBe(1)
    expect(await run(engine, () => update(keyReaders, { lastSeenAt: 1 }, { lastSeenAt: 3 }))).toBe(0)
    expect(await engine.read(() => find(keyReaders, { name: 'a' }))).toMatchObject({ lastSeenAt: 2 })
  })

  test('what belongs to a row goes with it', async () => {
    const { engine } = await open()
    const key = await run(engine, () => insert(clients, clientRow('app')))
    const secret = { ...secretOf('s'), kind: 'generated' } as const
    await run(engine, () => insert(clientSecrets, { ...secret, clientKey: key, position: 0 }))
    await run(engine, () => remove(clients, { clientId: 'app' }))
    expect(await engine.read(() => select(clientSecrets))).toEqual([])
    await expect(run(engine, () => insert(clientSecrets, { ...secret, clientKey: key, position: 0 }))).rejects.toThrow(
      /foreign key/i,
    )
  })
})

describe.each(ENGINES)('%s: tables that processes keep in memory', (_name, open) => {
  const KEPT = TABLES.filter((table: Table) => table.kept !== undefined).map(({ name }) => name)

  test('are the five that memory follows', () => {
    expect(KEPT.toSorted()).toEqual(['blacklist_entries', 'clients', 'master_keys', 'resources', 'signing_keys'])
  })

  const WRITES: [string, () => Act<unknown>, Change][] = [
    ['insert', () => insert(clients, clientRow('new')), { noun: 'client', id: 'new' }],
    ['insert', () => insert(resources, resourceRow('new')), { noun: 'resource', id: 'new' }],
    ['insert', () => insert(signingKeys, keyOf('new')), { noun: 'key', id: 'new' }],
    [
      'insert',
      () => insert(masterKeys, { id: 'new', createdAt: 1, currentSince: null, retiredAt: null }),
      { noun: 'key', id: 'new' },
    ],
    ['insert', () => insert(blacklistEntries, { ...entryRow('x'), id: 'new' }), { noun: 'blacklist', id: 'new' }],
    ['update', () => update(clients, { clientId: 'app' }, { name: 'x' }), { noun: 'client', id: 'app' }],
    ['update by another column', () => update(resources, { ttl: null }, { ttl: 9 }), { noun: 'resource', id: null }],
    ['delete', () => remove(resources, { id: 'api' }), { noun: 'resource', id: 'api' }],
  ]

  test.each(WRITES)('%s raises the revision and tells every process', async (_, write, change) => {
    const { engine, heard, again, revision } = await open()
    const other = await again()
    await run(engine, function* () {
      yield* insert(clients, clientRow('app'))
      yield* insert(resources, resourceRow('api'))
    })
    await other.engine.pollChanges()
    heard.length = other.heard.length = 0
    const before = await revision()
    await run(engine, write)
    expect(await revision()).toBeGreaterThan(before)
    expect(heard).toEqual([change])
    await other.engine.pollChanges()
    expect(other.heard).toEqual([change])
  })

  const EVERYTHING: Change[] = (['client', 'resource', 'key', 'blacklist'] as const).map((noun) => ({ noun, id: null }))

  test('a skip of revisions makes everybody read everything anew, and goes on behind it', async () => {
    const { engine, heard, revision } = await open()
    const before = await revision()
    await run(engine, () => tellBlacklistAnew(1000))
    expect(await revision()).toBe(before + 1000)
    expect(heard).toEqual(EVERYTHING)
    const entry = await run(engine, () => insert(blacklistEntries, entryRow('x')))
    expect(entry).toBe(before + 1001)
  })

  test('writes to other tables, quiet deletions and reservations make no news', async () => {
    const { engine, heard, revision } = await open()
    await run(engine, function* () {
      yield* insert(signingKeys, keyOf('k', { status: 'active' }))
      yield* insert(blacklistEntries, { ...entryRow('x'), id: 'e' })
    })
    heard.length = 0
    const before = await revision()
    await run(engine, function* () {
      yield* insert(grants, grantRow('g'))
      yield* insert(settings, { name: 'issuer', value: 'x' })
      yield* reserve('k', clock.at + HOUR)
      yield* removeQuietly(blacklistEntries, { id: 'e' })
    })
    expect(await engine.read(() => select(blacklistEntries))).toEqual([])
    expect(heard).toEqual([])
    expect(await revision()).toBe(before)
  })

  test('a stamped row takes the revision of each of its writes', async () => {
    const { engine, revision } = await open()
    const inserted = await run(engine, () => insert(blacklistEntries, { ...entryRow('x'), id: 'e' }))
    expect(await engine.read(() => find(blacklistEntries, { id: 'e' }))).toMatchObject({ revision: inserted })
    await run(engine, () => insert(resources, resourceRow('api')))
    await run(engine, () => update(blacklistEntries, { id: 'e' }, { removedAt: 5 }))
    const updated = await engine.read(() => find(blacklistEntries, { id: 'e' }))
    expect(updated).toMatchObject({ removedAt: 5, revision: await revision() })
    expect(updated?.revision).toBe(inserted + 2)
  })

  test('revisions are in the order of the writes, over all nouns and processes', async () => {
    const { engine, again, query } = await open()
    const other = await again()
    const written: number[] = []
    for (let index = 0; index < 10; index++) {
      const each = index % 2 ? engine : other.engine
      written.push(await run(each, () => insert(blacklistEntries, { ...entryRow('x'), id: `e${index}` })))
      await run(each, () => insert(resources, resourceRow(`r${index}`)))
    }
    expect(written).toEqual(written.toSorted((one, two) => one - two))
    expect(new Set(written).size).toBe(10)
    const revisions = await query('SELECT revision FROM changes ORDER BY revision')
    expect(revisions).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
  })
})

describe.each(ENGINES)('%s: a transaction', (name, open) => {
  test('an act that throws leaves nothing, its neighbours stay, and each result goes to its own caller', async () => {
    const { engine, heard, query } = await open()
    const failure = new Error('no')
    const act = (id: string, fails = false) =>
      run(engine, function* () {
        yield* insert(resources, resourceRow(id))
        yield* insert(settings, { name: `${id}-setting` as 'issuer', value: id })
        if (fails) throw failure
        return id
      })
    const results = await Promise.allSettled([act('a'), act('b', true), act('c'), act('d', true), act('e')])
    expect(results).toEqual([
      { status: 'fulfilled', value: 'a' },
      { status: 'rejected', reason: failure },
      { status: 'fulfilled', value: 'c' },
      { status: 'rejected', reason: failure },
      { status: 'fulfilled', value: 'e' },
    ])
    expect(await query('SELECT id FROM resources ORDER BY id')).toEqual(['a', 'c', 'e'])
    expect(await query('SELECT value FROM settings ORDER BY value')).toEqual(['a', 'c', 'e'])
    expect(heard.map(({ id }) => id).toSorted()).toEqual(['a', 'c', 'e'])
    // Revisions leave no gap, else others would read everything anew.
    expect(await query('SELECT revision FROM changes')).toEqual([1, 2, 3])
  })

  test('an act that the database refuses leaves nothing either', async () => {
    const { engine, query, revision } = await open()
    const act = run(engine, function* () {
      yield* insert(resources, resourceRow('a'))
      yield* insert(signingKeys, keyOf('k', { status: 'retired' }))
    })
    await expect(act).rejects.toThrow(/signing_keys_forgotten/)
    expect(await query('SELECT id FROM resources')).toEqual([])
    expect(await revision()).toBe(0)
  })

  test('an act sees its own writes, and nobody else does before the end', async () => {
    const { engine, query } = await open()
    const seen: unknown[] = []
    let outside: Promise<unknown[]> = Promise.resolve([])
    let isAnswered = false
    const deadline = performance.now() + 1000
    await run(engine, function* () {
      yield* insert(settings, { name: 'issuer', value: 'x' })
      seen.push((yield* find(settings, { name: 'issuer' }))?.value)
      outside = query('SELECT value FROM settings').finally(() => (isAnswered = true))
      outside.catch(() => {})
      // SQLite was asked at once. The other answer comes while this act goes on.
      const isOver = () => isAnswered || name === 'SQLite' || performance.now() > deadline
      while (!isOver()) yield* select(settings)
    })
    expect(seen).toEqual(['x'])
    expect(await outside).toEqual([])
    expect(await query('SELECT value FROM settings')).toEqual(['x'])
  })

  test('time in an act is the time of the clock then', async () => {
    const { engine } = await open()
    expect(await run(engine, time)).toBe(clock.at)
  })

  test('acts of two processes on the same rows take turns', async () => {
    const { engine, again } = await open()
    const other = await again()
    await run(engine, () => insert(keyReaders, reader('a', 0)))
    // As patient as an operator: on a busy machine so many turns take longer than a request may.
    const add = (each: Engine) =>
      each.act(
        function* () {
          const row = yield* find(keyReaders, { name: 'a' })
          yield* update(keyReaders, { name: 'a' }, { lastSeenAt: (row?.lastSeenAt ?? 0) + 1 })
        },
        'guarded',
        'operator',
      )
    await Promise.all(Array.from({ length: 40 }, (_, index) => add(index % 2 ? engine : other.engine)))
    expect(await engine.read(() => find(keyReaders, { name: 'a' }))).toMatchObject({ lastSeenAt: 40 })
  })

  // As guesses do: a right one removes the row that the next one makes anew.
  test.each(['free', 'guarded'] as const)('%s acts that make and remove one row take turns', async (kind) => {
    const { engine, again } = await open()
    const other = await again()
    const turn = (each: Engine) =>
      each.act(function* () {
        if (yield* find(keyReaders, { name: 'a' })) yield* remove(keyReaders, { name: 'a' })
        else yield* insert(keyReaders, reader('a', 0))
      }, kind)
    for (let round = 0; round < 12; round++)
      await Promise.all(Array.from({ length: 8 }, (_, index) => turn(index % 2 ? engine : other.engine)))
    expect(await engine.read(() => select(keyReaders))).toEqual([])
  })

  // A row that is inserted is not waited for, so the step behind it is the first that could tell of a failure.
  test.each(['free', 'guarded'] as const)('%s acts go on to read after a row that all of them insert', async (kind) => {
    const { engine, again } = await open()
    const other = await again()
    const count = (each: Engine, key: string) =>
      each.act(function* () {
        const before = yield* find(keyReaders, { name: key })
        if (before) yield* update(keyReaders, { name: key }, { lastSeenAt: before.lastSeenAt + 1 })
        else yield* insert(keyReaders, reader(key, 1))
        yield* select(keyReaders, { limit: 1 })
      }, kind)
    for (const key of 'abcdefgh')
      await Promise.all(Array.from({ length: 8 }, (_, index) => count(index % 2 ? engine : other.engine, key)))
    expect((await engine.read(() => select(keyReaders))).map(({ lastSeenAt }) => lastSeenAt)).toEqual(
      Array<number>(8).fill(8),
    )
  })

  test.each(['free', 'guarded'] as const)('%s acts that ask to be alone follow each other', async (kind) => {
    const { engine, again } = await open()
    const other = await again()
    const addFirst = (each: Engine, key: string) =>
      each.act(function* () {
        yield* alone()
        if ((yield* select(keyReaders)).length === 0) yield* insert(keyReaders, reader(key, 0))
      }, kind)
    await Promise.all(Array.from({ length: 8 }, (_, index) => addFirst(index % 2 ? engine : other.engine, `r${index}`)))
    expect(await engine.read(() => select(keyReaders))).toHaveLength(1)
  })
})

describe.each(ENGINES)('%s: what an act leaves for its end', (_name, open) => {
  test('is done at the time of then, after all else, and with it or not at all', async () => {
    const { engine } = await open()
    const began = clock.at
    const act = (id: string, fails: boolean): (() => Act<number>) =>
      function* () {
        yield* atEnd(function* () {
          yield* insert(keyReaders, reader(`${id} late`, yield* time()))
          if (fails) throw new Error('no')
        })
        yield* insert(keyReaders, reader(id, yield* time()))
        expect(yield* find(keyReaders, { name: `${id} late` })).toBeUndefined()
        clock.pass(HOUR)
        return yield* time()
      }
    await expect(run(engine, act('a', true))).rejects.toThrow('no')
    expect(await engine.read(() => select(keyReaders))).toEqual([])
    await run(engine, act('b', false))
    const rows = await engine.read(() => select(keyReaders, { orderBy: 'name' }))
    expect(rows).toEqual([reader('b', began + HOUR), reader('b late', began + 2 * HOUR)])
  })

  test('dates a denial up to now: other processes issue tokens by the state before until the act commits', async () => {
    const { engine } = await open()
    const began = clock.at
    const origin = { cause: 'client_deleted', by: BY_SYSTEM } as const
    await run(engine, function* () {
      yield* addDenials((moment) => [
        denyUpToNow('client_id', 'gone', { heardLate: true }, origin, moment),
        denyAndRefuse('client_id', 'gone', null, origin, moment),
      ])
      // What refuses new tokens stands at once: what is done later in the act may lift it again.
      expect(yield* select(blacklistEntries)).toMatchObject([{ refusesNew: true }])
      clock.pass(HOUR)
    })
    const [, upToNow] = await engine.read(() => select(blacklistEntries, { orderBy: 'revision' }))
    expect(upToNow).toMatchObject({ refusesNew: false, issuedBefore: began + HOUR + 1000 })
  })
})
