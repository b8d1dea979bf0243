/**
 * Brings the schema up to this version, under a lock, in the process that comes first. The list of applied migrations is in the
 * schema itself, under a name of ours: that tells our schema from another application's.
 */
import type { Client } from 'pg'
import { Fault } from '../../ground/errors.ts'
import { describeAddress, type PostgresAddress } from '../../ground/postgres-url.ts'
import { listMigrations, type Migrations } from '../migrations.ts'
import { backOff } from '../patience.ts'
import { isOfStatement, sortFailure } from './failures.ts'

const JOURNAL = 'signet_migrations'
/** Any number that no other application takes: "Sgnt". */
const LOCK = 0x53676e74
/** How long to wait for another process, which is most likely doing the same. Milliseconds. */
const WAIT_MS = 30_000

/**
 * How long each change waits for its table: at first, and at most, after some tries. All work on that table, and on those
 * before, waits behind it.
 */
const TABLE_MS = { first: 200, most: 1000 }
const LOCK_NOT_AVAILABLE = '55P03'

const TAKE_LOCK = `SET LOCAL lock_timeout = ${WAIT_MS}; SELECT pg_advisory_xact_lock(${LOCK})`

/** The present content of the schema. */
export type Standing = 'missing' | 'ours' | 'foreign'

export async function readStanding(client: Client, { schema }: PostgresAddress): Promise<Standing> {
  const { rows } = await client.query<{ name: string }>(
    'SELECT c.relname AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1',
    [schema],
  )
  if (rows.length === 0) return 'missing'
  return rows.some(({ name }) => name === JOURNAL) ? 'ours' : 'foreign'
}

/**
 * Applies what is pending, all or nothing. A schema that a newer version has migrated is used as it is, unless that version
 * has noted that this one cannot: migrations only add, so that two versions run side by side and going back works.
 * @throws Fault where the schema is another application's, or too new.
 */
export async function migrate(client: Client, address: PostgresAddress): Promise<void> {
  const migrations = listMigrations('postgres')
  const { newest } = migrations
  if ((await readStanding(client, address)) === 'ours' && (await lastApplied(client, address)) >= newest)
    return requireServed(client, address, newest)
  const deadline = performance.now() + WAIT_MS
  for (let tries = 0; ; tries++) {
    const waitMs = Math.min(TABLE_MS.first * (tries + 1), TABLE_MS.most)
    if (await applyAtOnce(client, address, migrations, { waitMs, isLast: performance.now() > deadline })) break
    await backOff(tries)
  }
  await requireServed(client, address, newest)
}

/**
 * A single attempt. Replicas of the version before go on with their work meanwhile, and may hold the tables in another order.
 * @returns false where their work is in the way, unless it is the last attempt
 */
async function applyAtOnce(
  client: Client,
  address: PostgresAddress,
  migrations: Migrations,
  { waitMs, isLast }: { waitMs: number; isLast: boolean },
): Promise<boolean> {
  try {
    await client.query(`BEGIN; ${TAKE_LOCK}; SET LOCAL lock_timeout = ${waitMs}`)
    await applyPending(client, address, migrations)
    await client.query('COMMIT')
    return true
  } catch (error) {
    // A connection that has failed rolls back by itself; the first error is the cause.
    await client.query('ROLLBACK').catch(() => {})
    const { kind, code } = sortFailure(error)
    if (isLast || (kind !== 'conflict' && code !== LOCK_NOT_AVAILABLE)) throw migrationFault(address, error)
    return false
  }
}

/**
 * Makes the tables inside the transaction that is open, which keeps every start on the schema waiting until it ends.
 * @returns false where there is a database already
 * @throws Fault where the schema is another application's
 */
export async function makeTables(client: Client, address: PostgresAddress): Promise<boolean> {
  try {
    await client.query(TAKE_LOCK)
    if ((await readStanding(client, address)) === 'ours') return false
    await applyPending(client, address, listMigrations('postgres'))
    return true
  } catch (error) {
    throw migrationFault(address, error)
  }
}

/** Whether a newer version has migrated it: there may be columns that this version does not know. */
export const hasNewerTables = async (client: Client, address: PostgresAddress): Promise<boolean> =>
  (await lastApplied(client, address)) > listMigrations('postgres').newest

async function lastApplied(client: Client, { schema }: PostgresAddress): Promise<number> {
  const { rows } = await client.query<{ last: number | null }>(
    `SELECT max(created_at) AS last FROM "${schema}".${JOURNAL}`,
  )
  return rows[0]?.last ?? 0
}

/** Looks again under the lock: another process may have applied the migrations meanwhile. */
async function applyPending(client: Client, address: PostgresAddress, migrations: Migrations): Promise<void> {
  const { schema } = address
  const standing = await readStanding(client, address)
  if (standing === 'foreign') throw foreignSchema(address)
  if (standing === 'missing') await prepareSchema(client, schema)
  const last = await lastApplied(client, address)
  await client.query(`SET LOCAL search_path TO "${schema}"`)
  for (const { statements, hash, madeAt } of migrations.after(last)) {
    // A single message for all statements, since each would be a round trip. The generator names the schema that it does not know.
    await client.query(statements.join(';\n').replaceAll('"public".', ''))
    await client.query(`INSERT INTO ${JOURNAL} (hash, created_at) VALUES ($1, $2)`, [hash, madeAt])
  }
}

/** An operator may have made the schema, because Signet's user may not. */
async function prepareSchema(client: Client, schema: string): Promise<void> {
  const { rows } = await client.query('SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1', [schema])
  if (rows.length === 0) await client.query(`CREATE SCHEMA "${schema}"`)
  await client.query(`CREATE TABLE "${schema}".${JOURNAL} (hash text NOT NULL, created_at bigint PRIMARY KEY)`)
}

/** A newer version notes the first migration that a version has to know (setting `schema_floor`). */
async function requireServed(client: Client, address: PostgresAddress, newest: number): Promise<void> {
  const { rows } = await client.query<{ value: string }>(
    `SELECT value FROM "${address.schema}".settings WHERE name = 'schema_floor'`,
  )
  const floor = Number(rows[0]?.value ?? 0)
  if (floor <= newest) return
  throw new Fault(
    `SIGNET_DATABASE_URL: ${describeAddress(address)} was migrated by a newer version, which this one cannot run beside`,
    'start the newer version, or restore a backup from before it',
  )
}

/** Errors of the connection, and of rights, are told as at any opening. */
function migrationFault(address: PostgresAddress, error: unknown): unknown {
  const failure = sortFailure(error)
  const { code, message } = failure
  if (error instanceof Fault || !isOfStatement(failure) || code === '42501') return error
  return new Fault(
    `SIGNET_DATABASE_URL: the tables of ${describeAddress(address)} cannot be brought up to this version: ${message}`,
    'nothing was changed; restore a backup or name another schema (?schema=), then start again',
    { cause: error },
  )
}

export const foreignSchema = (address: PostgresAddress): Fault =>
  new Fault(
    `SIGNET_DATABASE_URL: schema "${address.schema}" of ${describeAddress(address)} belongs to another application`,
    'name another schema in the URL, which Signet then makes: ?schema=signet_tokens',
  )
