/** Acts on one table each: settings of the database, one-time ids, and who reads the key set. */
import { createHash } from 'node:crypto'
import type { Instant } from '../../ground/clock.ts'
import { find, insert, insertIfAbsent, remove, select, time, update, type Act, type Engine } from '../engine.ts'
import type { SettingName } from '../records/facts.ts'
import type { KeyReader } from '../records/key.ts'
import type { Store } from '../store.ts'
import { deletedClients } from '../tables/clients.ts'
import { grants } from '../tables/grants.ts'
import { keyReaders } from '../tables/keys.ts'
import { consents } from '../tables/people.ts'
import { auditEvents, settings, usedJtis } from '../tables/service.ts'

/** Callers choose their user agent freely, so the table is bounded. */
const MOST_READERS = 1000

type Verbs = Pick<
  Store,
  'findSetting' | 'claimSetting' | 'noteTime' | 'newestTime' | 'consumeJti' | 'noteReaders' | 'listReaders'
>

export const smallVerbs = (engine: Engine): Verbs => ({
  findSetting: (name) =>
    engine.read(function* () {
      return (yield* find(settings, { name }))?.value
    }),
  claimSetting: (name, value) => engine.act(() => claim(name, value), 'free'),
  noteTime: () =>
    engine.act(function* () {
      yield* put('believed_time', String(yield* time()))
    }, 'free'),
  newestTime: () => engine.read(newestTime),
  // The primary key decides which caller was first, across all processes.
  consumeJti: (purpose, owner, jti, expiresAt) => {
    const row = { purpose, owner, jtiHash: createHash('sha256').update(jti).digest(), expiresAt }
    return engine.act(function* () {
      return (yield* insertIfAbsent(usedJtis, row)) ? 'fresh' : 'replayed'
    }, 'free')
  },
  noteReaders: (readers) => engine.act(() => noteReaders(readers), 'free'),
  listReaders: () => engine.read(() => select(keyReaders, { orderBy: 'lastSeenAt', descending: true })),
})

function* claim(name: SettingName, value: string): Act<string> {
  yield* insertIfAbsent(settings, { name, value })
  return (yield* find(settings, { name }))?.value ?? value
}

function* newestTime(): Act<Instant | undefined> {
  const noted = yield* find(settings, { name: 'believed_time' })
  if (noted) return Number(noted.value)
  const [event] = yield* select(auditEvents, { orderBy: 'id', descending: true, limit: 1 })
  return event?.at
}

/** @param value `undefined` takes the setting away */
export function* put(name: SettingName, value: string | undefined): Act<void> {
  if (value === undefined) yield* remove(settings, { name })
  else if ((yield* update(settings, { name }, { value })) === 0) yield* insert(settings, { name, value })
}

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

/**
 * Deletes grants of one deleted client, and consents to it; forgets the client when none are left.
 * @returns how many went of the kind of which more went
 */
export function* sweepDeletedClient(limit: number): Act<number> {
  const [client] = yield* select(deletedClients, { limit: 1 })
  if (!client) return 0
  const { clientKey } = client
  const doomed = yield* select(grants, { where: { clientKey }, orderBy: 'sid', limit })
  for (const { sid } of doomed) yield* remove(grants, { sid })
  const given = yield* select(consents, { where: { clientKey }, orderBy: 'userId', limit })
  for (const { userId } of given) yield* remove(consents, { userId, clientKey })
  const most = Math.max(doomed.length, given.length)
  if (most < limit) yield* remove(deletedClients, { clientKey })
  return most
}
