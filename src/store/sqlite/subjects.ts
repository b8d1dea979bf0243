/** The persons that grants were made for. These are sums over an index, which steps by equality cannot express. */
import type { SQL } from 'drizzle-orm'
import type { Engine } from '../engine.ts'
import type { SubjectSummary } from '../records/grant.ts'
import { and, asc, eq, gt, ne, sql } from './drizzle.ts'
import type { Database } from './database.ts'
import { clients, columnNamed, grants } from './schema.ts'

export function subjectVerbs(database: Database): Pick<Engine, 'listSubjects' | 'findSubject'> {
  const { list, find } = prepareStatements(database)
  return {
    // The columns are those of a summary.
    listSubjects: ({ after = '', limit }, now) =>
      database.read(() => list.all({ after, limit, now }) as SubjectSummary[]),
    findSubject: (sub, now) => database.read(() => find.get({ sub, now }) as SubjectSummary | undefined),
  }
}

const grant = (name: string) => columnNamed(grants, name)
const client = (name: string) => columnNamed(clients, name)

function prepareStatements({ sql: database }: Database) {
  const now = sql.placeholder('now')
  const isLive = sql`${grant('endedAt')} IS NULL AND ${grant('expiresAt')} > ${now}
    AND coalesce(${grant('idleExpiresAt')} > ${now}, true)
    AND coalesce(${grant('createdAt')} > ${client('grantsEndedUntil')}, true)`
  const summary = {
    sub: grant('sub'),
    grants: sql<number>`count(*)`,
    liveGrants: sql<number>`sum(${isLive})`,
    lastGrantAt: sql<number>`max(${grant('createdAt')})`,
  }
  // A grant in a client's own name has the client as its subject, so it belongs to no person.
  // A cross join keeps SQLite from walking the clients first, and so from reading all grants for one page.
  const select = (condition: SQL) =>
    database
      .select(summary)
      .from(grants)
      .crossJoin(clients)
      .where(and(eq(client('key'), grant('clientKey')), ne(grant('sub'), client('clientId')), condition))
      .groupBy(grant('sub'))
  return {
    list: select(gt(grant('sub'), sql.placeholder('after')))
      .orderBy(asc(grant('sub')))
      .limit(sql.placeholder('limit'))
      .prepare(),
    find: select(eq(grant('sub'), sql.placeholder('sub'))).prepare(),
  }
}
