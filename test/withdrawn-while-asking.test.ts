/**
 * A right that was withdrawn from a client is in no token that is given out afterwards, however long its request had been
 * under way: while its secret was hashed, or while its assertion waited to be written.
 */
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BEHIND_PROXY } from '../harness/network.ts'
import { acceptorsOf, type Acceptors } from './support/acceptance.ts'
import {
  createClient,
  declareOperator,
  operatorOf,
  SUBJECT_GRANT,
  type AdministeredIssuer,
  type Operator,
} from './support/admin.ts'
import { basic, post, request, type Answer, type Credentials } from './support/client.ts'
import { startTestIssuer, temporaryFolder, type TestIssuer } from './support/issuer.ts'
import { actElsewhere, API, askSigned, expectGood, scene, signingMetadata, tokenIn } from './support/race.ts'
import { refusal } from './support/shared.ts'
import { sqliteTest } from './support/sqlite.ts'

const ROUNDS = ['first', 'second', 'third', 'fourth']
const secretOf = (name: string): string => `${name}-`.padEnd(40, 'x')

interface HashingScene {
  issuer: AdministeredIssuer
  acceptors: Acceptors
  clients: Credentials[]
}

/**
 * An issuer whose clients brought their secrets, none of which this process has seen: the first use of each has to be
 * hashed, and others' guesses make that take long.
 */
async function hashingScene(): Promise<HashingScene> {
  const folder = temporaryFolder()
  const { file, credentials } = declareOperator(folder, `resources:\n  - id: ${API}`)
  const names = [...ROUNDS, 'other', 'another', 'third-other']
  const declared = names.map((name) => {
    writeFileSync(join(folder, `${name}.secret`), secretOf(name))
    return `  - client_id: ${name}
    grant_types: [client_credentials, refresh_token, subject]
    scope: read write
    allowed_claims: [roles]
    resources: [${API}]
    client_secret: { file: ${name}.secret }\n`
  })
  appendFileSync(file, declared.join(''))
  // A process that reads the file has hashed the secrets; this one finds them stored.
  await (await startTestIssuer({ SIGNET_CONFIG: file }, { folder })).stop()
  const started = await startTestIssuer(BEHIND_PROXY, { folder })
  const issuer = { ...started, operator: operatorOf(started, credentials) }
  const api = await createClient(issuer.operator, { client_id: 'orders-api', resources: [API] })
  const clients = names.map((name) => ({ clientId: name, secret: secretOf(name) }))
  return { issuer, acceptors: acceptorsOf(issuer, api), clients }
}

/** Wrong secrets from eight networks: a right one waits for its turn among them. */
function guess(issuer: TestIssuer, clients: Credentials[]): Promise<unknown> {
  const guesses = clients.flatMap((client) =>
    Array.from({ length: 16 }, (_, each) => {
      const headers = { ...basic({ ...client, secret: 'y'.repeat(40) }), 'x-forwarded-for': `198.51.${each % 8}.1` }
      return request(`${issuer.url}/token`, { headers, form: { grant_type: 'client_credentials' } })
    }),
  )
  return Promise.all(guesses)
}

/**
 * Has an act answered while the token request of a client is still being authenticated. Tries with one client after
 * another until the act was answered first; a busy machine may need more than one.
 * @returns the answer of that token request
 */
async function actWhileHashing(
  { issuer, clients }: HashingScene,
  form: Record<string, string>,
  act: (client: Credentials) => Promise<Answer>,
): Promise<Answer> {
  const others = clients.slice(ROUNDS.length)
  for (const client of clients.slice(0, ROUNDS.length)) {
    await issuer.operator.token()
    const guesses = guess(issuer, [client, ...others])
    const order: string[] = []
    await request(`${issuer.url}/livez`)
    const asking = post(issuer, '/token', form, client).finally(() => order.push('asked'))
    for (let each = 0; each < 5; each++) await request(`${issuer.url}/livez`)
    await expectGood(act(client).finally(() => order.push('acted')))
    const asked = await asking
    await guesses
    if (order[0] === 'acted') return asked
  }
  throw new Error('hashing was faster than every act')
}

test('a client that was deleted while its secret was hashed gets no token', async () => {
  const it = await hashingScene()
  const asked = await actWhileHashing(it, { grant_type: 'client_credentials' }, (client) =>
    it.issuer.operator.call('DELETE', `/admin/api/clients/${client.clientId}`),
  )
  const token = tokenIn(asked)
  if (token !== undefined) expect(await it.acceptors.everOf(token)).toEqual([])
  expect(refusal(asked)).toBe('401 invalid_client')
})

test('rights that were withdrawn while a secret was hashed are in no token', async () => {
  const it = await hashingScene()
  const form = { grant_type: SUBJECT_GRANT, subject: 'ada', scope: 'write', subject_claims: '{"roles":["admin"]}' }
  const withdrawn = { scope: 'read', grant_types: ['client_credentials'], allowed_claims: [] }
  const asked = await actWhileHashing(it, form, (client) =>
    it.issuer.operator.call('PATCH', `/admin/api/clients/${client.clientId}`, withdrawn),
  )
  expect(asked.status).toBe(400)
})

test.each([
  ['a scope', { scope: 'read' }, { grant_type: 'client_credentials', scope: 'write' }, '400 invalid_scope'],
  ['a resource', { resources: [] }, { grant_type: 'client_credentials', resource: API }, '400 invalid_target'],
  [
    'a claim',
    { allowed_claims: [] },
    { grant_type: SUBJECT_GRANT, subject: 'ada', subject_claims: '{"roles":["admin"]}' },
    '400 invalid_request',
  ],
  [
    'its grant type',
    { grant_types: ['client_credentials'] },
    { grant_type: SUBJECT_GRANT, subject: 'ada' },
    '400 unauthorized_client',
  ],
])('a client that lost %s while its secret was hashed does not get it', async (_, change, form, expected) => {
  const it = await hashingScene()
  const asked = await actWhileHashing(it, form, (client) =>
    it.issuer.operator.call('PATCH', `/admin/api/clients/${client.clientId}`, change),
  )
  expect(refusal(asked)).toBe(expected)
})

test('a secret that was rotated away without overlap while it was hashed gets no token', async () => {
  const it = await hashingScene()
  const asked = await actWhileHashing(it, { grant_type: 'client_credentials' }, (client) =>
    it.issuer.operator.call('POST', `/admin/api/clients/${client.clientId}/rotate-secret`, { overlap: 0 }),
  )
  expect(refusal(asked)).toBe('401 invalid_client')
})

sqliteTest(
  'a token that waits for its assertion while another process withdraws its scope has not got it',
  async () => {
    const { key, metadata } = await signingMetadata()
    const it = await scene(metadata)
    const setScope = (scope: string) => (operator: Operator) =>
      operator.call('PATCH', '/admin/api/clients/shop', { scope })
    const asked = await actElsewhere(it, {
      ask: () => askSigned(it, { clientId: 'shop', key }, { scope: 'write' }),
      act: setScope('read'),
      undo: setScope('read write'),
    })
    expect(refusal(asked)).toBe('400 invalid_scope')
  },
)
