/** Sessions, the grants that were made in them, and consents, as operators list them. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { AdministeredIssuer } from '../support/admin.ts'
import { claimsOf, post } from '../support/client.ts'
import { answerOf } from '../support/browser-like.ts'
import { addClient, addUser, nextCode, redeem, signIn } from '../support/codes.ts'
import { authorizePath, browserAt, signInAt, storeOf } from '../support/people.ts'
import { signet } from '../support/process.ts'
import { startWithApi } from '../support/shared.ts'
import type { Store } from '../../src/store/store.ts'

let issuer: AdministeredIssuer
let store: Store

beforeAll(async () => {
  const ends: (() => Promise<void> | void)[] = []
  const onEnd = (work: () => Promise<void> | void) => void ends.unshift(work)
  issuer = await startWithApi({ SIGNET_RATE_LIMIT_NETWORK: 'off' }, { onEnd })
  store = await storeOf(issuer, onEnd)
  return async () => {
    for (const end of ends) await end()
  }
})

const get = (path: string) => issuer.operator.call('GET', `/admin/api${path}`)

describe('a grant', () => {
  test('names the session that it was made in, and is listed under it', async () => {
    const client = await addClient(issuer)
    const person = await addUser(store)
    const here = await signIn(issuer, client, person)
    const { body: first } = await redeem(issuer, client, here.code)
    const { body: second } = await redeem(issuer, client, await nextCode(here.browser, client))
    const there = await redeem(issuer, client, (await signIn(issuer, client, person)).code)
    const session = String(claimsOf(first.id_token).sid)
    const sids = [first, second].map(({ access_token }) => String(claimsOf(access_token).sid))

    const { body: listed } = await get(`/grants?session=${session}`)
    expect(listed).toMatchObject(sids.map((sid) => ({ sid, session_id: session, sub: person.id })))
    expect((await get(`/grants/${sids[0]}`)).body).toMatchObject({ session_id: session })
    expect((await get(`/grants?session=${String(claimsOf(there.body.id_token).sid)}`)).body).toHaveLength(1)
    expect((await get(`/grants?session=${session}&limit=1&after=${sids[0]}`)).body).toMatchObject([{ sid: sids[1] }])
    // Filters hold together.
    expect((await get(`/grants?session=${session}&sub=nobody`)).body).toEqual([])
    expect((await get('/grants?session=none')).body).toEqual([])

    const { stdout } = await signet(['grant', 'list', '--session', session, '--json'], issuer.env)
    expect(JSON.parse(stdout)).toEqual(listed)
  })

  test('that no person made by signing in has no session', async () => {
    const client = await addClient(issuer, { grant_types: ['client_credentials', 'refresh_token'] })
    const form = { grant_type: 'client_credentials', scope: 'offline_access' }
    const { body } = await post(issuer, '/token', form, client)
    expect((await get(`/grants/${String(claimsOf(body.access_token).sid)}`)).body).toMatchObject({ session_id: null })
  })
})

describe('consents', () => {
  /** A person who has allowed something to clients, and the ids of the clients in their order. */
  async function consented(clients: number) {
    const person = await addUser(store)
    const ids: string[] = []
    for (let each = 0; each < clients; each++) {
      const client = await addClient(issuer, { consent: 'once' })
      const browser = browserAt(issuer)
      const asked = await signInAt(browser, authorizePath(client.clientId), { username: person.username })
      expect(answerOf(await browser.submit(asked, {}, 'allow')).code).toBeTypeOf('string')
      ids.push(client.clientId)
    }
    return { person, ids: ids.toSorted() }
  }
  const idsOf = (body: unknown) => (body as { user_id: string; client_id: string }[]).map((each) => each.client_id)

  test('of everybody are listed page by page, each once', async () => {
    const [ada, bob] = [await consented(3), await consented(2)]
    const all = [ada, bob].flatMap(({ person, ids }) => ids.map((id) => `${person.id} ${id}`))
    for (const limit of [1, 2, 4, 100]) {
      const seen: string[] = []
      let next: string | undefined = `?limit=${limit}`
      while (next !== undefined) {
        const { status, body, headers } = await get(`/consents${next}`)
        expect(status).toBe(200)
        expect(body.length).toBeLessThanOrEqual(limit)
        seen.push(...body.map((each: any) => `${each.user_id} ${each.client_id}`))
        next = /<(\?[^>]*)>; rel="next"/.exec(headers.get('link') ?? '')?.[1]
      }
      expect(seen).toEqual(seen.toSorted())
      expect(seen.filter((each) => all.includes(each))).toEqual(all.toSorted())
    }
    expect((await get('/consents?limit=0')).status).toBe(400)
  })

  test('of a person are found by id, user name and address, as the sessions are', async () => {
    const { person, ids } = await consented(2)
    const names = [person.id, person.username, person.username.toUpperCase(), String(person.email)]
    for (const user of names.map(encodeURIComponent)) {
      expect(idsOf((await get(`/consents?user=${user}`)).body)).toEqual(ids)
      expect((await get(`/sessions?user=${user}`)).body).toHaveLength(2)
    }
    for (const list of ['consents', 'sessions']) expect((await get(`/${list}?user=nobody`)).body).toEqual([])
    const { headers } = await get(`/consents?user=${person.username}&limit=1`)
    const next = /<(\?[^>]*)>; rel="next"/.exec(headers.get('link') ?? '')?.[1]
    expect(idsOf((await get(`/consents${next}`)).body)).toEqual(ids.slice(1))
    const withdrawn = `/admin/api/consents?user=${person.username}&client_id=${ids[0]}`
    expect((await issuer.operator.call('DELETE', withdrawn)).status).toBe(204)
    expect(idsOf((await get(`/consents?user=${person.username}`)).body)).toEqual(ids.slice(1))
  })

  test('to a client that was deleted are listed no more', async () => {
    const { person, ids } = await consented(2)
    await issuer.operator.call('DELETE', `/admin/api/clients/${ids[0]}`)
    expect(idsOf((await get(`/consents?user=${person.id}`)).body)).toEqual(ids.slice(1))
  })
})
