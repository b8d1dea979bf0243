/**
 * Faults of a database across the network, told by their true cause (src/store/postgres/failures.ts).
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { OAuthError, Unavailable } from '../src/ground/errors.ts'
import { insert, rotate, select } from '../src/store/engine.ts'
import type { RotationRule } from '../src/store/records/rotation.ts'
import { clients } from '../src/store/tables/clients.ts'
import { grants } from '../src/store/tables/grants.ts'
import { keyReaders } from '../src/store/tables/keys.ts'
import { settings } from '../src/store/tables/service.ts'
import { ENGINES, clientRow, grantRow, run } from './support/store-engine.ts'

const onPostgres = ENGINES.filter(([name]) => name === 'PostgreSQL')

describe.each(onPostgres)('%s: connections that are all in use', (_name, open) => {
  test('are the reason that a request gets, and an operator waits for the next one', async () => {
    const { engine, hold } = await open()
    const release = await hold('LOCK TABLE key_readers IN ACCESS EXCLUSIVE MODE')
    const users = Array.from({ length: 4 }, () => engine.read(() => select(keyReaders), 'operator'))
    const operator = engine.read(() => select(settings), 'operator')
    for (let each = 0; each < 3; each++) {
      const refused: unknown = await engine.read(() => select(settings)).catch((error: unknown) => error)
      expect(refused).toBeInstanceOf(Unavailable)
      expect(String(refused)).toMatch(/all connections are in use/)
    }
    await release()
    expect(await Promise.all([...users, operator])).toHaveLength(5)
  })
})

describe.each(onPostgres)('%s: a value beyond a limit of the database', (_name, open) => {
  /** No compression makes it fit into an index. */
  const tooLong = randomBytes(6000).toString('base64')
  const reader = (name: string) => ({ name, lastSeenAt: 0, knowsUntil: 0 })

  test('is a refusal that repeats nothing of it, and writes nothing', async () => {
    const { engine } = await open()
    const writing = run(engine, function* () {
      yield* insert(keyReaders, reader('short'))
      yield* insert(keyReaders, reader(tooLong))
    })
    const refused: unknown = await writing.catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'invalid_request', status: 400 })
    expect(String(refused)).not.toContain(tooLong.slice(0, 9))
    expect(await engine.read(() => select(keyReaders))).toEqual([])
  })

  test('of one refresh is its own refusal, and the others of its batch are written', async () => {
    const { engine, hold } = await open()
    await run(engine, function* () {
      yield* insert(clients, { ...clientRow('app'), key: 1 })
      for (const sid of ['a', 'b', 'c']) yield* insert(grants, grantRow(sid))
    })
    await (
      await hold('CREATE INDEX renewed ON grants (master_key_id)')
    )()
    const renew =
      (masterKeyId: string): RotationRule =>
      () => ({ act: 'rotate', idleExpiresAt: null, accessExpiresAt: 1, masterKeyId })
    const use = (sid: string, masterKeyId: string) => run(engine, () => rotate(sid, renew(masterKeyId)))
    const outcomes = await Promise.allSettled([use('a', 'k'), use('b', tooLong), use('c', 'k')])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(outcomes[1]).toMatchObject({ reason: expect.any(OAuthError) as unknown })
  })
})
