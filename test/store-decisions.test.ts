/**
 * What a write is decided by is read inside the write: the grant, the time, the latest expiry, the quota, whether the
 * actor may still act. Each test lets something change between the call of a verb and its write.
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { describe, expect, test } from 'vitest'
import type { Instant } from '../src/ground/clock.ts'
import { RateLimited, Unavailable } from '../src/ground/errors.ts'
import type { Recording } from '../src/store/records/audit.ts'
import type { BlacklistCause, Moment, NewBlacklistEntry } from '../src/store/records/blacklist.ts'
import type { GrantDenial, GrantRecord } from '../src/store/records/grant.ts'
import type { RotationVerdict } from '../src/store/records/rotation.ts'
import type { SignInRef } from '../src/store/records/sign-in-step.ts'
import { newOneTime } from '../src/store/records/one-time.ts'
import { newSignIn } from '../src/store/records/sign-in.ts'
import type { Store } from '../src/store/store.ts'
import {
  DAY,
  HOUR,
  MINUTE,
  SECOND,
  SHARED_ES256,
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
  fileEventOf,
  grantOf,
  isEnded,
  OWN_ES256,
  keyOf,
  liftEntry,
  listEndedSecrets,
  refusal,
  resourceOf,
  secretOf,
  closing,
  unheld,
} from './support/store-records.ts'
import { addPerson } from './support/people.ts'
import { PLACES, type Place } from './support/store-places.ts'

const renewed = clock.at + 5 * HOUR

/** Rotates a live family, as a refresh that came in time. */
const refresh = ({ endedAt }: GrantRecord): RotationVerdict =>
  endedAt === null
    ? { act: 'rotate', idleExpiresAt: null, accessExpiresAt: renewed }
    : { act: 'refuse', error: refusal }

async function storeWithKeys(place: Place): Promise<Store> {
  const store = await place.open()
  await createClient(store)
  const active = keyOf('active', { status: 'active', activatedAt: clock.at })
  await store.seedKeys(SHARED_ES256, [active, keyOf('next')], eventOf('key.created'))
  return store
}

/**
 * The moment of an entry that is added now.
 * @param isOrdered whether the database takes writes in the order in which they are asked for
 */
async function momentOf(store: Store, meanwhile: () => Promise<unknown>, isOrdered = true): Promise<Moment> {
  const seen: Moment[] = []
  const during = meanwhile()
  if (!isOrdered) await during
  await store.addBlacklistEntry(
    { kind: 'sub', value: 'eve' },
    (moment) => {
      seen.push(moment)
      return entryOf('sub', 'eve')
    },
    { event: () => eventOf('blacklist.added') },
  )
  await during
  const [moment] = seen
  if (!moment) throw new Error('no entry was composed')
  return moment
}

const causesOf = async (store: Store): Promise<BlacklistCause[]> =>
  (await store.listBlacklist({ limit: 99 })).map(({ cause }) => cause).toSorted()

describe.each(PLACES)('%s: facts are those inside the write', (database, newPlace) => {
  test('an entry sees its grant as the last refresh left it', async () => {
    const store = await storeWithKeys(newPlace())
    await createGrant(store, grantOf('g1'))
    const seen: (Instant | undefined)[] = []
    const compose = (_moment: Moment, grant: GrantRecord | undefined) => {
      seen.push(grant?.accessExpiresAt)
      return entryOf('sid', 'g1')
    }
    const named = { kind: 'sid', value: 'g1' } as const
    await Promise.all([
      store.rotateGrant('g1', refresh),
      store.addBlacklistEntry(named, compose, { event: () => eventOf('blacklist.added') }),
    ])
    expect(seen).toEqual([(await store.findGrant('g1'))?.accessExpiresAt])
  })

  test('whichever of refresh and denial comes first, no token outlives the denial', async () => {
    const place = newPlace()
    const [one, two] = [await storeWithKeys(place), await place.open()]
    const ways: ((store: Store, sid: string) => Promise<unknown>)[] = [
      (store, sid) =>
        store.addBlacklistEntry(
          { kind: 'sid', value: sid },
          (_moment, grant) => (grant ? denySid(grant, _moment) : entryOf('sid', sid)),
          { event: () => eventOf('blacklist.added') },
        ),
      (store, sid) => endGrant(store, sid),
      (store, sid) =>
        store.rotateGrant(sid, ({ endedAt }) =>
          endedAt === null
            ? { act: 'end', reason: 'reuse', deny: denySid, event: undefined, error: refusal }
            : { act: 'refuse', error: refusal },
        ),
    ]
    for (const [index, deny] of ways.entries()) {
      for (let round = 0; round < 10; round++) {
        const sid = `g${index}-${round}`
        await createGrant(one, grantOf(sid))
        const unlock = round % 2 ? await place.lock() : () => {}
        const acts = [() => two.rotateGrant(sid, refresh), () => deny(one, sid)]
        const done = Promise.all((round % 4 < 2 ? acts : acts.toReversed()).map((act) => act()))
        unlock()
        await done
        const grant = await one.findGrant(sid)
        const entry = (await one.listBlacklistSince(0)).find(({ value }) => value === sid)
        expect(grant?.endedAt).not.toBeNull()
        expect(entry?.deniesUntil).toBeGreaterThan(grant?.accessExpiresAt ?? Infinity)
      }
    }
  })

  test('the latest expiry counts what was reserved before the write, of keys that are trusted', async () => {
    const isOrdered = database === 'SQLite'
    const store = await storeWithKeys(newPlace())
    const reserved = clock.at + 30 * DAY
    expect((await momentOf(store, () => store.reserveSigning('active', reserved), isOrdered)).latestExpiry).toBe(
      reserved,
    )
    await store.promoteNextKey(SHARED_ES256, keyOf('spare'), () => ({ act: 'promote' }), eventOf('key.rotated'))
    expect((await momentOf(store, async () => {})).latestExpiry).toBe(reserved)
    const revoke = () => store.revokeKey('active', keyOf('other'), denyKid, eventOf('key.revoked'))
    const revoked = await momentOf(store, revoke, isOrdered)
    expect(revoked.latestExpiry).toBe(clock.at)
  })

  test('the latest expiry counts keys that another process reserved', async () => {
    const place = newPlace()
    const [one, two] = [await storeWithKeys(place), await place.open()]
    await two.reserveSigning('active', clock.at + DAY)
    expect((await momentOf(one, async () => {})).latestExpiry).toBe(clock.at + DAY)
  })

  test('now is the time of the write, however long it waited', async () => {
    const place = newPlace()
    const store = await storeWithKeys(place)
    const unlock = await place.lock()
    const waiting = momentOf(store, async () => {})
    clock.pass(1500)
    unlock()
    expect((await waiting).now).toBe(clock.at)
  })

  test('a refresh tells the time of its write', async () => {
    const place = newPlace()
    const store = await storeWithKeys(place)
    await createGrant(store, grantOf('g1'))
    const unlock = await place.lock()
    const waiting = store.rotateGrant('g1', refresh)
    clock.pass(1500)
    unlock()
    expect(await waiting).toMatchObject({ outcome: 'rotated', at: clock.at, grant: { rotatedAt: clock.at } })
  })

  test.runIf(database === 'PostgreSQL')('an operator who ends many grants waits longer than a request', async () => {
    const place = newPlace()
    const store = await storeWithKeys(place)
    for (const sid of ['g1', 'g2']) await createGrant(store, grantOf(sid))
    const unlock = await place.lock()
    const waiting = store.endGrant('g1', 'ended', denySid, { event: undefined, isOfOperator: true })
    await expect(endGrant(store, 'g2')).rejects.toThrow(Unavailable)
    unlock()
    expect(await waiting).toBe('ended')
  })

  test('no grant is made for a registration that another has followed', async () => {
    const store = await storeWithKeys(newPlace())
    const key = (await store.findClient('app'))?.key ?? 0
    await deleteClient(store)
    await createClient(store)
    await expect(createGrant(store, grantOf('g1'), { clientKey: key })).rejects.toThrow(Unavailable)
    expect(await store.findGrant('g1')).toBeUndefined()
  })

  test('what a deletion is told of the client is its record as it is deleted', async () => {
    const store = await storeWithKeys(newPlace())
    let used: (Instant | null | undefined)[] = []
    // SQLite takes writes in their order. Across a network nothing orders these two, so the first is awaited there.
    const noted = store.noteSecretUse([{ secretId: 'app-1', at: clock.at + 7 }])
    if (database !== 'SQLite') await noted
    await Promise.all([
      noted,
      store.deleteClient(
        'app',
        (_moment, client) => {
          used = client.secrets.map(({ lastUsedAt }) => lastUsedAt)
          return [entryOf('client_id', 'app')]
        },
        eventOf('client.deleted'),
      ),
    ])
    expect(used).toEqual([null, clock.at + 7])
  })

  test('a sign-in by a former password does not outlive the change, however the two meet', async () => {
    const place = newPlace()
    const store = await place.open()
    const other = await place.open()
    const clients = { find: () => undefined }
    const ending = {
      reason: 'password',
      isKeepingOffline: false,
      event: () => eventOf('session.ended'),
      deny: () => entryOf('sub', 'ada'),
    }
    for (let round = 0; round < 12; round++) {
      const person = await addPerson(store, {
        username: `ada-${round}`,
        password: null,
        user: { passwordHash: 'former' },
      })
      const begin = async (each: Store): Promise<SignInRef> => {
        const signIn = newSignIn({ browserHash: 'browser', request: null, returnTo: null }, clock.at, HOUR)
        await each.keepRequest(signIn)
        return signIn
      }
      const changing = await begin(store)
      const passing = await Promise.all([begin(other), begin(other), begin(store)])
      const change = { id: person.id, change: { passwordHash: 'newer' } }
      const proof = { kind: 'password', userId: person.id, passwordHash: 'former' } as const
      await Promise.all([
        store.takeStep(changing, undefined, clients, () => ({
          writes: { user: change, renews: { session: ending } },
          result: true,
        })),
        ...passing.map((ref, index) =>
          (index === 2 ? store : other).takeStep(ref, proof, clients, ({ isProven }) => ({
            writes: isProven ? { spends: true, signIn: { userId: person.id } } : {},
            result: isProven,
          })),
        ),
      ])
      const left = await Promise.all(passing.map((ref) => store.findSignIn(ref, clients)))
      expect(left.flatMap((each) => (each.outcome === 'decided' ? (each.result.signIn.userId ?? []) : []))).toEqual([])
    }
  })

  test('a code of the app before counts no more, and its secret is not written back', async () => {
    const store = await newPlace().open()
    const clients = { find: () => undefined }
    const user = { totpSecret: 'former', totpUsedStep: 7 }
    const { id } = await addPerson(store, { username: 'ada', password: null, user })
    const signIn = {
      ...newSignIn({ browserHash: 'browser', request: null, returnTo: null }, clock.at, HOUR),
      userId: id,
    }
    await store.keepRequest(signIn)
    const enter = (sealedSecret: string, timeStep: number) =>
      store.takeStep(
        { id: signIn.id, browserHash: 'browser' },
        { kind: 'totp', timeStep, sealedSecret, renewedSecret: `${sealedSecret}, under another key` },
        clients,
        // A rule that spends whatever it is given: the write itself holds only for the secret that was checked.
        ({ isProven }) => ({ writes: { spends: true }, result: isProven }),
      )
    const secretNow = async () => (await store.findPerson({ id }))?.user.totpSecret
    expect(await enter('another', 8)).toEqual({ outcome: 'decided', result: false })
    expect(await secretNow()).toBe('former')
    expect(await enter('former', 8)).toEqual({ outcome: 'decided', result: true })
    expect(await secretNow()).toBe('former, under another key')
    expect(await enter('former', 9)).toEqual({ outcome: 'decided', result: false })
    expect(await secretNow()).toBe('former, under another key')
  })

  test('the use of a secret is kept by a change of its client at the same time', async () => {
    const place = newPlace()
    const store = await storeWithKeys(place)
    const other = await place.open()
    for (let round = 1; round <= 12; round++) {
      await Promise.all([
        other.updateClient('app', (client) => ({ ...client, name: `App ${round}` }), eventOf('client.updated')),
        store.noteSecretUse([{ secretId: 'app-1', at: clock.at + round }]),
      ])
      const used = (await store.findClient('app'))?.secrets.map(({ lastUsedAt }) => lastUsedAt)
      expect(used).toEqual([null, clock.at + round])
    }
  })
})

// ---------------------------------------------------------------- quotas

const OWN_LIMIT = 5

/** A denial that a client makes of its own token. */
const own = (value: string, change: Partial<NewBlacklistEntry> = {}): NewBlacklistEntry =>
  entryOf('jti', value, { cause: 'revocation', owner: 'app', createdBy: 'app', ...change })

const everything = ({ now }: Moment): NewBlacklistEntry =>
  entryOf('client_id', 'app', { cause: 'quota', owner: 'app', issuedBefore: now })

const ownDenials = { limit: OWN_LIMIT, everything }

describe.each(PLACES)('%s: quotas', (_, newPlace) => {
  async function fill(store: Store): Promise<void> {
    for (let index = 0; index < OWN_LIMIT; index++) await addEntry(store, own(`t${index}`), { own: ownDenials })
  }

  test('one denial too many of its own folds all of a client into one', async () => {
    const store = await storeWithKeys(newPlace())
    await fill(store)
    expect(await causesOf(store)).toEqual(Array.from({ length: OWN_LIMIT }, () => 'revocation'))
    const folded = await addEntry(store, own('one too many'), { own: ownDenials })
    expect(folded).toMatchObject({ kind: 'client_id', value: 'app', cause: 'quota' })
    expect(await causesOf(store)).toEqual(['quota'])
    await fill(store)
    expect(await causesOf(store)).toHaveLength(OWN_LIMIT + 1)
    await addEntry(store, own('again'), { own: ownDenials })
    expect(await causesOf(store)).toEqual(['quota'])
  })

  test('folding keeps what others denied, and what denies this client', async () => {
    const store = await storeWithKeys(newPlace())
    await fill(store)
    const kept = [
      own('of another', { owner: 'web', createdBy: 'web' }),
      own('posted', { cause: 'blacklist' }),
      own('by an operator', { owner: null, createdBy: 'cli' }),
      entryOf('client_id', 'app', { cause: 'client_disabled', owner: 'boss' }),
    ]
    for (const entry of kept) await addEntry(store, entry)
    await addEntry(store, own('one too many'), { own: ownDenials })
    const standing = (await store.listBlacklist({ limit: 99 })).map(({ value, cause }) => `${cause} ${value}`)
    expect(standing.toSorted()).toEqual([
      'blacklist posted',
      'client_disabled app',
      'quota app',
      'revocation by an operator',
      'revocation of another',
    ])
  })

  test('reuse and revocation count together, and lifted or ended entries do not', async () => {
    const store = await storeWithKeys(newPlace())
    await addEntry(store, own('ended', { expiresAt: clock.at + SECOND }), { own: ownDenials })
    const lifted = await addEntry(store, own('lifted'), { own: ownDenials })
    await liftEntry(store, lifted.id)
    clock.pass(2 * SECOND)
    for (let index = 0; index < OWN_LIMIT; index++)
      await addEntry(store, own(`t${index}`, { cause: index % 2 ? 'reuse' : 'revocation' }), { own: ownDenials })
    expect(await causesOf(store)).not.toContain('quota')
    await addEntry(store, own('one too many'), { own: ownDenials })
    expect(await causesOf(store)).toEqual(['quota'])
    // Very many may have ended, so they are neither read nor deleted by a request.
    expect((await store.listBlacklistSince(0)).map(({ value }) => value)).toContain('ended')
  })

  test('a grant that its client ends too many of is over all the same', async () => {
    const store = await storeWithKeys(newPlace())
    await fill(store)
    for (const sid of ['g1', 'g2']) await createGrant(store, grantOf(sid))
    const deny: GrantDenial = ({ sid }) => own(sid, { kind: 'sid' })
    await store.endGrant('g1', 'revoked by client', deny, { event: undefined, own: ownDenials })
    expect((await store.findGrant('g1'))?.endedReason).toBe('revoked by client')
    expect((await store.findGrant('g2'))?.endedAt).toBeNull()
    expect(await causesOf(store)).toEqual(['quota'])
  })

  test('a process that kept them in memory is told of the one that takes their place', async () => {
    const place = newPlace()
    const [one, two] = [await storeWithKeys(place), await place.open()]
    await fill(one)
    const { revision } = await addEntry(two, own('one too many'), { own: ownDenials })
    const since = await one.listBlacklistSince(0)
    expect(since.map((entry) => [entry.cause, entry.revision])).toEqual([['quota', revision]])
  })

  test('a holder of the blacklist scope may have so many entries, lifts some and goes on', async () => {
    const store = await storeWithKeys(newPlace())
    const posted = (value: string) => entryOf('jti', value, { owner: 'mod', createdBy: 'mod' })
    const refuse = () => new RateLimited('too many', { policy: 'x', quota: 3, windowSeconds: 1, retryAfterSeconds: 1 })
    const add = (value: string) => addEntry(store, posted(value), { most: { limit: 3, refuse } })
    const [first] = [await add('a'), await add('b'), await add('c')]
    await expect(add('d')).rejects.toThrow(RateLimited)
    await addEntry(store, entryOf('jti', 'x', { owner: 'other' }), { most: { limit: 3, refuse } })
    await liftEntry(store, first.id)
    expect(await add('d')).toMatchObject({ value: 'd' })
  })

  test('of more live grants of a pair than the limit the oldest ends, and no other pair is touched', async () => {
    const store = await storeWithKeys(newPlace())
    await createClient(store, clientOf('web'))
    const others = [grantOf('g01', { sub: 'bob' }), grantOf('g02', { clientId: 'web' })]
    for (const grant of others) await createGrant(store, grant, { limit: 3 })
    for (const sid of ['g11', 'g12', 'g13'])
      expect(await createGrant(store, grantOf(sid), { limit: 3 })).toMatchObject({ replaced: undefined })
    await endGrant(store, 'g12')
    expect(await createGrant(store, grantOf('g14'), { limit: 3 })).toMatchObject({ replaced: undefined })
    expect(await createGrant(store, grantOf('g15'), { limit: 3 })).toMatchObject({ replaced: 'g11' })
    const live = (await store.listGrants({}, { limit: 99 })).filter(({ endedAt }) => endedAt === null)
    expect(live.map(({ sid }) => sid)).toEqual(['g01', 'g02', 'g13', 'g14', 'g15'])
    expect(await store.findGrant('g11')).toMatchObject({ endedAt: clock.at, endedReason: 'replaced' })
    expect(await store.rotateGrant('g11', refresh)).toEqual({ outcome: 'refused', error: refusal })
  })

  test('grants that were replaced are forgotten as soon as their tokens have ended', async () => {
    const store = await storeWithKeys(newPlace())
    for (const sid of ['g1', 'g2']) await createGrant(store, grantOf(sid), { limit: 1 })
    await store.sweep(9, 0, () => true)
    expect(await store.findGrant('g1')).toBeDefined()
    clock.pass(HOUR)
    await store.sweep(9, 0, () => true)
    expect(await store.findGrant('g1')).toBeUndefined()
    expect(await store.findGrant('g2')).toBeDefined()
  })
})

// ---------------------------------------------------------------- ended on purpose

describe.each(PLACES)('%s: what an operator ended', (_, newPlace) => {
  const ended = { outcome: 'ended' }
  const BROUGHT = { kind: 'brought', digest: 'leaked' } as const

  test('a deleted client is not revived by the file, only by an operator', async () => {
    const place = newPlace()
    const store = await storeWithKeys(place)
    await deleteClient(store)
    for (const each of [store, await place.open()]) {
      expect(await isEnded(each, 'client', 'app')).toBe(true)
      expect(await createClient(each, clientOf('app'), fileEventOf('client.created'))).toEqual(ended)
    }
    expect(await store.findClient('app')).toBeUndefined()
    expect(await createClient(store)).toMatchObject({ outcome: 'created' })
    expect(await isEnded(store, 'client', 'app')).toBe(false)
    expect(await createClient(store, clientOf('web'), fileEventOf('client.created'))).toMatchObject({
      outcome: 'created',
    })
  })

  test('a disabled client that the file removes is not revived by the file, only by an operator', async () => {
    const store = await storeWithKeys(newPlace())
    const create = (id: string) => createClient(store, clientOf(id), fileEventOf('client.created'))
    for (const id of ['web', 'api']) await create(id)
    await store.disableClient('web', () => entryOf('client_id', 'web'), eventOf('client.disabled'))
    for (const id of ['web', 'api']) await deleteClient(store, id, fileEventOf('client.deleted'))
    expect(await create('web')).toEqual(ended)
    expect(await create('api')).toMatchObject({ outcome: 'created' })
    expect(await createClient(store, clientOf('web'))).toMatchObject({ outcome: 'created' })
  })

  test('a deleted resource is not revived by the file, only by an operator', async () => {
    const store = await newPlace().open()
    const create = (event: Recording) => store.createResource(resourceOf('api'), event)
    await create(fileEventOf('resource.created'))
    await store.deleteResource('api', unheld, eventOf('resource.deleted'))
    expect(await isEnded(store, 'resource', 'api')).toBe(true)
    expect(await create(fileEventOf('resource.created'))).toBe('ended')
    expect(await create(eventOf('resource.created'))).toBe('created')
    expect(await isEnded(store, 'resource', 'api')).toBe(false)
    await store.deleteResource('api', unheld, fileEventOf('resource.deleted'))
    expect(await isEnded(store, 'resource', 'api')).toBe(false)
    expect(await create(fileEventOf('resource.created'))).toBe('created')
  })

  test('brought secrets that an operator ends are remembered, those that the file replaces are not', async () => {
    const store = await newPlace().open()
    await createClient(store, clientOf('app', { secrets: [secretOf('s1', BROUGHT)] }))
    const replaceBy = (id: string, event: Recording) =>
      store.updateClient('app', (client) => ({ ...client, secrets: [secretOf(id, { ...BROUGHT, digest: id })] }), event)
    await replaceBy('s2', fileEventOf('client.secret_rotated'))
    expect(await listEndedSecrets(store, 'app')).toEqual([])
    await replaceBy('s3', eventOf('client.secret_rotated'))
    clock.pass(SECOND)
    await replaceBy('s4', eventOf('client.secret_rotated'))
    expect(await listEndedSecrets(store, 'app')).toEqual(['s3', 's2'])
    expect(await listEndedSecrets(store, 'nobody')).toEqual([])
  })

  test('a brought secret is remembered as ended from the rotation on, during its overlap and after the sweep', async () => {
    const store = await newPlace().open()
    await createClient(store, clientOf('app', { secrets: [secretOf('s1', BROUGHT)] }))
    await store.updateClient(
      'app',
      ({ secrets, ...client }) => ({
        ...client,
        secrets: [...secrets.map((secret) => ({ ...secret, expiresAt: clock.at + HOUR })), secretOf('s2')],
      }),
      eventOf('client.secret_rotated'),
    )
    expect(await listEndedSecrets(store, 'app')).toEqual(['leaked'])
    clock.pass(DAY)
    await store.sweep(9, 0, () => true)
    expect((await store.findClient('app'))?.secrets.map(({ id }) => id)).toEqual(['s2'])
    expect(await listEndedSecrets(store, 'app')).toEqual(['leaked'])
  })

  test('changes that end no secret remember none, and a generated one is remembered too', async () => {
    const store = await newPlace().open()
    await createClient(store, clientOf('app', { secrets: [secretOf('s1', BROUGHT), secretOf('generated')] }))
    await store.updateClient('app', (client) => ({ ...client, name: 'App' }), eventOf('client.updated'))
    expect(await listEndedSecrets(store, 'app')).toEqual([])
    await store.updateClient(
      'app',
      ({ secrets, ...client }) => ({ ...client, secrets: secrets.filter(({ kind }) => kind === 'brought') }),
      eventOf('client.secret_rotated'),
    )
    expect(await listEndedSecrets(store, 'app')).toEqual(['digest'])
  })
})

// ---------------------------------------------------------------- the actor

describe.each(PLACES)('%s: an actor who may not act any more', (_, newPlace) => {
  const gone = new Error('the token was revoked')
  const event: Recording = {
    ...eventOf('act', 'target'),
    judge: () => {
      throw gone
    },
  }
  const client = clientOf('alice')
  const deny = () => entryOf('client_id', 'app', { refusesNew: true })
  const acts: Record<string, (store: Store, entryId: string) => Promise<unknown>> = {
    createClient: (store) =>
      store.createClient(client, { deny: () => entryOf('sub', 'alice'), ended: () => event, ...closing() }, event),
    updateClient: (store) => store.updateClient('app', (each) => ({ ...each, name: 'x', secrets: [] }), event),
    disableClient: (store) => store.disableClient('app', deny, event),
    enableClient: (store) => store.enableClient('app', event),
    deleteClient: (store) => store.deleteClient('app', () => [deny()], event),
    createResource: (store) => store.createResource(resourceOf('new'), event),
    updateResource: (store) => store.updateResource('api', (each) => ({ ...each, ttl: 1 }), event),
    deleteResource: (store) => store.deleteResource('api', unheld, event),
    seedKeys: (store) => store.seedKeys(OWN_ES256, [keyOf('k', OWN_ES256)], event),
    promoteNextKey: (store) => store.promoteNextKey(SHARED_ES256, keyOf('k'), () => ({ act: 'promote' }), event),
    revokeKey: (store) => store.revokeKey('active', keyOf('k'), denyKid, event),
    retireKeys: (store) =>
      store.retireKeys(
        0,
        () => true,
        () => event,
      ),
    createGrant: async (store) => {
      const clientKey = (await store.findClient('app'))?.key ?? 0
      return store.createGrant(grantOf('g9'), { clientKey, limit: 1 }, event)
    },
    rotateGrant: (store) =>
      store.rotateGrant('g1', () => ({ act: 'end', reason: 'reuse', deny: denySid, event, error: refusal })),
    endGrant: (store) => store.endGrant('g1', 'revoked', denySid, { event }),
    'endGrant that is over': (store) => store.endGrant('g2', 'revoked', (grant) => own(grant.sid), { event }),
    addBlacklistEntry: (store) => addEntry(store, entryOf('sub', 'alice'), { event: () => event }),
    'addBlacklistEntry beyond a quota': (store) =>
      addEntry(store, own('x'), { event: () => event, own: { limit: 1, everything } }),
    removeBlacklistEntry: (store, id) => store.removeBlacklistEntry(id, () => {}, event),
    recordAudit: (store) => store.recordAudit([eventOf('before'), event]),
  }

  /** Everything that acts read and write, so that nothing of an act can hide. */
  const contentOf = async (store: Store): Promise<unknown> => ({
    clients: await store.listClients(),
    ended: await Promise.all([listEndedSecrets(store, 'app'), isEnded(store, 'client', 'app')]),
    resources: await store.listResources(),
    keys: await store.listKeys(),
    grants: await store.listGrants({}, { limit: 99 }),
    blacklist: await store.listBlacklistSince(0),
    audit: await store.listAudit({ limit: 99 }),
  })

  test('revokeInvitation asks by everything that another process has written before', async () => {
    const place = newPlace()
    const store = await place.open()
    const other = await place.open()
    const facts = { email: null, groups: [], isTrusted: false, createdBy: 'ops' }
    const terms = { kind: 'invitation', hash: 'h', owner: '', facts, expiresAt: clock.at + HOUR } as const
    const link = newOneTime(terms, clock.at)
    await store.addLink(link, eventOf('invitation.created'))
    let isRevoked = false
    store.onChange(async () => void (isRevoked = true))
    await addEntry(other, entryOf('jti', 'token of the actor'))
    const judge = () => {
      if (isRevoked) throw gone
    }
    const revoking = store.revokeInvitation(link.id, { ...eventOf('invitation.revoked'), judge })
    await expect(revoking).rejects.toBe(gone)
    expect((await store.findLink('invitation', 'h'))?.usesLeft).toBe(1)
  })

  test.each(Object.keys(acts))('%s leaves nothing', async (name) => {
    const store = await storeWithKeys(newPlace())
    await store.createResource(resourceOf('api', { ownKeys: true }), eventOf('resource.created'))
    await store.promoteNextKey(SHARED_ES256, keyOf('spare'), () => ({ act: 'promote' }), eventOf('key.rotated'))
    for (const sid of ['g1', 'g2']) await createGrant(store, grantOf(sid))
    await endGrant(store, 'g2')
    const entry = await addEntry(store, own('token'))
    clock.pass(MINUTE)
    const before = await contentOf(store)
    await expect(acts[name]?.(store, entry.id)).rejects.toBe(gone)
    expect(await contentOf(store)).toEqual(before)
  })
})
