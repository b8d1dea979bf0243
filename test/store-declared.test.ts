/**
 * A declarative file in the store: its facts are of one state, and its operations take effect together or not at all.
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { describe, expect, test } from 'vitest'
import type { Change } from '../src/store/records/change.ts'
import type { DeclaredFacts } from '../src/store/records/declared.ts'
import { BUILT_IN_GROUP, type GroupRecord } from '../src/store/records/user.ts'
import type { DeclaredOperation, Store } from '../src/store/store.ts'
import {
  clientOf,
  createClient,
  createGrant,
  deleteClient,
  entryOf,
  eventOf,
  fileEventOf,
  grantOf,
  resourceOf,
  secretOf,
  closing,
  unheld,
} from './support/store-records.ts'
import { PLACES } from './support/store-places.ts'

const IDS = { resources: ['api', 'new-api'], clients: ['app', 'web', 'alice'] }

const operations = {
  createResource: { verb: 'createResource', needs: [resourceOf('new-api'), eventOf('resource.created')] },
  updateResource: {
    verb: 'updateResource',
    needs: ['api', (api) => ({ ...api, ttl: 5 }), eventOf('resource.updated')],
  },
  deleteResource: { verb: 'deleteResource', needs: ['old-api', unheld, eventOf('resource.deleted')] },
  createClient: {
    verb: 'createClient',
    needs: [
      clientOf('alice'),
      {
        deny: () => entryOf('sub', 'alice', { cause: 'name_taken' }),
        ended: () => eventOf('grant.ended'),
        ...closing(),
      },
      eventOf('client.created'),
    ],
  },
  updateClient: { verb: 'updateClient', needs: ['app', (app) => ({ ...app, name: 'App' }), eventOf('client.updated')] },
  deleteClient: {
    verb: 'deleteClient',
    needs: ['old', () => [entryOf('client_id', 'old', { cause: 'client_deleted' })], eventOf('client.deleted')],
  },
} satisfies Record<string, DeclaredOperation>

const ALL: DeclaredOperation[] = Object.values(operations)

const perform = (store: Store, ...list: DeclaredOperation[]) => store.applyDeclared(IDS, () => ({ operations: list }))

/** A store on which each of the operations can be performed. */
async function prepare(store: Store): Promise<void> {
  for (const id of ['api', 'old-api']) await store.createResource(resourceOf(id), eventOf('resource.created'))
  for (const id of ['app', 'old']) await createClient(store, clientOf(id))
  await createGrant(store, grantOf('g1'))
}

/** Everything that the operations change. */
const contentOf = async (store: Store): Promise<unknown> => ({
  clients: await store.listClients(),
  resources: await store.listResources(),
  facts: await store.readDeclared({ resources: ['old-api'], clients: ['old'] }),
  grants: await store.listGrants({}, { limit: 99 }),
  blacklist: await store.listBlacklistSince(0),
  audit: await store.listAudit({ limit: 99 }),
})

describe.each(PLACES)('%s: a declaration', (_, newPlace) => {
  test('its facts tell each record, what an operator ended, and the person of a name', async () => {
    const store = await newPlace().open()
    await prepare(store)
    await store.createResource(resourceOf('new-api'), eventOf('resource.created'))
    await store.deleteResource('new-api', unheld, eventOf('resource.deleted'))
    await createClient(store, clientOf('web'))
    await deleteClient(store, 'web')
    await store.updateClient('app', (app) => ({ ...app, secrets: [secretOf('s')] }), eventOf('client.secret_rotated'))
    const { resourceIds, resources, clients } = await store.readDeclared(IDS)
    expect([...resourceIds]).toEqual(['api', 'old-api'])
    expect(resources.get('api')).toEqual({ current: await store.findResource('api'), isEnded: false })
    expect(resources.get('new-api')).toEqual({ current: undefined, isEnded: true })
    const app = { current: await store.findClient('app'), isEnded: false, liveGrants: 0, isUser: false }
    const ended = { digest: 'digest', masterKeyId: null }
    expect(clients.get('app')).toEqual({ ...app, endedSecrets: [ended, ended] })
    expect(clients.get('web')).toMatchObject({ current: undefined, isEnded: true, liveGrants: 0, isUser: false })
    expect(clients.get('alice')).toEqual({
      current: undefined,
      isEnded: false,
      endedSecrets: [],
      liveGrants: 1,
      isUser: false,
    })
  })

  test('its facts tell who made a record, which is the actor of the creation and no flag of the record', async () => {
    const store = await newPlace().open()
    const makers = [
      { name: 'by-cli', event: eventOf, declaredBy: 'a.yaml' },
      { name: 'by-file', event: fileEventOf, declaredBy: null },
    ]
    for (const { name, event, declaredBy } of makers) {
      await store.createResource(resourceOf(name, { declaredBy }), event('resource.created'))
      await createClient(store, clientOf(name, { declaredBy }), event('client.created'))
      await store.createGroup({ ...BUILT_IN_GROUP, name, declaredBy }, event('group.created'))
    }
    await store.updateClient('by-file', (app) => ({ ...app, name: 'App' }), eventOf('client.updated'))
    const { standing } = await store.readDeclared({ resources: [], clients: [], isWithStanding: true })
    const made = ['by-file']
    expect(standing?.clients.filter((each) => each.declaredBy === 'signet.yaml').map((each) => each.clientId)).toEqual(
      made,
    )
    expect(standing?.resources.filter((each) => each.declaredBy === 'signet.yaml').map((each) => each.id)).toEqual(made)
    expect(standing?.groups.filter((each) => each.declaredBy === 'signet.yaml').map((each) => each.name)).toEqual(made)
    expect((await store.readDeclared(IDS)).standing).toBeUndefined()
  })

  test('a file that changes a record of another file takes it over, and no record that a command made', async () => {
    const store = await newPlace().open()
    const byOther = (action: string) => fileEventOf(action, 'app', 'other.yaml')
    for (const [name, event] of [
      ['by-cli', eventOf],
      ['by-file', fileEventOf],
    ] as const) {
      await store.createResource(resourceOf(name), event('resource.created'))
      await createClient(store, clientOf(name), event('client.created'))
      await store.createGroup({ ...BUILT_IN_GROUP, name }, event('group.created'))
      await store.updateResource(name, (api) => ({ ...api, ttl: 60 }), byOther('resource.updated'))
      await store.updateClient(name, (app) => ({ ...app, name: 'App' }), byOther('client.updated'))
      const decide = (group: GroupRecord) => ({
        group,
        deny: () => entryOf('sub', name),
        event: byOther('group.updated'),
      })
      await store.changeGroup(name, decide)
    }
    const { standing } = await store.readDeclared({ resources: [], clients: [], isWithStanding: true })
    const taken = { 'by-cli': null, 'by-file': 'other.yaml' }
    expect(Object.fromEntries(standing?.resources.map((each) => [each.id, each.declaredBy]) ?? [])).toEqual(taken)
    expect(Object.fromEntries(standing?.clients.map((each) => [each.clientId, each.declaredBy]) ?? [])).toEqual(taken)
    expect(Object.fromEntries(standing?.groups.map((each) => [each.name, each.declaredBy]) ?? [])).toMatchObject(taken)
  })

  test('all of its operations take effect, each with its event, and the result is the plan', async () => {
    const store = await newPlace().open()
    await prepare(store)
    const heard: Change[] = []
    store.onChange(async (changes) => void heard.push(...changes))
    const plan = { operations: ALL, note: 'mine' }
    expect(await store.applyDeclared(IDS, () => plan)).toBe(plan)
    expect((await store.listResources()).map(({ id, ttl }) => [id, ttl])).toEqual([
      ['api', 5],
      ['new-api', null],
    ])
    expect((await store.listClients()).map(({ clientId, name }) => [clientId, name])).toEqual([
      ['alice', null],
      ['app', 'App'],
    ])
    expect((await store.findGrant('g1'))?.endedReason).toBe('blacklist')
    const causes = (await store.listBlacklist({ limit: 9 })).map(({ cause }) => cause)
    expect(causes.toSorted()).toEqual(['client_deleted', 'name_taken'])
    const actions = new Set((await store.listAudit({ limit: 99 })).map(({ action }) => action))
    const each = ['created', 'updated', 'deleted'].flatMap((done) => [`resource.${done}`, `client.${done}`])
    expect([...actions].toSorted()).toEqual([...each, 'grant.created', 'grant.ended'].toSorted())
    expect(new Set(heard.map(({ noun }) => noun))).toEqual(new Set(['resource', 'client', 'blacklist']))
  })

  test.each(Object.keys(operations))('an operation that fails after %s leaves nothing of it', async (name) => {
    const store = await newPlace().open()
    await prepare(store)
    const before = await contentOf(store)
    const gone = new Error('the token was revoked')
    const judge = () => {
      throw gone
    }
    const failing: DeclaredOperation = {
      verb: 'createResource',
      needs: [resourceOf('last'), { ...eventOf('resource.created'), judge }],
    }
    const first = ALL.filter(({ verb }) => verb === name)
    expect(first).toHaveLength(1)
    await expect(perform(store, ...first, failing)).rejects.toBe(gone)
    expect(await contentOf(store)).toEqual(before)
  })

  test('an operation on a record that is not there, or is there already, fails the whole', async () => {
    const store = await newPlace().open()
    await prepare(store)
    await perform(store, operations.deleteClient, operations.deleteResource, operations.createResource)
    await perform(store, operations.createClient)
    const before = await contentOf(store)
    const { createResource, createClient: create, deleteResource, deleteClient: end, updateClient } = operations
    for (const operation of [createResource, create, deleteResource, end])
      await expect(perform(store, updateClient, operation)).rejects.toThrow(operation.verb)
    const ofNobody: DeclaredOperation = { verb: 'updateClient', needs: ['nobody', (each) => each, eventOf('x')] }
    await expect(perform(store, updateClient, ofNobody)).rejects.toThrow('updateClient')
    const revived: DeclaredOperation = {
      verb: 'createResource',
      needs: [resourceOf('old-api'), fileEventOf('resource.created', 'old-api')],
    }
    await expect(perform(store, updateClient, revived)).rejects.toThrow('ended')
    expect(await contentOf(store)).toEqual(before)
  })

  test('it is planned by the facts inside the write: an act that was called before is seen', async () => {
    const place = newPlace()
    const [store, other] = [await place.open(), await place.open()]
    await prepare(store)
    const seen: DeclaredFacts[] = []
    const planned = (facts: DeclaredFacts) => {
      seen.push(facts)
      return { operations: [] }
    }
    expect((await store.readDeclared(IDS)).clients.get('app')?.current).toBeDefined()
    await Promise.all([deleteClient(store), store.applyDeclared(IDS, planned)])
    expect(seen.at(-1)?.clients.get('app')).toMatchObject({ current: undefined, isEnded: true })
    await other.createResource(resourceOf('new-api'), eventOf('resource.created'))
    await store.applyDeclared(IDS, planned)
    expect(seen.at(-1)?.resources.get('new-api')?.current).toMatchObject({ id: 'new-api' })
  })

  test('of two processes that apply at once, the second plans by what the first has written', async () => {
    const place = newPlace()
    const stores = [await place.open(), await place.open()]
    const plan = ({ resources }: DeclaredFacts) => ({
      operations: resources.get('new-api')?.current ? [] : [operations.createResource],
    })
    const plans = await Promise.all(stores.map((store) => store.applyDeclared(IDS, plan)))
    expect(plans.map((each) => each.operations.length).toSorted()).toEqual([0, 1])
  })

  test('a plan that throws, or has no operation, changes nothing and tells nobody', async () => {
    const store = await newPlace().open()
    await prepare(store)
    const before = await contentOf(store)
    const heard: Change[] = []
    store.onChange(async (changes) => void heard.push(...changes))
    const fault = new Error('line 3')
    const failing = () => {
      throw fault
    }
    await expect(store.applyDeclared(IDS, failing)).rejects.toBe(fault)
    await perform(store)
    expect([await contentOf(store), heard]).toEqual([before, []])
  })
})
