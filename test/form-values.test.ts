/** Values of a request as files, shells and careless clients send them: with line ends, as lists, as other types. */
import { describe, expect, test } from 'vitest'
import { SUBJECT_GRANT, createBackend, grantTokens } from './support/admin.ts'
import { basic, claimsOf, post, request } from './support/client.ts'
import { API, ask, fresh, refusal, registered, shareWithApi } from './support/shared.ts'

const issuer = shareWithApi()

describe('the line end behind a value', () => {
  test.each(['\n', '\r\n', '\n\n', '\r'])('is no part of it: %j', async (end) => {
    const client = await registered(issuer())
    const form = { grant_type: `client_credentials${end}`, scope: `a b${end}`, resource: `${API}${end}` }
    const byBasic = await post(issuer(), '/token', form, client)
    expect([byBasic.status, claimsOf(byBasic.body.access_token).scope]).toEqual([200, 'a b'])
    const posting = await registered(issuer(), { token_endpoint_auth_method: 'client_secret_post' })
    const posted = { ...form, client_id: `${posting.clientId}${end}`, client_secret: `${posting.secret}${end}` }
    expect((await post(issuer(), '/token', posted)).status).toBe(200)
    const introspected = await post(issuer(), '/introspect', { token: `${byBasic.body.access_token}${end}` }, client)
    expect(introspected.body.active).toBe(true)
  })

  test('in Basic credentials is no part of the secret: echo writes one', async () => {
    const { clientId, secret } = await registered(issuer())
    const authorization = `Basic ${Buffer.from(`${clientId}:${secret}\n`).toString('base64')}`
    const form = { grant_type: 'client_credentials' }
    expect((await request(`${issuer().url}/token`, { form, headers: { authorization } })).status).toBe(200)
  })

  test('alone is no value, inside a value stays, and a subject is taken whole or not at all', async () => {
    const client = await registered(issuer(), { grant_types: ['client_credentials', SUBJECT_GRANT] })
    expect((await ask(issuer(), client, { scope: '\n' })).body.scope).toBe('a b')
    expect(refusal(await ask(issuer(), client, { scope: 'a\nb' }))).toBe('400 invalid_scope')
    expect(refusal(await ask(issuer(), client, { grant_type: 'client_\ncredentials' }))).toBe(
      '400 unsupported_grant_type',
    )
    expect(refusal(await ask(issuer(), client, { grant_type: SUBJECT_GRANT, subject: 'ada\n' }))).toBe(
      '400 invalid_request',
    )
  })
})

describe('POST /refresh with JSON', () => {
  const send = async (json: object) => {
    const client = await createBackend(issuer().operator, { client_id: fresh('json'), resources: [API], scope: 'read' })
    const { refresh_token: token = '' } = await grantTokens(issuer(), client, 'ada')
    const body = JSON.parse(JSON.stringify(json).replaceAll('TOKEN', token)) as object
    return request(`${issuer().url}/refresh`, { json: body, headers: basic(client) })
  }

  test.each([
    [{ refresh_token: ['TOKEN'] }, 'refresh_token'],
    [{ refresh_token: [] }, 'refresh_token'],
    [{ refresh_token: { token: 'TOKEN' } }, 'refresh_token'],
    [{ refresh_token: 5 }, 'refresh_token'],
    [{ refresh_token: true }, 'refresh_token'],
    [{ refresh_token: 'TOKEN', scope: ['read'] }, 'scope'],
    [{ refresh_token: 'TOKEN', grant_type: ['refresh_token'] }, 'grant_type'],
    [{ refresh_token: 'TOKEN', resource: [API, 5] }, 'resource'],
    [{ refresh_token: 'TOKEN', resource: [[API]] }, 'resource'],
    [{ refresh_token: 'TOKEN', resource: { id: API } }, 'resource'],
  ])('%j is refused by name', async (json, name) => {
    const answer = await send(json)
    expect(refusal(answer)).toBe('400 invalid_request')
    expect(answer.body.error_description).toContain(`${name} is a string`)
  })

  test.each([
    { refresh_token: 'TOKEN' },
    { refresh_token: 'TOKEN', scope: null, grant_type: '' },
    { refresh_token: 'TOKEN\n', resource: [API] },
    { refresh_token: 'TOKEN', resource: API, unheard_of: [5] },
  ])('%j is taken', async (json) => {
    expect((await send(json)).status).toBe(200)
  })

  test('a member that is sent twice is refused', async () => {
    const response = await fetch(`${issuer().url}/refresh`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"refresh_token":"a","refresh_token":"b"}',
    })
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringContaining('refresh_token: named twice'),
    ])
  })
})
