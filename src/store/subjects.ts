/** The persons that grants were made for, in SQL. These are sums over an index, which steps by equality cannot express. */
import type { SubjectSummary } from './records/grant.ts'
import type { Table } from './table.ts'
import { clients } from './tables/clients.ts'
import { grants } from './tables/grants.ts'
import { endedUsers } from './tables/people.ts'

/** The placeholders of a database. `sub` is the person, or the one after whom a list begins. */
interface Places {
  now: string
  sub: string
  limit: string
}

/**
 * A grant in a client's own name has the client as its subject, so it belongs to no person. A cross join keeps SQLite from
 * walking the clients first, and so from reading all grants for one page.
 */
export function subjectTexts(nameOf: (table: Table) => string, { now, sub, limit }: Places) {
  const live = `g.ended_at IS NULL AND g.expires_at > ${now} AND coalesce(g.idle_expires_at > ${now}, true)
    AND coalesce(g.created_at > c.grants_ended_until, true)`
  const summary = (condition: string) => `SELECT g.sub, count(*), count(*) FILTER (WHERE ${live}), max(g.created_at),
    (SELECT count(*) FROM ${nameOf(endedUsers)} e WHERE e.id = g.sub)
    FROM ${nameOf(grants)} g CROSS JOIN ${nameOf(clients)} c
    WHERE c.key = g.client_key AND g.sub <> c.client_id AND ${condition} GROUP BY g.sub`
  return { list: `${summary(`g.sub > ${sub}`)} ORDER BY g.sub LIMIT ${limit}`, find: summary(`g.sub = ${sub}`) }
}

/** @param values of a row of either text */
export const toSummary = ([sub, grantCount, live, lastGrantAt, deleted]: unknown[]): SubjectSummary => ({
  sub: String(sub),
  grants: Number(grantCount),
  liveGrants: Number(live),
  lastGrantAt: Number(lastGrantAt),
  isDeleted: Number(deleted) > 0,
})
