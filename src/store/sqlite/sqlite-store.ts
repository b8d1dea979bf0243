/** The store on one SQLite file: opened, migrated, and every noun's verbs put together. */
import type { Clock } from '../../ground/clock.ts'
import type { Store } from '../store.ts'
import { auditTable } from './audit.ts'
import { backupVerb } from './backup.ts'
import { blacklistTable, blacklistVerbs } from './blacklist.ts'
import { clientVerbs } from './clients.ts'
import { openConnection, requireKeys } from './connection.ts'
import { startDatabase, type OpenDatabase } from './database.ts'
import { factsVerb } from './facts.ts'
import { grantEnding, grantVerbs } from './grants.ts'
import { jtiVerbs } from './jtis.ts'
import { keyVerbs, ringEnding } from './keys.ts'
import { migrate } from './migrate.ts'
import { readerVerbs } from './readers.ts'
import { resourceVerbs } from './resources.ts'
import { settingVerbs } from './settings.ts'
import { subjectVerbs } from './subjects.ts'
import { sweepVerb } from './sweep.ts'
import { readPatiently } from './write-queue.ts'

/** @throws Fault, Unavailable as `openConnection` and `migrate` do. */
export async function openSqliteStore(
  file: string,
  options: { clock: Clock; mustExist: boolean; mayLagMs?: number | undefined },
): Promise<Store> {
  const connection = await openConnection(file, options)
  try {
    if (options.mustExist) await readPatiently(() => requireKeys(connection))
    await migrate(connection)
    return assemble(await startDatabase(connection, options.clock, options.mayLagMs))
  } catch (error) {
    connection.raw.close()
    throw error
  }
}

function assemble(database: OpenDatabase): Store {
  const audit = auditTable(database)
  const appendAudit = audit.append
  const blacklist = blacklistTable(database)
  return {
    now: database.now,
    ...clientVerbs(database, { appendAudit, blacklist }),
    ...resourceVerbs(database, { appendAudit, endRing: ringEnding(database) }),
    ...keyVerbs(database, { appendAudit, appendEntry: blacklist.append }),
    ...readerVerbs(database),
    ...grantVerbs(database, { appendAudit, blacklist }),
    ...subjectVerbs(database),
    ...blacklistVerbs(database, blacklist, { appendAudit, endNamedGrants: grantEnding(database) }),
    ...jtiVerbs(database),
    ...audit.verbs,
    ...settingVerbs(database),
    ...sweepVerb(database),
    ...factsVerb(database),
    ...backupVerb(database),
    onChange: (listener) => database.changes.onChange(listener),
    catchUp: () => database.changes.catchUp(),
    pollChanges: async () => database.changes.deliver(await database.read(() => database.changes.look())),
    close: database.close,
  }
}
