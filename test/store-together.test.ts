/**
 * Acts that run together in one transaction (`together` in src/store/engine.ts).
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { alone, find, insert, select, time, together, update, type Act, type Engine } from '../src/store/engine.ts'
import { keyReaders } from '../src/store/tables/keys.ts'
import { settings } from '../src/store/tables/service.ts'
import { ENGINES, run } from './support/store-engine.ts'
import { clock } from './support/store-records.ts'

const reader = (name: string, lastSeenAt = 0) => ({ name, lastSeenAt, knowsUntil: 0 })
const readers = (engine: Engine) => engine.read(() => select(keyReaders, { orderBy: 'name' }))

/** No compression makes it fit into an index. */
const TOO_LONG = randomBytes(6000).toString('base64')

describe.each(ENGINES)('%s: acts that run together', (name, open) => {
  test('give each its result, in their order, whatever each of them takes', async () => {
    const { engine } = await open()
    function* twice(id: string): Act<number> {
      yield* insert(keyReaders, reader(id, 1))
      const changed = yield* update(keyReaders, { name: id }, { lastSeenAt: 2 })
      return changed + ((yield* find(keyReaders, { name: id }))?.lastSeenAt ?? 0)
    }
    const results = await run(engine, () => together(twice('a'), time(), together(twice('b'), twice('c'))))
    expect(results).toEqual([3, clock.at, [3, 3]])
    expect(await readers(engine)).toEqual([reader('a', 2), reader('b', 2), reader('c', 2)])
  })

  test('read in a read, and write in none', async () => {
    const { engine } = await open()
    await run(engine, () => insert(keyReaders, reader('a')))
    const both = await engine.read(() => together(find(keyReaders, { name: 'a' }), find(keyReaders, { name: 'b' })))
    expect(both).toEqual([reader('a'), undefined])
    const writing = () => together(find(keyReaders, { name: 'a' }), together(insert(keyReaders, reader('b'))))
    await expect(engine.read(writing)).rejects.toThrow('a read takes no insert')
    expect(await readers(engine)).toEqual([reader('a')])
  })

  test('leave nothing if one of them fails, and its failure is the one that is told', async () => {
    const { engine } = await open()
    function* many(ids: string[]): Act<void> {
      for (const id of ids) {
        yield* insert(keyReaders, reader(id))
        yield* select(keyReaders)
      }
    }
    function* failing(): Act<void> {
      yield* insert(settings, { name: 'issuer', value: 'x' })
      throw new Error('no')
    }
    await expect(run(engine, () => together(many(['a', 'b', 'c', 'd']), failing()))).rejects.toThrow('no')
    expect(await readers(engine)).toEqual([])
    expect(await engine.read(() => select(settings))).toEqual([])
    // The connection is good for the next act.
    await run(engine, () => together(many(['a']), many(['b'])))
    expect(await readers(engine)).toHaveLength(2)
  })

  test('begin again as an exclusive act if one of them has to be alone', async () => {
    const { engine } = await open()
    await run(engine, () => together(insert(keyReaders, reader('a')), alone(), insert(keyReaders, reader('b'))))
    expect(await readers(engine)).toHaveLength(2)
  })

  if (name === 'PostgreSQL')
    test('tell the refusal of the database, and not that the transaction was over for the others', async () => {
      const { engine } = await open()
      function* late(): Act<void> {
        yield* select(settings)
        yield* select(settings)
      }
      const refused: unknown = await run(engine, function* () {
        yield* insert(keyReaders, reader('x'))
        yield* together(late(), update(keyReaders, { name: 'x' }, { name: TOO_LONG }), late())
      }).catch((error: unknown) => error)
      expect(refused).toMatchObject({ code: 'invalid_request', status: 400 })
      expect(await readers(engine)).toEqual([])
    })
})
