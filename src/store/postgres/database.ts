/** An open database for the files of the engine. */
import { Histogram } from '../../ground/counts.ts'
import type { Clock } from '../../ground/clock.ts'
import type { PostgresAddress } from '../../ground/postgres-url.ts'
import { ChangeLog } from './changes.ts'
import { Families } from './families.ts'
import { Listener } from './listener.ts'
import { Measured } from './measured.ts'
import { Persons } from './persons.ts'
import { Pool, clientConfig, type PoolOptions } from './pool.ts'
import { statementsIn } from './statements.ts'
import { DatabaseTime } from './time.ts'
import type { TransactionNeeds } from './transaction.ts'

export interface Database extends TransactionNeeds {
  readonly address: PostgresAddress
  readonly pool: Pool
  /** The number of connections. */
  readonly size: number
  readonly changes: ChangeLog
  readonly listener: Listener
  readonly commits: { batchSize: Histogram; seconds: Histogram }
  readonly outage: Outage
  close(): Promise<void>
}

/** Whether connections have failed for so long that waiting for the next one is in vain. */
export class Outage {
  #since: number | undefined

  end(): void {
    this.#since = undefined
  }

  lasts(): boolean {
    this.#since ??= performance.now()
    return performance.now() - this.#since > LASTING_MS
  }
}

const LASTING_MS = 2000

/** Refreshes that were written together; every other act is alone. */
const BATCH_SIZES = [1, 2, 5, 10, 20, 50, 100, 200]

/** Seconds: from a fast disk to one that is about to fail. */
const COMMIT_DURATIONS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

/** Begins to follow a migrated database. */
export async function startDatabase(
  address: PostgresAddress,
  options: PoolOptions & { clock: Clock; notifies: boolean; locksTables: boolean },
): Promise<Database> {
  const { size, ssl, clock, notifies, locksTables } = options
  const { schema } = address
  const pool = new Pool(address, { size, ssl })
  const time = new DatabaseTime(clock)
  const statements = statementsIn(schema)
  const changes = await ChangeLog.open(pool, time, schema).catch(async (error: unknown) => {
    await pool.close()
    throw error
  })
  const listener = new Listener(clientConfig(address, ssl), changes, { schema, notifies })
  return {
    address,
    schema,
    notifies,
    locksTables,
    pool,
    size,
    time,
    statements,
    measured: new Measured(statements),
    families: new Families(statements),
    persons: new Persons(statements),
    changes,
    listener,
    commits: { batchSize: new Histogram(BATCH_SIZES), seconds: new Histogram(COMMIT_DURATIONS) },
    outage: new Outage(),
    close: async () => {
      await listener.stop()
      await pool.close()
    },
  }
}
