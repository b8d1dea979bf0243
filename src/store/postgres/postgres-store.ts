/** The store on PostgreSQL: connected, migrated, and every act put over it. */
import type { ConnectionOptions } from 'node:tls'
import type { Client, ClientConfig } from 'pg'
import type { Clock } from '../../ground/clock.ts'
import { Fault } from '../../ground/errors.ts'
import { describeAddress, type PostgresAddress } from '../../ground/postgres-url.ts'
import { storeOver } from '../acts/store.ts'
import type { Engine } from '../engine.ts'
import type { Store } from '../store.ts'
import { Connection } from './connection.ts'
import { startDatabase } from './database.ts'
import { postgresEngine } from './engine.ts'
import { canLockTables } from './lock.ts'
import { readOnly } from './failures.ts'
import { foreignSchema, migrate, readStanding } from './migrate.ts'
import { connectingFault, openingFault } from './opening-faults.ts'
import { clientConfig } from './pool.ts'
import { statementsIn } from './statements.ts'
import { CHANNEL } from './transaction.ts'

const OLDEST = 140_000

export interface PostgresOptions {
  clock: Clock
  mustExist: boolean
  /** Connections of the pool. */
  size: number
}

/** @throws Fault where the database cannot be used, or is missing and must exist; then nothing was changed. */
export const openPostgresStore = async (address: PostgresAddress, options: PostgresOptions): Promise<Store> =>
  storeOver(await openPostgresEngine(address, options))

/** The engine under that store. */
export async function openPostgresEngine(address: PostgresAddress, options: PostgresOptions): Promise<Engine> {
  try {
    return postgresEngine(await startDatabase(address, { ...options, ...(await prepare(address, options)) }))
  } catch (error) {
    throw openingFault(address, error)
  }
}

/** Whether something stands in the schema. @throws Fault where it is another application's, or cannot be reached. */
export async function probePostgres(address: PostgresAddress): Promise<'missing' | 'present'> {
  try {
    const { client } = await connect(address)
    try {
      const standing = await readStanding(client, address)
      if (standing === 'foreign') throw foreignSchema(address)
      return standing === 'missing' ? 'missing' : 'present'
    } finally {
      await client.end()
    }
  } catch (error) {
    throw openingFault(address, error)
  }
}

const missingSchema = (address: PostgresAddress): Fault =>
  new Fault(
    `the database ${describeAddress(address)} has no schema "${address.schema}" with Signet's tables`,
    'restore it by its own means (pg_restore), or name another one in SIGNET_DATABASE_URL',
  )

async function prepare(address: PostgresAddress, { mustExist }: PostgresOptions) {
  const { client, ssl } = await connect(address)
  try {
    await requireVersion(client, address)
    await requireWritable(client)
    if (mustExist && (await readStanding(client, address)) !== 'ours') throw missingSchema(address)
    await migrate(client, address)
    const locksTables = await canLockTables(client, statementsIn(address.schema))
    return { ssl, notifies: await canNotify(client), locksTables }
  } finally {
    await client.end()
  }
}

function tlsOptions(tls: PostgresAddress['tls']): ConnectionOptions {
  const rejectUnauthorized = tls === 'verify-ca' || tls === 'verify-full'
  return { rejectUnauthorized, ...(tls === 'verify-ca' && { checkServerIdentity: () => undefined }) }
}

/** A single connection. It finds out whether the server speaks TLS, where the URL leaves it to the server. */
export async function connect(address: PostgresAddress): Promise<{ client: Client; ssl: ClientConfig['ssl'] }> {
  const { tls, host } = address
  const isPlain = tls === 'disable' || host.startsWith('/')
  const ssl = isPlain ? false : tlsOptions(tls)
  try {
    return { client: await connected(address, ssl), ssl }
  } catch (error) {
    const isRefused = error instanceof Error && /does not support SSL/i.test(error.message)
    if (tls !== 'prefer' || !isRefused) throw error
    return { client: await connected(address, false), ssl: false }
  }
}

async function connected(address: PostgresAddress, ssl: ClientConfig['ssl']): Promise<Client> {
  const client = new Connection(clientConfig(address, ssl))
  await client.connect().catch((error: unknown) => {
    throw connectingFault(address, error)
  })
  return client
}

/** Names of persons are in any script, and other encodings have no room for them. */
const wrongEncoding = (address: PostgresAddress, encoding: string): Fault =>
  new Fault(
    `SIGNET_DATABASE_URL: ${describeAddress(address)} has the encoding ${encoding}; accepted is UTF8`,
    'make another database: CREATE DATABASE signet ENCODING UTF8 TEMPLATE template0',
  )

/** CockroachDB and YugabyteDB speak like PostgreSQL, and give an older number for themselves. */
export async function requireVersion(client: Client, address: PostgresAddress): Promise<void> {
  const { rows } = await client.query<{ number: string; text: string; encoding: string }>(
    "SELECT current_setting('server_version_num') AS number, version() AS text, current_setting('server_encoding') AS encoding",
  )
  const [{ number, text, encoding } = { number: '0', text: '', encoding: '' }] = rows
  if (!/^utf-?8$/i.test(encoding)) throw wrongEncoding(address, encoding)
  if (Number(number) >= OLDEST || /cockroach|yugabyte/i.test(text)) return
  throw new Fault(
    `SIGNET_DATABASE_URL: ${describeAddress(address)} is PostgreSQL ${Math.floor(Number(number) / 10_000)}; accepted is 14 or newer`,
    'upgrade the server (pg_upgrade), or name another one',
  )
}

/** @throws Failure where the server takes no writes, so that the line of a start names it */
async function requireWritable(client: Client): Promise<void> {
  const { rows } = await client.query<{ isReadOnly: string }>(
    `SELECT current_setting('transaction_read_only') AS "isReadOnly"`,
  )
  if (rows[0]?.isReadOnly === 'on') throw readOnly()
}

/** Not everything that speaks like PostgreSQL notifies; polling finds every change there, too. */
async function canNotify(client: Client): Promise<boolean> {
  return client.query(`SELECT pg_notify('${CHANNEL}', '')`).then(
    () => true,
    () => false,
  )
}
