/** Deletes what can matter to nobody any more, a bounded number of rows of each kind at a time. */
import type { SQL } from 'drizzle-orm'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Instant } from '../../ground/clock.ts'
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

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
/** Who has not looked for news for so long reads everything; a look is due several times a second. */
const NEWS = 5 * MINUTE

type Statement = { run: (values: Record<string, unknown>) => { changes: number } }

export function sweepVerb(database: Database): Pick<Store, 'sweep'> {
  const statements = prepareStatements(database)
  const sweepDeleted = prepareDeletedClients(database)
  const deleteSome = ({ run }: Statement, limit: number, forgotten: Instant): number => {
    const now = database.now()
    return run({ limit, now, newsEnd: now - NEWS, missedEnd: now - 2 * NEWS, monthAgo: now - 30 * DAY, forgotten })
      .changes
  }
  return {
    sweep: async (limit, forgetBefore) => {
      let swept = 0
      // One write each, so that none keeps the others' requests waiting for long.
      for (const statement of statements)
        swept += await database.write(() => deleteSome(statement, limit, forgetBefore))
      return swept + (await database.write(() => sweepDeleted(limit)))
    },
  }
}

const at = (name: 'now' | 'newsEnd' | 'missedEnd' | 'monthAgo' | 'forgotten'): SQL => sql`${sql.placeholder(name)}`

function prepareStatements({ sql: database }: Database): Statement[] {
  const sweep = (table: SQLiteTable, condition: SQL | undefined): Statement => {
    const doomed = sql`SELECT rowid FROM ${table} WHERE ${condition} LIMIT ${sql.placeholder('limit')}`
    const statement = database
      .delete(table)
      .where(sql`rowid IN (${doomed})`)
      .prepare()
    return { run: (values) => statement.run(values) }
  }
  // News of a removal matters while the entry would have denied something, though for a month at most; and always
  // for longer than the change that tells other processes to look for it.
  const pointless = or(lt(blacklistEntries.deniesUntil, at('now')), lt(blacklistEntries.removedAt, at('monthAgo')))
  const removed = and(isNotNull(blacklistEntries.removedAt), lt(blacklistEntries.removedAt, at('missedEnd')), pointless)
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
    sweep(changes, lt(changes.at, at('newsEnd'))),
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
