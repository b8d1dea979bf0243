/** Settings of the database; the time that was believed is one of them. */
import type { Instant } from '../../ground/clock.ts'
import { find, insert, insertIfAbsent, remove, select, time, update, type Act, type Engine } from '../engine.ts'
import type { SettingName } from '../records/facts.ts'
import type { Store } from '../store.ts'
import { auditEvents, settings } from '../tables/service.ts'

type Verbs = Pick<Store, 'findSetting' | 'claimSetting' | 'noteTime' | 'believedTime' | 'newestEventAt'>

export const settingVerbs = (engine: Engine): Verbs => ({
  findSetting: (name) =>
    engine.read(function* () {
      return (yield* find(settings, { name }))?.value
    }),
  claimSetting: (name, value) => engine.act(() => claim(name, value), 'free'),
  noteTime: (mayNote) =>
    engine.act(function* () {
      const now = yield* time()
      if (mayNote()) yield* put('believed_time', String(now))
    }, 'free'),
  believedTime: () => engine.read(believedTime),
  newestEventAt: () => engine.read(newestEventAt),
})

function* claim(name: SettingName, value: string): Act<string> {
  yield* insertIfAbsent(settings, { name, value })
  return (yield* find(settings, { name }))?.value ?? value
}

function* believedTime(): Act<Instant | undefined> {
  const noted = yield* find(settings, { name: 'believed_time' })
  return noted ? Number(noted.value) : yield* newestEventAt()
}

function* newestEventAt(): Act<Instant | undefined> {
  const [event] = yield* select(auditEvents, { orderBy: 'id', descending: true, limit: 1 })
  return event?.at
}

/** @param value `undefined` takes the setting away */
export function* put(name: SettingName, value: string | undefined): Act<void> {
  if (value === undefined) yield* remove(settings, { name })
  else if ((yield* update(settings, { name }, { value })) === 0) yield* insert(settings, { name, value })
}
