/**
 * An id of a schema in a database of a server, by whichever address the server is reached: by name or number, through a
 * pooler, by its socket. It is made of what the server says of itself, and not stored: a dump that is restored elsewhere would
 * bring a stored id with it, and be taken for the same place.
 */
import { hash } from 'node:crypto'
import type { Database } from './database.ts'

const IDENTITY = `SELECT s.system_identifier::text, d.oid::text
  FROM pg_catalog.pg_control_system() s, pg_catalog.pg_database d WHERE d.datname = current_database()`

/** `undefined` where the server does not say, as CockroachDB, or a user who may not ask. */
export async function readPlaceId({ pool, schema }: Database): Promise<string | undefined> {
  const [row] = await pool.ask(IDENTITY, []).catch(() => [])
  return row && hash('sha256', [...row, schema].join(' ')).slice(0, 16)
}
