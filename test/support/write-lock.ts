/**
 * The lock that every write needs, held by another connection, as a second process holds it. Requests that write wait
 * for it, and requests that only read go on, so a test decides what happens between the two.
 */
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { Client } from 'pg'
import { onTestFinished } from 'vitest'
import { environmentOf, postgresOfRun, type OnEnd } from '../../harness/folder.ts'
import { request } from './client.ts'

export interface WriteLock {
  release(): void
}

/** Takes the lock of an issuer's database. Writes wait for at most two seconds, so it has to be released before. */
export async function holdWriteLock({ folder }: { folder: string }, onEnd: OnEnd = onTestFinished): Promise<WriteLock> {
  const { SIGNET_DATABASE_URL: url = '' } = environmentOf(folder)
  if (postgresOfRun !== undefined) return holdRevision(url, onEnd)
  const database = new SqliteDatabase(join(folder, 'data/signet.db'), { timeout: 2000 })
  const release = () => void (database.open && database.close())
  onEnd(release)
  database.exec('BEGIN IMMEDIATE')
  return { release }
}

/** On PostgreSQL, writes that processes keep in memory, and grants that begin, wait for the lock on the table of the revision. */
async function holdRevision(url: string, onEnd: OnEnd): Promise<WriteLock> {
  const client = new Client({ connectionString: url })
  await client.connect()
  const ended = () => client.end()
  onEnd(ended)
  await client.query(`BEGIN; LOCK TABLE ${new URL(url).searchParams.get('schema')}.revision IN EXCLUSIVE MODE`)
  return { release: () => void ended() }
}

/** Waits until requests that were sent before have reached whatever they wait for: many later ones were answered. */
export async function untilBegun(issuer: { url: string }): Promise<void> {
  for (let each = 0; each < 10; each++) {
    await request(`${issuer.url}/livez`)
    // A new connection looks its host up in a thread, which no number of requests on open connections waits for.
    await new Promise((wake) => setTimeout(wake, 5))
  }
}
