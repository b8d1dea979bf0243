/**
 * What every store promises (src/store/store.ts), and what the SQLite store adds, on real files.
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Instant } from '../src/ground/clock.ts'
import { Fault, invalidGrant, Unavailable } from '../src/ground/errors.ts'
import { databaseName, openStore, probeDatabase, restoreBackup } from '../src/store/open.ts'
import type { BlacklistEntry } from '../src/store/records/blacklist.ts'
import type { Change } from '../src/store/records/change.ts'
import type { ClientRecord } from '../src/store/records/client.ts'
import type { GrantRecord, RotationVerdict } from '../src/store/records/grant.ts'
import { SHARED_RING } from '../src/store/records/key.ts'
import type { Store } from '../src/store/store.ts'
import {
  DAY,
  HOUR,
  MINUTE,
  SECOND,
  SHARED_ES256,
  START,
  addEntry,
  clientOf,
  clock,
  createClient,
  createGrant,
  deleteClient,
  denyKid,
  denySid,
  endGrant,
  entryOf,
  eventOf,
  grantOf,
  keyOf,
  liftEntry,
  resourceOf,
  secretOf,
  closing,
  unheld,
} from './support/store-records.ts'
import { PLACES, newFile, openFile, root, type Place } from './support/store-places.ts'
import { inTime } from './support/in-time.ts'

/** As it comes back: with the key that the store gave it. */
const stored = (client: ClientRecord): ClientRecord => ({ ...client, key: expect.any(Number) })

const rotate = (accessExpiresAt = clock.at + 20 * MINUTE): RotationVerdict => ({
  act: 'rotate',
  idleExpiresAt: null,
  accessExpiresAt,
})
const refusal = invalidGrant('no')
const throwRefusal = (): never => {
  throw refusal
}
const rotateOnce = ({ generation }: GrantRecord): RotationVerdict =>
  generation === 0 ? rotate() : { act: 'refuse', error: refusal }

const seed = (store: Store, alg: 'ES256' | 'RS256' = 'ES256', name = '') =>
  store.seedKeys(
    { ring: SHARED_RING, alg },
    [keyOf(`${name}active`, { alg, status: 'active', activatedAt: clock.at }), keyOf(`${name}next`, { alg })],
    eventOf('key.created'),
  )

async function storeWithClient(place: Place, clientId = 'app'): Promise<Store> {
  const store = await place.open()
  await createClient(store, clientOf(clientId))
  return store
}

/** A row of the blacklist, lifted or not, until it is swept. */
const rowOf = async (store: Store, id: string): Promise<BlacklistEntry | undefined> =>
  (await store.listBlacklistSince(0)).find((each) => each.id === id)

const actionsOf = async (store: Store): Promise<string[]> =>
  (await store.listAudit({ limit: 100 })).map(({ action }) => action)

// ---------------------------------------------------------------- every store

function storeContract(name: string, newPlace: () => Place): void {
  describe(`${name}: clients`, () => {
    test('a client comes back as it was stored, its secrets in order', async () => {
      const store = await newPlace().open()
      const client = clientOf('app', { jwks: { keys: [{ kty: 'EC', kid: 'one' }] } })
      const created = await createClient(store, client)
      expect(created).toMatchObject({ outcome: 'created', endedGrants: 0 })
      expect(await store.findClient('app')).toEqual(stored(client))
      expect(created.outcome === 'created' && created.key).toBe((await store.findClient('app'))?.key)
      expect(await store.listClients()).toEqual([stored(client)])
      expect(await createClient(store, client)).toEqual({ outcome: 'exists' })
      expect(await actionsOf(store)).toEqual(['client.created'])
    })

    test('the operator wins a name: the person who had it loses grants and tokens', async () => {
      const store = await storeWithClient(newPlace())
      for (const [sid, sub] of [
        ['g1', 'alice'],
        ['g2', 'alice'],
        ['g3', 'bob'],
        ['g4', 'alice'],
      ] as const)
        await createGrant(store, grantOf(sid, { sub }))
      await endGrant(store, 'g4')
      const deny = (moment: { now: Instant }) =>
        entryOf('sub', 'alice', { cause: 'name_taken', issuedBefore: moment.now + SECOND })
      const ended = (sid: string) => eventOf('grant.ended', sid)
      const created = await store.createClient(
        clientOf('alice'),
        { deny, ended, ...closing() },
        eventOf('client.created'),
      )
      expect(created).toMatchObject({ outcome: 'created', endedGrants: 2 })
      expect((await store.findGrant('g1'))?.endedAt).toBe(clock.at)
      expect((await store.findGrant('g3'))?.endedAt).toBeNull()
      const standing = await store.listBlacklist({ limit: 9 })
      expect(standing.toSorted((one, other) => one.revision - other.revision)).toMatchObject([
        { kind: 'sid', value: 'g4' },
        { kind: 'sub', value: 'alice', cause: 'name_taken', issuedBefore: clock.at + SECOND },
      ])
      await expect(createGrant(store, grantOf('g5'))).rejects.toThrow(Unavailable)
    })

    test('a name that no person has costs nobody an entry', async () => {
      const store = await storeWithClient(newPlace())
      await createGrant(store, grantOf('g1'))
      await endGrant(store, 'g1')
      expect(await createClient(store, clientOf('alice'))).toMatchObject({ outcome: 'created', endedGrants: 0 })
      expect((await store.listBlacklist({ limit: 9 })).map(({ cause }) => cause)).not.toContain('name_taken')
    })

    test('an update that throws changes nothing and rejects with what was thrown', async () => {
      const store = await storeWithClient(newPlace())
      const before = await store.findClient('app')
      const failing = store.updateClient('app', throwRefusal, eventOf('client.updated'))
      await expect(failing).rejects.toBe(refusal)
      expect(await store.findClient('app')).toEqual(before)
      expect(await actionsOf(store)).toEqual(['client.created'])
      expect(await store.updateClient('nobody', (client) => client, eventOf('client.updated'))).toBeUndefined()
    })

    test('an update replaces metadata and secrets', async () => {
      const store = await storeWithClient(newPlace())
      const updated = await store.updateClient(
        'app',
        (client) => ({ ...client, name: 'App', jwks: { keys: [] }, refreshTokenTtl: null, secrets: [secretOf('new')] }),
        eventOf('client.updated'),
      )
      expect(updated?.name).toBe('App')
      expect(await store.findClient('app')).toEqual(updated)
    })

    test('the use of a secret is noted, and never goes back', async () => {
      const store = await storeWithClient(newPlace())
      await store.noteSecretUse([
        { secretId: 'app-1', at: 20 },
        { secretId: 'app-1', at: 10 },
        { secretId: 'gone', at: 5 },
      ])
      expect((await store.findClient('app'))?.secrets.map(({ lastUsedAt }) => lastUsedAt)).toEqual([null, 20])
    })

    test('disabling denies; enabling lifts that entry and no other, and no grant ends', async () => {
      const store = await storeWithClient(newPlace())
      await createGrant(store, grantOf('g1'))
      await addEntry(store, entryOf('client_id', 'other', { cause: 'client_disabled' }))
      const deny = entryOf('client_id', 'app', { cause: 'client_disabled', refusesNew: true })
      const disabled = await store.disableClient('app', () => deny, eventOf('client.disabled'))
      expect(disabled?.disabledAt).toBe(clock.at)
      expect((await rowOf(store, deny.id))?.removedAt).toBeNull()
      expect((await store.enableClient('app', eventOf('client.enabled')))?.disabledAt).toBeNull()
      expect((await rowOf(store, deny.id))?.removedAt).toBe(clock.at)
      expect((await store.listBlacklist({ limit: 9 })).map(({ value }) => value)).toEqual(['other'])
      expect((await store.findGrant('g1'))?.endedAt).toBeNull()
    })

    test('enabling or deleting a client lifts no entry that was posted for it', async () => {
      const store = await storeWithClient(newPlace())
      const posted = await addEntry(store, entryOf('client_id', 'app', { refusesNew: true }))
      await store.disableClient('app', () => entryOf('client_id', 'app', { cause: 'client_disabled' }), eventOf('x'))
      await store.enableClient('app', eventOf('client.enabled'))
      await deleteClient(store)
      const standing = await store.listBlacklist({ limit: 9 })
      expect(standing.map(({ cause }) => cause).toSorted()).toEqual(['blacklist', 'client_deleted'])
      expect(standing.map(({ id }) => id)).toContain(posted.id)
    })

    test('the grants of a deleted client are dead at once, and stay dead when its id is used again', async () => {
      const store = await storeWithClient(newPlace())
      await createGrant(store, grantOf('g1'))
      await createGrant(store, grantOf('g2'))
      expect(await deleteClient(store)).toBe('deleted')
      expect(await deleteClient(store)).toBe('unknown')
      expect(await store.rotateGrant('g1', () => rotate())).toEqual({ outcome: 'unknown' })
      await createClient(store, clientOf('app', { secrets: [] }))
      await createGrant(store, grantOf('g3'))
      expect(await store.findGrant('g1')).toBeUndefined()
      expect((await store.listGrants({ clientId: 'app' }, { limit: 9 })).map(({ sid }) => sid)).toEqual(['g3'])
      expect((await store.findSubject('alice'))?.grants).toBe(1)
      expect(await store.sweep(1, 0)).toBe(1)
      expect(await store.sweep(9, 0)).toBe(1)
      expect(await store.findGrant('g3')).toBeDefined()
    })
  })

  describe(`${name}: resources`, () => {
    test('a resource is created once, changed and deleted', async () => {
      const store = await newPlace().open()
      const resource = resourceOf('https://api.example.com')
      expect(await store.createResource(resource, eventOf('resource.created'))).toBe('created')
      expect(await store.createResource(resource, eventOf('resource.created'))).toBe('exists')
      expect(await store.findResource(resource.id)).toEqual(resource)
      const changed = await store.updateResource(
        resource.id,
        (current) => ({ ...current, scope: ['read'], ttl: 60 }),
        eventOf('resource.updated'),
      )
      expect(await store.listResources()).toEqual([{ ...resource, scope: ['read'], ttl: 60 }])
      expect(changed?.ttl).toBe(60)
      expect(await store.deleteResource(resource.id, unheld, eventOf('resource.deleted'))).toEqual({
        outcome: 'deleted',
        holders: [],
      })
      expect(await store.deleteResource(resource.id, unheld, eventOf('resource.deleted'))).toEqual({
        outcome: 'unknown',
      })
    })

    test('a resource knows when the last one of its id was deleted, and one that had none before knows of none', async () => {
      const place = newPlace()
      const store = await place.open()
      for (const id of ['api', 'other']) await store.createResource(resourceOf(id), eventOf('resource.created'))
      for (const _ of ['once', 'again']) {
        clock.pass(MINUTE)
        await store.deleteResource('api', unheld, eventOf('resource.deleted'))
        await store.createResource(resourceOf('api'), eventOf('resource.created'))
      }
      await store.updateResource('api', (current) => ({ ...current, ttl: 60 }), eventOf('resource.updated'))
      for (const each of [store, await place.open()]) {
        expect((await each.findResource('api'))?.predecessorEndedAt).toBe(START + 2 * MINUTE)
        expect((await each.listResources()).map((found) => found.predecessorEndedAt)).toEqual([
          START + 2 * MINUTE,
          null,
        ])
      }
    })
  })

  describe(`${name}: signing keys`, () => {
    test('of two processes that seed at once, one does', async () => {
      const place = newPlace()
      const stores = [await place.open(), await place.open()]
      const outcomes = await Promise.all(stores.map((store, index) => seed(store, 'ES256', `${index}`)))
      expect(outcomes.toSorted()).toEqual(['exists', 'seeded'])
      expect(await stores[0]?.listKeys()).toHaveLength(2)
    })

    test('the database itself refuses a second active or next key of an algorithm', async () => {
      const store = await newPlace().open()
      const twins = [keyOf('a', { status: 'active' }), keyOf('b', { status: 'active' })]
      await expect(store.seedKeys(SHARED_ES256, twins, eventOf('key.created'))).rejects.toThrow()
      await expect(store.seedKeys(SHARED_ES256, [keyOf('a'), keyOf('b')], eventOf('key.created'))).rejects.toThrow()
      expect(await store.listKeys()).toEqual([])
      expect(await seed(store)).toBe('seeded')
      expect(await seed(store, 'RS256', 'r')).toBe('seeded')
    })

    test('promotion moves each key on by one state', async () => {
      const store = await newPlace().open()
      await seed(store)
      await seed(store, 'RS256', 'r')
      clock.pass(DAY)
      const waiting = await store.promoteNextKey(
        SHARED_ES256,
        keyOf('spare'),
        () => ({ act: 'wait', safeFrom: 7, reason: 'too early' }),
        eventOf('key.rotated'),
      )
      expect(waiting).toEqual({ outcome: 'refused', safeFrom: 7, reason: 'too early' })
      const seen: string[] = []
      const promoted = await store.promoteNextKey(
        SHARED_ES256,
        keyOf('spare'),
        (ring) => {
          seen.push(...ring.map(({ kid }) => kid))
          return { act: 'promote' }
        },
        eventOf('key.rotated'),
      )
      expect(seen.toSorted()).toEqual(['active', 'next'])
      expect(promoted.outcome).toBe('promoted')
      expect(await store.findKey('active')).toMatchObject({ status: 'retiring', deactivatedAt: clock.at })
      expect(await store.findKey('next')).toMatchObject({ status: 'active', activatedAt: clock.at })
      expect(await store.findKey('spare')).toMatchObject({ status: 'next', sealedPrivateKey: 'sealed' })
    })

    test('revoking the active key lets the published next take over and forgets the private key', async () => {
      const store = await newPlace().open()
      await seed(store)
      const revoked = await store.revokeKey('active', keyOf('spare'), denyKid, eventOf('key.revoked'))
      expect(revoked).toMatchObject({ outcome: 'revoked', before: { status: 'active', sealedPrivateKey: 'sealed' } })
      expect(
        (await store.listKeys()).map(({ kid, status, sealedPrivateKey }) => [kid, status, sealedPrivateKey]),
      ).toEqual([
        ['active', 'revoked', ''],
        ['next', 'active', 'sealed'],
        ['spare', 'next', 'sealed'],
      ])
      expect((await store.listBlacklist({ limit: 9 })).map(({ kind, value }) => [kind, value])).toEqual([
        ['kid', 'active'],
      ])
      expect(await store.revokeKey('active', keyOf('other'), denyKid, eventOf('key.revoked'))).toEqual({
        outcome: 'already',
      })
      expect(await store.revokeKey('none', keyOf('other'), denyKid, eventOf('key.revoked'))).toEqual({
        outcome: 'unknown',
      })
    })

    test('signing is reserved upwards only, and never for a key that is gone', async () => {
      const store = await newPlace().open()
      await seed(store)
      expect(await store.reserveSigning('active', clock.at + HOUR)).toBe('reserved')
      expect(await store.reserveSigning('active', clock.at + MINUTE)).toBe('reserved')
      expect((await store.findKey('active'))?.signedUntil).toBe(clock.at + HOUR)
      expect(await store.reserveSigning('next', clock.at + HOUR)).toBe('gone')
      await store.promoteNextKey(SHARED_ES256, keyOf('spare'), () => ({ act: 'promote' }), eventOf('key.rotated'))
      expect(await store.retireKeys(60, (kid) => eventOf('key.retired', kid))).toEqual([])
      clock.pass(HOUR + 61 * SECOND)
      expect(await store.retireKeys(60, (kid) => eventOf('key.retired', kid))).toEqual(['active'])
      expect(await store.findKey('active')).toMatchObject({ status: 'retired', sealedPrivateKey: '' })
      expect(await store.reserveSigning('active', clock.at + HOUR)).toBe('gone')
    })
  })

  describe(`${name}: grants`, () => {
    test('of fifty rotations at once, in two processes, one rotates', async () => {
      const place = newPlace()
      const one = await storeWithClient(place)
      const two = await place.open()
      await createGrant(one, grantOf('g1'))
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, index) => (index % 2 ? one : two).rotateGrant('g1', rotateOnce)),
      )
      expect(outcomes.filter(({ outcome }) => outcome === 'rotated')).toHaveLength(1)
      expect(outcomes.filter(({ outcome }) => outcome === 'refused')).toHaveLength(49)
      expect((await one.findGrant('g1'))?.generation).toBe(1)
    })

    test('a grant is returned as it was written, and what rotation changes is what it says', async () => {
      const store = await storeWithClient(newPlace())
      const grant = grantOf('g1', { idleExpiresAt: clock.at + DAY })
      await createGrant(store, grant)
      expect(await store.findGrant('g1')).toEqual(grant)
      clock.pass(MINUTE)
      const verdict: RotationVerdict = { act: 'rotate', idleExpiresAt: clock.at + DAY, accessExpiresAt: clock.at }
      const rotated = await store.rotateGrant('g1', () => verdict)
      const expected = { ...grant, generation: 1, rotatedAt: clock.at, idleExpiresAt: clock.at + DAY }
      expect(rotated).toEqual({ outcome: 'rotated', grant: expected, at: clock.at })
      expect(await store.findGrant('g1')).toEqual(expected)
      const repeated = await store.rotateGrant('g1', () => ({ act: 'repeat', accessExpiresAt: clock.at + HOUR }))
      expect(repeated).toEqual({
        outcome: 'repeated',
        grant: { ...expected, accessExpiresAt: clock.at + HOUR },
        at: clock.at,
      })
      expect(await store.findGrant('g1')).toEqual({ ...expected, accessExpiresAt: clock.at + HOUR })
      expect(await store.rotateGrant('none', () => rotate())).toEqual({ outcome: 'unknown' })
    })

    test('a verdict that ends the family ends, denies and records it together', async () => {
      const store = await storeWithClient(newPlace())
      await createGrant(store, grantOf('g1'))
      const outcome = await store.rotateGrant('g1', (grant) => ({
        act: 'end',
        reason: 'reuse',
        deny: denySid,
        event: eventOf('grant.reuse_detected', grant.sid),
        error: refusal,
      }))
      expect(outcome).toEqual({ outcome: 'ended', error: refusal })
      expect(await store.findGrant('g1')).toMatchObject({ endedAt: clock.at, endedReason: 'reuse', generation: 0 })
      expect((await store.listBlacklist({ limit: 9 })).map(({ value }) => value)).toEqual(['g1'])
      expect((await store.listAudit({ limit: 9, target: 'g1' })).map(({ action }) => action)).toEqual([
        'grant.reuse_detected',
      ])
    })

    test('a family that ended is not renewed, whatever the rule says', async () => {
      const store = await storeWithClient(newPlace())
      await createGrant(store, grantOf('g1'))
      await endGrant(store, 'g1')
      await expect(store.rotateGrant('g1', () => rotate())).rejects.toThrow()
      await expect(store.rotateGrant('g1', () => ({ act: 'repeat', accessExpiresAt: 0 }))).rejects.toThrow()
    })

    test('ending a grant denies its tokens, alive or not by this clock', async () => {
      const store = await storeWithClient(newPlace())
      await createGrant(store, grantOf('g1'))
      await createGrant(store, grantOf('g2'))
      expect(await endGrant(store, 'g1')).toBe('ended')
      expect(await endGrant(store, 'g1')).toBe('already')
      expect(await endGrant(store, 'g9')).toBe('unknown')
      clock.pass(HOUR)
      expect(await endGrant(store, 'g2')).toBe('ended')
      expect((await store.listBlacklistSince(0)).map(({ value }) => value)).toEqual(['g1', 'g2'])
      expect((await actionsOf(store)).filter((action) => action === 'grant.revoked')).toHaveLength(2)
    })

    test('grants are listed in order, by client and subject, page by page', async () => {
      const store = await storeWithClient(newPlace())
      await createClient(store, clientOf('web'))
      for (const [sid, clientId, sub] of [
        ['g1', 'app', 'alice'],
        ['g2', 'web', 'alice'],
        ['g3', 'app', 'bob'],
        ['g4', 'app', 'alice'],
      ] as const) {
        await createGrant(store, grantOf(sid, { clientId, sub }))
      }
      const sids = async (...query: Parameters<Store['listGrants']>) =>
        (await store.listGrants(...query)).map(({ sid }) => sid)
      expect(await sids({}, { limit: 2 })).toEqual(['g1', 'g2'])
      expect(await sids({}, { limit: 9, after: 'g2' })).toEqual(['g3', 'g4'])
      expect(await sids({ clientId: 'app' }, { limit: 9 })).toEqual(['g1', 'g3', 'g4'])
      expect(await sids({ sub: 'alice' }, { limit: 9 })).toEqual(['g1', 'g2', 'g4'])
      expect(await sids({ clientId: 'app', sub: 'alice' }, { limit: 9, after: 'g1' })).toEqual(['g4'])
      expect(await sids({ clientId: 'nobody' }, { limit: 9 })).toEqual([])
    })

    test('a subject is summed up over its grants', async () => {
      const store = await storeWithClient(newPlace())
      await createGrant(store, grantOf('g1'))
      await createGrant(store, grantOf('g2', { expiresAt: clock.at + MINUTE }))
      await createGrant(store, grantOf('g3', { sub: 'bob' }))
      await endGrant(store, 'g3')
      clock.pass(HOUR)
      const alice = { sub: 'alice', grants: 2, liveGrants: 1, lastGrantAt: START }
      expect(await store.listSubjects({ limit: 9 })).toEqual([
        alice,
        { sub: 'bob', grants: 1, liveGrants: 0, lastGrantAt: START },
      ])
      expect(await store.listSubjects({ limit: 9, after: 'alice' })).toHaveLength(1)
      expect(await store.findSubject('alice')).toEqual(alice)
      expect(await store.findSubject('nobody')).toBeUndefined()
    })

    test('a client with a grant in its own name is no subject', async () => {
      const store = await storeWithClient(newPlace())
      await createGrant(store, grantOf('g1', { sub: 'app' }))
      expect(await store.listSubjects({ limit: 9 })).toEqual([])
      expect(await store.findSubject('app')).toBeUndefined()
    })
  })

  describe(`${name}: blacklist`, () => {
    test('an entry that names a grant, a subject or a client ends those grants for good', async () => {
      const store = await storeWithClient(newPlace())
      await createClient(store, clientOf('web'))
      for (const [sid, clientId, sub] of [
        ['g1', 'app', 'alice'],
        ['g2', 'web', 'bob'],
        ['g3', 'web', 'carol'],
        ['g4', 'app', 'dave'],
      ] as const) {
        await createGrant(store, grantOf(sid, { clientId, sub }))
      }
      await addEntry(store, entryOf('sid', 'g1'))
      await addEntry(store, entryOf('sub', 'bob'))
      const ofClient = await addEntry(store, entryOf('client_id', 'web'))
      await liftEntry(store, ofClient.id)
      const ended = (await store.listGrants({}, { limit: 9 })).map(({ endedReason }) => endedReason)
      expect(ended).toEqual(['blacklist', 'blacklist', 'client', null])
      expect((await store.findSubject('carol'))?.liveGrants).toBe(0)
      const shown: (Instant | null)[] = []
      await store.rotateGrant('g3', ({ endedAt }) => {
        shown.push(endedAt)
        return { act: 'refuse', error: refusal }
      })
      expect(shown).toEqual([clock.at])
      expect(await endGrant(store, 'g3')).toBe('already')
      clock.pass(1)
      await createGrant(store, grantOf('g5', { clientId: 'web' }))
      expect((await store.findGrant('g5'))?.endedAt).toBeNull()
    })

    test('a clock that went back leaves no grant of a listed client alive', async () => {
      const store = await storeWithClient(newPlace())
      await createGrant(store, grantOf('g1'))
      clock.pass(-HOUR)
      await addEntry(store, entryOf('client_id', 'app'))
      expect((await store.findGrant('g1'))?.endedReason).toBe('client')
    })

    test('no grant is made for whom the blacklist refuses, even by a process that has not heard of it', async () => {
      const store = await storeWithClient(newPlace())
      const entry = await addEntry(store, entryOf('sub', 'alice', { refusesNew: true }))
      await expect(createGrant(store, grantOf('g1'))).rejects.toThrow(Unavailable)
      await createGrant(store, grantOf('g2', { sub: 'bob' }))
      await liftEntry(store, entry.id)
      await createGrant(store, grantOf('g1'))
      await expect(createGrant(store, grantOf('g3', { clientId: 'gone' }))).rejects.toThrow(Unavailable)
    })

    test('revisions rise with every addition and removal, and the feed tells both', async () => {
      const store = await newPlace().open()
      const one = await addEntry(store, entryOf('jti', 'one'))
      const two = await addEntry(store, entryOf('jti', 'two'))
      expect(two.revision).toBeGreaterThan(one.revision)
      expect(await store.findBlacklistEntry(one.id)).toEqual(one)
      expect(await liftEntry(store, one.id)).toBe('removed')
      expect(await liftEntry(store, one.id)).toBe('unknown')
      const since = await store.listBlacklistSince(one.revision)
      expect(since.map(({ value, removedAt }) => [value, removedAt])).toEqual([
        ['two', null],
        ['one', clock.at],
      ])
      expect((await store.listBlacklist({ limit: 9 })).map(({ value }) => value)).toEqual(['two'])
      expect(await store.listBlacklist({ limit: 9, after: two.id })).toEqual([])
    })
  })

  describe(`${name}: one-time ids, audit, settings`, () => {
    test('of any number of callers in two processes, one gets a fresh id', async () => {
      const place = newPlace()
      const stores = [await place.open(), await place.open()]
      const use = (owner: string) =>
        stores.flatMap((store) =>
          [1, 2, 3].map(() => store.consumeJti('client_assertion', owner, 'j', clock.at + HOUR)),
        )
      const outcomes = await Promise.all(use('app'))
      expect(outcomes.filter((outcome) => outcome === 'fresh')).toHaveLength(1)
      expect(await stores[0]?.consumeJti('client_assertion', 'web', 'j', clock.at + HOUR)).toBe('fresh')
    })

    test('audit events are listed newest first, by target and request', async () => {
      const store = await newPlace().open()
      const events = [
        eventOf('one', 'a', { id: '1', details: { scope: 'read', n: 1, on: true, none: null } }),
        eventOf('two', 'b', { id: '2', requestId: 'r' }),
        eventOf('three', 'a', { id: '3', requestId: 'r' }),
      ]
      await store.recordAudit(events)
      expect(await store.listAudit({ limit: 9 })).toEqual(events.toReversed())
      const ids = async (query: Parameters<Store['listAudit']>[0]) => (await store.listAudit(query)).map(({ id }) => id)
      expect(await ids({ limit: 1 })).toEqual(['3'])
      expect(await ids({ limit: 9, after: '3' })).toEqual(['2', '1'])
      expect(await ids({ limit: 9, target: 'a' })).toEqual(['3', '1'])
      expect(await ids({ limit: 9, requestId: 'r' })).toEqual(['3', '2'])
      expect(await ids({ limit: 9, requestId: 'r', target: 'b' })).toEqual(['2'])
    })

    test('a setting is claimed once, and put any time', async () => {
      const place = newPlace()
      const stores = [await place.open(), await place.open()]
      const [one, two] = await Promise.all(stores.map((store, index) => store.claimSetting('issuer', `${index}`)))
      expect(one).toBe(two)
      expect(await stores[0]?.findSetting('issuer')).toBe(one)
      expect(await stores[0]?.findSetting('first_client')).toBeUndefined()
      await stores[0]?.putSetting('issuer', 'other')
      expect(await stores[1]?.findSetting('issuer')).toBe('other')
    })
  })

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
      expect(await one.sweep(100, 0)).toBe(1)
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
      await expect(store.putSetting('issuer', 'x')).rejects.toThrow(Unavailable)
      await expect(store.listResources()).rejects.toThrow(Unavailable)
      expect(await (await place.open()).listResources()).toHaveLength(place.burst)
    })
  })

  describe(`${name}: sweep`, () => {
    test('what expired goes, a bounded number at a time; what can still matter stays', async () => {
      const store = await newPlace().open()
      await createClient(
        store,
        clientOf('app', { secrets: [secretOf('old', { expiresAt: clock.at + HOUR }), secretOf('new')] }),
      )
      for (const sid of ['g1', 'g2', 'g3']) await createGrant(store, grantOf(sid, { expiresAt: clock.at + HOUR }))
      await createGrant(store, grantOf('g4', { expiresAt: clock.at + HOUR, accessExpiresAt: clock.at + 3 * HOUR }))
      await store.consumeJti('client_assertion', 'app', 'j', clock.at + HOUR)
      await store.consumeJti('client_assertion', 'app', 'k', clock.at + 3 * HOUR)
      const standing = await addEntry(store, entryOf('sub', 'eve'))
      const lifted = await addEntry(store, entryOf('jti', 'x', { deniesUntil: clock.at + 3 * HOUR }))
      const expired = await addEntry(store, entryOf('jti', 'y', { expiresAt: clock.at + HOUR }))
      await liftEntry(store, lifted.id)
      clock.pass(2 * HOUR)
      await store.sweep(2, 0)
      expect((await store.listGrants({}, { limit: 9 })).map(({ sid }) => sid)).toEqual(['g3', 'g4'])
      await store.sweep(2, 0)
      expect((await store.listGrants({}, { limit: 9 })).map(({ sid }) => sid)).toEqual(['g4'])
      expect((await store.findClient('app'))?.secrets.map(({ id }) => id)).toEqual(['new'])
      expect(await store.consumeJti('client_assertion', 'app', 'k', clock.at + HOUR)).toBe('replayed')
      expect(await store.consumeJti('client_assertion', 'app', 'j', clock.at + HOUR)).toBe('fresh')
      expect(await store.findBlacklistEntry(expired.id)).toBeUndefined()
      expect((await rowOf(store, lifted.id))?.removedAt).toBe(START)
      clock.pass(2 * DAY)
      await store.sweep(9, 0)
      expect(await rowOf(store, lifted.id)).toBeUndefined()
      expect(await store.findBlacklistEntry(standing.id)).toEqual(standing)
      expect(await store.sweep(9, 0)).toBe(0)
    })

    test('a lifted entry is remembered for longer than the change that tells of it', async () => {
      const place = newPlace()
      const [one, two] = [await place.open(), await place.open()]
      const entry = await addEntry(one, entryOf('jti', 'x', { deniesUntil: clock.at }))
      await two.pollChanges()
      const heard: Change[] = []
      two.onChange(async (changes) => void heard.push(...changes))
      await liftEntry(one, entry.id)
      clock.pass(7 * MINUTE)
      await one.sweep(9, 0)
      await two.pollChanges()
      expect(heard).toContainEqual({ noun: 'blacklist', id: null })
      expect((await rowOf(two, entry.id))?.removedAt).toBe(START)
      clock.pass(5 * MINUTE)
      await one.sweep(9, 0)
      expect(await rowOf(two, entry.id)).toBeUndefined()
    })

    test('audit events and the public halves of old keys go when they are old enough', async () => {
      const store = await newPlace().open()
      await seed(store)
      await store.revokeKey('active', keyOf('spare'), denyKid, eventOf('key.revoked'))
      clock.pass(399 * DAY)
      await store.sweep(99, clock.at - 400 * DAY)
      expect(await store.listKeys()).toHaveLength(3)
      clock.pass(2 * DAY)
      await store.sweep(99, clock.at - 400 * DAY)
      expect((await store.listKeys()).map(({ kid }) => kid)).toEqual(['next', 'spare'])
      expect(await store.listAudit({ limit: 9 })).toEqual([])
    })
  })
}

for (const [name, newPlace] of PLACES) storeContract(name, newPlace)

// ---------------------------------------------------------------- SQLite's own

const makeForeign = (file: string) => new SqliteDatabase(file).exec('CREATE TABLE theirs (id)').close()

const filesBeside = (file: string): string[] => readdirSync(join(file, '..')).toSorted()

describe('SQLite: the file', () => {
  test('the settings that safety rests on hold on a file that existed', async () => {
    const file = newFile()
    await (await openFile(file)).close()
    const { settings, integrity, location } = await (await openFile(file)).facts({ integrity: true })
    expect(settings).toMatchObject({
      journal_mode: 'wal',
      synchronous: 2,
      foreign_keys: 1,
      busy_timeout: 0,
      wal_autocheckpoint: 1000,
    })
    expect(integrity).toBe('ok')
    expect(location).toBe(file)
  })

  test('only its owner can read the database', async () => {
    const file = newFile()
    await openFile(file)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(`${file}-wal`).mode & 0o777).toBe(0o600)
    expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700)
  })

  test('processes that start at once on a missing database share one', async () => {
    const file = newFile()
    const stores = await Promise.all([1, 2, 3, 4].map(() => openFile(file)))
    await stores[0]?.putSetting('issuer', 'x')
    expect(await Promise.all(stores.map((store) => store.findSetting('issuer')))).toEqual(['x', 'x', 'x', 'x'])
    expect(filesBeside(file)).toEqual(['signet.db', 'signet.db-shm', 'signet.db-wal'])
  })

  test('a missing database that must exist is not created', async () => {
    const file = newFile()
    expect(await probeDatabase(`file:${file}`)).toBe('missing')
    const opening = openStore(`file:${file}`, { clock, mustExist: true })
    await expect(opening).rejects.toThrow(/is missing/)
    await expect(opening).rejects.toMatchObject({ help: expect.stringContaining('signet restore') })
    expect(existsSync(join(file, '..'))).toBe(false)
  })

  test('a database that is gone and left its journal is not replaced by an empty one', async () => {
    const file = newFile()
    mkdirSync(join(file, '..'))
    writeFileSync(`${file}-wal`, 'journal')
    await expect(openFile(file)).rejects.toThrow(/journal/)
    expect(filesBeside(file)).toEqual(['signet.db-wal'])
  })

  test('an empty, foreign or damaged file is refused and stays as it is', async () => {
    const sound = newFile()
    await (await openFile(sound)).close()
    const bytes = readFileSync(sound)
    const scribbled = Buffer.from(bytes).fill(0xff, 4096, 8192 * 2)
    const cases: [RegExp, (file: string) => unknown][] = [
      [/is empty/, (file) => writeFileSync(file, '')],
      [
        /is no SQLite database/,
        (file) => writeFileSync(file, 'hello, I am a text and longer than a header '.repeat(9)),
      ],
      [/another program/, makeForeign],
      [/is damaged/, (file) => writeFileSync(file, bytes.subarray(0, bytes.length - 4096))],
      [/is damaged/, (file) => writeFileSync(file, scribbled)],
    ]
    for (const [message, make] of cases) {
      const file = newFile()
      mkdirSync(join(file, '..'))
      make(file)
      const before = readFileSync(file)
      const opening = openFile(file)
      await expect(opening).rejects.toThrow(message)
      await expect(opening).rejects.toBeInstanceOf(Fault)
      expect(readFileSync(file).equals(before)).toBe(true)
      expect(filesBeside(file)).toEqual(['signet.db'])
    }
  })

  test('a place where nothing can be created is named', async () => {
    const blocker = newFile()
    mkdirSync(join(blocker, '..'))
    writeFileSync(blocker, 'a file, not a folder')
    await expect(openFile(join(blocker, 'signet.db'))).rejects.toThrow(/SIGNET_DATABASE_URL: .*signet\.db is no folder/)
    await expect(openStore('mysql://db.example.com/signet', { clock })).rejects.toThrow(/SIGNET_DATABASE_URL: .*SQLite/)
    expect(databaseName('file:///var/lib/signet.db')).toBe('/var/lib/signet.db')
    expect(databaseName('postgres://me:secret@db.example.com/signet')).toBe('postgres://db.example.com:5432/signet')
  })

  test('a database that a newer version has migrated is used as it is', async () => {
    const file = newFile()
    await (await openFile(file)).close()
    const newer = new SqliteDatabase(file)
    newer.exec(
      "ALTER TABLE clients ADD COLUMN colour text; INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('x', 9e12)",
    )
    newer.close()
    const store = await openFile(file)
    await createClient(store)
    expect(await store.findClient('app')).toEqual(stored(clientOf('app')))
  })
})

async function backedUp(): Promise<{ store: Store; file: string; backup: string }> {
  const file = newFile()
  const store = await openFile(file)
  await createClient(store)
  await createGrant(store, grantOf('g1'))
  await createGrant(store, grantOf('g2', { accessExpiresAt: clock.at - HOUR }))
  await addEntry(store, entryOf('jti', 'x'))
  const backup = `${file}.backup`
  await store.backup(backup)
  return { store, file, backup }
}

/** What a command looks at before the database gets its place. */
const inspect = async (): Promise<void> => {}

const restoring = (target: string, source: string) =>
  restoreBackup(`file:${target}`, source, { clock, keepGrants: false, inspect })

describe('SQLite: backup and restore', () => {
  test('a backup is one private file, and replaces none', async () => {
    const { store, file, backup } = await backedUp()
    expect(statSync(backup).mode & 0o777).toBe(0o600)
    expect(filesBeside(file)).toEqual(['signet.db', 'signet.db-shm', 'signet.db-wal', 'signet.db.backup'])
    const before = readFileSync(backup)
    await expect(store.backup(backup)).rejects.toThrow(/exists already/)
    await expect(store.backup(join(root, 'no', 'folder'))).rejects.toBeInstanceOf(Fault)
    expect(readFileSync(backup).equals(before)).toBe(true)
  })

  test('restoring ends every family, denies their live tokens and repeats no revision', async () => {
    const { store: former, backup } = await backedUp()
    const lost = await addEntry(former, entryOf('jti', 'lost'))
    const file = newFile()
    expect(await restoreBackup(`file:${file}`, backup, { clock, keepGrants: false, inspect })).toEqual({
      grantsEnded: 2,
    })
    expect(filesBeside(file)).toEqual(['signet.db'])
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const store = await openFile(file)
    expect((await store.listGrants({}, { limit: 9 })).map(({ endedReason }) => endedReason)).toEqual([
      'restored',
      'restored',
    ])
    const until = START + 16 * MINUTE
    const news = await store.listBlacklistSince(lost.revision)
    expect(news).toMatchObject([
      { kind: 'sid', value: 'g1', issuedBefore: until, expiresAt: until, deniesUntil: until },
    ])
    expect(await actionsOf(store)).toContain('database.restored')
  })

  test('grants are kept where the operator says that nothing was issued since', async () => {
    const { backup } = await backedUp()
    const file = newFile()
    expect(await restoreBackup(`file:${file}`, backup, { clock, keepGrants: true, inspect })).toEqual({
      grantsEnded: 0,
    })
    expect((await (await openFile(file)).findGrant('g1'))?.endedAt).toBeNull()
  })

  test('nothing is restored over a database or from a file that is no sound backup, and nothing is left behind', async () => {
    const { file, backup } = await backedUp()
    await expect(restoring(file, backup)).rejects.toThrow(/exists already/)
    const target = newFile()
    await expect(restoring(target, `${backup}.missing`)).rejects.toThrow(/is missing/)
    await expect(restoring(target, file)).rejects.toThrow(/in use/)
    truncateSync(backup, statSync(backup).size - 4096)
    await expect(restoring(target, backup)).rejects.toThrow(/damaged/)
    writeFileSync(backup, 'text')
    await expect(restoring(target, backup)).rejects.toThrow(/no SQLite database/)
    expect(existsSync(target)).toBe(false)
    expect(existsSync(join(target, '..')) ? filesBeside(target) : []).toEqual([])
    mkdirSync(join(target, '..'), { recursive: true })
    writeFileSync(`${target}-wal`, '')
    await expect(restoring(target, backup)).rejects.toBeInstanceOf(Fault)
    expect(filesBeside(target)).toEqual(['signet.db-wal'])
  })
})
