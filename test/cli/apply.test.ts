/** A declarative file from the command line. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'vitest'
import { Place, requestToken, SOON, type Client } from './run-signet.ts'

const FILE = `
resources:
  - id: orders-api
    scope: orders:read
clients:
  - client_id: orders
    client_secret: { env: ORDERS_SECRET }
    scope: orders:read
    resources: [orders-api]
`

test.concurrent('a dry run tells the plan and leaves no trace; applying does it; a second time changes nothing', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished, { ORDERS_SECRET: 'a-secret-of-thirty-two-characters-or-more' })
  const file = place.file('signet.yaml')
  writeFileSync(file, FILE)

  const plan = await place.run(['apply', file, '--dry-run'])
  expect(plan.stdout).toContain('+ resource orders-api\n+ client orders\n')
  expect(await place.hasDatabase()).toBe(false)
  expect(existsSync(place.keysDir)).toBe(false)

  const created = [
    { kind: 'resource', id: 'orders-api', fields: [], changes: [] },
    { kind: 'client', id: 'orders', fields: [], changes: [] },
  ]
  expect(await place.json('apply', file)).toEqual({ created, changed: [], left: [], dry_run: false })
  expect(await place.json('apply', file)).toEqual({ created: [], changed: [], left: created, dry_run: false })

  writeFileSync(file, FILE.replace('scope: orders:read\nclients', 'scope: orders:read orders:write\nclients'))
  const changed = [{ kind: 'resource', id: 'orders-api', fields: ['scope'] }]
  expect(await place.json('apply', file, '--dry-run')).toMatchObject({ changed, dry_run: true })
  expect(await place.json('resource', 'show', 'orders-api')).toMatchObject({ scope: 'orders:read' })
  expect((await place.run(['apply', file])).stdout).toContain(
    '~ resource orders-api\n    scope: orders:read -> orders:read orders:write\n= client orders\n',
  )
})

test.concurrent('what is taken away is told with its value before and after, in the words of the file, dry run or not', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished, { ORDERS_SECRET: 'a-secret-of-thirty-two-characters-or-more' })
  const file = place.file('signet.yaml')
  writeFileSync(file, `${FILE}    grant_types: [client_credentials, refresh_token]\n    access_token_ttl: 5m\n`)
  expect((await place.run(['apply', file])).code).toBe(0)
  writeFileSync(
    file,
    `${FILE.replace('resources: [orders-api]', 'resources: []')}    grant_types: [client_credentials]\n    access_token_ttl: null\n`,
  )
  const lines = [
    '~ client orders',
    '    grant_types: ["client_credentials","refresh_token"] -> ["client_credentials"]',
    '    resources: ["orders-api"] -> []',
    '    access_token_ttl: 300 -> none',
    '    client_secret: the one before, refused from now on without overlap -> the one of the file',
  ].join('\n')
  const other = { ORDERS_SECRET: 'another-secret-of-thirty-two-characters' }
  const plan = await place.run(['apply', file, '--dry-run'], other)
  expect(plan.stdout).toContain(`${lines}\n`)
  const done = await place.run(['apply', file], other)
  expect(done.stdout).toContain(`${lines}\n`)
  expect(`${plan.stdout}${done.stdout}`).not.toContain('another-secret')
})

test.concurrent('the first resource of a client is its default, so that another order is a change', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const file = place.file('signet.yaml')
  const declare = (resources: string) =>
    `resources: [{ id: a }, { id: b }]\nclients:\n  - client_id: c\n    token_endpoint_auth_method: none\n    grant_types: [refresh_token]\n    resources: ${resources}\n`
  writeFileSync(file, declare('[a, b]'))
  await place.json('apply', file)
  writeFileSync(file, declare('[b, a]'))
  const change = { field: 'resources', from: ['a', 'b'], to: ['b', 'a'] }
  expect(await place.json('apply', file)).toMatchObject({ changed: [{ id: 'c', changes: [change] }] })
  expect(await place.json('client', 'show', 'c')).toMatchObject({ resources: ['b', 'a'] })
})

test.concurrent('a mistake is told with its line, exit 1, and nothing is applied', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const file = place.file('signet.yaml')
  writeFileSync(file, FILE.replace('scope: orders:read\nclients', 'scopes: orders:read\nclients'))
  const mistake = await place.run(['apply', file, '--json'])
  expect(mistake).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringContaining(
      `${file}:4: resources.0.scopes: not a key that Signet knows (did you mean scope?); accepted: `,
    ) as string,
  })
  expect(mistake.stderr).toMatch(/accepted: .*\bown_keys\b/)
  const noSecret = await place.run(['apply', place.file('none.yaml')])
  expect(noSecret.code).toBe(1)
  expect(existsSync(place.keysDir)).toBe(false)
  writeFileSync(file, FILE)
  const short = await place.run(['apply', file], { ORDERS_SECRET: 'short' })
  expect(short.stderr).toContain(`${file}:7: client_secret: found 5 characters`)
})

test.concurrent('a declared client without a secret is made without one, and the note names the step', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const file = place.file('signet.yaml')
  writeFileSync(file, FILE.replace(/ +client_secret: .*\n/, ''))
  const note = 'note: client orders has no secret, and gets no tokens before: signet client rotate-secret orders\n'
  expect(await place.run(['apply', file])).toMatchObject({ code: 0, stderr: expect.stringContaining(note) as string })
  expect(await place.json('client', 'show', 'orders')).toMatchObject({ secrets: [] })
  const { url } = await place.serve()
  const guess = { client_id: 'orders', client_secret: 'a-secret-of-thirty-two-characters-or-more' }
  expect(await requestToken(url, guess)).toMatchObject({ error: 'invalid_client' })

  // A change by the file does not make a secret that nobody sees.
  writeFileSync(file, FILE.replace(/ +client_secret: .*\n/, '    access_token_ttl: 5m\n'))
  expect(await place.run(['apply', file])).toMatchObject({ code: 0, stderr: expect.stringContaining(note) as string })
  expect(await place.json('client', 'show', 'orders')).toMatchObject({ secrets: [], access_token_ttl: 300 })

  const rotated = await place.json<Client>('client', 'rotate-secret', 'orders')
  await expect.poll(() => requestToken(url, rotated), SOON).toHaveProperty('access_token')
  expect((await place.run(['apply', file])).stderr).toBe('')
})

const TWO = `${FILE}  - client_id: billing
    token_endpoint_auth_method: none
    grant_types: [refresh_token]
groups:
  - name: engineering
    roles: [editor]
users:
  - username: ada
    groups: [engineering]
`

test.concurrent('--prune removes what a file made and names no more, never what a command made', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished, { ORDERS_SECRET: 'a-secret-of-thirty-two-characters-or-more' })
  const file = place.file('signet.yaml')
  writeFileSync(file, TWO)
  await place.json('apply', file)
  await place.createClient('--id by-hand --auth-method none --grant refresh_token')
  await place.json('resource', 'create', 'by-hand-api')
  await place.json('group', 'create', 'by-hand-group')

  writeFileSync(file, 'resources: []\n')
  const removed = [
    { kind: 'client', id: 'billing' },
    { kind: 'client', id: 'orders' },
    { kind: 'resource', id: 'orders-api' },
    { kind: 'group', id: 'engineering' },
  ].map((each) => ({ ...each, fields: [], changes: [] }))
  const nothing = { created: [], changed: [], left: [] }
  expect(await place.json('apply', file)).toEqual({ ...nothing, dry_run: false })
  expect(await place.json('apply', file, '--prune', '--dry-run')).toEqual({
    ...nothing,
    removed,
    kept: [],
    dry_run: true,
  })
  expect(await place.json<object[]>('client', 'list')).toHaveLength(3)
  expect((await place.run(['apply', file, '--prune'])).stdout).toBe(
    '- client billing\n- client orders\n- resource orders-api\n- group engineering\n0 created, 0 changed, 0 left as they are, 4 removed\n',
  )
  expect(await place.json('apply', file, '--prune')).toEqual({ ...nothing, removed: [], kept: [], dry_run: false })
  expect(await place.json('client', 'list')).toMatchObject([{ client_id: 'by-hand' }])
  expect(await place.json('resource', 'list')).toMatchObject([{ id: 'by-hand-api' }])
  expect(await place.json('group', 'list')).toMatchObject([{ name: 'by-hand-group' }, { name: 'signet-admins' }])
  // A deleted user could not come back.
  expect(await place.json('user', 'list')).toMatchObject([{ username: 'ada', groups: [] }])

  // The file brings back what it removed.
  writeFileSync(file, TWO)
  expect(await place.json('apply', file)).toMatchObject({
    created: [{ id: 'orders-api' }, { id: 'orders' }, { id: 'billing' }, { id: 'engineering' }],
  })
  const { url } = await place.serve()
  const orders = { client_id: 'orders', client_secret: 'a-secret-of-thirty-two-characters-or-more' }
  expect(await requestToken(url, orders)).toHaveProperty('access_token')
})

test.concurrent("what a command made anew is no longer the file's to remove", async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const file = place.file('signet.yaml')
  writeFileSync(file, 'resources: [{ id: first }, { id: second }]\n')
  await place.json('apply', file)
  await place.json('resource', 'delete', 'first')
  await place.json('resource', 'create', 'first')
  await place.json('resource', 'update', 'second', '--ttl', '5m')
  writeFileSync(file, 'resources: []\n')
  expect(await place.json('apply', file, '--prune')).toMatchObject({ removed: [{ id: 'second' }] })
  expect(await place.json('resource', 'list')).toMatchObject([{ id: 'first' }])
})

test.concurrent('a resource that another client has is not removed, and nothing else is done then', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const file = place.file('signet.yaml')
  writeFileSync(file, 'resources: [{ id: old-api }]\n')
  await place.json('apply', file)
  await place.createClient('--id by-hand --resource old-api')
  writeFileSync(file, 'resources: [{ id: new-api }]\n')
  const refused = {
    code: 1,
    stdout: '',
    stderr: `signet: ${file} names resource old-api no more, but resource "old-api" is on the list of client by-hand, which then could get no tokens for it\n  nothing was applied; to take it off their lists and delete it: signet resource delete old-api --force\n`,
  }
  expect(await place.run(['apply', file, '--prune', '--dry-run'])).toEqual(refused)
  expect(await place.run(['apply', file, '--prune'])).toEqual(refused)
  expect(await place.json('resource', 'list')).toMatchObject([{ id: 'old-api' }])

  // A client that the same file takes off the resource is no obstacle.
  await place.json('client', 'update', 'by-hand', '--resource', '')
  writeFileSync(
    file,
    `${FILE}    access_token_ttl: 5m\n`.replaceAll('orders-api', 'old-api').replace(/ +client_secret: .*\n/, ''),
  )
  await place.json('apply', file)
  writeFileSync(file, 'clients: [{ client_id: orders, resources: [] }]\n')
  expect(await place.json('apply', file, '--prune')).toMatchObject({
    changed: [{ id: 'orders' }],
    removed: [{ id: 'old-api' }],
  })
})

test.concurrent("what another file made is that file's to remove, wherever a file stands", async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const [mine, other, moved] = [place.file('mine.yaml'), place.file('other.yaml'), place.file('elsewhere/mine.yaml')]
  mkdirSync(place.file('elsewhere'))
  writeFileSync(mine, 'resources: [{ id: a }]\n')
  writeFileSync(other, 'resources: [{ id: b }]\n')
  await place.json('apply', mine)
  await place.json('apply', other)
  writeFileSync(moved, 'resources: []\n')
  const pruned = await place.run(['apply', moved, '--prune'])
  expect(pruned.stdout).toBe(
    '- resource a\n  resource b was made by other.yaml, and is left\n0 created, 0 changed, 0 left as they are, 1 removed\n',
  )
  expect(await place.json('resource', 'list')).toMatchObject([{ id: 'b' }])
})
