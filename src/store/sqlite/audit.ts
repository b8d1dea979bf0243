/** Audit events: appended by every verb in the transaction of its change, read newest first. */
import type { SQL } from 'drizzle-orm'
import type { AuditEvent, Store } from '../store.ts'
import { and, desc, eq, lt, sql } from './drizzle.ts'
import { placeholdersFor, type Database } from './database.ts'
import { auditEvents } from './schema.ts'

type AuditVerbs = Pick<Store, 'recordAudit' | 'listAudit'>

export interface AuditTable {
  /** Appends inside a write. */
  append(event: AuditEvent): void
  verbs: AuditVerbs
}

/** Above every id: ids are lower-case UUIDs. */
const NEWEST = '~'

export function auditTable(database: Database): AuditTable {
  const insert = database.sql.insert(auditEvents).values(placeholdersFor(auditEvents)).prepare()
  const list = prepareLists(database)
  const append = (event: AuditEvent): void => void insert.run({ ...event })
  return {
    append,
    verbs: {
      recordAudit: (events) => database.write(() => events.forEach(append)),
      listAudit: ({ after = NEWEST, limit, target, requestId }) => {
        const query =
          target === undefined
            ? list(requestId === undefined ? 'all' : 'request')
            : list(requestId === undefined ? 'target' : 'both')
        return database.read(() => query.all({ after, limit, target, requestId }))
      },
    },
  }
}

/** One statement for each set of filters, because a condition that may be absent keeps SQLite from its index. */
function prepareLists(database: Database) {
  const target = eq(auditEvents.target, sql.placeholder('target'))
  const request = eq(auditEvents.requestId, sql.placeholder('requestId'))
  const list = (filter?: SQL) =>
    database.sql
      .select()
      .from(auditEvents)
      .where(and(lt(auditEvents.id, sql.placeholder('after')), filter))
      .orderBy(desc(auditEvents.id))
      .limit(sql.placeholder('limit'))
      .prepare()
  const lists = { all: list(), target: list(target), request: list(request), both: list(and(target, request)) }
  return (name: keyof typeof lists) => lists[name]
}
