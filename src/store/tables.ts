/**
 * Every table, described once, in a file of tables/ for each noun. Each engine makes its statements from these descriptions,
 * and the migrations are made from them, so a column stands in one place for all databases.
 *
 * Names in SQL are the names here in snake_case. Instants are milliseconds. JSON is text. Changes are additive, so that
 * the version before can go on using the same database. After a change run `npm run migrations`.
 */
import { blacklistEntries } from './tables/blacklist.ts'
import { clients, clientSecrets, endedSecrets, deletedClients, endedClients } from './tables/clients.ts'
import { grants } from './tables/grants.ts'
import { keyReaders, signingKeys, masterKeys, keyHolders } from './tables/keys.ts'
import {
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
} from './tables/people.ts'
import { deletedResources, resources } from './tables/resources.ts'
import { usedJtis, auditEvents, settings, changes, revision, replicas } from './tables/service.ts'

/** In the order in which a database creates them: an owner before the tables that it owns. */
export const TABLES = [
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
] as const
