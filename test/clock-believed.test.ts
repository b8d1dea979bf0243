/**
 * A clock is believed when it has run evenly, or goes on from a time on record. What cannot be undone waits for that. Tokens
 * under a clock that jumps are in clock.test.ts.
 */
import { describe, expect, onTestFinished, test } from 'vitest'
import { BY_SYSTEM } from '../src/audit.ts'
import { Blacklist } from '../src/blacklist/match.ts'
import { openDatabase } from '../src/database.ts'
import { checkClock } from '../src/doctor/clock.ts'
import { readConfig } from '../src/index.ts'
import { wireIssuer } from '../src/issuer.ts'
import { sweep, warnOfClockBehind } from '../src/service/housekeeping.ts'
import { openStore } from '../src/store/open.ts'
import type { Store } from '../src/store/store.ts'
import type { MovableClock } from '../harness/clock.ts'
import { startAdministered, until } from './support/admin.ts'
import { decidingClock } from './support/deciding-clock.ts'
import { environmentOf, rememberingLog, startTestIssuer, temporaryFolder } from './support/issuer.ts'
import { hasPostgres, newDatabase } from './support/postgres.ts'
import { newFile } from './support/store-places.ts'
import { DAY, HOUR, MINUTE, SECOND, SHARED_ES256, START, addEntry, entryOf } from './support/store-records.ts'

const opened = async (url: string, clock: MovableClock): Promise<Store> => {
  const store = await openStore(url, { clock, poolSize: 4 })
  onTestFinished(() => store.close())
  return store
}

const URLS: [string, () => Promise<string>][] = [
  ['SQLite', async () => `file:${newFile()}`],
  ...(hasPostgres ? ([['PostgreSQL', newDatabase]] satisfies [string, () => Promise<string>][]) : []),
]

describe.each(URLS)('on %s', (_, newUrl) => {
  test('a clock that is set back is noticed, and time goes on evenly from where it was', async () => {
    const clock = decidingClock(START)
    const store = await opened(await newUrl(), clock)
    clock.advance(600)
    store.time.look()
    const before = store.now()
    clock.jump(-3600)
    await store.pollChanges()
    expect(store.now()).toBe(before)
    expect(store.time.look()).toEqual({ byMs: -HOUR, behindMs: HOUR })
    for (let passed = 60; passed <= 300; passed += 60) {
      clock.advance(60)
      await store.pollChanges()
      expect(store.now()).toBe(before + passed * SECOND)
    }
    await store.noteTime(() => true)
    expect(await store.believedTime()).toBe(before + 300 * SECOND)
  })

  test('a clock that is set forward and put right again leaves no trace', async () => {
    const clock = decidingClock(START)
    const store = await opened(await newUrl(), clock)
    clock.advance(600)
    const before = store.now()
    clock.jump(3600)
    await store.pollChanges()
    expect([store.now(), store.time.isBelieved()]).toEqual([before + HOUR, false])
    store.time.look()
    clock.jump(-3600)
    await store.pollChanges()
    expect(store.now()).toBe(before)
  })

  test('a start that is 60 days ahead and corrected soon follows the clock, and ends nothing', async () => {
    const clock = decidingClock(START)
    const url = await newUrl()
    const ends = { expiresAt: START + DAY, deniesUntil: START + DAY }
    await addEntry(await opened(url, clock), entryOf('jti', 'denied', ends))

    const boot = decidingClock(START + 60 * DAY)
    const store = await opened(url, boot)
    const memory = await Blacklist.open(store)
    boot.advance(20)
    store.time.look()
    memory.prune()
    boot.jump((-60 * DAY) / SECOND)
    await store.pollChanges()
    expect(store.time.look()).toEqual({ byMs: -60 * DAY, behindMs: 0 })
    expect([store.now(), store.time.isBelieved()]).toEqual([START + 20 * SECOND, false])
    const token = { jti: 'denied', sub: 'ada', client_id: 'shop', iat: START / SECOND }
    expect(memory.findDenying(token)).toBeDefined()
    boot.advance(601)
    store.time.look()
    await store.noteTime(() => store.time.isBelieved())
    expect(await store.believedTime()).toBe(START + 621 * SECOND)
    await store.sweep(100, 0, () => store.time.isBelieved())
    memory.prune()
    expect(memory.findDenying(token)).toBeDefined()
    expect(await store.listBlacklist({ limit: 9 })).toHaveLength(1)
  })

  test('a clock that is set far back is not followed, and until a restart nothing is ended', async () => {
    const clock = decidingClock(START)
    const url = await newUrl()
    const store = await opened(url, clock)
    clock.advance(600)
    store.time.look()
    for (const [byMs, isBelieved] of [
      [-9 * MINUTE, true],
      [-2 * MINUTE, false],
    ] as const) {
      const before = store.now()
      clock.jump(byMs / SECOND)
      await store.pollChanges()
      store.time.look()
      clock.advance(1200)
      store.time.look()
      expect([store.now(), store.time.isBelieved()]).toEqual([before + 1200 * SECOND, isBelieved])
    }
  })

  test('a jump in the middle of a sweep stops it, and of a note as well', async () => {
    const clock = decidingClock(START)
    const store = await opened(await newUrl(), clock)
    await addEntry(store, entryOf('jti', 'denied', { expiresAt: START + DAY, deniesUntil: START + DAY }))
    clock.advance(600)
    store.time.look()
    const sweeping = sweep(
      {
        store: {
          ...store,
          now: () => store.now(),
          time: store.time,
          async sweep(...needs) {
            clock.jump((30 * DAY) / SECOND)
            await store.pollChanges()
            return store.sweep(...needs)
          },
        },
        config: { auditRetentionSeconds: 0 },
      },
      new AbortController().signal,
    )
    await sweeping
    const noted = await store.believedTime()
    await store.noteTime(() => store.time.isBelieved())
    expect(await store.believedTime()).toBe(noted)
    clock.jump((-30 * DAY) / SECOND)
    await store.pollChanges()
    expect(await store.listBlacklist({ limit: 9 })).toHaveLength(1)
  })

  test('what a start of eleven wrong minutes has swept was over for a day, so a denial stands again', async () => {
    const clock = decidingClock(START)
    const url = await newUrl()
    const right = await opened(url, clock)
    await addEntry(
      right,
      entryOf('jti', 'denied', { expiresAt: START + 16 * MINUTE, deniesUntil: START + 16 * MINUTE }),
    )

    const ahead = decidingClock(START + HOUR)
    const wrong = await opened(url, ahead)
    const memory = await Blacklist.open(wrong)
    ahead.advance(660)
    wrong.time.look()
    expect(wrong.time.isBelieved()).toBe(true)
    await wrong.sweep(100, 0, () => true)
    memory.prune()
    expect(memory.size).toBe(0)

    const token = { jti: 'denied', sub: 'ada', client_id: 'shop', iat: START / SECOND }
    expect((await Blacklist.open(await opened(url, clock))).findDenying(token)).toBeDefined()
    ahead.advance((2 * DAY) / SECOND)
    expect(await wrong.sweep(100, 0, () => true)).toBeGreaterThan(0)
    expect((await Blacklist.open(await opened(url, clock))).findDenying(token)).toBeUndefined()
  })

  test('memory forgets what has ended only in a time that is believed, and reads it no more after that', async () => {
    const clock = decidingClock(START)
    const url = await newUrl()
    const store = await opened(url, clock)
    await addEntry(store, entryOf('jti', 'denied', { expiresAt: START + MINUTE, deniesUntil: START + MINUTE }))
    const memory = await Blacklist.open(store)
    clock.jump(3600)
    await store.pollChanges()
    memory.prune()
    expect(memory.size).toBe(1)
    clock.advance(600)
    store.time.look()
    clock.advance(600)
    memory.prune()
    expect(memory.size).toBe(0)
    expect((await Blacklist.open(store)).size).toBe(0)
  })
})

/** A process on the database of this run, as a server or a command opens it. */
async function openAs(clock: MovableClock, folder: string) {
  const config = readConfig(environmentOf(folder))
  const { log } = rememberingLog()
  const open = await openDatabase(config, { clock, log, isNewWanted: true })
  onTestFinished(() => open.store.close())
  return { open, config, log }
}

test('a start goes on from the time on record; a start far ahead of it, or behind, waits ten minutes', async () => {
  const folder = temporaryFolder()
  const isBelieved = async (clock: MovableClock) => (await openAs(clock, folder)).open.store.time.isBelieved()
  const clock = decidingClock(START)
  const { store } = (await openAs(clock, folder)).open
  // Nothing is on record that the first start could end.
  expect(store.time.isBelieved()).toBe(true)
  clock.advance(600)
  await store.noteTime(() => true)
  expect(await isBelieved(clock)).toBe(true)
  for (const wrong of [-HOUR, HOUR, 7 * DAY, 73 * 365 * DAY]) {
    const other = decidingClock(clock.now() + wrong)
    expect(await isBelieved(other), `${wrong} ms`).toBe(false)
  }
})

test('a scheduled rotation that was begun before the clock jumped promotes nothing, and nothing is retired', async () => {
  const clock = decidingClock(START)
  const { open, config, log } = await openAs(clock, temporaryFolder())
  const issuer = await wireIssuer(open, 'http://localhost', config, { log })
  onTestFinished(() => issuer.finish())
  const statuses = async () => (await open.store.listKeys()).map(({ status }) => status).toSorted()
  clock.advance(600)
  await issuer.rotation.rotate(SHARED_ES256, 'requested', BY_SYSTEM)
  const before = await statuses()
  clock.jump((400 * DAY) / SECOND)
  await open.store.pollChanges()
  expect(await issuer.rotation.rotate(SHARED_ES256, 'scheduled', BY_SYSTEM)).toMatchObject({ outcome: 'refused' })
  expect(await issuer.rotation.retire(60)).toEqual([])
  expect(await statuses()).toEqual(before)

  open.store.time.look()
  clock.advance(600)
  expect(await issuer.rotation.retire(60)).toHaveLength(1)
  expect(await issuer.rotation.rotate(SHARED_ES256, 'scheduled', BY_SYSTEM)).toMatchObject({ outcome: 'promoted' })
})

test('keys that a clock has dated ahead rotate again, once caches know them by the clock that is right', async () => {
  const folder = temporaryFolder()
  const ahead = decidingClock(START + 400 * DAY)
  const wrong = await openAs(ahead, folder)
  const before = await wireIssuer(wrong.open, 'http://localhost', wrong.config, { log: wrong.log })
  ahead.advance(60)
  await before.rotation.rotate(SHARED_ES256, 'requested', BY_SYSTEM)
  await before.finish()

  const clock = decidingClock(START)
  const { open, config, log } = await openAs(clock, folder)
  const issuer = await wireIssuer(open, 'http://localhost', config, { log })
  onTestFinished(() => issuer.finish())
  expect(await issuer.rotation.redate()).toEqual([])
  clock.advance(600)
  // Two keys of the algorithm that has rotated, and two of the other.
  expect(await issuer.rotation.redate()).toHaveLength(4)
  const corrected = clock.now()
  expect(await issuer.rotation.redate()).toEqual([])
  const refused = await issuer.rotation.rotate(SHARED_ES256, 'requested', BY_SYSTEM)
  expect(refused).toMatchObject({ outcome: 'refused', safeFrom: corrected + DAY })
  clock.advance(DAY / SECOND)
  expect(await issuer.rotation.rotate(SHARED_ES256, 'requested', BY_SYSTEM)).toMatchObject({ outcome: 'promoted' })
  expect(issuer.rotation.due(SHARED_ES256)).toBe(clock.now() + config.keyRotationSeconds * SECOND)
})

test('a retiring key that is dated ahead costs no write', async () => {
  const folder = temporaryFolder()
  const ahead = decidingClock(START + 400 * DAY)
  const wrong = await openAs(ahead, folder)
  const before = await wireIssuer(wrong.open, 'http://localhost', wrong.config, { log: wrong.log })
  for (let rotations = 0; rotations < 2; rotations++) {
    ahead.advance((2 * DAY) / SECOND)
    await before.rotation.rotate(SHARED_ES256, 'requested', BY_SYSTEM)
  }
  await before.finish()

  const clock = decidingClock(START)
  const { open, config, log } = await openAs(clock, folder)
  const asked: string[] = []
  const { redateKeys } = open.store
  open.store.redateKeys = (...needs) => {
    asked.push('redate')
    return redateKeys(...needs)
  }
  const issuer = await wireIssuer(open, 'http://localhost', config, { log })
  onTestFinished(() => issuer.finish())
  clock.advance(600)
  expect(await issuer.rotation.redate()).not.toEqual([])
  for (let turn = 0; turn < 3; turn++) {
    clock.advance(5)
    expect(await issuer.rotation.redate()).toEqual([])
    await issuer.rotation.rotate(SHARED_ES256, 'scheduled', BY_SYSTEM)
  }
  expect(asked).toEqual(['redate'])
})

test('an event that a clock dated ahead is told by the start and by the doctor, though no server believed that clock', async () => {
  const folder = temporaryFolder()
  const clock = decidingClock(START)
  const right = await openAs(clock, folder)
  await right.open.store.noteTime(() => true)
  const wrong = await openAs(decidingClock(START + 30 * DAY), folder)
  const issuer = await wireIssuer(wrong.open, 'http://localhost', wrong.config, { log: wrong.log })
  await issuer.rotation.rotate(SHARED_ES256, 'emergency', BY_SYSTEM)
  await issuer.finish()

  const { log, lines } = rememberingLog()
  await warnOfClockBehind(right.open.store, log)
  expect(lines.join()).toContain('something on record happened at')
  expect(await checkClock(right.open.store, [])).toMatchObject([
    { check: 'local clock', warning: true, found: expect.stringContaining('the newest event is of') },
  ])
})

test('a clock that is set back while the server runs is told in the log, whichever clock decides', async () => {
  const clock = decidingClock(Date.now())
  const issuer = await startTestIssuer({}, { clock })
  clock.jump(-3600)
  await until(() => issuer.logged.some((line) => line.includes('restart Signet')))
})

test('a start with a clock behind what is on record says so, with both times', async () => {
  const clock = decidingClock(Date.now())
  const issuer = await startAdministered({}, { clock })
  const isTold = (lines: string[]) => lines.find((line) => line.includes('something on record happened at'))
  expect(isTold(issuer.logged)).toBeUndefined()
  clock.jump((-40 * DAY) / SECOND)
  const told = isTold((await issuer.restart()).logged)
  expect(told).toContain(new Date(clock.now()).toISOString().slice(0, 10))
  expect(told).toContain(new Date(clock.now() + 40 * DAY).toISOString().slice(0, 10))
})
