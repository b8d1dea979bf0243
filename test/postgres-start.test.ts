/**
 * Starts that PostgreSQL stands in the way of: one line that names it, one of help, no password, and nothing changed.
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { Client } from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { programOf, startProgram } from '../harness/program.ts'
import { Fault } from '../src/ground/errors.ts'
import { openStore } from '../src/store/open.ts'
import { until } from './support/admin.ts'
import { environmentOf, startTestIssuer, temporaryFolder } from './support/issuer.ts'
import { hasPostgres, newDatabase } from './support/postgres.ts'
import { clock } from './support/store-records.ts'

const MIGRATIONS = resolve(import.meta.dirname, '../migrations/postgres')
// As drizzle-kit writes it.
const { entries: JOURNAL } = JSON.parse(readFileSync(join(MIGRATIONS, 'meta/_journal.json'), 'utf8')) as {
  entries: { tag: string; when: number }[]
}

async function queryOn(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    let rows: Record<string, unknown>[] = []
    for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows
    return rows
  } finally {
    await client.end()
  }
}

const schemasIn = (url: string) => queryOn(url, "SELECT nspname FROM pg_namespace WHERE nspname = 'signet'")

/** Transactions that wait for a lock. */
const HELD_UP =
  "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND state = 'active'"

const columnsIn = (url: string) =>
  queryOn(
    url,
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'signet' ORDER BY 1, 2",
  )

/** The schema as the first version with PostgreSQL made it, with a client. */
async function makeFirstTables(url: string): Promise<void> {
  const [first] = JOURNAL
  if (!first) throw new Error('there is no migration')
  await queryOn(
    url,
    'CREATE SCHEMA signet; SET search_path TO signet',
    'CREATE TABLE signet_migrations (hash text NOT NULL, created_at bigint PRIMARY KEY)',
    readFileSync(join(MIGRATIONS, `${first.tag}.sql`), 'utf8').replaceAll('"public".', ''),
    `INSERT INTO signet_migrations VALUES ('first', ${first.when})`,
    `INSERT INTO clients (client_id, grant_types, scope, resources, redirect_uris, token_endpoint_auth_method, jwks, claims,
       allowed_claims, created_at, updated_at) VALUES ('kept', '[]', '[]', '[]', '[]', 'none', 'null', '{}', '[]', 1, 1)`,
  )
}

/** The refusal of a start at this URL. */
async function refusalOf(url: string): Promise<Fault> {
  const starting = startTestIssuer({ SIGNET_DATABASE_URL: url })
  const refusal: unknown = await starting.then(
    () => expect.fail('it started'),
    (error: unknown) => error,
  )
  if (!(refusal instanceof Fault)) throw refusal
  expect(refusal.message).toMatch(/^SIGNET_DATABASE_URL: /)
  expect(refusal.message).not.toContain('\n')
  expect(refusal.help).toMatch(/./)
  expect(refusal.message + refusal.help + String(refusal.cause)).not.toMatch(/rd%23|p@ss|hunter2/)
  return refusal
}

/** Another way to a server, which counts the connections of its clients. */
async function countConnections(to: number): Promise<{ port: number; open: () => number }> {
  let open = 0
  const proxy = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    near.pipe(far)
    far.pipe(near)
    open += 1
    for (const socket of [near, far]) socket.on('error', () => socket.destroy())
    near.on('close', () => {
      open -= 1
      far.destroy()
    })
  })
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening))
  onTestFinished(() => void proxy.close())
  return { port: (proxy.address() as AddressInfo).port, open: () => open } // bound to a TCP port, so it is no path
}

/** A server that is another version, as far as it says: the number is replaced on its way. */
async function startOlder(to: number, from: string, into: string): Promise<number> {
  const proxy = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    near.pipe(far)
    far.on('data', (bytes) => near.write(Buffer.from(bytes.toString('latin1').replaceAll(from, into), 'latin1')))
    for (const socket of [near, far]) socket.on('error', () => socket.destroy())
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  })
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening))
  onTestFinished(() => void proxy.close())
  return (proxy.address() as AddressInfo).port // bound to a TCP port, so it is no path
}

describe.runIf(hasPostgres)('a start on PostgreSQL is refused', () => {
  test.each([
    ['a wrong password', (url: string) => url.replace(/:[^:/]+@/, ':hunter2@'), /refuses the password of user "owner"/],
    ['no password', (url: string) => url.replace(/:[^:/]+@/, '@'), /refuses the password/],
    ['a user that is none', (url: string) => url.replace('owner:', 'nobody:'), /refuses the password of user "nobody"/],
    ['a database that is none', (url: string) => url.replace(/\/\w+$/, '/nowhere'), /has no database "nowhere"/],
    ['a port that nobody listens on', (url: string) => url.replace(/:\d+\//, ':1/'), /does not answer/],
    ['a host that is none', (url: string) => url.replace('127.0.0.1', 'db.invalid'), /host "db\.invalid"/],
    ['TLS that the server lacks', (url: string) => `${url}?sslmode=require`, /does not speak TLS/],
    ['a socket that is none', (url: string) => url.replace(/@.*\//, '@/') + '?host=/nowhere', /no socket in \/nowhere/],
  ])('%s', async (_name, change, message) => {
    const url = await newDatabase()
    expect((await refusalOf(change(url))).message).toMatch(message)
    expect(await schemasIn(url)).toEqual([])
  })

  test('a server that takes no writes', async () => {
    const url = await newDatabase()
    await queryOn(url, `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = on`)
    const { message, help } = await refusalOf(url)
    expect(message).toMatch(/it is a standby, or read-only/)
    expect(help).toMatch(/name the primary/)
  })

  test('no password, and no connection stays open', async () => {
    const url = await newDatabase()
    const { port, open } = await countConnections(Number(new URL(url).port))
    await refusalOf(url.replace(/:[^:/]+@127.0.0.1:\d+/, `@127.0.0.1:${port}`))
    await until(() => Promise.resolve(open() === 0))
  })

  test('a server before version 14', async () => {
    const url = await newDatabase()
    const [{ number }] = (await queryOn(url, "SELECT current_setting('server_version_num') AS number")) as [
      { number: string },
    ]
    const port = Number(new URL(url).port)
    const older = await startOlder(port, number, `13${number.slice(2)}`)
    expect((await refusalOf(url.replace(`:${port}/`, `:${older}/`))).message).toMatch(
      /is PostgreSQL 13; accepted is 14/,
    )
    expect(await schemasIn(url)).toEqual([])
  })

  test('a database of another encoding than UTF8, which has no room for every name', async () => {
    const url = new URL(await newDatabase())
    await queryOn(url.href, "CREATE DATABASE latin1 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    url.pathname = '/latin1'
    expect((await refusalOf(url.href)).message).toMatch(/has the encoding LATIN1; accepted is UTF8/)
  })

  test("another application's schema, which stays as it is", async () => {
    const url = await newDatabase()
    await queryOn(url, 'CREATE SCHEMA signet', 'CREATE TABLE signet.clients (theirs text)')
    expect((await refusalOf(url)).message).toMatch(/schema "signet" of .* belongs to another application/)
    expect(
      await queryOn(
        url,
        "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'signet' AND relkind = 'r'",
      ),
    ).toHaveLength(1)
    const beside = await startTestIssuer({ SIGNET_DATABASE_URL: `${url}?schema=tokens` })
    expect(beside.issuer).toMatch(/^http/)
  })

  test('a schema that a newer version has closed to this one; one that it has only added to is used', async () => {
    const url = await newDatabase()
    await (await openStore(url, { clock })).close()
    await queryOn(
      url,
      'ALTER TABLE signet.clients ADD COLUMN colour text',
      "INSERT INTO signet.signet_migrations (hash, created_at) VALUES ('x', 9000000000000)",
    )
    await (await openStore(url, { clock })).close()
    await queryOn(url, "INSERT INTO signet.settings VALUES ('schema_floor', '9000000000000')")
    expect((await refusalOf(url)).message).toMatch(/was migrated by a newer version/)
  })

  test('a user who may not connect', async () => {
    const url = await newDatabase()
    const name = new URL(url).pathname.slice(1)
    await queryOn(url, `CREATE ROLE ${name} LOGIN PASSWORD 'hunter2'`, `REVOKE CONNECT ON DATABASE ${name} FROM PUBLIC`)
    const refused = await refusalOf(url.replace(/\/\/[^@]+@/, `//${name}:hunter2@`))
    expect(refused.message).toContain(`user "${name}" may not connect to database "${name}"`)
    expect(refused.help).toContain(`GRANT CONNECT ON DATABASE "${name}" TO "${name}"`)
  })

  test('a user who may make nothing', async () => {
    const url = await newDatabase()
    const name = new URL(url).pathname.slice(1)
    await queryOn(url, `CREATE ROLE ${name} LOGIN PASSWORD 'hunter2'`)
    const refused = await refusalOf(url.replace(/\/\/[^@]+@/, `//${name}:hunter2@`))
    expect(refused.message).toMatch(/may not use or make schema "signet"/)
    expect(refused.help).toContain('CREATE SCHEMA signet AUTHORIZATION')
    await queryOn(url, `CREATE SCHEMA signet AUTHORIZATION ${name}`)
    await (await openStore(url.replace(/\/\/[^@]+@/, `//${name}:hunter2@`), { clock })).close()
  })
})

describe.runIf(hasPostgres)('a start on PostgreSQL', () => {
  test('with parameters that change nothing says so', async () => {
    const url = await newDatabase()
    const issuer = await startTestIssuer({ SIGNET_DATABASE_URL: `${url}/?connect_timeout=10&application_name=shop` })
    expect(issuer.logged.join('\n')).toContain('SIGNET_DATABASE_URL: without effect here: connect_timeout')
    const named = "SELECT DISTINCT application_name FROM pg_stat_activity WHERE application_name = 'shop'"
    expect(await queryOn(url, named)).toHaveLength(1)
  })

  test('of five processes at once on an empty database, all start and one migrates', async () => {
    const url = await newDatabase()
    const stores = await Promise.all(Array.from({ length: 5 }, () => openStore(url, { clock, poolSize: 2 })))
    await stores[0]?.claimSetting('issuer', 'x')
    expect(await Promise.all(stores.map((store) => store.findSetting('issuer')))).toEqual(Array(5).fill('x'))
    await Promise.all(stores.map((store) => store.close()))
    expect(await queryOn(url, 'SELECT count(*) FROM signet.signet_migrations')).toEqual([
      { count: String(JOURNAL.length) },
    ])
  })

  test('a migration that dies midway leaves nothing of it, and the next start applies the whole', async () => {
    const url = await newDatabase()
    await makeFirstTables(url)
    const before = await columnsIn(url)
    // The row of a grant that is just written holds up a change of its table, after other tables were made.
    const writer = new Client({ connectionString: url })
    await writer.connect()
    onTestFinished(() => writer.end())
    await writer.query('BEGIN; LOCK TABLE signet.grants IN ROW EXCLUSIVE MODE')
    const env = environmentOf(temporaryFolder(), { SIGNET_DATABASE_URL: url })
    const migrating = startProgram(programOf(['migrate'], { env }))
    onTestFinished(() => void migrating.child.kill('SIGKILL'))
    const heldUp = new Set<unknown>()
    const haveWaited = async (many: number): Promise<boolean> => {
      for (const { pid } of await queryOn(url, HELD_UP)) heldUp.add(pid)
      return heldUp.size >= many
    }
    await until(() => haveWaited(1))
    migrating.child.kill('SIGKILL')
    expect(await migrating.exited).toBe('SIGKILL')
    // The server may not know yet that the process is dead. The next one waits for its lock, or for the writer.
    const next = openStore(url, { clock })
    await until(() => haveWaited(2))
    expect(await columnsIn(url)).toEqual(before)
    await writer.query('COMMIT')
    const store = await next
    expect((await store.listClients()).map(({ clientId }) => clientId)).toEqual(['kept'])
    await store.close()
    expect(await queryOn(url, 'SELECT created_at FROM signet.signet_migrations ORDER BY 1')).toEqual(
      JOURNAL.map(({ when }) => ({ created_at: String(when) })),
    )
    expect((await columnsIn(url)).length).toBeGreaterThan(before.length)
  })

  test('a database that was known and is empty now is not made anew', async () => {
    const url = await newDatabase()
    const issuer = await startTestIssuer({ SIGNET_DATABASE_URL: url })
    await issuer.stop()
    await queryOn(url, 'DROP SCHEMA signet CASCADE')
    await expect(issuer.restart()).rejects.toThrow(/has no schema "signet" with Signet's tables/)
    expect(await schemasIn(url)).toEqual([])
  })
})
