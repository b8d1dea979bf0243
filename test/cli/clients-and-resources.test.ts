/** Clients and resources from the command line, seen by a running server. */
import { writeFileSync } from 'node:fs'
import { test } from 'vitest'
import { Place, SOON, requestToken } from './run-signet.ts'

interface Client {
  client_id: string
  client_secret: string
  [member: string]: unknown
}

test.concurrent('a client is created with all its metadata, listed, changed field by field, and deleted', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const metadata = [
    '--name',
    'Orders',
    '--grant',
    'subject',
    '--grant',
    'refresh_token',
    '--scope',
    'a b',
    '--redirect-uri',
    'https://app.example/cb',
  ]
  const access = [
    '--resource',
    'r1',
    '--resource',
    'r2',
    '--claim',
    'tier=2',
    '--claim',
    'team=blue',
    '--allow-claim',
    'email',
  ]
  const lives = [
    '--access-token-ttl',
    '5m',
    '--refresh-token-ttl',
    '1d',
    '--refresh-token-idle-ttl',
    '1h',
    '--refresh-grace',
    '3',
  ]
  const created = await place.run(['client', 'create', '--id', 'orders', ...metadata, ...access, ...lives, '--json'])
  expect(created.code).toBe(0)
  expect(created.stderr).toContain('signet resource create r1')
  expect(created.stderr).toContain('shown this once')
  const client = JSON.parse(created.stdout) as Client
  expect(client).toMatchObject({
    client_id: 'orders',
    client_secret: expect.stringMatching(/^sgs_[A-Za-z0-9_-]{43}$/) as string,
    client_name: 'Orders',
    grant_types: ['urn:signet:params:oauth:grant-type:subject', 'refresh_token'],
    scope: 'a b',
    resources: ['r1', 'r2'],
    redirect_uris: ['https://app.example/cb'],
    access_token_ttl: 300,
    refresh_token_ttl: 86_400,
    refresh_token_idle_ttl: 3600,
    refresh_grace: 3,
    claims: { tier: 2, team: 'blue' },
    allowed_claims: ['email'],
  })

  const updated = await place.json<Client>(
    'client',
    'update',
    'orders',
    '--scope',
    'c',
    '--access-token-ttl',
    'default',
  )
  expect(updated).toMatchObject({
    scope: 'c',
    access_token_ttl: null,
    client_name: 'Orders',
    claims: { tier: 2, team: 'blue' },
  })
  expect(updated.client_secret).toBeUndefined()
  expect(await place.json<Client[]>('client', 'list')).toHaveLength(1)
  expect(await place.json('client', 'show', 'orders')).toEqual(updated)

  const again = await place.run(['client', 'create', '--id', 'orders'])
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('exists already') as string })
  expect(await place.json('client', 'delete', 'orders')).toMatchObject({ client_id: 'orders' })
  const gone = await place.run(['client', 'show', 'orders', '--json'])
  expect(gone).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('does not exist') as string })
})

test.concurrent('an address that Signet may not call is told when a client gets it, with the variable that allows it', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const told = async (line: string, variables = {}) =>
    (await place.run(['client', ...line.split(' ')], variables)).stderr
  const logout = '--set backchannel_logout_uri=http://localhost:4001/out'
  await place.createClient('--id app')
  expect(await told(`update app ${logout}`)).toMatch(/^note: http.*4001\/out .*SIGNET_OUTBOUND_ALLOW=localhost:4001\n$/)
  expect(await told('update app --name App')).toBe('')
  expect(await told(`update app ${logout}`, { SIGNET_OUTBOUND_ALLOW: 'localhost:4001' })).toBe('')
  expect(await told('update app --set backchannel_logout_uri=https://app.example/out')).toBe('')
  const keys = 'create --id signer --auth-method private_key_jwt --jwks-uri https://10.0.0.7/keys'
  expect(await told(keys)).toContain('keys cannot be fetched until the server has SIGNET_OUTBOUND_ALLOW=10.0.0.7\n')
  const preset = 'create --id files --for nextcloud --url http://localhost:8080'
  expect(await told(preset)).toContain('SIGNET_OUTBOUND_ALLOW=localhost:8080\n')
})

test.concurrent('a rotation that ends a secret before its overlap is over says which, and one without an overlap says nothing', async ({
  expect,
  onTestFinished,
}) => {
  const place = await new Place(onTestFinished).migrate()
  await place.createClient('--id orders')
  const rotate = (...more: string[]) => place.run(['client', 'rotate-secret', 'orders', ...more, '--json'])
  for (let each = 0; each < 3; each += 1) expect((await rotate()).stderr).not.toContain('ended now')
  const { stdout, stderr } = await rotate()
  const { ended_secrets: ended } = JSON.parse(stdout) as { ended_secrets: { id: string }[] }
  expect(ended).toHaveLength(1)
  expect(stderr).toMatch(
    new RegExp(`^note: the secret ${ended[0]?.id} of \\S+Z ended now and .*at most 3 are good$`, 'm'),
  )
  const last = await rotate('--overlap', '0')
  expect(last.stderr).not.toContain('ended now')
  expect(JSON.parse(last.stdout)).toMatchObject({ ended_secrets: [{}, {}, {}, {}] })
})

test.concurrent('a running server knows a new client, its rotated secret and its disabling without a restart', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const server = await place.serve()
  await place.json('resource', 'create', 'orders-api', '--scope', 'orders:read')
  const client = await place.json<Client>(
    'client',
    'create',
    '--id',
    'orders',
    '--scope',
    'orders:read',
    '--resource',
    'orders-api',
  )
  await expect
    .poll(() => requestToken(server.url, client), SOON)
    .toMatchObject({ token_type: 'Bearer', scope: 'orders:read' })

  const rotated = await place.json<Client>('client', 'rotate-secret', 'orders', '--overlap', '0')
  expect(rotated.client_secret).not.toBe(client.client_secret)
  await expect.poll(() => requestToken(server.url, rotated), SOON).toHaveProperty('access_token')
  await expect.poll(() => requestToken(server.url, client), SOON).toHaveProperty('error', 'invalid_client')

  expect(await place.json('client', 'disable', 'orders')).toMatchObject({ status: 'disabled' })
  await expect.poll(() => requestToken(server.url, rotated), SOON).toHaveProperty('error', 'invalid_client')
  expect(await place.json('client', 'enable', 'orders')).toMatchObject({ status: 'enabled', disabled_at: null })
  await expect.poll(() => requestToken(server.url, rotated), SOON).toHaveProperty('access_token')
})

test.concurrent('a client that signs is registered with its public keys from a file', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const publicKey = {
    kty: 'EC',
    crv: 'P-256',
    x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
    y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  }
  writeFileSync(place.file('jwks.json'), JSON.stringify({ keys: [publicKey] }))
  const client = await place.json(
    'client',
    'create',
    '--id',
    'signer',
    '--auth-method',
    'private_key_jwt',
    '--jwks',
    place.file('jwks.json'),
  )
  expect(client).toMatchObject({ jwks: { keys: [publicKey] } })
  expect(client).not.toHaveProperty('client_secret')
  const missing = await place.run([
    'client',
    'create',
    '--auth-method',
    'private_key_jwt',
    '--jwks',
    place.file('none.json'),
  ])
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('--jwks') as string })
})

test.concurrent('a resource is created, shown, changed field by field, and deleted', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const id = 'https://mq.example/vhost'
  const created = await place.json(
    'resource',
    'create',
    id,
    '--alg',
    'RS256',
    '--ttl',
    '10m',
    '--scope',
    'rabbitmq.read:*/* b',
    '--typ',
    'JWT',
  )
  expect(created).toMatchObject({ id, alg: 'RS256', ttl: 600, scope: 'rabbitmq.read:*/* b', typ: 'JWT' })
  expect(await place.json('resource', 'update', id, '--ttl', '5m')).toMatchObject({
    alg: 'RS256',
    ttl: 300,
    typ: 'JWT',
  })
  expect(await place.json('resource', 'show', id)).toMatchObject({ id, ttl: 300 })
  expect(await place.json<unknown[]>('resource', 'list')).toHaveLength(1)
  expect((await place.run(['resource', 'list'])).stdout).toMatch(/^ID +ALG +TYP/)
  expect(await place.json('resource', 'delete', id)).toMatchObject({ id })
  expect((await place.run(['resource', 'delete', id])).code).toBe(1)
})

test.concurrent("a scope of the issuer's own is told with the resource that it needs, beside those that are there", async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished, { SIGNET_ISSUER: 'https://auth.example' })
  await place.json('resource', 'create', 'api', '--scope', 'read')
  const { stderr } = await place.run([
    'client',
    'create',
    '--id',
    'ops',
    '--resource',
    'api',
    '--scope',
    'signet:admin',
  ])
  const command = 'client update ops --resource api --resource https://auth.example'
  expect(stderr).toContain(`signet ${command}`)
  expect((await place.run(command.split(' '))).stderr).not.toContain('signet:admin')
})

test.concurrent('scope values with commas between them are refused with the form that is meant, by flags and by the file', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  await place.json('client', 'create', '--id', 'c')
  const hint = 'read "a:read,a:write"; scope values are separated by spaces, not commas: "a:read a:write"'
  for (const command of [
    'client create --id d',
    'client update c',
    'resource create r',
    'token mint --sub s --resource r',
  ]) {
    const refused = await place.run([...command.split(' '), '--scope', 'a:read,a:write'])
    expect(refused, command).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain(`signet: --scope: ${hint}\n`)
  }
  const set = await place.run(['client', 'update', 'c', '--set', 'scope=["a:read,a:write"]'])
  expect(set).toMatchObject({ code: 2, stderr: expect.stringContaining(hint) as string })
  const file = place.file('signet.yaml')
  writeFileSync(
    file,
    'resources:\n  - id: r\n    scope: a:read,a:write\nclients:\n  - client_id: d\n    scope: ["a:read,a:write"]\n',
  )
  const applied = await place.run(['apply', file])
  expect(applied.code).toBe(1)
  expect(applied.stderr).toContain(`${file}:3: resources.0.scope: ${hint}\n`)
  expect(applied.stderr).toContain(`${file}:6: clients.0.scope: ${hint}\n`)
  expect(await place.json('resource', 'list')).toEqual([])
})

test.concurrent('a resource that clients have is deleted by force alone, which takes it off their lists', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const id = 'https://orders.example'
  for (const each of [id, 'other']) await place.json('resource', 'create', each)
  await place.json(
    'client',
    'create',
    '--id',
    'a',
    '--resource',
    id,
    '--resource',
    'other',
    '--scope',
    'read signet:read',
  )
  await place.json('client', 'create', '--id', 'b', '--resource', id, '--scope', 'read signet:read')
  await place.json('client', 'create', '--id', 'c', '--resource', 'other')
  const refused = await place.run(['resource', 'delete', id, '--json'])
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toBe(
    `signet: resource "${id}" is on the list of clients a, b, which then could get no tokens for it\n  to take it off their lists as well: signet resource delete ${id} --force\n`,
  )
  expect(await place.json('resource', 'show', id)).toMatchObject({ id })
  const done = await place.run(['resource', 'delete', id, '--force'])
  expect(done.stdout).toBe(`resource ${id} was deleted, and taken off the list of a, b\n`)
  expect(await place.json('client', 'show', 'a')).toMatchObject({ resources: ['other'], scope: 'read signet:read' })
  // A client without resources may name the issuer: it must not win its scopes by the deletion of something else.
  expect(await place.json('client', 'show', 'b')).toMatchObject({ resources: [], scope: 'read' })
  const events = await place.json('audit', 'list', '--target', 'b')
  expect(events).toMatchObject([{ action: 'client.updated', details: { changed: 'resources scope' } }, {}])
})

test.concurrent('a note names the step that is really missing', async ({ expect, onTestFinished }) => {
  const issuer = 'http://localhost:23000'
  const place = new Place(onTestFinished, { SIGNET_ISSUER: issuer })
  const api = 'https://orders.example.com'
  await place.json('resource', 'create', api, '--scope', 'orders:read')
  const notesOf = async (...flags: string[]) =>
    (await place.run(['client', 'create', '--auth-method', 'none', '--grant', 'refresh_token', ...flags])).stderr
  expect(await notesOf('--id', 'x1', '--scope', 'orders:read')).toBe(
    `note: no token will have scope "orders:read": it is one of ${api}, so name that as well: signet client update x1 --resource ${api}\n`,
  )
  expect(await notesOf('--id', 'x2', '--scope', 'orders:none')).toBe(
    'note: no token will have scope "orders:none": the client names no resource that knows it: signet client update x2 --resource API\n',
  )
  expect(await notesOf('--id', 'x3', '--scope', 'orders:write', '--resource', api)).toBe(
    `note: no token will have scope "orders:write": ${api} does not know it: signet resource update ${api} --scope 'orders:read orders:write'\n`,
  )
  expect(await notesOf('--id', 'x4', '--scope', 'signet:admin')).toBe('')
  for (const slip of ['http://localhost:3000', `${issuer}/`, 'https://localhost:23000']) {
    const notes = await notesOf('--scope', 'signet:admin', '--resource', slip)
    expect(notes, slip).toContain(issuer)
    expect(notes, slip).not.toContain('resource create')
  }
})

test.concurrent('a value that is refused is named', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const cases: [string[], string][] = [
    [
      ['client', 'create', '--grant', 'client-credentials'],
      '--grant: read "client-credentials"; expected one of client_credentials, refresh_token, authorization_code, subject (did you mean client_credentials?)',
    ],
    [['client', 'create', '--access-token-ttl', 'soon'], '--access-token-ttl: read "soon"; expected '],
    [['user', 'create', 'Ada King'], 'user name: read "Ada King"; accepted: 1 to 64 of a-z 0-9 . _ -'],
    [['user', 'create', 'ada', '--email', 'ada'], '--email: read "ada"; accepted: an address such as '],
    [['invite', 'ada'], 'e-mail address: read "ada"; accepted: an address such as '],
  ]
  for (const [args, message] of cases) {
    const refused = await place.run(args)
    expect(refused, args.join(' ')).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain(`signet: ${message}`)
  }
  const secret = `sgs_${'a'.repeat(43)}`
  expect((await place.run(['client', 'create', '--grant', secret])).stderr).not.toContain(secret)
  expect(await place.hasDatabase()).toBe(false)
})
