/** An open database for the files of the engine: it tells the time, and runs reads and writes. */
import { SteadyClock, type Clock, type Instant } from '../../ground/clock.ts'
import { ChangeLog } from './changes.ts'
import type { Connection } from './connection.ts'
import { Unavailable } from '../../ground/errors.ts'
import { OpenFiles } from './open-files.ts'
import { readPatiently } from './patience.ts'
import { WriteQueue } from './write-queue.ts'

export interface OpenDatabase {
  readonly connection: Connection
  readonly changes: ChangeLog
  readonly commits: WriteQueue['commits']
  /** The time that decides: this machine's, kept steady. */
  readonly time: SteadyClock
  /** The files that are open. A write looks at its beginning whether they are still in place. */
  readonly files: OpenFiles
  now(): Instant
  /** Runs a query. Rejects with `Unavailable` where the database is locked or gone. */
  read<T>(operation: () => T): Promise<T>
  /** Runs several queries that must see one state. */
  readTogether<T>(operation: () => T): Promise<T>
  /** Runs a synchronous operation in a transaction of the write queue. */
  write<T>(operation: () => T): Promise<T>
  close(): Promise<void>
}

/** Starts the write queue and the change log of a migrated database. */
export async function startDatabase(connection: Connection, clock: Clock, mayLagMs?: number): Promise<OpenDatabase> {
  const { raw } = connection
  const time = new SteadyClock(clock)
  const changes = await readPatiently(() => new ChangeLog(connection, time, mayLagMs))
  const files = new OpenFiles(connection, time)
  const queue = new WriteQueue(raw, changes, files)
  const read = async <T>(operation: () => T): Promise<T> => {
    if (!raw.open) throw new Unavailable('the database is closed')
    return readPatiently(operation)
  }
  const together = raw.transaction((operation: () => unknown) => operation())
  return {
    connection,
    changes,
    commits: queue.commits,
    time,
    files,
    now: () => time.now(),
    read,
    // A transaction returns what its function does; the driver's types do not carry that through.
    readTogether: (operation) => read(() => together(operation) as ReturnType<typeof operation>),
    write: (operation) => queue.write(operation),
    close: async () => {
      await queue.close()
      await changes.settled()
      if (!raw.open) return
      await files.saveLost()
      if (files.hasForeignJournal()) return endWithoutClosing()
      raw.close()
    },
  }
}

/** At the natural end of a process the driver closes what is open. At `process.exit` it does not. */
function endWithoutClosing(): void {
  process.once('beforeExit', () => process.exit())
}
