/** Facts about the database for operators. The integrity check reads the whole file. */
import { statSync } from 'node:fs'
import type { Database as RawDatabase } from 'better-sqlite3'
import { countTexts, toCounts } from '../counts.ts'
import type { Engine } from '../engine.ts'
import { readSettings } from './connection.ts'
import type { OpenDatabase } from './database.ts'

export function factsVerb(database: OpenDatabase): Pick<Engine, 'facts' | 'figures' | 'countSessions'> {
  const { file, raw } = database.connection
  const texts = countTexts(({ name }) => name, '+:now')
  const counts = raw.prepare<[{ now: number }], unknown[]>(texts.all).raw()
  const sessions = raw.prepare<[{ now: number }], number>(texts.sessions).pluck()
  return {
    countSessions: () => database.read(() => sessions.get({ now: database.now() }) ?? 0),
    facts: ({ integrity }) =>
      database.readTogether(() => ({
        location: file,
        sizeBytes: sizeOf(file),
        journalBytes: sizeOf(`${file}-wal`),
        settings: readSettings(raw),
        integrity: integrity ? checkIntegrity(raw) : null,
        counts: toCounts(counts.get({ now: database.now() }) ?? []),
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
