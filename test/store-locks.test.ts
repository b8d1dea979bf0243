/**
 * A steady stream of guarded acts (src/store/engine.ts) holds off no exclusive act: a denial, an update of a client or a
 * rotation of keys. Rows that a test has locked keep acts in their transactions, so the order is made by locks alone.
 *
 * Not again on PostgreSQL: it opens one itself.
 */
import { describe, expect, test } from 'vitest'
import { record } from '../src/store/acts/audit.ts'
import { find, insert, update, type Engine } from '../src/store/engine.ts'
import { blacklistEntries } from '../src/store/tables/blacklist.ts'
import { keyReaders } from '../src/store/tables/keys.ts'
import { startProxy } from './support/database-proxy.ts'
import { hasPostgres } from './support/postgres.ts'
import { eventOf } from './support/store-records.ts'
import { ENGINES, entryRow, openPostgres, run, type OpenEngine } from './support/store-engine.ts'

const onPostgres = ENGINES.filter(([name]) => name === 'PostgreSQL')

interface Held {
  /** Lets the act end that waits for this row. */
  release(): Promise<void>
  /** Whether the denial stood in the state that the act saw. */
  sawDenial: Promise<boolean>
}

/** Acts that wait for a lock, and which other acts they wait for. */
class Waiting {
  readonly #query: OpenEngine['query']
  readonly #known: number[] = []

  constructor({ query }: OpenEngine) {
    this.#query = query
  }

  /** The session of an act that was just asked for, as soon as it waits. */
  async next(): Promise<number> {
    for (;;) {
      const waiting = await this.#query(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      )
      const found = waiting.map(Number).find((pid) => !this.#known.includes(pid))
      if (found === undefined) continue
      this.#known.push(found)
      return found
    }
  }

  async for(session: number): Promise<number[]> {
    return (await this.#query(`SELECT unnest(pg_blocking_pids(${session}))`)).map(Number)
  }
}

const deny = (engine: Engine) => engine.act(() => insert(blacklistEntries, entryRow('x')), 'exclusive', 'operator')

/** A guarded act that stays in its transaction until it is released. */
async function holdOpen({ hold }: OpenEngine, engine: Engine, name: string): Promise<Held> {
  const release = await hold(`SELECT 1 FROM key_readers WHERE name = '${name}' FOR UPDATE`)
  const act = function* () {
    yield* update(keyReaders, { name }, { lastSeenAt: 1 })
    return (yield* find(blacklistEntries, { value: 'x' })) !== undefined
  }
  return { release, sawDenial: engine.act(act, 'guarded', 'operator') }
}

async function openWithReaders(open: () => Promise<OpenEngine>, names: string[]): Promise<OpenEngine> {
  const opened = await open()
  await run(opened.engine, function* () {
    for (const name of names) yield* insert(keyReaders, { name, lastSeenAt: 0, knowsUntil: 0 })
  })
  return opened
}

describe.each(onPostgres)('%s: an exclusive act', (_name, open) => {
  test('comes before the guarded acts of all processes that are asked for after it', async () => {
    const first = await openWithReaders(open, ['a', 'b', 'c'])
    const [second, third] = [await first.again(), await first.again()]
    const waiting = new Waiting(first)
    const before = await holdOpen(first, first.engine, 'a')
    await waiting.next()
    const denied = deny(second.engine)
    const denial = await waiting.next()
    const after: Held[] = []
    for (const [{ engine }, name] of [
      [first, 'b'],
      [third, 'c'],
    ] as const) {
      after.push(await holdOpen(first, engine, name))
      expect(await waiting.for(await waiting.next())).toContain(denial)
    }
    await before.release()
    // The rows of the later acts are still locked, so nothing but the denial can end.
    await denied
    for (const { release } of after) await release()
    const saw = await Promise.all([before, ...after].map(({ sawDenial }) => sawDenial))
    expect(saw).toEqual([false, true, true])
  })

  test('comes before the guarded acts that wait for a connection of its own process', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
    const first = await openWithReaders(open, names)
    const waiting = new Waiting(first)
    const held: Held[] = []
    for (const name of names) held.push(await holdOpen(first, first.engine, name))
    // The pool has four connections, and leaves one to reads.
    for (let inside = 0; inside < 3; inside++) await waiting.next()
    const denied = deny(first.engine)
    const saw = Promise.all(held.map(({ sawDenial }) => sawDenial))
    for (const { release } of held.slice(0, 3)) await release()
    await denied
    for (const { release } of held.slice(3)) await release()
    expect((await saw).slice(0, 3)).toEqual([false, false, false])
    expect((await saw).slice(4)).toEqual([true, true, true])
  })
})

describe.each(onPostgres)('%s: a free act', (_name, open) => {
  test('cannot ask whether its actor may still act', async () => {
    const { engine } = await openWithReaders(open, [])
    const event = { ...eventOf('act', 'target'), judge: () => {} }
    await expect(engine.act(() => record(event), 'free')).rejects.toThrow(/a free act asks memory/)
    await engine.act(() => record(event))
  })
})

/** An act that writes readers in this order. */
const writing = (engine: Engine, names: string[]) =>
  engine.act(function* () {
    for (const name of names) yield* update(keyReaders, { name }, { lastSeenAt: 1 })
  })

describe.each(onPostgres)('%s: acts that wait for each other', (_name, open) => {
  test('part before the server has to end one of them', async () => {
    const first = await openWithReaders(open, ['a', 'b', 'gate'])
    const second = await first.again()
    const waiting = new Waiting(first)
    const release = await first.hold("SELECT 1 FROM key_readers WHERE name = 'gate' FOR SHARE")
    const acts = [writing(first.engine, ['a', 'gate', 'b']), writing(second.engine, ['b', 'gate', 'a'])]
    // A busy machine may leave an act no time. Then its refusal is right, too.
    const over = Promise.allSettled(acts)
    for (const _act of acts) await waiting.next()
    await release()
    await over
    // Connections tell the server what they have counted at their end at the latest.
    await Promise.all([first.engine.close(), second.engine.close()])
    expect(await first.query('SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()')).toEqual([0])
  })
})

/** A database to which LOCK TABLE is a syntax error, as it is to some that speak like PostgreSQL. */
const withoutTableLocks = () =>
  openPostgres(async (port) => {
    const withoutLock = (bytes: Buffer) =>
      Buffer.from(bytes.toString('latin1').replaceAll(/LOCK TABLE/g, 'LOCK TIBLE'), 'latin1')
    return (await startProxy(port, withoutLock)).port
  })

describe.runIf(hasPostgres)('a database that locks no tables', () => {
  test('has the row of the revision as the lock: an exclusive act waits for guarded ones', async () => {
    const first = await openWithReaders(withoutTableLocks, ['a'])
    const second = await first.again()
    const waiting = new Waiting(first)
    const held = await holdOpen(first, first.engine, 'a')
    const guarded = await waiting.next()
    const denied = deny(second.engine)
    expect(await waiting.for(await waiting.next())).toEqual([guarded])
    await held.release()
    await denied
    expect(await held.sawDenial).toBe(false)
  })
})
