/** Facts about the database for operators. Counting reads whole indexes; the integrity check reads the whole file. */
import { statSync } from 'node:fs'
import type { Database as RawDatabase } from 'better-sqlite3'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Engine } from '../engine.ts'
import type { StoreFacts } from '../records/facts.ts'
import { and, count, gt, isNull, sql } from './drizzle.ts'
import { readSettings } from './connection.ts'
import type { OpenDatabase } from './database.ts'
import { columnNamed } from './schema.ts'
import { auditEvents, blacklistEntries, clients, grants, resources, sessions, users } from './schema.ts'

export function factsVerb(database: OpenDatabase): Pick<Engine, 'facts' | 'figures' | 'countSessions'> {
  const { file, raw } = database.connection
  const counts = prepareCounts(database)
  const countSessions = prepareSessionCount(database)
  return {
    countSessions: () => database.read(countSessions),
    facts: ({ integrity }) =>
      database.readTogether(() => ({
        location: file,
        sizeBytes: sizeOf(file),
        journalBytes: sizeOf(`${file}-wal`),
        settings: readSettings(raw),
        integrity: integrity ? checkIntegrity(raw) : null,
        counts: { ...counts(), sessions: countSessions() },
      })),
    figures: () => ({ sizeBytes: sizeOf(file), journalBytes: sizeOf(`${file}-wal`), commits: database.commits }),
  }
}

/** `ok`, or the first findings of SQLite's own check, on one line. */
export function checkIntegrity(raw: RawDatabase): string {
  const findings = raw.prepare<[], string>('PRAGMA integrity_check(10)').pluck().all()
  const foreign = raw.prepare('PRAGMA foreign_key_check').all().length
  if (foreign > 0) findings.push(`${foreign} rows refer to rows that are missing`)
  return findings
    .filter((finding, _, all) => finding !== 'ok' || all.length === 1)
    .join('; ')
    .replaceAll('\n', ' ')
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

function prepareCounts({ sql: database }: OpenDatabase): () => Omit<StoreFacts['counts'], 'sessions'> {
  const counting = (table: SQLiteTable) => {
    const statement = database.select({ rows: count() }).from(table).prepare()
    return () => statement.get()?.rows ?? 0
  }
  const rowsOf = {
    clients: counting(clients),
    resources: counting(resources),
    grants: counting(grants),
    users: counting(users),
    blacklist: counting(blacklistEntries),
    audit: counting(auditEvents),
  }
  return () => ({
    clients: rowsOf.clients(),
    resources: rowsOf.resources(),
    grants: rowsOf.grants(),
    users: rowsOf.users(),
    blacklist: rowsOf.blacklist(),
    audit: rowsOf.audit(),
  })
}

/** The rule of `isLiveSession`. */
function prepareSessionCount({ sql: database, now }: OpenDatabase): () => number {
  const at = sql.placeholder('now')
  const named = (name: string) => columnNamed(sessions, name)
  const isLive = and(isNull(named('endedAt')), gt(named('expiresAt'), at), gt(named('idleExpiresAt'), at))
  const statement = database.select({ rows: count() }).from(sessions).where(isLive).prepare()
  return () => statement.get({ now: now() })?.rows ?? 0
}
