/**
 * A right that was withdrawn from a client is withdrawn from its grants too: every refresh passes the gate of the grant
 * type that began the grant, and carries no claim that the client may not say any more.
 */
import { expect, test } from 'vitest'
import { refresh, SUBJECT_GRANT } from './support/admin.ts'
import { claimsOf, post, type Answer, type Credentials } from './support/client.ts'
import { signet } from './support/process.ts'
import { change, fresh, refusal, registered, shareWithApi } from './support/shared.ts'

const issuer = shareWithApi()

const ALL = ['client_credentials', 'refresh_token', SUBJECT_GRANT]
const CLAIMS = { roles: ['admin'], email: 'ada@example.com' }

const backend = (metadata: Record<string, unknown> = {}): Promise<Credentials> =>
  registered(issuer(), { grant_types: ALL, allowed_claims: ['roles', 'email'], ...metadata })

async function ofPerson(client: Credentials): Promise<string> {
  const subject_claims = JSON.stringify(CLAIMS)
  const form = { grant_type: SUBJECT_GRANT, subject: fresh('person'), scope: 'a offline_access', subject_claims }
  return (await post(issuer(), '/token', form, client)).body.refresh_token
}

async function ofItself(client: Credentials): Promise<string> {
  const form = { grant_type: 'client_credentials', scope: 'a offline_access' }
  return (await post(issuer(), '/token', form, client)).body.refresh_token
}

const outcome = (answer: Answer): string => (answer.status === 200 ? '200' : refusal(answer))

// ------------------------------------------------------------------ the grant type

test('a person’s grant is refreshed no more once the client may not ask for persons, and again once it may', async () => {
  const client = await backend()
  const [person, own] = [await ofPerson(client), await ofItself(client)]
  await change(issuer(), client, { grant_types: ['client_credentials', 'refresh_token'] })
  expect(outcome(await refresh(issuer(), client, person))).toBe('400 unauthorized_client')
  expect(outcome(await refresh(issuer(), client, own))).toBe('200')
  await change(issuer(), client, { grant_types: ALL })
  expect(outcome(await refresh(issuer(), client, person))).toBe('200')
})

test('a grant of its own is refreshed no more once the client may not ask in its own name', async () => {
  const client = await backend()
  const [person, own] = [await ofPerson(client), await ofItself(client)]
  await change(issuer(), client, { grant_types: ['refresh_token', SUBJECT_GRANT] })
  expect(outcome(await refresh(issuer(), client, own))).toBe('400 unauthorized_client')
  expect(outcome(await refresh(issuer(), client, person))).toBe('200')
})

test('a grant of its own is refreshed no more once the client may not have refresh tokens', async () => {
  const client = await backend()
  const own = await ofItself(client)
  await change(issuer(), client, { grant_types: ['client_credentials', SUBJECT_GRANT] })
  expect(outcome(await refresh(issuer(), client, own))).toBe('400 unauthorized_client')
})

test('a grant type that the command line took away is as gone', async () => {
  const client = await backend()
  const person = await ofPerson(client)
  const args = ['client', 'update', client.clientId, '--grant', 'client_credentials', '--grant', 'refresh_token']
  expect((await signet(args, issuer().env)).code).toBe(0)
  expect(outcome(await refresh(issuer(), client, person))).toBe('400 unauthorized_client')
})

test('the last refresh token asked for again within the grace passes the gate too', async () => {
  const client = await backend()
  const person = await ofPerson(client)
  expect(outcome(await refresh(issuer(), client, person))).toBe('200')
  await change(issuer(), client, { grant_types: ['client_credentials', 'refresh_token'] })
  expect(outcome(await refresh(issuer(), client, person))).toBe('400 unauthorized_client')
})

// ------------------------------------------------------------------ the claims

/** The claims of what a refresh brings; none where it is refused. */
async function refreshedClaims(client: Credentials, token: string): Promise<Record<string, unknown>> {
  const answer = await refresh(issuer(), client, token)
  expect([200, 400]).toContain(answer.status)
  return answer.status === 200 ? claimsOf(answer.body.access_token) : {}
}

test('a claim that the client may still say stays', async () => {
  const client = await backend()
  expect(await refreshedClaims(client, await ofPerson(client))).toMatchObject(CLAIMS)
})

test.each([
  ['all', [], ['roles', 'email']],
  ['one', ['email'], ['roles']],
  ['another', ['roles'], ['email']],
])('%s of the claims withdrawn are in no token that a refresh brings', async (_, allowed_claims, gone) => {
  const client = await backend()
  const person = await ofPerson(client)
  await change(issuer(), client, { allowed_claims })
  const claims = await refreshedClaims(client, person)
  for (const name of gone) expect(claims).not.toHaveProperty(name)
})

test('a claim withdrawn is in no token that the last refresh token brings within the grace', async () => {
  const client = await backend()
  const person = await ofPerson(client)
  expect(await refreshedClaims(client, person)).toMatchObject(CLAIMS)
  await change(issuer(), client, { allowed_claims: ['email'] })
  expect(await refreshedClaims(client, person)).not.toHaveProperty('roles')
})

test('a claim that became the client’s own is what the client’s registration says', async () => {
  const client = await backend()
  const person = await ofPerson(client)
  await change(issuer(), client, { allowed_claims: ['email'], claims: { roles: ['reader'] } })
  expect((await refreshedClaims(client, person)).roles ?? ['reader']).toEqual(['reader'])
})

test.each([
  ['registered', (metadata: object) => issuer().operator.call('POST', '/admin/api/clients', metadata)],
  [
    'changed',
    async (metadata: object) => {
      const { clientId } = await registered(issuer())
      return issuer().operator.call('PATCH', `/admin/api/clients/${clientId}`, metadata)
    },
  ],
])('a client is not %s with a claim of its own that it may say of persons as well', async (_, send) => {
  const metadata = { grant_types: ALL, claims: { tenant: 'acme' }, allowed_claims: ['tenant'] }
  expect(refusal(await send(metadata))).toBe('400 invalid_client_metadata')
})
