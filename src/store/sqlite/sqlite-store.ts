/** The store on one SQLite file: opened, migrated, and every act put over it. */
import type { Clock } from '../../ground/clock.ts'
import { storeOver } from '../acts/store.ts'
import type { Store } from '../store.ts'
import { openConnection, requireKeys } from './connection.ts'
import { startDatabase } from './database.ts'
import { sqliteEngine } from './engine.ts'
import { migrate } from './migrate.ts'
import { readPatiently } from './patience.ts'

/** @throws Fault, Unavailable as `openConnection` and `migrate` do. */
export async function openSqliteStore(
  file: string,
  options: { clock: Clock; mustExist: boolean; mayLagMs?: number | undefined },
): Promise<Store> {
  const connection = await openConnection(file, options)
  try {
    if (options.mustExist) await readPatiently(() => requireKeys(connection))
    await migrate(connection)
    return storeOver(sqliteEngine(await startDatabase(connection, options.clock, options.mayLagMs)))
  } catch (error) {
    connection.raw.close()
    throw error
  }
}
