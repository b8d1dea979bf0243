/**
 * An answer tells what holds when it leaves. A token that ends while its answer waits for the database is told as good to
 * nobody. A lock on a table makes answers wait, and only PostgreSQL has such locks.
 *
 * Not again on PostgreSQL: it opens one itself.
 */
import { expect, test } from 'vitest'
import { bearer, post, request, type Answer, type Credentials } from './support/client.ts'
import { addClient, addUser, tokensOf } from './support/codes.ts'
import { startWithHeldReads, type HeldReads } from './support/held-reads.ts'
import { storeOf } from './support/people.ts'
import { hasPostgres } from './support/postgres.ts'
import { API, change, refusal } from './support/shared.ts'

const USERS = 'LOCK TABLE users IN ACCESS EXCLUSIVE MODE'
const KEYS = 'SELECT 1 FROM signing_keys FOR UPDATE'

interface Scene {
  held: HeldReads
  client: Credentials
  accessToken: string
  refreshToken: string
}

async function scene(metadata: Record<string, unknown> = {}): Promise<Scene> {
  const held = await startWithHeldReads()
  const { issuer } = held
  const client = await addClient(issuer, metadata)
  const tokens = await tokensOf(issuer, client, await addUser(await storeOf(issuer)))
  return { held, client, accessToken: String(tokens.access_token), refreshToken: String(tokens.refresh_token) }
}

const introspect = ({ held, client }: Scene, token: string) => post(held.issuer, '/introspect', { token }, client)

const deny = ({ held, client }: Scene, token: string) => post(held.issuer, '/revoke', { token }, client)

const askUserinfo = ({ held, accessToken }: Scene): Promise<Answer> =>
  request(`${held.issuer.url}/userinfo`, { headers: bearer(accessToken) })

test.runIf(hasPostgres).each([
  ['an access token', 'accessToken'],
  ['a refresh token', 'refreshToken'],
] as const)('%s that is revoked while introspection reads the person is inactive', async (_, kind) => {
  const it = await scene()
  const token = it[kind]
  expect((await introspect(it, token)).body).toMatchObject({ active: true, username: expect.any(String) })
  const answer = await it.held.while(
    USERS,
    () => introspect(it, token),
    () => deny(it, token),
  )
  expect(answer.body).toEqual({ active: false })
})

test.runIf(hasPostgres)(
  'a client that loses the resource while introspection reads the person learns nothing',
  async () => {
    const it = await scene({ resources: [API] })
    const looker = await addClient(it.held.issuer, { resources: [API] })
    const ask = () => introspect({ ...it, client: looker }, it.accessToken)
    expect((await ask()).body.active).toBe(true)
    const answer = await it.held.while(USERS, ask, () => change(it.held.issuer, looker, { resources: [] }))
    expect(answer.body).toEqual({ active: false })
  },
)

test.runIf(hasPostgres)(
  'userinfo that waits for its key tells nothing of a token that is revoked meanwhile',
  async () => {
    // Nothing else is signed by this key, so that it has to be made ready first.
    const algorithms = { id_token_signed_response_alg: 'ES256', userinfo_signed_response_alg: 'RS256' }
    const it = await scene({ ...algorithms, resources: [API] })
    const answer = await it.held.while(
      KEYS,
      () => askUserinfo(it),
      () => deny(it, it.accessToken),
    )
    expect(refusal(answer)).toBe('401 invalid_token')
  },
)
