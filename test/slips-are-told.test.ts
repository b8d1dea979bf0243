/** Slips in requests to the admin API and the endpoints: each is refused, and told with what is accepted. */
import { describe, expect, test } from 'vitest'
import { basic, request } from './support/client.ts'
import { fresh, refusal, registered, shareWithApi } from './support/shared.ts'

const issuer = shareWithApi()

const call = (method: string, path: string, json?: unknown) => issuer().operator.call(method, path, json)

describe('a value that is not accepted is told with what is:', () => {
  test('a name of a client that is too long, or none', async () => {
    for (const name of ['x'.repeat(255), 7]) {
      const answer = await call('POST', '/admin/api/clients', { client_name: name })
      expect(refusal(answer)).toBe('400 invalid_client_metadata')
      expect(answer.body.error_description).toMatch(/^client_name: .*expected string/)
    }
    const user = await call('POST', '/admin/api/users', { username: fresh('ada'), given_name: 'x'.repeat(2000) })
    expect(user.body.error_description).toMatch(/^given_name: .*expected string to have <=1024 characters/)
  })

  test('no field of a client, resource, user or group answers with nothing but "Invalid input"', async () => {
    const { body } = (await request(`${issuer().url}/openapi.json`, {})) as { body: Record<string, any> }
    for (const [path, schema] of [
      ['clients', 'ClientRegistration'],
      ['resources', 'ResourceRegistration'],
      ['users', 'UserCreation'],
      ['groups', 'GroupCreation'],
    ]) {
      const names = Object.keys(body.components.schemas[schema as string]?.properties ?? {})
      expect(names.length, schema).toBeGreaterThan(2)
      for (const name of names)
        for (const value of [7.5, true, 'x'.repeat(3000), { a: 1 }, [{}]]) {
          const { status, body: said } = await call('POST', `/admin/api/${path}`, { [name]: value })
          if (status === 400) expect(`${said.error_description}`).not.toMatch(/: Invalid input$/)
        }
    }
  })

  test('a duration that is too long', async () => {
    const answer = await call('POST', '/admin/api/clients', { access_token_ttl: '999999999d' })
    expect(answer.body.error_description).toMatch(/^access_token_ttl: expected a duration .*at most 36500d/)
  })

  test('a body of another kind at /refresh, which takes a form or JSON', async () => {
    const client = await registered(issuer())
    const send = (path: string) =>
      request(`${issuer().url}${path}`, {
        method: 'POST',
        headers: { ...basic(client), 'content-type': 'text/plain' },
        body: 'refresh_token=x',
      })
    expect((await send('/refresh')).body.error_description).toMatch(/form body: .*x-www-form-urlencoded; or as a JSON/)
    expect((await send('/token')).body.error_description).not.toContain('JSON')
  })
})

describe('an act without a body of its own', () => {
  test.each(['disable', 'enable'])('refuses members that would be ignored: %s', async (act) => {
    const { clientId } = await registered(issuer())
    const answer = await call('POST', `/admin/api/clients/${clientId}/${act}`, { reason: 'leaked' })
    expect(refusal(answer)).toBe('400 invalid_request')
    expect(answer.body.error_description).toBe('body: member reason is not known')
    const { body } = await call('GET', `/admin/api/clients/${clientId}`)
    expect(body.status).toBe('enabled')
    expect((await call('POST', `/admin/api/clients/${clientId}/${act}`, {})).status).toBe(200)
    expect((await call('POST', `/admin/api/clients/${clientId}/${act}`)).status).toBe(200)
  })

  test('refuses them for users and keys too', async () => {
    const { body: user } = await call('POST', '/admin/api/users', { username: fresh('eve') })
    for (const act of ['disable', 'enable'])
      expect(refusal(await call('POST', `/admin/api/users/${user.id}/${act}`, { x: 1 }))).toBe('400 invalid_request')
    expect(refusal(await call('POST', '/admin/api/keys/none/revoke', { x: 1 }))).toBe('400 invalid_request')
  })
})

test.each([
  '/blacklist',
  '/admin/api/audit',
  '/admin/api/grants',
  '/admin/api/sessions',
  '/admin/api/invitations',
  '/admin/api/consents',
])('a cursor that can be none is refused: %s', async (path) => {
  const answer = await call('GET', `${path}?after=zzz`)
  expect(refusal(answer)).toBe('400 invalid_request')
  expect(answer.body.error_description).toContain('after is no cursor of this list')
  expect((await call('GET', `${path}?after=`)).status).toBe(200)
  if (path.endsWith('consents')) return
  // An id that is gone is a cursor all the same.
  expect((await call('GET', `${path}?after=0192f0c1-2a3b-7c4d-8e5f-0123456789ab`)).status).toBe(200)
})
