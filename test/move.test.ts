/**
 * `signet migrate --from … --to …`: everything goes on in another database, and nothing is half there.
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { existsSync, readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { Client } from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { programOf, startProgram } from '../harness/program.ts'
import { readPostgresUrl, type PostgresAddress } from '../src/ground/postgres-url.ts'
import { listKnownDatabases } from '../src/keys/known-databases.ts'
import { moveRows, type MoveSource, type MoveTarget } from '../src/store/move.ts'
import { databaseName } from '../src/store/open.ts'
import { createPostgresTarget, openPostgresSource } from '../src/store/postgres/move.ts'
import { createSqliteTarget, openSqliteSource } from '../src/store/sqlite/move.ts'
import { TABLES } from '../src/store/tables.ts'
import {
  createBackend,
  createResource,
  grantTokens,
  isActive,
  operatorOf,
  refresh,
  startAdministered,
  tokens,
  type AdministeredIssuer,
} from './support/admin.ts'
import { post, request } from './support/client.ts'
import { startTestIssuer, temporaryFolder } from './support/issuer.ts'
import { hasPostgres, newDatabase } from './support/postgres.ts'
import { signet, type Finished } from './support/process.ts'

const API = 'https://api.example.com'

const newFileUrl = async () => `file:${temporaryFolder()}/data/signet.db`
const fileOf = (url: string): string => url.slice('file:'.length)
const isFile = (url: string): boolean => url.startsWith('file:')

/** All rows of a database, as text. */
async function dump(url: string): Promise<Record<string, string[]>> {
  const dumped: Record<string, string[]> = {}
  for (const { name } of TABLES) {
    const rows = await rowsOf(url, name)
    dumped[name] = rows.map((row) => JSON.stringify(row)).toSorted()
  }
  return dumped
}

/** Leaves nothing open: a file that a test has open is no source of a move. */
async function rowsOf(url: string, name: string): Promise<unknown[]> {
  if (!isFile(url)) return queryServer(url, `SELECT * FROM signet.${name}`)
  const raw = new SqliteDatabase(fileOf(url))
  try {
    return raw.prepare(`SELECT * FROM ${name}`).all()
  } finally {
    raw.close()
  }
}

async function queryServer(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

/** An issuer that has been used: with a grant, a denial, a client that was deleted, and a used secret. */
async function usedIssuer(url: string) {
  const issuer = await startAdministered({ SIGNET_DATABASE_URL: url })
  await createResource(issuer.operator, API)
  const backend = await createBackend(issuer.operator, {
    client_id: 'backend',
    client_name: 'Zoë \u{F0000} 0',
    resources: [API],
  })
  await createBackend(issuer.operator, { client_id: 'gone', resources: [API] })
  await issuer.operator.call('DELETE', '/admin/api/clients/gone')
  const ada = await grantTokens(issuer, backend, 'ada')
  const revoked = await tokens(issuer, backend)
  await post(issuer, '/revoke', { token: revoked.access_token ?? '' }, backend)
  const { body } = await request(`${issuer.url}/blacklist/feed`)
  return { issuer, backend, ada, revoked, cursor: Number(body.cursor) }
}

const move = (issuer: Pick<AdministeredIssuer, 'env'>, from: string, to: string): Promise<Finished> =>
  signet(['migrate', '--from', from, '--to', to, '--json'], issuer.env)

const startAt = async ({ env, folder, operator }: AdministeredIssuer, url: string) => {
  const again = await startTestIssuer({ ...env, SIGNET_DATABASE_URL: url, SIGNET_PORT: '0' }, { folder })
  return { ...again, operator: operatorOf(again, operator.credentials) }
}

const WAYS: [string, () => Promise<string>, () => Promise<string>][] = [
  ['SQLite to SQLite', newFileUrl, newFileUrl],
  ...(hasPostgres
    ? ([
        ['SQLite to PostgreSQL', newFileUrl, newDatabase],
        ['PostgreSQL to SQLite', newDatabase, newFileUrl],
        ['PostgreSQL to PostgreSQL', newDatabase, newDatabase],
      ] satisfies typeof WAYS)
    : []),
]

describe.each(WAYS)('%s', (_, newSource, newTarget) => {
  test('every row arrives, and tokens, secrets and followers go on', async () => {
    const [from, to] = [await newSource(), await newTarget()]
    const { issuer, backend, ada, revoked, cursor } = await usedIssuer(from)
    await issuer.stop()
    // So the grant and the secret were made under a former key.
    expect((await signet(['master-key', 'rotate'], issuer.env)).code).toBe(0)

    const moved = await move(issuer, from, to)
    expect(moved).toMatchObject({ code: 0 })
    const [before, after] = [await dump(from), await dump(to)]
    const counts = Object.fromEntries(Object.entries(before).map(([name, rows]) => [name, rows.length]))
    expect(moved.json()).toEqual({ tables: counts })
    expect(Object.fromEntries(Object.entries(after).map(([name, rows]) => [name, rows.length]))).toEqual(counts)
    expect(listKnownDatabases(issuer.env.SIGNET_KEYS_DIR ?? '')).toContain(databaseName(to))
    if (isFile(from) === isFile(to)) expect(after).toEqual(before)

    const there = await startAt(issuer, to)
    expect((await request(`${there.url}/blacklist/feed?after=${cursor}`)).body).toMatchObject({
      entries: [],
      cursor: String(cursor),
    })
    const refreshed = await refresh(there, backend, ada.refresh_token ?? '')
    expect(refreshed.status).toBe(200)
    expect(await isActive(there, backend, ada.access_token ?? '')).toBe(true)
    expect(await isActive(there, backend, revoked.access_token ?? '')).toBe(false)
    await post(there, '/revoke', { token: String(refreshed.body.access_token) }, backend)
    const feed = (await request(`${there.url}/blacklist/feed?after=${cursor}`)).body
    expect(feed.entries).toHaveLength(1)
    expect(Number(feed.cursor)).toBeGreaterThan(cursor)
  })

  test('generated keys go on after those of deleted rows', async () => {
    const [from, to] = [await newSource(), await newTarget()]
    const { issuer } = await usedIssuer(from)
    await createBackend(issuer.operator, { client_id: 'last', resources: [API] })
    const lastKey = await keyOf(from, 'last')
    await issuer.operator.call('DELETE', '/admin/api/clients/last')
    await issuer.stop()
    expect((await move(issuer, from, to)).code).toBe(0)
    const there = await startAt(issuer, to)
    await createBackend(there.operator, { client_id: 'next', resources: [API] })
    expect(await keyOf(to, 'next')).toBe(lastKey + 1)
  })

  test('a place that is not empty is refused, and left as it is', async () => {
    const [from, to] = [await newSource(), await newTarget()]
    const { issuer } = await usedIssuer(from)
    await issuer.stop()
    expect((await move(issuer, from, to)).code).toBe(0)
    const before = await dump(to)
    const again = await move(issuer, from, to)
    expect(again).toMatchObject({ code: 1, stdout: '' })
    expect(again.stderr).toMatch(/^signet: (--to: .*holds a database already|.*exists already)$/m)
    expect(await dump(to)).toEqual(before)
  })

  test('a source that is served is refused', async () => {
    const [from, to] = [await newSource(), await newTarget()]
    const { issuer } = await usedIssuer(from)
    const refused = await move(issuer, from, to)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/^signet: --from: .*(is in use|a server runs on)/)
    await requireEmpty(to)
  })
})

/** The generated key of a client, which no interface shows. */
async function keyOf(url: string, clientId: string): Promise<number> {
  const rows = (await rowsOf(url, 'clients')) as { key: number | string; client_id: string }[] // columns of the table
  return Number(rows.find((row) => row.client_id === clientId)?.key)
}

async function requireEmpty(url: string): Promise<void> {
  if (isFile(url)) return expect(existsSync(dirname(fileOf(url)))).toBe(false)
  expect(await queryServer(url, "SELECT 1 FROM pg_namespace WHERE nspname = 'signet'")).toEqual([])
}

test('bad URLs, the same place twice and a missing source are told in one line', async () => {
  const issuer = { env: {} }
  const [here, there] = [await newFileUrl(), await newFileUrl()]
  expect(await signet(['migrate', '--from', here], issuer.env)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^signet: --to is missing/) as string,
  })
  expect(await move(issuer, '-', '-')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^signet: --from and --to: one of them may be read/) as string,
  })
  const secret = await move(issuer, 'mysql://me:hush@db/x', there)
  expect(secret).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^signet: --from: read .*; accepted: file:/) as string,
  })
  expect(secret.stderr).not.toContain('hush')
  expect(await move(issuer, here, here)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^signet: --from and --to name the same place/) as string,
  })
  expect(await move(issuer, here, there)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^signet: --from: there is no database at/) as string,
  })
  expect([here, there].map((url) => existsSync(dirname(fileOf(url))))).toEqual([false, false])
})

/** A file of an issuer that was used and is stopped. */
async function usedFile(): Promise<string> {
  const url = await newFileUrl()
  const { issuer } = await usedIssuer(url)
  await issuer.stop()
  return fileOf(url)
}

test('a source that changes during the move leaves nothing in the target', async () => {
  const source = await openSqliteSource(await usedFile())
  onTestFinished(() => source.close())
  const file = fileOf(await newFileUrl())
  const target = await createSqliteTarget(file)
  let hasChanged = false
  const changing: MoveSource = {
    ...source,
    async *pages(table) {
      for await (const page of source.pages(table)) yield hasChanged && table.name === 'grants' ? page.slice(1) : page
    },
    lookAgain: async () => void (hasChanged = true),
  }
  await expect(moveRows(changing, target)).rejects.toThrow('the table grants of the source has changed')
  await target.close()
  expect(existsSync(dirname(file))).toBe(false)
})

test('a lock that a move holds on its file keeps a server from starting on it', async () => {
  const file = await usedFile()
  const source = await openSqliteSource(file)
  await expect(
    startTestIssuer({ SIGNET_DATABASE_URL: `file:${file}` }, { folder: dirname(dirname(file)) }),
  ).rejects.toThrow()
  await source.close()
})

/** So many rows that a move of them can be caught in the middle. */
const MANY = 150_000

function fillAudit(file: string): void {
  const raw = new SqliteDatabase(file)
  raw.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${MANY})
    INSERT INTO audit_events (id, at, actor, action, target, details)
    SELECT printf('many-%d', i), i, 'cli', 'client.created', 'many', '{}' FROM n`)
  raw.close()
}

test('a move that is killed leaves no database, and the next one removes what it left', async () => {
  const file = await usedFile()
  fillAudit(file)
  const to = await newFileUrl()
  const folder = dirname(fileOf(to))
  const arguments_ = ['migrate', '--from', `file:${file}`, '--to', to, '--json']
  const moving = startProgram(programOf(arguments_, { env: {} }))
  await expect
    .poll(() => existsSync(folder) && readdirSync(folder).length > 0, { timeout: 30_000, interval: 5 })
    .toBe(true)
  moving.child.kill('SIGKILL')
  expect(await moving.exited).toBe('SIGKILL')
  expect(existsSync(fileOf(to))).toBe(false)
  expect(readdirSync(folder)[0]).toMatch(/^signet\.db\.partial-/)
  const again = await signet(arguments_, {})
  expect(again).toMatchObject({ code: 0 })
  expect(readdirSync(folder)).toEqual(['signet.db'])
  expect(again.json<{ tables: Record<string, number> }>().tables.audit_events).toBeGreaterThan(MANY)
}, 120_000)

test.runIf(hasPostgres)('a connection that is lost leaves the target empty, with one line that says so', async () => {
  const source = await openSqliteSource(await usedFile())
  onTestFinished(() => source.close())
  const to = await newDatabase()
  const target = await targetOn(to)
  const losing: MoveSource = {
    ...source,
    async *pages(table) {
      yield* source.pages(table)
      if (table.name === 'grants') await endConnections(to)
    },
  }
  await expect(moveRows(losing, target)).rejects.toThrow(/^SIGNET_DATABASE_URL: postgres:.*(terminat|does not answer)/)
  await target.close().catch(() => {})
  await requireEmpty(to)
})

test.runIf(hasPostgres)('a change of a PostgreSQL source during the move is noticed', async () => {
  const from = await newDatabase()
  const { issuer } = await usedIssuer(from)
  await issuer.stop()
  const source = await sourceOn(from)
  onTestFinished(() => source.close())
  const file = fileOf(await newFileUrl())
  const target = await createSqliteTarget(file)
  const changing: MoveSource = {
    ...source,
    async lookAgain() {
      await queryServer(from, 'UPDATE signet.grants SET generation = generation + 1')
      return source.lookAgain()
    },
  }
  await expect(moveRows(changing, target)).rejects.toThrow('the table grants of the source has changed')
  await target.close()
  expect(existsSync(file)).toBe(false)
})

test.runIf(hasPostgres)('a schema of another application and one of a newer version are refused', async () => {
  const issuer = { env: {} }
  const here = `file:${await usedFile()}`
  const foreign = await newDatabase()
  await queryServer(foreign, 'CREATE SCHEMA signet; CREATE TABLE signet.orders ()')
  const refused = await move(issuer, here, foreign)
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^signet: --to: .*another application/) as string,
  })
  const to = await newDatabase()
  expect((await move(issuer, here, to)).code).toBe(0)
  await queryServer(to, "INSERT INTO signet.signet_migrations VALUES ('newer', 9999999999999)")
  const newer = await move(issuer, to, await newFileUrl())
  expect(newer).toMatchObject({ code: 1, stderr: expect.stringMatching(/^signet: --from: .*newer version/) as string })
})

const addressOf = (url: string): PostgresAddress => {
  const read = readPostgresUrl(url)
  if ('why' in read) throw new Error(read.why)
  return read.value
}
const targetOn = (url: string): Promise<MoveTarget> => createPostgresTarget(addressOf(url))
const sourceOn = (url: string): Promise<MoveSource> => openPostgresSource(addressOf(url))

/** All connections of Signet to a database, as a fail-over does it. */
const endConnections = (url: string) =>
  queryServer(
    url,
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  )
