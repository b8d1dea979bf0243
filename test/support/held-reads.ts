/** An issuer on a PostgreSQL of its own, whose reads and writes of a table wait while a test holds a lock on it. */
import { Client } from 'pg'
import { onTestFinished } from 'vitest'
import { until, type AdministeredIssuer } from './admin.ts'
import { newDatabase } from './postgres.ts'
import { startWithApi } from './shared.ts'

const WAITING = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

export interface HeldReads {
  issuer: AdministeredIssuer
  /** Runs `meanwhile` when something waits for the lock that the statement took. */
  while<Result>(statement: string, asked: () => Promise<Result>, meanwhile: () => Promise<unknown>): Promise<Result>
}

export async function startWithHeldReads(): Promise<HeldReads> {
  const url = await newDatabase()
  const issuer = await startWithApi({ SIGNET_DATABASE_URL: url })
  const [holder, looker] = [new Client({ connectionString: url }), new Client({ connectionString: url })]
  for (const client of [holder, looker]) {
    await client.connect()
    onTestFinished(() => client.end())
  }
  return {
    issuer,
    async while(statement, ask, meanwhile) {
      await holder.query(`BEGIN; SET LOCAL search_path TO signet; ${statement}`)
      const asked = ask()
      await until(async () => (await looker.query(WAITING)).rowCount !== 0)
      await meanwhile()
      await holder.query('COMMIT')
      return asked
    },
  }
}
