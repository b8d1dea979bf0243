/**
 * The database of one test file, in a run on PostgreSQL. It stands before the file is imported, because its tests find their
 * place without waiting. A database for each file keeps catalogs small, and no file hears the notifications of another.
 *
 * A file that passes without its database is found here: it would say again what the run on SQLite has said.
 */
import { Client } from 'pg'
import { afterAll } from 'vitest'
import { newDatabase } from './postgres.ts'

const url = await newDatabase()
process.env.SIGNET_TEST_URL = url

/** A test, or tests under one name, as Vitest gives them. */
interface Task {
  tasks?: Task[]
  result?: { state: string } | undefined
}

const hasPassed = ({ tasks, result }: Task): boolean => tasks?.every(hasPassed) ?? result?.state === 'pass'

/** Each place of a test is a schema (harness/folder.ts). */
async function isOpened(connectionString: string): Promise<boolean> {
  const client = new Client({ connectionString })
  await client.connect()
  const { rows } = await client.query("SELECT 1 FROM pg_namespace WHERE nspname LIKE 't\\_%' LIMIT 1")
  await client.end()
  return rows.length > 0
}

// Vitest reads from the pattern which fixtures a hook needs: none.
// oxlint-disable-next-line no-empty-pattern
afterAll(async ({}, file) => {
  if (!hasPassed(file) || (await isOpened(url))) return
  throw new Error(
    'no test of this file has used its database on PostgreSQL\n' +
      'say why in its first comment, in a line that begins with: Not again on PostgreSQL:',
  )
})
