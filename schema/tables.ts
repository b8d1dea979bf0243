/**
 * Each table of src/store/tables.ts as Drizzle knows it, for the database that `MIGRATIONS_FOR` names: `postgres`, else
 * SQLite. Only the generator of migrations reads this file, and it looks at exports.
 */
import type { Table } from '../src/store/table.ts'
import { TABLES } from '../src/store/tables.ts'
import { postgresTable } from './postgres.ts'
import { sqliteTableOf } from './sqlite.ts'

/** Builds the tables in their order, each with its owner. */
function buildAll<Built>(build: (table: Table, owner: Built | undefined) => Built): Built[] {
  const built = new Map<string, Built>()
  for (const table of TABLES) built.set(table.name, build(table, ownerOf(table, built)))
  return [...built.values()]
}

function ownerOf<Built>({ name, ownedBy }: Table, built: ReadonlyMap<string, Built>): Built | undefined {
  if (!ownedBy) return undefined
  const owner = built.get(ownedBy.table)
  if (!owner) throw new Error(`table ${name} stands before ${ownedBy.table}, which owns it`)
  return owner
}

export const [
  clients,
  clientSecrets,
  endedSecrets,
  keyReaders,
  deletedClients,
  endedClients,
  deletedResources,
  resources,
  signingKeys,
  masterKeys,
  keyHolders,
  grants,
  blacklistEntries,
  usedJtis,
  auditEvents,
  settings,
  changes,
  revision,
  replicas,
  users,
  endedUsers,
  endedGroups,
  groups,
  groupMembers,
  passkeys,
  recoveryCodes,
  sessions,
  sessionClients,
  signIns,
  oneTimeValues,
  consents,
  guesses,
  knownBrowsers,
  logoutDeliveries,
  ...unnamed
] = process.env.MIGRATIONS_FOR === 'postgres' ? buildAll(postgresTable) : buildAll(sqliteTableOf)

if (unnamed.length > 0)
  throw new Error(`${unnamed.length} tables of src/store/tables.ts have no name in schema/tables.ts`)
