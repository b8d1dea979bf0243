/** Facts about the database for operators. Counting reads whole indexes; the integrity check reads the whole file. */
import { statSync } from 'node:fs'
import type { Database as RawDatabase } from 'better-sqlite3'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import type { Engine } from '../engine.ts'
import type { StoreFacts } from '../records/facts.ts'
import { count } from './drizzle.ts'
import { readSettings } from './connection.ts'
import type { OpenDatabase } from './database.ts'
import { auditEvents, blacklistEntries, clients, grants, resources } from './schema.ts'

export function factsVerb(database: OpenDatabase): Pick<Engine, 'facts' | 'figures'> {
  const { file, raw } = database.connection
  const counts = prepareCounts(database)
  return {
    facts: ({ integrity }) =>
      database.readTogether(() => ({
        location: file,
        sizeBytes: sizeOf(file),
        journalBytes: sizeOf(`${file}-wal`),
        settings: readSettings(raw),
        integrity: integrity ? checkIntegrity(raw) : null,
        counts: counts(),
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

function prepareCounts({ sql: database }: OpenDatabase): () => StoreFacts['counts'] {
  const counting = (table: SQLiteTable) => {
    const statement = database.select({ rows: count() }).from(table).prepare()
    return () => statement.get()?.rows ?? 0
  }
  const rowsOf = {
    clients: counting(clients),
    resources: counting(resources),
    grants: counting(grants),
    blacklist: counting(blacklistEntries),
    audit: counting(auditEvents),
  }
  return () => ({
    clients: rowsOf.clients(),
    resources: rowsOf.resources(),
    grants: rowsOf.grants(),
    blacklist: rowsOf.blacklist(),
    audit: rowsOf.audit(),
  })
}
