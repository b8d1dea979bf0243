/**
 * Consents: listed page by page, also where an app of thousands of persons was deleted, and deleted with it by the sweep.
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { expect, describe, test } from 'vitest'
import { storeOver } from '../src/store/acts/store.ts'
import { blankUser } from '../src/users/user.ts'
import { insert, select } from '../src/store/engine.ts'
import { consentCursor } from '../src/store/records/session.ts'
import { clients } from '../src/store/tables/clients.ts'
import { consents, users } from '../src/store/tables/people.ts'
import { clientRow, ENGINES, type OpenEngine } from './support/store-engine.ts'
import { clock, deleteClient } from './support/store-records.ts'

/** More than a step of the list looks at. */
const PERSONS = 700
const idOf = (index: number): string => `person-${String(index).padStart(4, '0')}`
const [APP, GONE, OTHER] = [1, 2, 3]

const consentRow = (userId: string, clientKey: number, clientId: string) => {
  const at = { createdAt: clock.at, updatedAt: clock.at }
  return { userId, clientKey, clientId, scope: ['openid'], resources: [], ...at }
}

/** Everybody has agreed to `gone`, every seventh person to `app` and `other` as well. */
async function agreed({ engine }: OpenEngine) {
  const act = function* () {
    yield* insert(clients, { ...clientRow('app'), key: APP })
    yield* insert(clients, { ...clientRow('gone'), key: GONE })
    yield* insert(clients, { ...clientRow('other'), key: OTHER })
    for (let index = 0; index < PERSONS; index++) {
      const id = idOf(index)
      yield* insert(users, { ...blankUser(id, clock.at), username: id })
      yield* insert(consents, consentRow(id, GONE, 'gone'))
      if (index % 7 !== 0) continue
      yield* insert(consents, consentRow(id, OTHER, 'other'))
      yield* insert(consents, consentRow(id, APP, 'app'))
    }
  }
  await engine.act(act, 'exclusive', 'operator')
  return storeOver(engine)
}

describe.each(ENGINES)('%s: consents', (_, open) => {
  test('are listed once each, in order, whether or not there are many of a deleted client between them', async () => {
    const opened = await open()
    const store = await agreed(opened)
    const listed = async () => {
      const found: string[] = []
      for (let after = ''; ;) {
        const page = await store.pageConsents({}, { after, limit: 90 })
        found.push(...page.map(consentCursor))
        if (page.length < 90) return found
        after = found.at(-1) ?? ''
      }
    }
    const of = (names: (index: number) => string[]) =>
      Array.from({ length: PERSONS }, (__, index) => names(index).map((name) => `${idOf(index)} ${name}`)).flat()
    expect(await listed()).toEqual(of((index) => (index % 7 === 0 ? ['app', 'gone', 'other'] : ['gone'])))
    await deleteClient(store, 'gone')
    expect(await listed()).toEqual(of((index) => (index % 7 === 0 ? ['app', 'other'] : [])))
  })

  test('to a deleted client are deleted in slices, and no others', async () => {
    const opened = await open()
    const store = await agreed(opened)
    const left = async () => (await opened.engine.read(() => select(consents))).map(({ clientKey }) => clientKey)
    await deleteClient(store, 'gone')
    expect(await store.sweep(200, 0, () => true)).toBe(200)
    expect((await left()).filter((key) => key === GONE)).toHaveLength(PERSONS - 200)
    while ((await store.sweep(200, 0, () => true)) > 0);
    expect(new Set(await left())).toEqual(new Set([APP, OTHER]))
    expect(await left()).toHaveLength((PERSONS / 7) * 2)
  })
})
