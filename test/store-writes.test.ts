/**
 * How every store writes, and who hears of it: listeners, other processes, locks, a failing neighbour (src/store/store.ts).
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Unavailable } from '../src/ground/errors.ts'
import type { Change } from '../src/store/records/change.ts'
import type { RotationVerdict } from '../src/store/records/rotation.ts'
import {
  HOUR,
  addEntry,
  clientOf,
  clock,
  createClient,
  createGrant,
  entryOf,
  eventOf,
  grantOf,
  resourceOf,
  rotate,
  refusal,
  throwRefusal,
  storeWithClient,
  actionsOf,
} from './support/store-records.ts'
import { PLACES, type Place } from './support/store-places.ts'
import { inTime } from './support/in-time.ts'

function writeContract(name: string, newPlace: () => Place): void {
  describe(`${name}: changes`, () => {
    test('listeners have run before a verb resolves', async () => {
      const store = await newPlace().open()
      const heard: Change[] = []
      store.onChange(async (changes) => {
        expect(await store.findClient('app')).toBeDefined()
        heard.push(...changes)
      })
      await createClient(store)
      expect(heard).toEqual([{ noun: 'client', id: 'app' }])
      await createGrant(store, grantOf('g1'))
      await store.rotateGrant('g1', () => rotate())
      await store.noteSecretUse([{ secretId: 'app-1', at: 1 }])
      expect(heard).toHaveLength(1)
    })

    test('another process hears on its next poll, once', async () => {
      const place = newPlace()
      const one = await place.open()
      const two = await place.open()
      const heard: Change[][] = []
      two.onChange(async (changes) => void heard.push(changes))
      await two.pollChanges()
      await createClient(one)
      await one.updateClient('app', (client) => client, eventOf('client.updated'))
      await one.createResource(resourceOf('r'), eventOf('resource.created'))
      await two.pollChanges()
      await two.pollChanges()
      expect(heard).toEqual([
        [
          { noun: 'client', id: 'app' },
          { noun: 'resource', id: 'r' },
        ],
      ])
    })

    test("a process that writes before it polls misses none of the others' changes", async () => {
      const place = newPlace()
      const one = await place.open()
      const two = await place.open()
      const heard: Change[] = []
      two.onChange(async (changes) => void heard.push(...changes))
      await createClient(one, clientOf('theirs'))
      await createClient(two, clientOf('mine'))
      await two.pollChanges()
      expect(heard.map(({ id }) => id)).toEqual(['theirs', 'mine'])
    })

    test('changes that were swept before they were seen are announced as everything', async () => {
      const place = newPlace()
      const one = await place.open()
      const two = await place.open()
      const heard: Change[] = []
      two.onChange(async (changes) => void heard.push(...changes))
      await createClient(one)
      clock.pass(2 * HOUR)
      expect(await one.sweep(100, 0, () => true)).toBe(1)
      await two.pollChanges()
      expect(heard).toEqual(['client', 'resource', 'key', 'blacklist'].map((noun) => ({ noun, id: null })))
    })

    test('a listener that fails is told again until it has heard, and only then the verb is answered', async () => {
      const store = await newPlace().open()
      let calls = 0
      store.onChange(async () => {
        calls += 1
        if (calls < 3) throw new Error('not now')
      })
      await createClient(store)
      expect(calls).toBe(3)
      await store.pollChanges()
      expect(calls).toBe(3)
    })

    test('each listener hears although another one fails', async () => {
      const store = await newPlace().open()
      let failures = 0
      const heard: Change[] = []
      store.onChange(async () => {
        if (failures++ < 2) throw new Error('not now')
      })
      store.onChange(async (changes) => void heard.push(...changes))
      await createClient(store)
      expect(new Set(heard.map(({ id }) => id))).toEqual(new Set(['app']))
    })

    test('a change that no memory takes over is stored, told as such, and heard once it can be', async () => {
      const store = await newPlace().open()
      let isBroken = true
      const heard: Change[] = []
      store.onChange(async (changes) => {
        if (isBroken) throw new Error('not now')
        heard.push(...changes)
      })
      await expect(createClient(store)).rejects.toThrow(Unavailable)
      expect(await store.findClient('app')).toBeDefined()
      await expect(store.pollChanges()).rejects.toThrow('not now')
      isBroken = false
      await store.pollChanges()
      expect(heard).toEqual([{ noun: 'client', id: 'app' }])
      expect(await createClient(store, clientOf('web'))).toMatchObject({ outcome: 'created' })
    })

    test('no write is decided while memory cannot take over what another process changed', async () => {
      const place = newPlace()
      const one = await storeWithClient(place)
      const two = await place.open()
      await createGrant(one, grantOf('g1'))
      let isBroken = true
      two.onChange(async () => {
        if (isBroken) throw new Error('not now')
      })
      await addEntry(one, entryOf('sub', 'alice', { refusesNew: true }))
      let asked = 0
      const ask = (): RotationVerdict => {
        asked += 1
        return { act: 'refuse', error: refusal }
      }
      await expect(two.rotateGrant('g1', ask)).rejects.toThrow(Unavailable)
      expect(asked).toBe(0)
      expect(await two.findGrant('g1')).toBeDefined()
      isBroken = false
      expect(await two.rotateGrant('g1', ask)).toEqual({ outcome: 'refused', error: refusal })
      expect(asked).toBe(1)
    })

    test("what another process committed is known before a write's rule is asked", async () => {
      const place = newPlace()
      const one = await storeWithClient(place)
      const two = await place.open()
      await createGrant(one, grantOf('g1'))
      const known: string[] = []
      two.onChange(async (changes) => void known.push(...changes.map(({ id }) => id ?? '*')))
      await one.updateClient('app', (client) => ({ ...client, name: 'new' }), eventOf('client.updated'))
      const seen: string[][] = []
      await two.rotateGrant('g1', () => {
        seen.push([...known])
        return { act: 'refuse', error: refusal }
      })
      expect(seen).toEqual([['app']])
    })

    test('before a verdict from memory, catching up hears of what others committed, and of nothing twice', async () => {
      const place = newPlace()
      const one = await place.open()
      const two = await place.open()
      const heard: string[] = []
      two.onChange(async (changes) => void heard.push(...changes.map(({ id }) => id ?? '*')))
      onTestFinished(two.listen())
      expect(two.catchUp()).toBeUndefined()
      await createClient(one)
      const committed = performance.now()
      do await two.catchUp()
      while (heard.length === 0 && performance.now() - committed < two.pace.heardWithinMs && (await pause(5, true)))
      expect(heard).toEqual(['app'])
      expect(two.catchUp()).toBeUndefined()
    })
  })

  describe(`${name}: writes`, () => {
    test('a write that throws leaves nothing and does not disturb its neighbours', async () => {
      const store = await storeWithClient(newPlace())
      const heard: Change[] = []
      store.onChange(async (changes) => void heard.push(...changes))
      const results = await Promise.allSettled([
        store.createResource(resourceOf('before'), eventOf('resource.created')),
        store.updateClient('app', throwRefusal, eventOf('client.updated')),
        store.createResource(resourceOf('after'), eventOf('resource.created')),
      ])
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      expect((await store.listResources()).map(({ id }) => id)).toEqual(['after', 'before'])
      expect(heard.map(({ id }) => id).toSorted()).toEqual(['after', 'before'])
      expect(await actionsOf(store)).not.toContain('client.updated')
    })

    test('a database locked by another process makes writes unavailable in about two seconds and freezes nothing', async () => {
      const place = newPlace()
      const store = await storeWithClient(place)
      const unlock = await place.lock()
      let ticks = 0
      const timer = setInterval(() => (ticks += 1), 10)
      const started = performance.now()
      await expect(store.createResource(resourceOf('r'), eventOf('resource.created'))).rejects.toThrow(Unavailable)
      const took = performance.now() - started
      clearInterval(timer)
      expect(took).toBeGreaterThan(1500)
      expect(took).toBeLessThan(inTime(2500))
      expect(ticks).toBeGreaterThan(20)
      expect(await store.findClient('app')).toBeDefined()
      unlock()
      expect(await store.createResource(resourceOf('r'), eventOf('resource.created'))).toBe('created')
    })

    test('a lock that goes away in time is waited for', async () => {
      const place = newPlace()
      const store = await storeWithClient(place)
      const unlock = await place.lock()
      const writing = Promise.all(
        ['a', 'b'].map((id) => store.createResource(resourceOf(id), eventOf('resource.created'))),
      )
      setTimeout(unlock, 200)
      expect(await writing).toEqual(['created', 'created'])
    })

    test('what was queued is written before the store closes, and nothing after', async () => {
      const place = newPlace()
      const store = await place.open()
      const writes = Array.from({ length: place.burst }, (_, index) =>
        store.createResource(resourceOf(`${index}`), eventOf('resource.created')),
      )
      await store.close()
      expect(new Set(await Promise.all(writes))).toEqual(new Set(['created']))
      await expect(store.claimSetting('issuer', 'x')).rejects.toThrow(Unavailable)
      await expect(store.listResources()).rejects.toThrow(Unavailable)
      expect(await (await place.open()).listResources()).toHaveLength(place.burst)
    })
  })
}

for (const [name, newPlace] of PLACES) writeContract(name, newPlace)
