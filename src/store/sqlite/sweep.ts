/** Deletes what can matter to nobody any more, a bounded number of rows of each kind at a time. */
import type { SQL } from 'drizzle-orm'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Store } from '../store.ts'
import { and, eq, inArray, isNotNull, lt, or, sql } from './drizzle.ts'
import type { Database } from './database.ts'
import {
  auditEvents,
  blacklistEntries,
  changes,
  clientSecrets,
  deletedClients,
  grants,
  keyReaders,
  signingKeys,
  usedJtis,
} from './schema.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** A year and a month: what an auditor may ask for, and the keys that it speaks of. */
const MEMORY = 400 * DAY

type Statement = { run: (values: Record<string, unknown>) => { changes: number } }

export function sweepVerb(database: Database): Pick<Store, 'sweep'> {
  const statements = prepareStatements(database)
  const sweepDeleted = prepareDeletedClients(database)
  const deleteSome = ({ run }: Statement, limit: number): number => {
    const now = database.now()
    return run({
      limit,
      now,
      hourAgo: now - HOUR,
      dayAgo: now - DAY,
      monthAgo: now - 30 * DAY,
      forgotten: now - MEMORY,
    }).changes
  }
  return {
    sweep: async (limit) => {
      let swept = 0
      // One write each, so that none keeps the others' requests waiting for long.
      for (const statement of statements) swept += await database.write(() => deleteSome(statement, limit))
      return swept + (await database.write(() => sweepDeleted(limit)))
    },
  }
}

const at = (name: 'now' | 'hourAgo' | 'dayAgo' | 'monthAgo' | 'forgotten'): SQL => sql`${sql.placeholder(name)}`

function prepareStatements({ sql: database }: Database): Statement[] {
  const sweep = (table: SQLiteTable, condition: SQL | undefined): Statement => {
    const doomed = sql`SELECT rowid FROM ${table} WHERE ${condition} LIMIT ${sql.placeholder('limit')}`
    const statement = database
      .delete(table)
      .where(sql`rowid IN (${doomed})`)
      .prepare()
    return { run: (values) => statement.run(values) }
  }
  // News of a removal matters while the entry would have denied something, and to those who were away for
  // a while; an entry that stood without end is given a month.
  const forgotten = or(lt(blacklistEntries.deniesUntil, at('dayAgo')), lt(blacklistEntries.removedAt, at('monthAgo')))
  const removed = and(isNotNull(blacklistEntries.removedAt), lt(blacklistEntries.removedAt, at('dayAgo')), forgotten)
  const keyIsOver = inArray(signingKeys.status, ['retired', 'revoked'])
  const keyIsForgotten = and(
    lt(signingKeys.signedUntil, at('forgotten')),
    lt(signingKeys.deactivatedAt, at('forgotten')),
  )
  return [
    sweep(grants, and(lt(grants.expiresAt, at('now')), lt(grants.accessExpiresAt, at('now')))),
    sweep(usedJtis, lt(usedJtis.expiresAt, at('now'))),
    sweep(blacklistEntries, lt(blacklistEntries.expiresAt, at('now'))),
    sweep(blacklistEntries, removed),
    sweep(clientSecrets, lt(clientSecrets.expiresAt, at('now'))),
    sweep(keyReaders, lt(keyReaders.lastSeenAt, at('monthAgo'))),
    sweep(auditEvents, lt(auditEvents.at, at('forgotten'))),
    sweep(changes, lt(changes.at, at('hourAgo'))),
    sweep(signingKeys, and(keyIsOver, keyIsForgotten)),
  ]
}

/** Deletes grants of one deleted client; forgets the client when none are left. */
function prepareDeletedClients({ sql: database }: Database): (limit: number) => number {
  const first = database.select().from(deletedClients).limit(1).prepare()
  const ofClient = eq(grants.clientKey, sql.placeholder('clientKey'))
  const doomed = database.select({ sid: grants.sid }).from(grants).where(ofClient).limit(sql.placeholder('limit'))
  const deleteGrants = database.delete(grants).where(inArray(grants.sid, doomed)).prepare()
  const forget = database
    .delete(deletedClients)
    .where(eq(deletedClients.clientKey, sql.placeholder('clientKey')))
    .prepare()
  return (limit) => {
    const client = first.get()
    if (!client) return 0
    const swept = deleteGrants.run({ ...client, limit }).changes
    if (swept < limit) forget.run({ ...client })
    return swept
  }
}
