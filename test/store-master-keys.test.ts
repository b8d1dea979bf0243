/**
 * The change of the master key in the store: one write, decided inside it, over every kind of database.
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { describe, expect, test } from 'vitest'
import { Unavailable } from '../src/ground/errors.ts'
import { newServerName } from '../src/ground/process-name.ts'
import { KeyHolderNote } from '../src/keys/key-holder.ts'
import type { KeyHolder, Resealed } from '../src/store/records/master-key.ts'
import type { Store } from '../src/store/store.ts'
import { PLACES } from './support/store-places.ts'
import {
  DAY,
  HOUR,
  SECOND,
  SHARED_ES256,
  clientOf,
  clock,
  createClient,
  createGrant,
  eventOf,
  findEndedSecrets,
  grantOf,
  keyOf,
  secretOf,
} from './support/store-records.ts'

/** A private key as if it were sealed under a master key: the act looks at the header alone. */
const sealedBy = (id: string, content = 'x'): string =>
  `${Buffer.from(JSON.stringify({ kid: id })).toString('base64url')}.${content}`

/** Another event each time: ids are never used twice. */
const event = () => eventOf('master_key.changed')
const NOTHING: Resealed = new Map()
const nobody = (): KeyHolder[] => []

/** A store under the key `one`, with both keys of a ring. */
async function storeUnder(open: () => Promise<Store>): Promise<Store> {
  const store = await open()
  await store.claimSetting('master_key_id', 'one')
  const keys = [
    keyOf('active', { status: 'active', sealedPrivateKey: sealedBy('one') }),
    keyOf('next', { sealedPrivateKey: sealedBy('one') }),
  ]
  await store.seedKeys(SHARED_ES256, keys, eventOf('key.seeded'))
  return store
}

/** All private keys, sealed anew. */
const resealedBy = async (store: Store, id: string): Promise<Resealed> =>
  new Map(
    (await store.listKeys()).map(({ kid, sealedPrivateKey: from }) => [kid, { from, to: sealedBy(id, `anew ${kid}`) }]),
  )

async function change(store: Store, id: string): Promise<void> {
  clock.pass(SECOND)
  await store.noteMasterKey(id, event())
  const used = await store.useMasterKey(id, await resealedBy(store, id), nobody, event())
  if (used.outcome !== 'used') throw new Error(used.outcome)
}

const renewal = { act: 'rotate', idleExpiresAt: null, accessExpiresAt: 1 } as const

describe.each(PLACES)('%s: the master key', (_name, newPlace) => {
  test('a database knows the first key by its setting, and a second by its note', async () => {
    const place = newPlace()
    const empty = await place.open()
    expect(await empty.readMasterKeys()).toEqual({ first: undefined, current: undefined, keys: [] })
    const store = await storeUnder(() => place.open())
    const one = { id: 'one', createdAt: 0, currentSince: 0, retiredAt: null }
    expect(await store.readMasterKeys()).toEqual({ first: 'one', current: 'one', keys: [one] })
    expect(await store.noteMasterKey('two', event())).toBe('noted')
    expect(await store.noteMasterKey('two', event())).toBe('known')
    expect(await store.noteMasterKey('one', event())).toBe('known')
    const two = { id: 'two', createdAt: clock.at, currentSince: null, retiredAt: null }
    expect(await store.readMasterKeys()).toEqual({ first: 'one', current: 'one', keys: [one, two] })
  })

  test('a change seals every private key anew and tells all processes of keys, together', async () => {
    const place = newPlace()
    const store = await storeUnder(() => place.open())
    const other = await place.open()
    const heard: string[] = []
    other.onChange(async (changes) => void heard.push(...changes.map(({ noun }) => noun)))
    await change(store, 'two')
    await other.pollChanges()
    expect(new Set(heard)).toEqual(new Set(['key']))
    expect(await other.readMasterKeys()).toMatchObject({ first: 'one', current: 'two' })
    for (const { kid, sealedPrivateKey } of await other.listKeys())
      expect(sealedPrivateKey).toBe(sealedBy('two', `anew ${kid}`))
    expect(await store.findMasterKeyNeeds('one')).toEqual({ sealed: [], secrets: [] })
    expect((await store.findMasterKeyNeeds('two')).sealed.toSorted()).toEqual(['active', 'next'])
  })

  test('a private key that was made since they were read, or a server without the key, changes nothing', async () => {
    const store = await storeUnder(() => newPlace().open())
    await store.noteMasterKey('two', event())
    const read = await resealedBy(store, 'two')
    const before = await store.listKeys()
    expect(await store.useMasterKey('two', NOTHING, nobody, event())).toEqual({ outcome: 'changed' })
    const holder = { server: 'web/1', keys: ['one'], lastSeenAt: clock.at }
    await store.noteKeyHolder(holder)
    expect(await store.useMasterKey('two', read, (all) => all, event())).toEqual({
      outcome: 'unheld',
      holders: [holder],
    })
    expect(await store.useMasterKey('three', read, nobody, event())).toEqual({ outcome: 'unknown' })
    expect(await store.listKeys()).toEqual(before)
    expect(await store.readMasterKeys()).toMatchObject({ current: 'one' })
    expect(await store.useMasterKey('one', read, nobody, event())).toEqual({ outcome: 'already' })
  })

  test('a server notes the keys that it has, and forgets itself', async () => {
    const store = await newPlace().open()
    const holder = { server: 'web/1', keys: ['one'], lastSeenAt: clock.at }
    await store.noteKeyHolder(holder)
    await store.noteKeyHolder({ ...holder, keys: ['one', 'two'], lastSeenAt: clock.at + 1 })
    await store.noteKeyHolder({ ...holder, server: 'web/2' })
    expect(await store.listKeyHolders()).toEqual([
      { server: 'web/1', keys: ['one', 'two'], lastSeenAt: clock.at + 1 },
      { ...holder, server: 'web/2' },
    ])
    await store.forgetKeyHolder('web/1')
    clock.pass(DAY)
    await store.sweep(9, 0, () => true)
    expect(await store.listKeyHolders()).toEqual([])
  })

  test('two servers of one host name and one number have notes of their own', async () => {
    const store = await newPlace().open()
    const begin = (keys: string[]) => KeyHolderNote.begin(store, { ids: () => keys }, newServerName(8080))
    const one = await begin(['one'])
    await begin(['two'])
    expect((await store.listKeyHolders()).map(({ keys }) => keys.join()).toSorted()).toEqual(['one', 'two'])
    await one.forget()
    expect(await store.listKeyHolders()).toMatchObject([{ keys: ['two'] }])
  })

  test('secrets and live grants of a key are found, those without a key as the first one’s', async () => {
    const store = await storeUnder(() => newPlace().open())
    const secrets = [
      secretOf('old'),
      secretOf('named', { masterKeyId: 'one' }),
      secretOf('over', { expiresAt: clock.at - 1 }),
      secretOf('brought', { kind: 'brought' }),
      secretOf('later', { masterKeyId: 'two' }),
    ]
    await createClient(store, clientOf('app', { secrets }))
    const idsOf = async (id: string) =>
      (await store.findMasterKeyNeeds(id)).secrets.map((secret) => secret.id).toSorted()
    expect(await idsOf('one')).toEqual(['named', 'old'])
    expect(await idsOf('two')).toEqual(['later'])

    await createGrant(store, grantOf('g1'))
    for (const sid of ['g2', 'g3', 'g4']) await createGrant(store, grantOf(sid, { masterKeyId: 'one' }))
    await createGrant(store, grantOf('g5', { masterKeyId: 'two' }))
    await createGrant(store, grantOf('g6', { expiresAt: clock.at }))
    await createGrant(store, grantOf('g7', { endedAt: clock.at }))
    for (const limit of [1, 2, 3, 99]) {
      const found: string[] = []
      for (let after: string | undefined = ''; after !== undefined;) {
        const page = await store.listGrantsUnder('one', { after, limit })
        found.push(...page.grants.map(({ sid }) => sid))
        after = page.next
      }
      expect(found.toSorted(), String(limit)).toEqual(['g1', 'g2', 'g3', 'g4'])
    }
  })

  test('a new grant takes the key that is current inside the write; a rotation moves it, and remembers from when', async () => {
    const store = await storeUnder(() => newPlace().open())
    await createClient(store)
    const clientKey = (await store.findClient('app'))?.key ?? 0
    const options = { clientKey, limit: 9, masterKeyId: () => 'two' }
    expect(await store.createGrant(grantOf('g1'), options, undefined)).toEqual({
      replaced: undefined,
      masterKeyId: 'two',
    })
    expect(await store.findGrant('g1')).toMatchObject({ masterKeyId: 'two', masterKeyFrom: 0 })
    const stays = await store.rotateGrant('g1', () => renewal)
    expect(stays).toMatchObject({ grant: { generation: 1, masterKeyId: 'two', masterKeyFrom: 0 } })
    const moved = await store.rotateGrant('g1', () => ({ ...renewal, masterKeyId: 'three' }))
    expect(moved).toMatchObject({ grant: { generation: 2, masterKeyId: 'three', masterKeyFrom: 2 } })
    expect(await store.findGrant('g1')).toMatchObject({ generation: 2, masterKeyId: 'three', masterKeyFrom: 2 })
  })

  test('the note of a use replaces the digest that was read, and processes hear of the client', async () => {
    const place = newPlace()
    const store = await storeUnder(() => place.open())
    await createClient(store, clientOf('app', { secrets: [secretOf('s1')] }))
    const other = await place.open()
    const heard: unknown[] = []
    other.onChange(async (changes) => void heard.push(...changes))
    const use = (from: string) =>
      store.noteSecretUse([{ secretId: 's1', at: clock.at, renewed: { from, digest: 'anew', masterKeyId: 'two' } }])
    await use('another')
    await other.pollChanges()
    expect(heard).toEqual([])
    expect((await store.findClient('app'))?.secrets).toMatchObject([{ digest: 'digest', masterKeyId: null }])
    await use('digest')
    await other.pollChanges()
    expect(heard).toEqual([{ noun: 'client', id: 'app' }])
    expect((await other.findClient('app'))?.secrets).toMatchObject([{ digest: 'anew', masterKeyId: 'two' }])
  })

  test('a former key is retired once nothing needs it, or with the end of the secrets that do', async () => {
    const store = await storeUnder(() => newPlace().open())
    await createClient(store, clientOf('app', { secrets: [secretOf('s1'), secretOf('s2', { expiresAt: 1 })] }))
    expect(await store.retireMasterKey('one', NOTHING, undefined, event())).toEqual({ outcome: 'current' })
    await change(store, 'two')
    const secrets = [{ id: 's1', clientId: 'app', expiresAt: null, lastUsedAt: null }]
    expect(await store.retireMasterKey('one', NOTHING, undefined, event())).toEqual({ outcome: 'needed', secrets })
    const ended = (clientId: string) => eventOf('client.secret_ended', clientId)
    expect(await store.retireMasterKey('one', NOTHING, ended, event())).toEqual({ outcome: 'retired', secrets })
    expect((await store.findClient('app'))?.secrets).toEqual([])
    expect(await findEndedSecrets(store, 'app')).toEqual([{ digest: 'digest', masterKeyId: 'one' }])
    expect((await store.listAudit({ limit: 9, target: 'app' })).map(({ action }) => action)).toContain(
      'client.secret_ended',
    )
    expect(await store.retireMasterKey('one', NOTHING, undefined, event())).toEqual({ outcome: 'already' })
    expect(await store.noteMasterKey('one', event())).toBe('retired')
    expect(await store.useMasterKey('one', NOTHING, nobody, event())).toEqual({ outcome: 'retired' })
    expect((await store.readMasterKeys()).keys).toMatchObject([{ id: 'one', retiredAt: clock.at }, { id: 'two' }])
  })

  test('nothing is stored any more that was made under a key which was retired meanwhile', async () => {
    const store = await storeUnder(() => newPlace().open())
    await change(store, 'two')
    await change(store, 'three')
    await store.retireMasterKey('two', NOTHING, undefined, event())
    const dead = clientOf('dead', { secrets: [secretOf('s', { masterKeyId: 'two' })] })
    await expect(createClient(store, dead)).rejects.toThrow(Unavailable)
    const spare = keyOf('spare', { sealedPrivateKey: sealedBy('two') })
    const promoted = store.promoteNextKey(SHARED_ES256, spare, () => ({ act: 'promote' }), eventOf('key.rotated'))
    await expect(promoted).rejects.toThrow(Unavailable)
    expect((await store.listKeys()).map(({ kid, status }) => [kid, status])).toEqual([
      ['active', 'active'],
      ['next', 'next'],
    ])
    clock.pass(HOUR)
    await createClient(store)
    await store.noteSecretUse([
      { secretId: 's1', at: clock.at, renewed: { from: 'digest', digest: 'anew', masterKeyId: 'two' } },
    ])
    expect((await store.findClient('app'))?.secrets.map(({ masterKeyId }) => masterKeyId)).not.toContain('two')
  })
})
