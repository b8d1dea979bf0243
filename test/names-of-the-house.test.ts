/**
 * Names that Signet uses for itself belong to nobody else: no client can be taken for the command line, the system or
 * the declarative file, in the audit trail or anywhere, and no id looks like a token.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createClient, operatorOf } from './support/admin.ts'
import { temporaryFolder } from './support/issuer.ts'
import { signet } from './support/process.ts'
import { fresh, registered, shareWithApi } from './support/shared.ts'

const issuer = shareWithApi()

const BEGIN_LIKE_SECRETS = ['sgs_', 'sgs_hello-world', 'sgr_AQ', 'SGS_loud', 'eyJhbGciOiJFUzI1NiJ9']

const TAKEN = [
  ...BEGIN_LIKE_SECRETS,
  'Cli',
  'SYSTEM',
  'Config',
  'cli',
  'system',
  'config',
  'signet:operator',
  'signet:admin',
  'signet:whatever',
  'eyJaaaaaaaa.bbb.ccc',
  'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl',
  `sgs_${'h'.repeat(43)}`,
  `sgr_${'h'.repeat(71)}`,
]

test.each(TAKEN)('no client can be registered as %s', async (client_id) => {
  const answer = await issuer().operator.call('POST', '/admin/api/clients', { client_id })
  expect(answer.status).toBe(400)
  expect(['invalid_client_metadata', 'invalid_request']).toContain(answer.body.error)
})

test.each(BEGIN_LIKE_SECRETS)('no user, resource or group can be registered as %s', async (name) => {
  const { operator } = issuer()
  const answers = [
    await operator.call('POST', '/admin/api/users', { username: fresh('person'), id: name }),
    await operator.call('POST', '/admin/api/resources', { id: name }),
    await operator.call('POST', '/admin/api/groups', { name }),
  ]
  if (!name.startsWith('ey')) answers.push(await operator.call('POST', '/admin/api/users', { username: name }))
  for (const { status, body } of answers) expect([status, body.error]).toEqual([400, 'invalid_request'])
})

test.each(['cli', 'signet:operator', 'sgs_', 'eyJaaaaaaaa.bbb.ccc'])('nor by the command line as %s', async (id) => {
  const { code, stderr } = await signet(['client', 'create', '--id', id], issuer().env)
  expect(code).toBeGreaterThan(0)
  expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2)
})

test.each(['system', 'signet:operator'])('nor by a file as %s, which names the line', async (id) => {
  const file = join(temporaryFolder(), 'signet.yaml')
  writeFileSync(
    file,
    `clients:\n  - client_id: "${id}"\n    token_endpoint_auth_method: none\n    grant_types: [refresh_token]\n`,
  )
  const { code, stderr } = await signet(['apply', file], issuer().env)
  expect([code, /signet\.yaml:\d+/.test(stderr)], stderr).toEqual([1, true])
})

test.each(['cli-tool', 'my-system', 'Configured', 'client.disabled', 'signet', 'eyJ', 'my-sgs_', 'Sgt_1'])(
  'a name that only resembles one is free: %s',
  async (name) => {
    expect((await issuer().operator.call('POST', '/admin/api/clients', { client_id: name })).status).toBe(201)
    expect((await issuer().operator.call('GET', `/admin/api/clients/${name}`)).status).toBe(200)
  },
)

test('an entry that a client made is lifted again, whatever the client is called', async () => {
  const metadata = { client_id: 'client.revoked', scope: 'signet:blacklist', resources: [] }
  const holder = operatorOf(issuer(), await createClient(issuer().operator, metadata))
  const { body } = await holder.call('POST', '/blacklist', { sub: fresh('person') })
  expect((await holder.call('DELETE', `/blacklist/${body.id}`)).status).toBe(204)
})

test('the audit trail says which client acted, and which acts were the command line’s', async () => {
  const client = await createClient(issuer().operator, {
    client_id: fresh('acting'),
    scope: 'signet:admin',
    resources: [],
  })
  const acting = operatorOf(issuer(), client)
  const { clientId } = await registered(issuer())
  await acting.call('POST', `/admin/api/clients/${clientId}/disable`)
  expect((await signet(['client', 'enable', clientId], issuer().env)).code).toBe(0)
  const trail = await issuer().operator.call('GET', `/admin/api/audit?target=${clientId}`)
  const events = trail.body as unknown as { action: string; actor: string }[] // the answer is a list
  const actors = Object.fromEntries(events.map(({ action, actor }) => [action, actor]))
  expect(actors).toMatchObject({ 'client.disabled': client.clientId, 'client.enabled': 'cli' })
})
