/** The persons that grants were made for. These are sums over an index, which steps by equality cannot express. */
import type { Instant } from '../../ground/clock.ts'
import type { Engine } from '../engine.ts'
import type { SubjectSummary } from '../records/grant.ts'
import { clients, grants } from '../tables.ts'
import type { Database } from './database.ts'
import { unavailable } from './failures.ts'
import type { Values } from './pool.ts'

export function subjectVerbs({ statements, pool }: Database): Pick<Engine, 'listSubjects' | 'findSubject'> {
  const live = `g.ended_at IS NULL AND g.expires_at > $1 AND coalesce(g.idle_expires_at > $1, true)
    AND coalesce(g.created_at > c.grants_ended_until, true)`
  // A grant in a client's own name has the client as its subject, so it belongs to no person.
  const summary = (condition: string) => `SELECT g.sub, count(*), count(*) FILTER (WHERE ${live}), max(g.created_at)
    FROM ${statements.name(grants)} g JOIN ${statements.name(clients)} c ON c.key = g.client_key
    WHERE g.sub <> c.client_id AND ${condition} GROUP BY g.sub`
  const list = `${summary('g.sub > $2')} ORDER BY g.sub LIMIT $3`
  const find = summary('g.sub = $2')
  const ask = async (text: string, values: unknown[]): Promise<SubjectSummary[]> => {
    try {
      return (await pool.ask(text, values)).map(toSummary)
    } catch (error) {
      throw unavailable(error)
    }
  }
  return {
    listSubjects: ({ after = '', limit }, now: Instant) => ask(list, [now, after, limit]),
    findSubject: async (sub, now) => (await ask(find, [now, sub]))[0],
  }
}

const toSummary = ([sub, all, live, lastGrantAt]: Values): SubjectSummary => ({
  sub: String(sub),
  grants: Number(all),
  liveGrants: Number(live),
  lastGrantAt: Number(lastGrantAt),
})
