/** Sessions, the grants that were made in them, and consents, as operators list them. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { AdministeredIssuer } from '../support/admin.ts'
import { claimsOf, post } from '../support/client.ts'
import { addClient, addUser, nextCode, redeem, signIn } from '../support/codes.ts'
import { storeOf } from '../support/people.ts'
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
