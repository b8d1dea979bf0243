/** Counts for operators, in SQL. Counting reads whole indexes. */
import { sessions, users } from './tables/people.ts'
import type { StoreFacts } from './records/facts.ts'
import type { Table } from './table.ts'
import { blacklistEntries } from './tables/blacklist.ts'
import { clients } from './tables/clients.ts'
import { grants } from './tables/grants.ts'
import { resources } from './tables/resources.ts'
import { auditEvents } from './tables/service.ts'

/** Sessions are counted by the rule of `isLiveSession`, blacklist entries by that of `isStanding`. @param now the placeholder of the time */
export function countTexts(nameOf: (table: Table) => string, now: string) {
  const rowsOf = (table: Table) => `(SELECT count(*) FROM ${nameOf(table)})`
  // Entries that have ended are kept for a while.
  const standing = `removed_at IS NULL AND (expires_at IS NULL OR expires_at > ${now})`
  const entries = `(SELECT count(*) FROM ${nameOf(blacklistEntries)} WHERE ${standing})`
  const all = [...[clients, resources, grants, users].map(rowsOf), entries, rowsOf(auditEvents)]
  const live = `ended_at IS NULL AND expires_at > ${now} AND idle_expires_at > ${now}`
  const liveSessions = `(SELECT count(*) FROM ${nameOf(sessions)} WHERE ${live})`
  return { all: `SELECT ${all.join(', ')}, ${liveSessions}`, sessions: `SELECT ${liveSessions}` }
}

/** @param values of the one row of `all` */
export function toCounts(values: unknown[]): StoreFacts['counts'] {
  const [ofClients, ofResources, ofGrants, ofUsers, ofEntries, ofEvents, ofSessions] = values.map(Number)
  return {
    clients: ofClients ?? 0,
    resources: ofResources ?? 0,
    grants: ofGrants ?? 0,
    users: ofUsers ?? 0,
    sessions: ofSessions ?? 0,
    blacklist: ofEntries ?? 0,
    audit: ofEvents ?? 0,
  }
}
