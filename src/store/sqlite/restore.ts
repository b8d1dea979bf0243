/**
 * A backup becomes the database, in an empty place only. It is prepared under another name, so that nothing
 * half done is ever found under the database's. What was issued after the backup is unknown to it: every
 * family ends, because a refresh token that was rotated away since would be good again.
 */
import SqliteDatabase from 'better-sqlite3'
import { chmodSync, constants, copyFileSync, existsSync, statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { CLOCK_SKEW_SECONDS, fromSeconds, type Clock, type Instant } from '../../ground/clock.ts'
import { Fault } from '../../ground/errors.ts'
import { timeOrderedId } from '../../ground/ids.ts'
import type { NewBlacklistEntry } from '../store.ts'
import { and, asc, gt, isNull, sql } from './drizzle.ts'
import { auditTable } from './audit.ts'
import { blacklistTable } from './blacklist.ts'
import { openConnection, type Connection } from './connection.ts'
import {
  checkFile,
  damaged,
  fileFault,
  isTaken,
  makeFolder,
  nameBeside,
  placeFile,
  removeFile,
} from './database-file.ts'
import { startDatabase, type OpenDatabase } from './database.ts'
import { checkIntegrity } from './facts.ts'
import { migrate } from './migrate.ts'
import { grants } from './schema.ts'

export interface RestoreOptions {
  clock: Clock
  /** Leaves refresh tokens as the backup has them: only where nothing was issued since. */
  keepGrants: boolean
}

/**
 * Revisions that may have been given after the backup was made are not given again: whoever follows the
 * blacklist with a revision of the lost database still hears of every entry from now on.
 */
const REVISIONS_SKIPPED = 1_000_000

/** @throws Fault where the place is taken or the backup is not one; then nothing is left behind. */
export async function restore(backup: string, file: string, options: RestoreOptions): Promise<{ grantsEnded: number }> {
  const source = resolve(backup)
  requireBackup(source)
  requireFree(file)
  const temporary = nameBeside(file)
  try {
    copyBackup(source, temporary)
    const connection = await openConnection(temporary, { mustExist: true })
    const restored = await prepare(connection, basename(source), options)
    requireFree(file)
    placeFile(temporary, file)
    return restored
  } catch (error) {
    throw error instanceof Error && 'syscall' in error ? fileFault('restore', file, error) : error
  } finally {
    removeFile(temporary)
  }
}

/** Which master key a backup was sealed under. The backup is only read. @throws Fault where it is none. */
export function readSealingKey(backup: string): string | undefined {
  const source = resolve(backup)
  requireBackup(source)
  const raw = new SqliteDatabase(source, { readonly: true, fileMustExist: true })
  try {
    return raw.prepare<[], string>("SELECT value FROM settings WHERE name = 'master_key_id'").pluck().get()
  } catch (error) {
    throw damaged(source, String(error), error)
  } finally {
    raw.close()
  }
}

function requireBackup(source: string): void {
  if (!existsSync(source)) throw new Fault(`the backup ${source} is missing`, 'name a file that `signet backup` wrote')
  checkFile(source)
  if ((statSync(`${source}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) {
    throw new Fault(
      `${source} is a database in use, not a backup`,
      'make a backup of it with `signet backup FILE` first',
    )
  }
}

function requireFree(file: string): void {
  const taken = [file, `${file}-wal`, `${file}-shm`].find(isTaken)
  if (!taken) return
  throw new Fault(`${taken} exists already`, 'stop Signet and move the old database away, its -wal and -shm files too')
}

function copyBackup(source: string, temporary: string): void {
  makeFolder(temporary)
  copyFileSync(source, temporary, constants.COPYFILE_EXCL)
  chmodSync(temporary, 0o600)
}

/** Leaves the database migrated, checked, closed, and all in its one file. */
async function prepare(
  connection: Connection,
  name: string,
  { clock, keepGrants }: RestoreOptions,
): Promise<{ grantsEnded: number }> {
  const { raw, file } = connection
  try {
    const findings = checkIntegrity(raw)
    if (findings !== 'ok') throw damaged(file, findings)
    await migrate(connection)
    const database = await startDatabase(connection, clock)
    const grantsEnded = await endLives(database, name, keepGrants)
    await database.close()
    return { grantsEnded }
  } finally {
    if (raw.open) raw.close()
  }
}

function endLives(database: OpenDatabase, backup: string, keepGrants: boolean): Promise<number> {
  const audit = auditTable(database)
  const denyLiveTokens = prepareDenials(database)
  const end = database.sql
    .update(grants)
    .set({ endedAt: sql`${sql.placeholder('now')}`, endedReason: 'restored' })
    .where(isNull(grants.endedAt))
    .prepare()
  return database.write(() => {
    const now = database.now()
    skipRevisions(database)
    if (!keepGrants) denyLiveTokens(now)
    const grantsEnded = keepGrants ? 0 : end.run({ now }).changes
    const details = { backup, grants_ended: grantsEnded, grants_kept: keepGrants }
    audit.append({
      id: timeOrderedId(now),
      at: now,
      actor: 'cli',
      action: 'database.restored',
      target: 'database',
      requestId: null,
      details,
    })
    return grantsEnded
  })
}

function skipRevisions({ connection: { raw }, noteChange }: OpenDatabase): void {
  noteChange('blacklist', null)
  raw.prepare("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'changes'").run(REVISIONS_SKIPPED)
}

/** Denies the access tokens that the backup knows of and that may be accepted still, grant by grant. */
function prepareDenials(database: OpenDatabase): (now: Instant) => void {
  const { append } = blacklistTable(database)
  const skew = fromSeconds(CLOCK_SKEW_SECONDS)
  const some = database.sql
    .select({ sid: grants.sid, accessExpiresAt: grants.accessExpiresAt })
    .from(grants)
    .where(
      and(
        gt(grants.sid, sql.placeholder('after')),
        isNull(grants.endedAt),
        gt(grants.accessExpiresAt, sql.placeholder('since')),
      ),
    )
    .orderBy(asc(grants.sid))
    .limit(1000)
    .prepare()
  return (now) => {
    let after = ''
    for (;;) {
      const live = some.all({ after, since: now - skew })
      for (const { sid, accessExpiresAt } of live) append(denial(sid, accessExpiresAt + skew, now))
      const last = live.at(-1)
      if (!last) return
      after = last.sid
    }
  }
}

const denial = (sid: string, until: Instant, now: Instant): NewBlacklistEntry => ({
  id: timeOrderedId(now),
  kind: 'sid',
  value: sid,
  issuedBefore: until,
  expiresAt: until,
  deniesUntil: until,
  refusesNew: false,
  reason: 'restored',
  createdBy: 'cli',
  createdAt: now,
})
