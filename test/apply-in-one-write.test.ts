/**
 * A declarative file is applied in one write: all of it or nothing, by `signet apply` and at a start. The write is planned
 * from the rows that stand when it runs, so neither a second application nor an operator is overwritten by an old plan.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { databaseIn } from '../harness/folder.ts'
import { programOf, startProgram } from '../harness/program.ts'
import { readConfig } from '../src/index.ts'
import { openDatabase } from '../src/database.ts'
import { applyDeclaration } from '../src/declaration/apply.ts'
import type { Applied } from '../src/declaration/applied.ts'
import { readDeclaration } from '../src/declaration/file.ts'
import { wireIssuer, type Issuer } from '../src/issuer.ts'
import type { Store } from '../src/store/store.ts'
import { createBackend, grantTokens, startAdministered, type AdministeredIssuer } from './support/admin.ts'
import { claimsOf } from './support/client.ts'
import { rememberingLog } from './support/issuer.ts'
import { signet } from './support/process.ts'
import { ask, auditOf } from './support/shared.ts'
import { sqliteTest } from './support/sqlite.ts'

const SECRET = 'a-secret-of-thirty-two-characters-or-more'
const NEW_SECRET = 'another-secret-of-thirty-two-characters'

/** A client without a secret, as YAML. */
const publicClient = (id: string): string =>
  `  - { client_id: ${id}, token_endpoint_auth_method: none, grant_types: [refresh_token] }\n`

const confidentialClient = (id: string, more = ''): string =>
  `  - { client_id: ${id}, client_secret: { env: SECRET }, ${more} }\n`

const named = (name: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${name}-${at}`)

const resourcesOf = (ids: string[]): string => `resources:\n${ids.map((id) => `  - id: ${id}\n`).join('')}`

interface Scene {
  issuer: AdministeredIssuer
  file: string
  /** The whole environment of a command. */
  env: Record<string, string>
  write(content: string): void
  apply(...options: string[]): ReturnType<typeof signet>
  /** Ids of the resources and clients that exist, the operator left out. */
  existing(): Promise<string[]>
}

async function scene(content: string): Promise<Scene> {
  const issuer = await startAdministered()
  const { SIGNET_CONFIG: _, ...rest } = issuer.env
  const env = { ...rest, SECRET }
  const file = join(issuer.folder, 'declared.yaml')
  const write = (text: string) => writeFileSync(file, text)
  write(content)
  const idsAt = async (path: string, name: string): Promise<string[]> => {
    const { body } = await issuer.operator.call('GET', `/admin/api/${path}`)
    return (body as unknown as Record<string, string>[]).map((each) => each[name] ?? '') // these responses are lists
  }
  return {
    issuer,
    file,
    env,
    write,
    apply: (...options) => signet(['apply', file, ...options], env),
    existing: async () => [
      ...(await idsAt('resources', 'id')),
      ...(await idsAt('clients', 'client_id')).filter((id) => id !== 'operator'),
    ],
  }
}

/** Opens the database beside the issuer, as another program does. */
function openBeside({ issuer }: Scene): SqliteDatabase.Database {
  const database = new SqliteDatabase(databaseIn(issuer.folder), { timeout: 0 })
  onTestFinished(() => void database.close())
  return database
}

/** Lets the database refuse one client, as a full disk refuses a row. @returns the repair */
function refuseClient(it: Scene, id: string): () => void {
  const database = openBeside(it)
  database.exec(
    `CREATE TRIGGER refusal BEFORE INSERT ON clients WHEN new.client_id = '${id}' BEGIN SELECT RAISE(ABORT, 'no room'); END`,
  )
  return () => void database.exec('DROP TRIGGER refusal')
}

// ------------------------------------------------------------------ all or nothing

const MIXED = `${resourcesOf(['first', 'second'])}clients:\n${publicClient('third')}${confidentialClient('fourth')}${publicClient('fifth')}`

sqliteTest(
  'a step that fails in the middle leaves nothing of the file, in the records and in the audit trail',
  async () => {
    const it = await scene(MIXED)
    const repair = refuseClient(it, 'fifth')
    const refused = await it.apply()
    expect(refused.code, refused.stdout).toBe(1)
    expect(await it.existing()).toEqual([])
    for (const id of ['first', 'third', 'fourth']) expect(await auditOf(it.issuer, id)).toEqual([])
    repair()
    expect((await it.apply()).code).toBe(0)
    expect(await it.existing()).toEqual(['first', 'second', 'fifth', 'fourth', 'third'])
  },
)

sqliteTest('a failing step leaves changes undone as well', async () => {
  const it = await scene(MIXED)
  expect((await it.apply()).code).toBe(0)
  it.write(
    `${MIXED.replace('id: first', 'id: first\n    ttl: 5m').replace('client_id: third', 'client_id: third, scope: read')}${publicClient('sixth')}`,
  )
  const repair = refuseClient(it, 'sixth')
  expect((await it.apply()).code).toBe(1)
  const look = async (path: string) => (await it.issuer.operator.call('GET', `/admin/api/${path}`)).body
  expect([(await look('resources/first')).ttl, (await look('clients/third')).scope]).toEqual([null, ''])
  repair()
  expect((await it.apply()).code).toBe(0)
  expect([(await look('resources/first')).ttl, (await look('clients/third')).scope]).toEqual([300, 'read'])
})

sqliteTest('a failing step ends no grant of a person whose name a new client takes', async () => {
  const it = await scene(`${resourcesOf(['api'])}clients:\n${publicClient('newsvc')}${publicClient('last')}`)
  const { operator } = it.issuer
  await operator.call('POST', '/admin/api/resources', { id: 'orders-api' })
  const shop = await createBackend(operator, { client_id: 'shop', resources: ['orders-api'] })
  const { sid } = claimsOf((await grantTokens(it.issuer, shop, 'newsvc')).access_token ?? '')
  const endOf = async () => (await operator.call('GET', `/admin/api/grants/${sid}`)).body.status
  const repair = refuseClient(it, 'last')
  expect((await it.apply()).code).toBe(1)
  expect(await endOf()).toBe('active')
  repair()
  const applied = await it.apply('--json')
  expect(applied.json<Applied>().created[1]).toMatchObject({ id: 'newsvc', ended_grants: 1 })
  await expect.poll(endOf, { timeout: 5000 }).toBe('ended')
})

sqliteTest('a start with a file whose step fails applies nothing of it', async () => {
  const it = await scene(MIXED)
  refuseClient(it, 'fifth')
  const { code } = await signet(['serve'], { ...it.env, SIGNET_PORT: '0', SIGNET_CONFIG: it.file })
  expect(code).toBe(1)
  expect(await it.existing()).toEqual([])
})

const LOCKED_FOR_POLLS = 20

sqliteTest.each(['holds the lock of its write', 'has written'])(
  'a kill when the command %s leaves all of the file or nothing, and the next application does the rest',
  async (moment) => {
    const it = await scene(`${resourcesOf(named('r', 300))}clients:\n${named('c', 300).map(publicClient).join('')}`)
    const database = openBeside(it)
    const count = database
      .prepare('SELECT (SELECT count(*) FROM resources) + (SELECT count(*) FROM clients) - 1')
      .pluck()
    const { child, exited } = startProgram(programOf(['apply', it.file], { env: it.env }))
    onTestFinished(() => void child.kill('SIGKILL'))
    // The command takes the lock for a moment at its start as well. Only its write keeps it.
    for (let polls = 0; child.exitCode === null && count.get() === 0 && polls < LOCKED_FOR_POLLS;) {
      polls = moment !== 'has written' && isLocked(database) ? polls + 1 : 0
      await new Promise((wake) => setImmediate(wake))
    }
    child.kill('SIGKILL')
    await exited
    expect([0, 600]).toContain(count.get())
    expect((await it.apply()).code).toBe(0)
    expect(count.get()).toBe(600)
  },
)

function isLocked(database: SqliteDatabase.Database): boolean {
  try {
    database.exec('BEGIN IMMEDIATE')
    database.exec('ROLLBACK')
    return false
  } catch {
    return true
  }
}

// ------------------------------------------------------------------ two at once

test('a file of many records is applied, however long the database takes for it', async () => {
  const it = await scene(`${resourcesOf(named('r', 60))}clients:\n${named('c', 60).map(publicClient).join('')}`)
  const { code, stdout } = await it.apply('--json')
  expect([code, (JSON.parse(stdout) as Applied).created.length]).toEqual([0, 120])
})

test('processes that apply at once agree: each record is made once, and all exit 0', async () => {
  // All of them hash for longer than the others need to start.
  const clients = named('client', 20).map((id) => confidentialClient(id))
  const it = await scene(`${resourcesOf(named('resource', 10))}clients:\n${clients.join('')}`)
  const all = await Promise.all([it.apply('--json'), it.apply('--json'), it.apply('--json')])
  expect(all.map(({ code, stderr }) => [code, stderr])).toEqual(all.map(() => [0, '']))
  const plans = all.map(({ json }) => json<Applied>())
  expect(plans.map(({ created }) => created.length).toSorted((a, b) => a - b)).toEqual([0, 0, 30])
  expect(plans.map(({ left }) => left.length).toSorted((a, b) => a - b)).toEqual([0, 30, 30])
  expect(await auditOf(it.issuer, 'client-7')).toEqual(['client.created'])
})

// ------------------------------------------------------------------ an operator in between

/** Another process on the same database. */
async function openAnother({ issuer, env }: Scene): Promise<Issuer> {
  const config = readConfig(env)
  const surroundings = { clock: issuer.clock, log: rememberingLog().log }
  const other = await wireIssuer(await openDatabase(config, surroundings), issuer.issuer, config, surroundings)
  onTestFinished(() => other.store.close())
  return other
}

/** Applies the file, and lets an operator act while its new secrets are hashed: after the first plan, before the write. */
async function actBetween(it: Scene, act: () => Promise<unknown>, prune = false): Promise<Applied> {
  const other = await openAnother(it)
  const declaration = await readDeclaration(it.file, { SECRET: NEW_SECRET })
  const planned = Promise.withResolvers<void>()
  const readDeclared: Store['readDeclared'] = (ids) => other.store.readDeclared(ids).finally(planned.resolve)
  const needs = { ...other, store: { ...other.store, readDeclared } }
  let isOver = false
  const applying = applyDeclaration(declaration, needs, { dryRun: false, prune }).finally(() => (isOver = true))
  await planned.promise
  await act()
  expect(isOver).toBe(false)
  return applying
}

/** Many new secrets, whose hashing takes long. */
const SLOW = named('slow', 40)
  .map((id) => confidentialClient(id))
  .join('')

/** An issuer with the client `dear`, and a file that declares another scope of it beside many new clients. */
async function sceneOfDear(more = ''): Promise<Scene> {
  const it = await scene(`clients:\n${confidentialClient('dear', 'scope: read')}`)
  expect((await it.apply()).code).toBe(0)
  it.write(`clients:\n${SLOW}${confidentialClient('dear', `scope: read write, ${more}`)}`)
  return it
}

const good = async (answer: Promise<{ status: number; text: string }>): Promise<void> => {
  const { status, text } = await answer
  expect(status, text).toBeLessThan(300)
}

test('a client that an operator deletes between plan and write stays deleted, and the rest is applied', async () => {
  const it = await sceneOfDear()
  const { operator } = it.issuer
  const applied = await actBetween(it, () => good(operator.call('DELETE', '/admin/api/clients/dear')))
  expect(applied.ended).toMatchObject([{ kind: 'client', id: 'dear' }])
  expect(applied.changed).toEqual([])
  expect(applied.created).toHaveLength(40)
  expect((await operator.call('GET', '/admin/api/clients/dear')).status).toBe(404)
})

test('a client that an operator changes between plan and write is compared as the operator left it', async () => {
  const it = await sceneOfDear()
  const { operator } = it.issuer
  const change = { client_name: 'Dear', scope: 'admin' }
  const applied = await actBetween(it, () => good(operator.call('PATCH', '/admin/api/clients/dear', change)))
  expect(applied.changed).toMatchObject([
    { id: 'dear', changes: [{ field: 'scope', from: 'admin', to: 'read write' }, { field: 'client_secret' }] },
  ])
  expect((await operator.call('GET', '/admin/api/clients/dear')).body).toMatchObject({
    client_name: 'Dear',
    scope: 'read write',
  })
})

test('a secret that an operator rotates between plan and write is weighed again', async () => {
  const it = await sceneOfDear()
  const { operator } = it.issuer
  let rotated = ''
  const applied = await actBetween(it, async () => {
    const answer = await operator.call('POST', '/admin/api/clients/dear/rotate-secret', { overlap: 0 })
    rotated = String(answer.body.client_secret)
  })
  // The file has a secret that nobody has ended, so it replaces the rotated one.
  expect(applied.changed).toMatchObject([{ id: 'dear', fields: ['scope', 'client_secret'] }])
  const statusOf = async (secret: string) => (await ask(it.issuer, { clientId: 'dear', secret })).status
  expect([await statusOf(SECRET), await statusOf(rotated), await statusOf(NEW_SECRET)]).toEqual([401, 401, 200])
})

test('a secret of the file that an operator ends between plan and write stays ended', async () => {
  const it = await scene(`clients:\n${confidentialClient('dear')}`)
  it.env.SECRET = NEW_SECRET
  expect((await it.apply()).code).toBe(0)
  it.write(`clients:\n${confidentialClient('dear', 'scope: read')}${SLOW}`)
  const { operator } = it.issuer
  const rotate = operator.call.bind(operator, 'POST', '/admin/api/clients/dear/rotate-secret', { overlap: 0 })
  const applied = await actBetween(it, () => good(rotate()))
  expect(applied.ended).toMatchObject([{ kind: 'client_secret', id: 'dear' }])
  expect(applied.changed).toMatchObject([{ id: 'dear', fields: ['scope'] }])
  expect((await ask(it.issuer, { clientId: 'dear', secret: NEW_SECRET })).status).toBe(401)
})

test('a client that an operator registers between plan and write is changed, not made', async () => {
  const it = await sceneOfDear()
  const { operator } = it.issuer
  const client = { client_id: 'slow-3', client_name: 'Ours' }
  const applied = await actBetween(it, () => good(operator.call('POST', '/admin/api/clients', client)))
  expect(applied.created).toHaveLength(39)
  expect(applied.changed.map(({ id }) => id)).toEqual(['slow-3', 'dear'])
  expect((await operator.call('GET', '/admin/api/clients/slow-3')).body.client_name).toBe('Ours')
})

test('a resource that an operator deletes between plan and write stays deleted, and the rest is applied', async () => {
  const it = await scene('resources: [{ id: orders }]')
  expect((await it.apply()).code).toBe(0)
  it.write(`clients:\n${SLOW}${confidentialClient('last', 'resources: [orders]')}`)
  const { operator } = it.issuer
  const applied = await actBetween(it, () => good(operator.call('DELETE', '/admin/api/resources/orders')))
  expect(applied.ended).toMatchObject([{ kind: 'resource', id: 'orders', place: expect.stringMatching(/yaml:\d+$/) }])
  expect(applied.created).toHaveLength(41)
  expect((await operator.call('GET', '/admin/api/resources/orders')).status).toBe(404)
})

/** The file has made the resource `old-api` and names it no more, beside many new clients. */
async function sceneOfOld(): Promise<Scene> {
  const it = await scene(resourcesOf(['old-api']))
  expect((await it.apply()).code).toBe(0)
  it.write(`clients:\n${SLOW}`)
  return it
}

test('a resource that a client gets between plan and write is not removed, and nothing of the file is applied', async () => {
  const it = await sceneOfOld()
  const { operator } = it.issuer
  const client = { client_id: 'new', resources: ['old-api'] }
  const applying = actBetween(it, () => good(operator.call('POST', '/admin/api/clients', client)), true)
  await expect(applying).rejects.toThrow('resource "old-api" is on the list of client new')
  expect(await it.existing()).toEqual(['old-api', 'new'])
})

test('a resource that an operator makes anew between plan and write is not removed', async () => {
  const it = await sceneOfOld()
  const { operator } = it.issuer
  const makeAnew = async () => {
    await good(operator.call('DELETE', '/admin/api/resources/old-api'))
    await good(operator.call('POST', '/admin/api/resources', { id: 'old-api' }))
  }
  expect(await actBetween(it, makeAnew, true)).toMatchObject({
    removed: [],
    kept: [{ kind: 'client', id: 'operator', file: 'signet.yaml' }],
  })
  expect(await it.existing()).toContain('old-api')
})
