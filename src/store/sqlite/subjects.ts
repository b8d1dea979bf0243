/** Persons, as the grants made for them tell. */
import type { SQL } from 'drizzle-orm'
import type { Store } from '../store.ts'
import { and, asc, eq, gt, ne, sql } from './drizzle.ts'
import type { Database } from './database.ts'
import { clients, grants } from './schema.ts'

export function subjectVerbs(database: Database): Pick<Store, 'listSubjects' | 'findSubject'> {
  const { list, find } = prepareStatements(database)
  return {
    listSubjects: ({ after = '', limit }) => database.read(() => list.all({ after, limit, now: database.now() })),
    findSubject: (sub) => database.read(() => find.get({ sub, now: database.now() })),
  }
}

function prepareStatements({ sql: database }: Database) {
  const now = sql.placeholder('now')
  const isLive = sql`${grants.endedAt} IS NULL AND ${grants.expiresAt} > ${now}
    AND coalesce(${grants.idleExpiresAt} > ${now}, true)
    AND coalesce(${grants.createdAt} > ${clients.grantsEndedUntil}, true)`
  const summary = {
    sub: grants.sub,
    grants: sql<number>`count(*)`,
    liveGrants: sql<number>`sum(${isLive})`,
    lastGrantAt: sql<number>`max(${grants.createdAt})`,
  }
  // A grant in a client's own name has the client as its subject, who is no person.
  // A cross join keeps SQLite from walking the clients first, and so from reading all grants for one page.
  const select = (condition: SQL) =>
    database
      .select(summary)
      .from(grants)
      .crossJoin(clients)
      .where(and(eq(clients.key, grants.clientKey), ne(grants.sub, clients.clientId), condition))
      .groupBy(grants.sub)
  return {
    list: select(gt(grants.sub, sql.placeholder('after')))
      .orderBy(asc(grants.sub))
      .limit(sql.placeholder('limit'))
      .prepare(),
    find: select(eq(grants.sub, sql.placeholder('sub'))).prepare(),
  }
}
