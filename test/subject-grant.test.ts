/**
 * `urn:signet:params:oauth:grant-type:subject`: tokens for a person whom a trusted backend signed in itself.
 * The backend says who it is, and no more of the person than it is registered to say.
 */
import { describe, expect, test } from 'vitest'
import { SUBJECT_GRANT, isActive, refresh } from './support/admin.ts'
import { claimsOf, post, type Answer, type Credentials } from './support/client.ts'
import { API, auditOf, change, fresh, refusal, registered, shareWithApi, PROTOCOL_CLAIMS } from './support/shared.ts'

const issuer = shareWithApi()

/** A backend that may say e-mail, roles and permissions. */
const backend = (metadata: Record<string, unknown> = {}): Promise<Credentials> =>
  registered(issuer(), {
    grant_types: [SUBJECT_GRANT, 'refresh_token'],
    allowed_claims: ['email', 'roles', 'permissions', 'name'],
    ...metadata,
  })

/** Asks for a person's tokens. Claims that are no text are sent as JSON. */
const askFor = (
  client: Credentials,
  subject: string,
  claims?: unknown,
  form: Record<string, string> = {},
): Promise<Answer> => {
  const subject_claims = typeof claims === 'string' ? claims : JSON.stringify(claims)
  return post(
    issuer(),
    '/token',
    { grant_type: SUBJECT_GRANT, subject, ...(claims !== undefined && { subject_claims }), ...form },
    client,
  )
}

describe('a token for a person', () => {
  test('has the person as sub, the backend as client_id, and what the backend said of the person', async () => {
    const client = await backend({ claims: { tenant: 'acme' } })
    const said = { email: 'ada@example.com', roles: ['admin', 'editor'], permissions: { orders: ['read', 'write'] } }
    const answer = await askFor(client, 'user-42', said)
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 900,
      scope: 'a b',
    })
    expect(claimsOf(answer.body.access_token)).toMatchObject({
      sub: 'user-42',
      client_id: client.clientId,
      aud: API,
      tenant: 'acme',
      ...said,
    })
  })

  test('needs no claims, and takes scope and resource like any other', async () => {
    const answer = await askFor(await backend(), 'user-42', undefined, { scope: 'a', resource: API })
    expect(claimsOf(answer.body.access_token)).toMatchObject({ sub: 'user-42', scope: 'a', aud: API })
    expect(refusal(await askFor(await backend(), 'user-42', undefined, { scope: 'root' }))).toBe('400 invalid_scope')
    expect(refusal(await askFor(await backend(), 'user-42', undefined, { resource: 'other' }))).toBe(
      '400 invalid_target',
    )
  })

  test('has no claim that could be the client’s own as well: such a client is refused', async () => {
    const both = { claims: { roles: ['everybody'] }, allowed_claims: ['roles'] }
    const answer = await issuer().operator.call('POST', '/admin/api/clients', { client_id: fresh('both'), ...both })
    expect(refusal(answer)).toBe('400 invalid_client_metadata')
    expect(answer.body.error_description).toContain("'roles'")
    const { clientId } = await backend()
    const patch = (metadata: object) => issuer().operator.call('PATCH', `/admin/api/clients/${clientId}`, metadata)
    expect((await patch({ claims: both.claims })).status).toBe(400)
    expect((await patch({ ...both, allowed_claims: ['email'] })).status).toBe(200)
    expect((await patch({ allowed_claims: ['email', 'roles'] })).status).toBe(400)
  })

  test.each([
    'zoë',
    'ada@example.com',
    'auth0|62c',
    '00000000-0000-4000-8000-000000000000',
    'x'.repeat(255),
    'O’Brien, Ada',
    '../../x',
    '__proto__',
  ])('takes the sub exactly as it was said: %s', async (subject) => {
    const { body } = await askFor(await backend(), subject)
    expect(claimsOf(body.access_token).sub).toBe(subject)
  })
})

describe('a subject', () => {
  test('is needed', async () => {
    expect(refusal(await post(issuer(), '/token', { grant_type: SUBJECT_GRANT }, await backend()))).toBe(
      '400 invalid_request',
    )
    expect(refusal(await askFor(await backend(), ''))).toBe('400 invalid_request')
  })

  test.each([
    ['a NUL', 'ada\0'],
    ['a line break', 'ada\r\nadmin'],
    ['a direction mark that makes it look like another', 'ada\u202Enimda'],
    ['a zero-width space', 'ada\u200B'],
    ['256 characters', 'x'.repeat(256)],
  ])('with %s is refused', async (_, subject) => {
    expect(refusal(await askFor(await backend(), subject))).toBe('400 invalid_request')
  })

  test('in bytes that are no UTF-8 is refused: José and Josè in Latin-1 would become one person', async () => {
    const { clientId, secret } = await backend({ token_endpoint_auth_method: 'client_secret_post' })
    for (const last of ['%E9', '%E8']) {
      const response = await fetch(`${issuer().url}/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: `grant_type=${SUBJECT_GRANT}&client_id=${clientId}&client_secret=${secret}&subject=Jos${last}`,
      })
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ error: 'invalid_request' })
    }
  })

  test('cannot be a client: at the resource it would be taken for that service', async () => {
    const client = await backend()
    const other = await registered(issuer())
    expect(refusal(await askFor(client, other.clientId))).toBe('400 invalid_request')
    expect(refusal(await askFor(client, client.clientId))).toBe('400 invalid_request')
  })

  test('loses its name to a client that an operator registers under it', async () => {
    const person = fresh('person')
    await askFor(await backend(), person, undefined, { scope: 'a offline_access' })
    const answer = await issuer().operator.call('POST', '/admin/api/clients', { client_id: person })
    expect(answer.status).toBe(201)
  })
})

describe('claims of a person', () => {
  test('that the client is not registered to say are refused, naming those that it may', async () => {
    const answer = await askFor(await backend(), 'user-42', { email: 'a@b.c', is_platform_owner: true })
    expect(refusal(answer)).toBe('400 invalid_request')
    expect(answer.body.error_description).toMatch(
      /may assert email, roles, permissions, name .* --allow-claim email --allow-claim roles --allow-claim permissions --allow-claim name --allow-claim NEW\)/,
    )
    expect(refusal(await askFor(await backend({ allowed_claims: [] }), 'user-42', { email: 'a@b.c' }))).toBe(
      '400 invalid_request',
    )
  })

  test.each(PROTOCOL_CLAIMS)(
    'never hold the protocol’s own %s, whatever the client is registered for',
    async (name) => {
      const client = await registered(issuer(), { grant_types: [SUBJECT_GRANT], allowed_claims: [name] })
      expect(refusal(await askFor(client, 'user-42', { [name]: 'x' }))).toBe('400 invalid_request')
      expect(refusal(await askFor(await backend(), 'user-42', { [name]: 'x' }))).toBe('400 invalid_request')
    },
  )

  test.each([
    ['text', 'ada'],
    ['half an object', '{"email":'],
    ['an array', '[{"email":"a"}]'],
    ['a string', '"email"'],
    ['null', 'null'],
    ['a number', '7'],
    ['an object that would change all others', '{"__proto__":{"roles":["admin"]}}'],
    ['a constructor', '{"constructor":{"prototype":{"roles":["admin"]}}}'],
    ['an empty name', '{"":1}'],
    ['5 KB', JSON.stringify({ email: 'x'.repeat(5000) })],
    ['a hundred levels', `{"roles":${'['.repeat(100)}${']'.repeat(100)}}`],
    ['eight thousand levels', `{"roles":${'['.repeat(8000)}${']'.repeat(8000)}}`],
    ['a NUL', '\0'],
  ])('as %s are refused', async (_, claims) => {
    const answer = await askFor(await backend(), 'user-42', claims)
    expect(refusal(answer)).toBe('400 invalid_request')
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  test('cannot be smuggled in by saying a name twice', async () => {
    const client = await backend()
    for (const claims of ['{"email":"a@b.c","email":"d@e.f"}', '{"email":"a@b.c","\\u0073ub":"admin"}'])
      expect(refusal(await askFor(client, 'user-42', claims))).toBe('400 invalid_request')
  })

  test('with __proto__ further down are refused, and change nothing else', async () => {
    const client = await backend()
    const claims = '{"permissions":{"__proto__":{"polluted":true}}}'
    expect(refusal(await askFor(client, 'user-42', claims))).toBe('400 invalid_request')
    expect(claimsOf((await askFor(client, 'user-43', {})).body.access_token)).not.toHaveProperty('polluted')
  })
})

describe('a grant for a person', () => {
  const offline = { scope: 'a offline_access' }

  test('keeps the claims over every refresh', async () => {
    const client = await backend()
    const said = { email: 'ada@example.com', roles: ['admin'] }
    const first = (await askFor(client, 'user-42', said, offline)).body
    let held = first.refresh_token
    for (let each = 0; each < 3; each++) {
      const { status, body } = await refresh(issuer(), client, held)
      expect(status).toBe(200)
      const { sid } = claimsOf(first.access_token)
      expect(claimsOf(body.access_token)).toMatchObject({ sub: 'user-42', client_id: client.clientId, sid, ...said })
      held = body.refresh_token
    }
  })

  test('cannot have its subject or claims changed by a refresh', async () => {
    const client = await backend()
    const { refresh_token } = (await askFor(client, 'user-42', { roles: ['reader'] }, offline)).body
    const form = {
      grant_type: 'refresh_token',
      refresh_token,
      subject: 'user-1',
      subject_claims: '{"roles":["admin"]}',
    }
    const { body } = await post(issuer(), '/token', form, client)
    expect(claimsOf(body.access_token)).toMatchObject({ sub: 'user-42', roles: ['reader'] })
  })

  test('shows to administrators under the person’s name, and in the audit trail', async () => {
    const person = fresh('person')
    const client = await backend()
    const { access_token } = (await askFor(client, person, { email: 'ada@example.com' }, offline)).body
    const { sid } = claimsOf(access_token)
    const list = await issuer().operator.call('GET', `/admin/api/grants?sub=${person}`)
    expect(list.body).toMatchObject([
      { sid, sub: person, client_id: client.clientId, status: 'active', claims: { email: 'ada@example.com' } },
    ])
    expect(await auditOf(issuer(), sid)).toEqual(['grant.created'])
  })

  test('is refreshed by a client that is registered for the subject grant alone: it may ask anew at any time', async () => {
    const client = await backend({ grant_types: [SUBJECT_GRANT] })
    const { body } = await askFor(client, 'user-42', undefined, offline)
    const second = await refresh(issuer(), client, body.refresh_token)
    expect([second.status, claimsOf(second.body.access_token).sub]).toEqual([200, 'user-42'])
    await change(issuer(), client, { grant_types: ['client_credentials'] })
    expect(refusal(await refresh(issuer(), client, second.body.refresh_token))).toBe('400 unauthorized_client')
  })

  test('gives no refresh token in the client’s own name: that needs the grant refresh_token', async () => {
    const client = await backend({ grant_types: ['client_credentials', 'refresh_token', SUBJECT_GRANT] })
    const form = { grant_type: 'client_credentials', ...offline }
    const { body } = await post(issuer(), '/token', form, client)
    await change(issuer(), client, { grant_types: ['client_credentials', SUBJECT_GRANT] })
    const refused = await post(issuer(), '/token', form, client)
    expect(refusal(refused)).toBe('400 invalid_scope')
    expect(refused.body.error_description).toContain('--grant refresh_token')
    expect(refusal(await refresh(issuer(), client, body.refresh_token))).toBe('400 unauthorized_client')
  })
})

describe('a client', () => {
  test('that is not registered for it gets nothing', async () => {
    const client = await registered(issuer(), { allowed_claims: ['email'] })
    const answer = await askFor(client, 'user-42', { email: 'a@b.c' })
    expect(refusal(answer)).toBe('400 unauthorized_client')
    expect(answer.body.error_description).toContain('signet client update')
  })

  test('that loses the right gets nothing from then on', async () => {
    const client = await backend()
    expect((await askFor(client, 'user-42')).status).toBe(200)
    await change(issuer(), client, { grant_types: ['client_credentials'] })
    expect(refusal(await askFor(client, 'user-42'))).toBe('400 unauthorized_client')
  })

  test('that proves nothing cannot even be registered for it', async () => {
    const metadata = { client_id: fresh('client'), token_endpoint_auth_method: 'none', grant_types: [SUBJECT_GRANT] }
    expect(refusal(await issuer().operator.call('POST', '/admin/api/clients', metadata))).toBe(
      '400 invalid_client_metadata',
    )
  })

  test('may be registered by the short name of the grant', async () => {
    expect((await askFor(await backend({ grant_types: ['subject'] }), 'user-42')).status).toBe(200)
  })
})

describe('a person on the blacklist', () => {
  test('gets no new tokens, and the client is not told why', async () => {
    const client = await backend()
    const person = fresh('person')
    const { body } = await askFor(client, person, undefined, { scope: 'a offline_access' })
    const entry = await issuer().operator.call('POST', '/blacklist', { sub: person, reason: 'left the company' })
    const answer = await askFor(client, person)
    expect(refusal(answer)).toBe('400 invalid_grant')
    expect(answer.text).not.toMatch(/blacklist|left/)
    expect(refusal(await refresh(issuer(), client, body.refresh_token))).toBe('400 invalid_grant')
    expect(await isActive(issuer(), client, body.access_token)).toBe(false)
    expect((await askFor(client, fresh('person'))).status).toBe(200)

    await issuer().operator.call('DELETE', `/blacklist/${entry.body.id}`)
    expect((await askFor(client, person)).status).toBe(200)
    expect(await isActive(issuer(), client, body.access_token)).toBe(true)
    expect(refusal(await refresh(issuer(), client, body.refresh_token))).toBe('400 invalid_grant')
  })

  test('until a time gets tokens again after it', async () => {
    const client = await backend()
    const person = fresh('person')
    const expires_at = Math.floor(issuer().clock.now() / 1000) + 60
    await issuer().operator.call('POST', '/blacklist', { sub: person, expires_at })
    expect(refusal(await askFor(client, person))).toBe('400 invalid_grant')
    issuer().clock.advance(62)
    expect((await askFor(client, person)).status).toBe(200)
  })
})
