/**
 * A schema of PostgreSQL as the source or the target of a move. The source is read in one snapshot. The target is made in
 * one transaction, so that a move which ends in any way leaves no trace there.
 */
import type { Client } from 'pg'
import { systemClock } from '../../ground/clock.ts'
import { Fault } from '../../ground/errors.ts'
import { describeAddress, type PostgresAddress } from '../../ground/postgres-url.ts'
import { storeOver } from '../acts/store.ts'
import type { MoveSource, MoveTarget, Value } from '../move.ts'
import { inSql } from '../rows.ts'
import type { Kind, Table } from '../table.ts'
import { TABLES } from '../tables.ts'
import { hasNewerTables, makeTables } from './migrate.ts'
import { openingFault } from './opening-faults.ts'
import { connect, openPostgresEngine, probePostgres, requireVersion } from './postgres-store.ts'
import { columnsOf, generatedOf, type Statements } from '../statements.ts'
import { statementsIn } from './statements.ts'
import { encodeText } from './text.ts'

const PAGE = 500

/** The server's limits on long transactions do not hold for a move. */
const PATIENTLY = 'SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0'

/** @throws Fault where the schema is not Signet's, or a server runs on it. */
export async function openPostgresSource(address: PostgresAddress): Promise<MoveSource> {
  await requireUnserved(address)
  return openOn(address, async (client) => {
    if (await hasNewerTables(client, address)) throw tooNew(address)
    const statements = statementsIn(address.schema)
    const look = () => client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${PATIENTLY}`)
    await look()
    return {
      pages: (table) => readPages({ client, statements, address }, table),
      lastGenerated: (table) => told(address, () => lastOfSequence({ client, statements }, table)),
      lookAgain: () =>
        told(address, async () => {
          await client.query('COMMIT')
          await look()
        }),
      close: () => client.end(),
    }
  })
}

/** @throws Fault where the schema is not empty, or cannot be made; then nothing was changed. */
export async function createPostgresTarget(address: PostgresAddress): Promise<MoveTarget> {
  return openOn(address, async (client) => {
    await requireVersion(client, address)
    const statements = statementsIn(address.schema)
    await client.query(`BEGIN; ${PATIENTLY}`)
    if (!(await makeTables(client, address))) throw notEmpty(address)
    for (const table of TABLES.toReversed()) await client.query(`DELETE FROM ${statements.name(table)}`)
    return {
      pages: (table) => readPages({ client, statements, address }, table),
      insert: (table, rows) => told(address, () => insertRows({ client, statements }, table, rows)),
      raiseGenerated: (table, last) => told(address, () => raiseSequence({ client, statements }, table, last)),
      finish: () => commit(client, address),
      close: () => client.end(),
    }
  })
}

interface At {
  client: Client
  statements: Statements
}

/** A connection for what `open` makes of it; closed where that fails. */
async function openOn<Result>(address: PostgresAddress, open: (client: Client) => Promise<Result>): Promise<Result> {
  return told(address, async () => {
    const { client } = await connect(address)
    return open(client).catch(async (error: unknown) => {
      // The first error is the cause, so an error of the end is not told.
      await client.end().catch(() => {})
      throw error
    })
  })
}

/** Failures of the connection and of the server in one line. */
async function told<Result>(address: PostgresAddress, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw openingFault(address, error)
  }
}

/** Brings the tables up to this version, and refuses where a server has said within some seconds that it lives. */
async function requireUnserved(address: PostgresAddress): Promise<void> {
  const store = storeOver(await openPostgresEngine(address, { clock: systemClock, mustExist: true, size: 2 }))
  try {
    if ((await store.othersHearWithinMs()) > 0) throw served(address)
  } finally {
    await store.close()
  }
}

async function* readPages({ client, statements, address }: At & { address: PostgresAddress }, table: Table) {
  const query = `SELECT ${columnsOf(table)} FROM ${statements.name(table)}`
  await told(address, () => client.query(`DECLARE moving NO SCROLL CURSOR FOR ${query}`))
  for (;;) {
    const { rows } = await told(address, () =>
      client.query<Value[]>({ text: `FETCH ${PAGE} FROM moving`, rowMode: 'array' }),
    )
    if (rows.length > 0) yield rows
    if (rows.length < PAGE) break
  }
  await told(address, () => client.query('CLOSE moving'))
}

const ARRAYS = {
  text: 'text[]',
  json: 'text[]',
  integer: 'bigint[]',
  boolean: 'boolean[]',
  bytes: 'bytea[]',
} as const satisfies Record<Kind, string>

/** All rows in one statement, each column as a list. */
async function insertRows({ client, statements }: At, table: Table, rows: Value[][]): Promise<void> {
  const columns = Object.values(table.columns)
  const places = columns.map(({ kind }, at) => `$${at + 1}::${ARRAYS[kind]}`).join(', ')
  const lists = columns.map((_, at) => rows.map((row) => encoded(row[at] ?? null)))
  await client.query(
    `INSERT INTO ${statements.name(table)} (${columnsOf(table)}) SELECT * FROM unnest(${places})`,
    lists,
  )
}

const encoded = (value: Value): Value => (typeof value === 'string' ? encodeText(value) : value)

/** The sequence of a table's generated key, as an expression with the table and the column as parameters. */
const SEQUENCE = 'pg_get_serial_sequence($1, $2)'

const sequenceOf = ({ statements }: At, table: Table): [string, string] => [
  statements.name(table),
  inSql(generatedOf(table) ?? ''),
]

async function lastOfSequence(at: At, table: Table): Promise<number> {
  const { rows } = await at.client.query<{ name: string }>(`SELECT ${SEQUENCE} AS name`, sequenceOf(at, table))
  const found = await at.client.query<{ last: number }>(
    `SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last FROM ${rows[0]?.name}`,
  )
  return found.rows[0]?.last ?? 0
}

async function raiseSequence(at: At, table: Table, last: number): Promise<void> {
  await at.client.query(`SELECT setval(${SEQUENCE}, $3)`, [...sequenceOf(at, table), last])
}

/** An answer that is lost leaves it open whether the server has committed, so the server is asked. */
async function commit(client: Client, address: PostgresAddress): Promise<void> {
  try {
    await client.query('COMMIT')
  } catch (error) {
    const standing = await probePostgres(address).catch(() => 'unknown' as const)
    if (standing === 'present') return
    throw standing === 'missing' ? openingFault(address, error) : unsure(address, error)
  }
}

const served = (address: PostgresAddress): Fault =>
  new Fault(
    `SIGNET_DATABASE_URL: a server runs on ${describeAddress(address)}`,
    'stop every replica (signet status lists them), then move again; a replica that was killed counts for 15 s more',
  )

const notEmpty = (address: PostgresAddress): Fault =>
  new Fault(
    `SIGNET_DATABASE_URL: schema "${address.schema}" of ${describeAddress(address)} holds a database already`,
    'a move never replaces one: name another schema (?schema=) or database',
  )

const tooNew = (address: PostgresAddress): Fault =>
  new Fault(
    `SIGNET_DATABASE_URL: ${describeAddress(address)} has tables of a newer version, of which this one would lose some`,
    'move it with the newer version',
  )

const unsure = (address: PostgresAddress, cause: unknown): Fault =>
  new Fault(
    `SIGNET_DATABASE_URL: ${describeAddress(address)} was lost in the last step, and does not say whether it holds the move`,
    'it holds all or nothing: move again, which is refused where everything is there already',
    { cause },
  )
