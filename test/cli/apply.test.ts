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
  await place.json('group', 'create', 'by-hand-group')

  writeFileSync(file, 'resources: []\n')
  const removed = [
    { kind: 'client', id: 'billing' },
    { kind: 'client', id: 'orders' },
    { kind: 'resource', id: 'orders-api' },
    { kind: 'group', id: 'engineering' },
  ].map((each) => ({ ...each, fields: [], changes: [] }))
  const nothing = { created: [], changed: [], left: [], kept: [] }
  expect(await place.json('apply', file, '--prune', '--dry-run')).toEqual({ ...nothing, removed, dry_run: true })
  expect((await place.run(['apply', file, '--prune'])).stdout).toBe(
    '- client billing\n- client orders\n- resource orders-api\n- group engineering\n0 created, 0 changed, 0 left as they are, 4 removed\n',
  )
  expect(await place.json('export')).toMatchObject({
    resources: [],
    clients: [{ client_id: 'by-hand' }],
    groups: [{ name: 'by-hand-group' }],
  })
  // A deleted user could not come back.
  expect(await place.json('user', 'list')).toMatchObject([{ username: 'ada', groups: [] }])
})

test.concurrent('--prune with a file that names nothing at all is refused', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const file = place.file('signet.yaml')
  writeFileSync(file, 'resources: [{ id: api }]\n')
  await place.json('apply', file)
  for (const nothing of ['', '# a template that failed\n', '{}\n', 'name: first\n']) {
    writeFileSync(file, nothing)
    for (const more of [[], ['--dry-run']]) {
      const { code, stderr } = await place.run(['apply', file, '--prune', ...more])
      expect([code, stderr]).toEqual([1, expect.stringContaining('names nothing at all')])
    }
  }
  expect(await place.json('export')).toMatchObject({ resources: [{ id: 'api' }] })
})

test.concurrent('without --prune nothing is removed; the file brings back what it removed', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished, { ORDERS_SECRET: 'a-secret-of-thirty-two-characters-or-more' })
  const file = place.file('signet.yaml')
  writeFileSync(file, FILE)
  await place.json('apply', file)
  writeFileSync(file, 'resources: []\n')
  expect(await place.json('apply', file)).toEqual({ created: [], changed: [], left: [], dry_run: false })
  expect(await place.json('apply', file, '--prune')).toMatchObject({
    removed: [{ id: 'orders' }, { id: 'orders-api' }],
  })
  expect(await place.json('apply', file, '--prune')).toMatchObject({ removed: [] })
  writeFileSync(file, FILE)
  expect(await place.json('apply', file)).toMatchObject({ created: [{ id: 'orders-api' }, { id: 'orders' }] })
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
    '- resource a\n  resource b was made by other.yaml, and is left; if this file had that name, put name: other.yaml into it\n0 created, 0 changed, 0 left as they are, 1 removed\n',
  )
  expect(await place.json('resource', 'list')).toMatchObject([{ id: 'b' }])
})

test.concurrent('a file with a name removes its own records wherever it stands, and none of a namesake', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const [first, second, renamed] = [place.file('a/signet.yaml'), place.file('b/signet.yaml'), place.file('new.yaml')]
  mkdirSync(place.file('a'))
  mkdirSync(place.file('b'))
  writeFileSync(first, 'name: first\nresources: [{ id: a }]\n')
  writeFileSync(second, 'name: second\nresources: [{ id: b }]\n')
  await place.json('apply', first, '--prune')
  expect(await place.json('apply', second, '--prune')).toMatchObject({
    created: [{ id: 'b' }],
    removed: [],
    kept: [{ kind: 'resource', id: 'a', file: 'first' }],
  })
  writeFileSync(renamed, 'name: first\nresources: []\n')
  expect(await place.json('apply', renamed, '--prune')).toMatchObject({ removed: [{ id: 'a' }], kept: [{ id: 'b' }] })
  expect(await place.json('export')).not.toHaveProperty('name')
})

test.concurrent('a file with a name takes over records of other files; a record of a command stays as it is', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const [before, after] = [place.file('before.yaml'), place.file('after.yaml')]
  const records = [
    'resources: [{ id: api }, { id: by-hand }]',
    'clients: [{ client_id: app, token_endpoint_auth_method: none, grant_types: [refresh_token] }]',
    'groups: [{ name: editors, roles: [edit] }]',
  ].join('\n')
  await place.json('resource', 'create', 'by-hand')
  writeFileSync(before, records)
  await place.json('apply', before)
  // A copy without a name takes nothing over.
  writeFileSync(after, records)
  expect(await place.json('apply', after)).toMatchObject({ created: [], changed: [] })
  writeFileSync(after, `name: after\n${records}`)
  const taken = [{ field: 'declared_by', from: 'before.yaml', to: 'after' }]
  const changed = ['api', 'app', 'editors'].map((id) => ({ id, changes: taken }))
  expect(await place.json('apply', after, '--dry-run')).toMatchObject({ changed, left: [{ id: 'by-hand' }] })
  expect((await place.run(['apply', after])).stdout).toContain(
    '~ resource api\n    declared_by: before.yaml -> after\n',
  )
  expect(await place.json('apply', after)).toMatchObject({ changed: [] })

  writeFileSync(before, 'resources: []\n')
  expect(await place.json('apply', before, '--prune')).toMatchObject({
    removed: [],
    kept: [{ id: 'app' }, { id: 'api' }, { id: 'editors' }],
  })
  writeFileSync(after, 'name: after\nresources: []\n')
  expect(await place.json('apply', after, '--prune')).toMatchObject({
    removed: [{ id: 'app' }, { id: 'api' }, { id: 'editors' }],
  })
  expect(await place.json('resource', 'list')).toMatchObject([{ id: 'by-hand' }])
})

test.concurrent.for(['""', 'a b', '5', '[web]', 'a'.repeat(65)])(
  'the name of a file may not be %s',
  async (name, { expect, onTestFinished }) => {
    const place = new Place(onTestFinished)
    const file = place.file('signet.yaml')
    writeFileSync(file, `name: ${name}\nresources: []\n`)
    expect(await place.run(['apply', file, '--prune'])).toEqual({
      code: 1,
      stdout: '',
      stderr: `signet: ${file}:1: name: expected 1 to 64 characters, each a letter, digit, "_", "." or "-"\n  nothing was applied\n`,
    })
  },
)

test.concurrent('a client that signs people in only by its redirect URI is named: an earlier version made a service of it', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const file = place.file('signet.yaml')
  const back = 'redirect_uris: [https://app.example/back]'
  writeFileSync(
    file,
    `clients:
  - { client_id: report, ${back}, scope: read }
  - { client_id: shop, ${back}, grant_types: [authorization_code] }
  - { client_id: cron, ${back}, grant_types: [client_credentials] }
  - { client_id: phone, ${back}, token_endpoint_auth_method: none }
`,
  )
  const note =
    /^note: client report has redirect_uris and no grant_types, .*grant_types: \[authorization_code\].*grant_types: \[client_credentials\]/m
  const named = /client (\S+) has redirect_uris and no grant_types/g
  const namesIn = (text: string) => [...text.matchAll(named)].map(([, id]) => id)
  const dry = await place.run(['apply', file, '--dry-run'])
  expect(dry.stderr).toMatch(note)
  expect(namesIn(dry.stderr)).toEqual(['report'])
  expect(namesIn((await place.run(['apply', file])).stderr)).toEqual(['report'])
  expect(await place.json('client', 'show', 'report')).toMatchObject({ grant_types: ['authorization_code'] })
  expect(namesIn((await place.run(['apply', file])).stderr)).toEqual([])

  // An export says each grant that the reader of the file would take otherwise.
  const { stdout } = await place.run(['export'])
  writeFileSync(file, stdout)
  const copy = new Place(onTestFinished)
  expect(namesIn((await copy.run(['apply', file])).stderr)).toEqual([])
  expect(await copy.json('client', 'show', 'cron')).toMatchObject({ grant_types: ['client_credentials'] })
})
