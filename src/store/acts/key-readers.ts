/** The programs that read the key set, and the time until which each knows the keys. */
import { find, insert, remove, select, update, type Act, type Engine } from '../engine.ts'
import type { KeyReaderStore } from '../key-store.ts'
import type { KeyReader } from '../records/key.ts'
import { keyReaders } from '../tables/keys.ts'

/** Callers choose their user agent freely, so the table is bounded. */
const MOST_READERS = 1000

export const keyReaderVerbs = (engine: Engine): KeyReaderStore => ({
  noteReaders: (readers) => engine.act(() => noteReaders(readers), 'free'),
  listReaders: () => engine.read(() => select(keyReaders, { orderBy: 'lastSeenAt', descending: true })),
})

/** Several processes note the same reader. The later of two times is kept. */
function* noteReaders(readers: KeyReader[]): Act<void> {
  for (const { name, lastSeenAt, knowsUntil } of readers) {
    const known = yield* find(keyReaders, { name })
    if (!known) yield* insert(keyReaders, { name, lastSeenAt, knowsUntil })
    else {
      const seen = {
        lastSeenAt: Math.max(known.lastSeenAt, lastSeenAt),
        knowsUntil: Math.max(known.knowsUntil, knowsUntil),
      }
      yield* update(keyReaders, { name }, seen)
    }
  }
  const all = yield* select(keyReaders, { orderBy: 'lastSeenAt', descending: true })
  for (const { name } of all.slice(MOST_READERS)) yield* remove(keyReaders, { name })
}
