/**
 * The promises of every store about its records (src/store/store.ts), on real databases. store-writes.test.ts has those
 * about the writing itself, and sqlite-file.test.ts those of SQLite alone.
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { describe, expect, test } from 'vitest'
import type { Instant } from '../src/ground/clock.ts'
import { Unavailable } from '../src/ground/errors.ts'
import type { BlacklistEntry } from '../src/store/records/blacklist.ts'
import type { Change } from '../src/store/records/change.ts'
import type { GrantRecord } from '../src/store/records/grant.ts'
import type { RotationVerdict } from '../src/store/records/rotation.ts'
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
  stored,
  rotate,
  refusal,
  throwRefusal,
  storeWithClient,
  actionsOf,
} from './support/store-records.ts'
import { PLACES, type Place } from './support/store-places.ts'

const rotateOnce = ({ generation }: GrantRecord): RotationVerdict =>
  generation === 0 ? rotate() : { act: 'refuse', error: refusal }

const seed = (store: Store, alg: 'ES256' | 'RS256' = 'ES256', name = '') =>
  store.seedKeys(
    { ring: SHARED_RING, alg },
    [keyOf(`${name}active`, { alg, status: 'active', activatedAt: clock.at }), keyOf(`${name}next`, { alg })],
    eventOf('key.created'),
  )

/** A row of the blacklist, lifted or not, until it is swept. */
const rowOf = async (store: Store, id: string): Promise<BlacklistEntry | undefined> =>
  (await store.listBlacklistSince(0)).find((each) => each.id === id)

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
      expect(await store.sweep(1, 0, () => true)).toBe(1)
      expect(await store.sweep(9, 0, () => true)).toBe(1)
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
      expect(
        await store.retireKeys(
          60,
          () => true,
          (kid) => eventOf('key.retired', kid),
        ),
      ).toEqual([])
      clock.pass(HOUR + 61 * SECOND)
      expect(
        await store.retireKeys(
          60,
          () => true,
          (kid) => eventOf('key.retired', kid),
        ),
      ).toEqual(['active'])
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
      const alice = { sub: 'alice', grants: 2, liveGrants: 1, lastGrantAt: START, isDeleted: false }
      expect(await store.listSubjects({ limit: 9 })).toEqual([
        alice,
        { sub: 'bob', grants: 1, liveGrants: 0, lastGrantAt: START, isDeleted: false },
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

    test('entries that have ended are in no page, and left out where a reader needs them no more', async () => {
      const store = await newPlace().open()
      const ends = { expiresAt: clock.at + SECOND, deniesUntil: clock.at + SECOND }
      for (const value of ['one', 'two', 'three']) await addEntry(store, entryOf('jti', value, ends))
      await addEntry(store, entryOf('jti', 'for good', { expiresAt: null }))
      await addEntry(store, entryOf('jti', 'stands'))
      clock.pass(2 * SECOND)
      const values = (entries: { value: string }[]) => entries.map(({ value }) => value)
      const first = await store.listBlacklist({ limit: 1 })
      const second = await store.listBlacklist({ limit: 1, after: first[0]?.id })
      expect(values([...first, ...second]).toSorted()).toEqual(['for good', 'stands'])
      expect(values(await store.listBlacklistSince(0, clock.at))).toEqual(['for good', 'stands'])
      expect(await store.listBlacklistSince(0)).toHaveLength(5)
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

    test('a setting is claimed once; the names of an issuer are claimed, and returned, any time', async () => {
      const place = newPlace()
      const stores = [await place.open(), await place.open()]
      const [one, two] = await Promise.all(stores.map((store, index) => store.claimSetting('issuer', `${index}`)))
      expect(one).toBe(two)
      expect(await stores[0]?.findSetting('issuer')).toBe(one)
      expect(await stores[0]?.findSetting('first_client')).toBeUndefined()
      const claim = await stores[0]?.claimNames({ issuer: 'other', rp_id: 'host' })
      expect(claim).toEqual({ outcome: 'claimed', before: { issuer: one } })
      expect(await stores[1]?.findSetting('issuer')).toBe('other')
      await stores[0]?.returnNames({ issuer: one ?? '' })
      expect(await stores[1]?.findSetting('issuer')).toBe(one)
      expect(await stores[1]?.findSetting('rp_id')).toBeUndefined()
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
      await store.sweep(2, 0, () => true)
      expect((await store.listGrants({}, { limit: 9 })).map(({ sid }) => sid)).toEqual(['g3', 'g4'])
      await store.sweep(2, 0, () => true)
      expect((await store.listGrants({}, { limit: 9 })).map(({ sid }) => sid)).toEqual(['g4'])
      expect((await store.findClient('app'))?.secrets.map(({ id }) => id)).toEqual(['new'])
      expect(await store.consumeJti('client_assertion', 'app', 'k', clock.at + HOUR)).toBe('replayed')
      expect(await store.consumeJti('client_assertion', 'app', 'j', clock.at + HOUR)).toBe('fresh')
      expect(await store.findBlacklistEntry(expired.id)).toBeUndefined()
      expect((await rowOf(store, lifted.id))?.removedAt).toBe(START)
      clock.pass(2 * DAY)
      await store.sweep(9, 0, () => true)
      expect(await rowOf(store, lifted.id)).toBeUndefined()
      expect(await store.findBlacklistEntry(standing.id)).toEqual(standing)
      expect(await store.sweep(9, 0, () => true)).toBe(0)
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
      await one.sweep(9, 0, () => true)
      await two.pollChanges()
      expect(heard).toContainEqual({ noun: 'blacklist', id: null })
      expect((await rowOf(two, entry.id))?.removedAt).toBe(START)
      clock.pass(5 * MINUTE)
      await one.sweep(9, 0, () => true)
      expect(await rowOf(two, entry.id)).toBeUndefined()
    })

    test('audit events and the public halves of old keys go when they are old enough', async () => {
      const store = await newPlace().open()
      await seed(store)
      await store.revokeKey('active', keyOf('spare'), denyKid, eventOf('key.revoked'))
      clock.pass(399 * DAY)
      await store.sweep(99, clock.at - 400 * DAY, () => true)
      expect(await store.listKeys()).toHaveLength(3)
      clock.pass(2 * DAY)
      await store.sweep(99, clock.at - 400 * DAY, () => true)
      expect((await store.listKeys()).map(({ kid }) => kid)).toEqual(['next', 'spare'])
      expect(await store.listAudit({ limit: 9 })).toEqual([])
    })
  })
}

for (const [name, newPlace] of PLACES) storeContract(name, newPlace)
