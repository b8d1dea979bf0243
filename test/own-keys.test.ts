/** A resource with keys to itself: its tokens verify against a key set at a path of its own, and nowhere else. */
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { createResource, isActive, startAdministered, startReplica, tokens, until } from './support/admin.ts'
import { claimsOf, headerOf, post, request } from './support/client.ts'
import { API, ask, fresh, refusal, registered, shareWithApi } from './support/shared.ts'

const shared = shareWithApi()

const keySetOf = (at: { url: string }, id: string): URL => new URL(`${at.url}/jwks/${encodeURIComponent(id)}`)

async function kidsAt(url: URL | string): Promise<string[]> {
  const { body } = await request(String(url))
  return (body.keys as { kid: string }[]).map(({ kid }) => kid)
}

const ownResource = (alg = 'ES256'): Promise<string> =>
  createResource(shared().operator, fresh('https://org.example.com/'), { own_keys: true, alg })

test.each(['ES256', 'RS256'])(
  'its %s tokens verify against its own key set and not against the shared one',
  async (alg) => {
    const { url, issuer } = shared()
    const id = await ownResource(alg)
    const client = await registered(shared(), { resources: [id] })
    const { access_token: token = '' } = await tokens(shared(), client)
    const { payload } = await jwtVerify(token, createRemoteJWKSet(keySetOf({ url }, id)), {
      issuer,
      audience: id,
      algorithms: [alg],
    })
    expect(payload.aud).toBe(id)
    const sharedKeys = createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`))
    await expect(jwtVerify(token, sharedKeys)).rejects.toThrow(errors.JWKSNoMatchingKey)
    expect(await isActive(shared(), client, token)).toBe(true)
  },
)

test('its key set holds an active and a next key, and none of another resource', async () => {
  const [one, other] = [await ownResource(), await ownResource()]
  const [kids, otherKids] = [await kidsAt(keySetOf(shared(), one)), await kidsAt(keySetOf(shared(), other))]
  expect(kids).toHaveLength(2)
  expect(kids.filter((kid) => otherKids.includes(kid))).toEqual([])
})

test('a resource without keys of its own is served the shared set, and one that does not exist is 404', async () => {
  const { url } = shared()
  expect(await kidsAt(keySetOf({ url }, API))).toEqual(await kidsAt(`${url}/.well-known/jwks.json`))
  expect((await request(String(keySetOf({ url }, 'nothing')))).status).toBe(404)
})

test('its keys rotate and are revoked by themselves, the shared ones stay', async () => {
  const { url, operator } = shared()
  const id = await ownResource()
  const client = await registered(shared(), { resources: [id] })
  const before = await kidsAt(`${url}/.well-known/jwks.json`)
  const { access_token: first = '' } = await tokens(shared(), client)
  expect((await operator.call('POST', '/admin/api/keys/rotate', { resource: id })).status).toBe(200)
  const { access_token: second = '' } = await tokens(shared(), client)
  expect(headerOf(second).kid).not.toBe(headerOf(first).kid)
  expect(await kidsAt(keySetOf(shared(), id))).toContain(headerOf(first).kid)

  expect((await operator.call('POST', `/admin/api/keys/${headerOf(second).kid}/revoke`)).status).toBe(200)
  expect(await kidsAt(keySetOf(shared(), id))).not.toContain(headerOf(second).kid)
  expect(await isActive(shared(), client, second)).toBe(false)
  expect(await isActive(shared(), client, first)).toBe(true)
  expect(await kidsAt(`${url}/.well-known/jwks.json`)).toEqual(before)
})

test('one token cannot be for it and for another resource as well', async () => {
  const id = await ownResource()
  const client = await registered(shared(), { resources: [id, API] })
  const { url } = shared()
  const answer = await request(`${url}/token`, {
    headers: { authorization: `Basic ${Buffer.from(`${client.clientId}:${client.secret}`).toString('base64')}` },
    form: [
      ['grant_type', 'client_credentials'],
      ['resource', id],
      ['resource', API],
    ],
  })
  expect(refusal(answer)).toBe('400 invalid_target')
})

test('a resource that is given keys later signs with them from then on, and older tokens stay good', async () => {
  const { operator } = shared()
  const id = await createResource(operator, fresh('https://org.example.com/'))
  const client = await registered(shared(), { resources: [id] })
  const { access_token: before = '' } = await tokens(shared(), client)
  await operator.call('PATCH', `/admin/api/resources/${encodeURIComponent(id)}`, { own_keys: true })
  const { access_token: after = '' } = await tokens(shared(), client)
  expect(await kidsAt(keySetOf(shared(), id))).toContain(headerOf(after).kid)
  expect(await isActive(shared(), client, before)).toBe(true)
})

test('a resource of a grant that is given keys or another algorithm later is refreshed by itself; nothing is consumed', async () => {
  const { operator } = shared()
  for (const metadata of [{ own_keys: true }, { alg: 'RS256' }, { typ: 'JWT' }]) {
    const id = await createResource(operator, fresh('https://org.example.com/'))
    const client = await registered(shared(), { resources: [API, id] })
    const scope = 'a offline_access'
    const made = await ask(shared(), client, { scope, resource: API, audience: id })
    await operator.call('PATCH', `/admin/api/resources/${encodeURIComponent(id)}`, metadata)

    const form = { grant_type: 'refresh_token', refresh_token: made.body.refresh_token }
    const refused = await post(shared(), '/token', form, client)
    expect(refusal(refused)).toBe('400 invalid_target')
    expect(refused.body.error_description).toContain('resource=')
    const one = await post(shared(), '/token', { ...form, resource: id }, client)
    expect([one.status, claimsOf(one.body.access_token).aud]).toEqual([200, id])
    expect(await isActive(shared(), client, one.body.access_token)).toBe(true)
  }
})

test('deleting it ends its key set and its tokens', async () => {
  const { operator } = shared()
  const id = await ownResource()
  const client = await registered(shared(), { resources: [id] })
  const { access_token: token = '' } = await tokens(shared(), client)
  await operator.call('DELETE', `/admin/api/resources/${encodeURIComponent(id)}?force=true`)
  expect((await request(String(keySetOf(shared(), id)))).status).toBe(404)
  expect(await isActive(shared(), client, token)).toBe(false)
  expect(refusal(await ask(shared(), client, { resource: id }))).toBe('400 invalid_target')
})

test('two processes that first need its keys at once agree on them', async () => {
  const issuer = await startAdministered()
  const replica = await startReplica(issuer)
  const id = await createResource(issuer.operator, 'https://org.example.com/', { own_keys: true })
  await until(async () => (await request(String(keySetOf(replica, id)))).status === 200)
  const [here, there] = await Promise.all([kidsAt(keySetOf(issuer, id)), kidsAt(keySetOf(replica, id))])
  expect(here).toHaveLength(2)
  await until(
    async () =>
      JSON.stringify(await kidsAt(keySetOf(replica, id))) === JSON.stringify(await kidsAt(keySetOf(issuer, id))),
  )
  expect(there.every((kid) => here.includes(kid))).toBe(true)
})
