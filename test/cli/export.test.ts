/** The records of a database as a declarative file. */
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'vitest'
import { Place, type OnTestFinished } from './run-signet.ts'

const SECRETS = { MADE_SECRET: 'a-secret-of-thirty-two-characters-or-more' }

/** A database with a record of each kind, and values that a file could get wrong. */
async function founded(onTestFinished: OnTestFinished): Promise<Place> {
  const place = new Place(onTestFinished, SECRETS)
  const file = place.file('founding.yaml')
  writeFileSync(
    file,
    `resources:
  - { id: https://orders.example.com, alg: RS256, ttl: 10m, scope: orders:read orders:write, claims: { "1": "0x1f", no: "yes" } }
  - { id: open-api, open_to: any_client, scope_permissions: { write: orders.write }, own_keys: true }
clients:
  - client_id: billing
    client_name: "'Billing' \\"2\\": #1\\nof Ada"
    scope: orders:read
    resources: [https://orders.example.com]
    grant_types: [client_credentials, refresh_token]
    client_secret: { env: MADE_SECRET }
    refresh_grace: 0
    claims: { tier: { a: [1, 2.5, null, true, "012"] }, "<<": { b: "<<" }, "<": [{ "<<": c }] }
  - { client_id: app, token_endpoint_auth_method: none, grant_types: [authorization_code], redirect_uris: [http://127.0.0.1/back], scope: openid }
  - { client_id: silent, token_endpoint_auth_method: none, grant_types: [authorization_code], redirect_uris: [http://127.0.0.1/back], scope: "" }
  - { client_id: both, redirect_uris: [http://127.0.0.1/back], grant_types: [client_credentials], client_secret: { env: MADE_SECRET } }
  - { client_id: ended, token_endpoint_auth_method: none, grant_types: [refresh_token], disabled: true }
  - { client_id: files, for: nextcloud, url: https://files.example.com/cloud, client_secret: { env: MADE_SECRET }, access_token_ttl: 5m }
groups:
  - { name: engineering, roles: [editor], permissions: [orders.write], claims: { org: acme } }
  - { name: signet-admins, roles: [chief] }
users:
  - { username: ada, groups: [engineering] }
`,
  )
  await place.json('apply', file)
  return place
}

test.concurrent('the file changes nothing in its own database, and makes the same records in an empty one', async ({
  expect,
  onTestFinished,
}) => {
  const [place, empty] = [await founded(onTestFinished), new Place(onTestFinished)]
  const file = place.file('exported.yaml')
  expect(await place.json('export', file)).toEqual({ file, resources: 2, clients: 6, groups: 2 })
  const text = readFileSync(file, 'utf8')
  expect(text).toContain('disabled: true')
  expect(text).not.toMatch(/secret|ada\b|created_at/)

  const again = await place.json<{ left: unknown[] }>('apply', file, '--prune')
  expect(again).toMatchObject({ created: [], changed: [], removed: [] })
  expect(again.left).toHaveLength(10)

  const made = await empty.run(['apply', file])
  expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining('9 created, 1 changed, 0 left') as string })
  expect(made.stderr).toContain('client billing has no secret')
  expect((await empty.run(['export'])).stdout).toBe(text)
  expect(await empty.json('client', 'show', 'ended')).toMatchObject({ status: 'disabled' })
  expect(await empty.json('client', 'show', 'silent')).toMatchObject({ scope: '' })
})

test.concurrent('what cannot be in the file is named; a file that is there is not written over', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  expect(await place.run(['export'])).toMatchObject({ code: 1, stdout: '' })
  await place.createClient('--id early --auth-method none --grant refresh_token --resource not-yet')
  const file = place.file('exported.yaml')
  expect((await place.run(['export', file])).stderr).toBe(
    'note: client early has resource not-yet, which does not exist here: another database needs it first\nnote: secrets and users are not in it\n',
  )
  expect(await place.json('apply', file)).toMatchObject({ created: [], changed: [] })
  expect(await place.run(['export', file])).toMatchObject({
    code: 1,
    stderr: `signet: ${file} is there already\n  name a file that is not there yet\n`,
  })
  expect((await place.run(['export', place.file('no/folder.yaml')])).stderr).toContain('cannot be written (ENOENT)')
})

test.concurrent('a file disables a client, and enables none', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const file = place.file('signet.yaml')
  const client = '{ client_id: a, token_endpoint_auth_method: none, grant_types: [refresh_token]'
  writeFileSync(file, `clients: [${client} }]\n`)
  await place.json('apply', file)
  writeFileSync(file, `clients: [${client}, disabled: true }]\n`)
  const change = { field: 'disabled', from: false, to: true }
  expect(await place.json('apply', file)).toMatchObject({ changed: [{ id: 'a', changes: [change] }] })
  expect(await place.json('client', 'show', 'a')).toMatchObject({ status: 'disabled' })
  expect(await place.json('blacklist', 'list')).toMatchObject([{ kind: 'client_id', value: 'a' }])
  expect(await place.json('apply', file)).toMatchObject({ changed: [], left: [{ id: 'a' }] })

  writeFileSync(file, `clients: [${client}, disabled: false }]\n`)
  expect((await place.run(['apply', file])).stderr).toContain(
    'clients.0.disabled: expected true, or nothing: a file enables no client, signet client enable does',
  )
})
